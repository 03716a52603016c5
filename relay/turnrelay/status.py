"""What a relay tells about itself: one value, shown as JSON and as metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
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
        state = core.GaugeMetricFamily(
            "turnrelay_state", "1 for the state that the relay is in", labels=["state"]
        )
        for each in contract.State:
            if each is not contract.State.UNREACHABLE:
                state.add_metric([each.value], float(each is verdict.state))
        yield state
        reason = core.GaugeMetricFamily(
            "turnrelay_reason", "1 for the reason why it is not ready", labels=["reason"]
        )
        for why in lifecycle.Reason:
            if why is not lifecycle.Reason.NONE:
                reason.add_metric([why.value], float(why is verdict.reason))
        yield reason
        for name, meaning, value in _gauges(status):
            yield core.GaugeMetricFamily(f"turnrelay_{name}", meaning, value=value)
        yield core.CounterMetricFamily(
            "turnrelay_coturn_restarts",
            "Times that coturn was started again",
            value=status.restarts,
        )
        yield core.CounterMetricFamily(
            "turnrelay_allocations_begun",
            "Allocations since the agent's start, but for some shorter than a second",
            value=status.begun,
        )
        yield core.CounterMetricFamily(
            "turnrelay_allocations_cut",
            "Allocations that were live when their coturn ended",
            value=status.cut,
        )


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
