"""What a relay tells about itself: one value, shown as JSON and as metrics."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from prometheus_client import core, exposition, registry

import turnrelay
from turnrelay import certificate, contract, counting, lifecycle

METRICS_TYPE: Final = exposition.CONTENT_TYPE_PLAIN_1_0_0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A relay at one moment."""

    region: str
    name: str
    instance: str
    standing: lifecycle.Standing
    coturn_version: str
    generation: int
    usage: counting.Usage
    bitrate: float | None
    """Bit/s in and out; ``None`` where it cannot be told."""
    ports_available: int
    """Size of the relay range."""
    load: float
    certificate: certificate.Certificate | None
    restarts: int
    config_hash: str
    """Of what only a new relay can change."""
    proven_generation: int = 0
    """Last generation whose current secret an Allocate of its own has worked with; 0: none."""
    live_hash: str = ""
    """Of the live part of the configuration, as coturn has it; empty: it has none yet."""
    cut: int = 0
    """Allocations that were live when their coturn ended."""
    begun: int = 0
    """Allocations since the agent's start."""
    complaints: tuple[str, ...] = ()
    """Files that changed into something unusable; what was read before stays in force."""


def document(status: Status) -> dict[str, object]:
    """Return the answer of /status."""
    verdict = status.standing.verdict
    held = status.certificate
    return {
        "region": status.region,
        "name": status.name,
        "instance": status.instance,
        "state": verdict.state.value,
        "reason": verdict.reason.value,
        "sentence": verdict.sentence,
        "since": status.standing.since,
        "ready": verdict.ready,
        "coturnVersion": status.coturn_version,
        "agentVersion": turnrelay.__version__,
        "generation": status.generation,
        "provenGeneration": status.proven_generation,
        "allocations": status.usage.allocations,
        "begun": status.begun,
        "bitrate": round(status.bitrate or 0),
        "bitrateSource": "none" if status.bitrate is None else "interface",
        "ports": {"used": status.usage.ports_used, "available": status.ports_available},
        "load": status.load,
        "certificate": None
        if held is None
        else {"notAfter": held.not_after, "fingerprint": held.fingerprint},
        "restarts": status.restarts,
        "configHash": status.config_hash,
        "liveHash": status.live_hash,
        "complaints": list(status.complaints),
    }


def metrics(status: Status) -> bytes:
    """Return the answer of /metrics, in the Prometheus text format."""
    collected = registry.CollectorRegistry(auto_describe=False)
    collected.register(_Collector(status))
    return exposition.generate_latest(collected)


class _Collector(registry.Collector):
    """Gives the figures of one moment."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[core.Metric]:
        status = self._status
        verdict = status.standing.verdict
        yield core.InfoMetricFamily(
            "turnrelay",
            "The relay and its programs",
            value={
                "region": status.region,
                "name": status.name,
                "agent": turnrelay.__version__,
                "coturn": status.coturn_version,
            },
        )
        states = (each for each in contract.State if each is not contract.State.UNREACHABLE)
        yield _marked("state", "the state that the relay is in", states, verdict.state)
        reasons = (each for each in lifecycle.Reason if each is not lifecycle.Reason.NONE)
        yield _marked("reason", "the reason why it is not ready", reasons, verdict.reason)
        for name, meaning, value in _gauges(status):
            yield core.GaugeMetricFamily(f"turnrelay_{name}", meaning, value=value)
        for name, meaning, value in _counters(status):
            yield core.CounterMetricFamily(f"turnrelay_{name}", meaning, value=value)


def _marked(
    word: str, meaning: str, among: Iterable[StrEnum], present: StrEnum
) -> core.GaugeMetricFamily:
    """Return a gauge for each of several words, of which one is 1."""
    family = core.GaugeMetricFamily(f"turnrelay_{word}", f"1 for {meaning}", labels=[word])
    for each in among:
        family.add_metric([each.value], float(each is present))
    return family


def _gauges(status: Status) -> Iterator[tuple[str, str, float]]:
    yield "ready", "1 when new clients may come", float(status.standing.verdict.ready)
    yield "allocations", "Live allocations", status.usage.allocations
    yield "relay_ports_used", "Relay ports in use", status.usage.ports_used
    yield "relay_ports_available", "Size of the relay port range", status.ports_available
    yield "load", "0 is idle, 1 is full", status.load
    yield "secret_generation", "Generation of the signing secret", status.generation
    yield "complaints", "Files that cannot be used", len(status.complaints)
    if status.bitrate is not None:
        yield "bits_per_second", "Traffic of the relay's interface", status.bitrate
    if status.certificate is not None:
        yield (
            "certificate_not_after_seconds",
            "End of the served certificate, Unix time",
            status.certificate.not_after,
        )


def _counters(status: Status) -> Iterator[tuple[str, str, float]]:
    yield "coturn_restarts", "Times that coturn was started again", status.restarts
    yield (
        "allocations_begun",
        "Allocations since the agent's start, but for some shorter than a second",
        status.begun,
    )
    yield "allocations_cut", "Allocations that were live when their coturn ended", status.cut
