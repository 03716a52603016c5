"""What an operator of a cluster does to its fleet: through kubectl, helm and turnfleet's verbs."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.calls import certificates, ledger, scenario
from tests.e2e.cluster import bed
from tests.support import cluster_clients, cluster_fleet, cluster_regions

_NODE: Final = "eu-a"
"""Without the programs: they are on the nodes of us."""
_NEXT: Final = "e2e-next"
"""Another tag of the same image."""
_PORTS: Final = ({"min": 49152, "max": 49999}, {"min": 49152, "max": 49998})
_RETIRED: Final = 600.0
"""Seconds within which a secret is gone: credentialTTL, and five minutes for clocks that differ."""
ACCEPTED: Final = "from the command until every relay takes the new secret"
SWITCHED: Final = "from the command until endpoints sign with the new secret"
SERVED: Final = "from the change until a relay shows the new certificate"


def steps(
    fleet: cluster_fleet.Fleet,
    regions: Sequence[cluster_regions.Region],
    told: ledger.Ledger,
    *,
    longest: float,
) -> Sequence[scenario.Step]:
    """Return everything, in the order to do it; no call lasts longer than ``longest`` seconds."""
    doing = _Doing(fleet=fleet, regions=regions, told=told)
    drain = 60 + 1.5 * longest
    every = sum(len(region.addresses) for region in regions)

    def step(name: str, run: Callable[[], Awaitable[None]], within: float) -> scenario.Step:
        return scenario.Step(name=name, run=run, within=within)

    return (
        step("replace every relay", doing.replace, every * drain),
        step("rotate, 1st time", doing.rotate, _RETIRED),
        step("renew the certificate, 1st time", doing.renew, 60),
        step("drain a node", doing.drain_node, 2 * drain),
        step("rotate, 2nd time", doing.rotate, _RETIRED),
        step("scale down and up", doing.scale, 2 * drain),
        step("upgrade the programs", doing.upgrade, 300),
        step("renew the certificate, 2nd time", doing.renew, 60),
        step("drain a relay and take it back", doing.drain_relay, 120),
        step("rotate, 3rd time", doing.rotate, _RETIRED),
        step("until the last old secret is gone", doing.retire, _RETIRED),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doing:
    fleet: cluster_fleet.Fleet
    regions: Sequence[cluster_regions.Region]
    told: ledger.Ledger

    # --- relays come and go ---------------------------------------------------------------------

    async def replace(self) -> None:
        """Edit what only a new relay can have, in every region at once."""
        before = await asyncio.to_thread(self._all_uids)
        for region in self.regions:
            await asyncio.to_thread(self._move_ports, region.name)
        for region in self.regions:
            await self._settled(region, lambda now: not now & before)

    async def drain_node(self) -> None:
        """Drain a node as people do before they repair it, and give it back."""
        region = next(r for r in self.regions if _NODE.startswith(r.name[:2]))
        await self._kubectl("drain", _NODE, "--ignore-daemonsets", "--delete-emptydir-data")
        await self._kubectl("uncordon", _NODE)
        await self._settled(region, functools.partial(_are, len(region.addresses)))

    async def scale(self) -> None:
        """Take a relay away and put one back."""
        region = self.regions[0]
        relays = region.spec["relays"]
        for count in (len(region.addresses) - 1, len(region.addresses)):
            change = {"relays": {**relays, "replicas": count}}
            await asyncio.to_thread(self.fleet.edit, region.name, change)
            await self._settled(region, functools.partial(_are, count))

    async def drain_relay(self) -> None:
        """Take a relay out of the answers, and put it back."""
        relays = await asyncio.to_thread(self.fleet.relays, self.regions[0].name)
        name = relays[0]["name"]
        await self._turnfleet("drain", name)
        await asyncio.sleep(10)
        self.told.asked_back = time.monotonic()
        await self._turnfleet("undrain", name)
        await self._settled(self.regions[0], lambda _: True)

    # --- what no relay is replaced for ----------------------------------------------------------

    async def rotate(self) -> None:
        """Give every region another secret; the old one is still good when this returns."""
        await self.retire()
        await scenario.together(*(self._rotate(region) for region in self.regions))

    async def retire(self) -> None:
        """Wait until no region has a secret from before its last rotation."""

        def retired() -> bool:
            return not any(self.fleet.secret(region.name, "previous") for region in self.regions)

        await scenario.until(lambda: asyncio.to_thread(retired), every=2)

    async def _rotate(self, region: cluster_regions.Region) -> None:
        before = await asyncio.to_thread(self.fleet.secret, region.name)
        began = time.monotonic()
        await scenario.together(
            self._switch(region, began=began), self._spread(region, before, began=began)
        )

    async def _switch(self, region: cluster_regions.Region, *, began: float) -> None:
        await self._turnfleet("rotate", region.name, "--wait")
        now = time.monotonic()
        self.told.measured(SWITCHED, of=region.name, seconds=now - began, at=now)

    async def _spread(self, region: cluster_regions.Region, before: str, *, began: float) -> None:
        """Wait until every relay takes a secret that is not the one from before."""

        async def changed() -> bool:
            return await asyncio.to_thread(self.fleet.secret, region.name) != before

        await scenario.until(changed, every=0.3)
        new = await asyncio.to_thread(self.fleet.secret, region.name)
        await scenario.together(*(self._accepted(address, new) for address in region.addresses))
        now = time.monotonic()
        self.told.measured(ACCEPTED, of=region.name, seconds=now - began, at=now)

    async def _accepted(self, address: str, secret: str) -> None:
        server, *_ = cluster_clients.servers(
            address, ports={"udp": 3478}, trusted=self.fleet.trusted
        )

        async def taken() -> bool:
            return await cluster_clients.refusal(server, secret=secret) is None

        await scenario.until(taken, every=0.1)

    async def renew(self) -> None:
        """Put another certificate into the Secret, as cert-manager does."""
        addresses = [address for region in self.regions for address in region.addresses]
        certificate = await asyncio.to_thread(self.fleet.certify, addresses)
        began = time.monotonic()
        pem = certificate.read_bytes()

        async def served(address: str) -> None:
            await certificates.served(address, 443, pem, trusted=self.fleet.trusted)
            now = time.monotonic()
            self.told.measured(SERVED, of=address, seconds=now - began, at=now)

        await scenario.together(*(served(address) for address in addresses))

    async def upgrade(self) -> None:
        """Upgrade operator and endpoint to another image, as ``helm upgrade`` does."""
        before = await asyncio.to_thread(self._all_uids)
        image = bed.OPERATOR_IMAGE
        other = f"{image.rpartition(':')[0]}:{_NEXT}"
        await asyncio.to_thread(self.fleet.kubernetes.tag, image, other)
        await asyncio.to_thread(lambda: self.fleet.install(tag=_NEXT))
        await asyncio.to_thread(self.fleet.await_programs)
        for region in self.regions:
            await self._settled(region, lambda now: now <= before)

    # --- how ------------------------------------------------------------------------------------

    async def _kubectl(self, *arguments: str) -> None:
        client = self.fleet.kubernetes.kubectl
        await asyncio.to_thread(lambda: client.run(*arguments, timeout=3600))

    async def _turnfleet(self, *arguments: str) -> None:
        await asyncio.to_thread(lambda: self.fleet.turnfleet(*arguments))

    async def _settled(
        self, region: cluster_regions.Region, good: Callable[[frozenset[str]], bool]
    ) -> None:
        """Wait until a region is settled, with pods that are as they should be."""

        def holds() -> bool:
            return self.fleet.is_settled(region.name) and good(self._uids(region))

        await scenario.until(lambda: asyncio.to_thread(holds), every=2)

    def _move_ports(self, name: str) -> None:
        present = (self.fleet.region(name) or {})["spec"]["relayPorts"]
        self.fleet.edit(name, {"relayPorts": next(p for p in _PORTS if p != present)})

    def _all_uids(self) -> frozenset[str]:
        return frozenset(uid for region in self.regions for uid in self._uids(region))

    def _uids(self, region: cluster_regions.Region) -> frozenset[str]:
        return frozenset(pod["metadata"]["uid"] for pod in self.fleet.pods(region.name))


def _are(count: int, uids: frozenset[str]) -> bool:
    return len(uids) == count
