"""The fleet of one ``turnfleet run``, and what can be done to it there."""

import contextlib
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.calls import certificates, ledger, lookout, scenario, sightings, verdict
from tests.support import coturn, machine

_BLOCK: Final = 91
_REGIONS: Final = {
    "eu-central": {"latitude": 50.11, "longitude": 8.68},
    "us-east": {"latitude": 39.04, "longitude": -77.49},
}
_PORTS: Final = ({"min": 50000, "max": 50999}, {"min": 50000, "max": 50899})


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The running fleet. ``longest`` is that of a call, seconds."""

    running: machine.Machine
    authority: coturn.Authority
    longest: float
    seen: sightings.Sightings = field(default_factory=sightings.Sightings)

    key = None
    places = ({"latitude": 52.5, "longitude": 13.4}, {"latitude": 40.7, "longitude": -74.0})

    @property
    def url(self) -> str:
        """Return where clients ask."""
        return self.running.url

    @property
    def trusted(self) -> ssl.SSLContext:
        """Return what clients verify certificates with."""
        return ssl.create_default_context(cadata=self.authority.pem)

    def steps(self, told: ledger.Ledger) -> Sequence[scenario.Step]:
        """Return what can be done here."""
        patience = 60 + 1.5 * self.longest

        async def drain() -> None:
            await self._drain(told)

        return (
            scenario.Step(name="drain a relay", run=drain, within=patience),
            scenario.Step(name="renew the certificate", run=self._renew, within=60),
            scenario.Step(name="replace every relay", run=self._replace, within=4 * patience),
        )

    def watched(self, told: ledger.Ledger) -> contextlib.AbstractAsyncContextManager[None]:
        """Note how soon relays leave the answers."""
        del told  # the step that drains one tells it
        return lookout.looking(
            lambda: {"endpoint": self.url}, regions=tuple(_REGIONS), key=None, seen=self.seen
        )

    async def _drain(self, told: ledger.Ledger) -> None:
        name, before = next(iter((await self.running.relays()).items()))
        if before.agent is None:
            raise LookupError(f"{name} has no agent")
        began = time.monotonic()
        os.kill(before.agent, signal.SIGTERM)
        await self._gone({before.agent})
        now = time.monotonic()
        named = self.seen.named_for(before.address, since=began, until=now)
        if named:
            told.measured(verdict.ABSENT, of=name, seconds=max(named.values()), at=now)
        await self._ready()

    async def _renew(self) -> None:
        relays = await self.running.relays()
        pem = _certify(self.running.state, self.authority, [r.address for r in relays.values()])
        for relay in relays.values():
            await certificates.served(
                relay.address, relay.listeners["tls"], pem, trusted=self.trusted
            )

    async def _replace(self) -> None:
        for name in _REGIONS:
            relays = await self.running.relays()
            _declare(self.running.folder, name, ports=_PORTS[1])
            await self._gone({r.agent for r in relays.values() if r.region == name})
            await self._ready()

    async def _gone(self, agents: Collection[int | None]) -> None:
        async def gone() -> bool:
            return not set(agents) & set(self.running.pids().values())

        await scenario.until(gone)

    async def _ready(self) -> None:
        await self.running.all_ready(seconds=3600)  # the step has a limit of its own


@contextlib.asynccontextmanager
async def running(scratch: Path, *, longest: float) -> AsyncIterator[Site]:
    """Run two regions of two relays until the end of the block."""
    folder, state = scratch / "regions", scratch / "state"
    folder.mkdir()
    for name in _REGIONS:
        _declare(folder, name, ports=_PORTS[0])
    authority = coturn.authority()
    addresses = [f"127.{_BLOCK}.{region}.{relay}" for region in range(4) for relay in range(16)]
    _certify(state, authority, addresses)
    (state / "secrets" / "turn-tls" / "ca.crt").write_text(authority.pem)
    async with machine.running(folder, state=state, block=_BLOCK) as started:
        yield Site(running=started, authority=authority, longest=longest)


def _declare(folder: Path, name: str, *, ports: dict[str, int]) -> None:
    machine.manifest(
        name,
        file=folder / f"{name}.yaml",
        location=_REGIONS[name],
        relays={"placement": "Replicas", "replicas": 2},
        relayPorts=ports,
        auth={"credentialTTL": "60s"},
        drain={"timeout": "10m"},
    )


def _certify(state: Path, authority: coturn.Authority, addresses: Sequence[str]) -> bytes:
    """Give the relays a new certificate and return it."""
    folder = state / "secrets" / "turn-tls"
    certificate, _ = authority.issue(folder, addresses)
    return certificate.read_bytes()
