"""Relays that seem to be far away: one coturn behind proxies, at one address per region."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from tests.support import coturn, delaying, worlds

from turnfleet.model import fleet

_PLAIN: Final = 3478
_TLS: Final = 5349
"""The ports of ``worlds``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distant:
    """Regions of one relay each, and the certificate that all of these show."""

    regions: tuple[fleet.Published, ...]
    certificate: x509.Certificate


@contextlib.asynccontextmanager
async def running(
    folder: Path, *, block: int, rtts: Mapping[str, float], udp: bool = True
) -> AsyncIterator[Distant]:
    """Run a region for each round trip, ms, on 127.``block``.250.x.

    Without ``udp`` nothing of that gets through to them.
    """
    behind = f"127.{block}.250.1"
    addresses = {name: f"127.{block}.250.{10 + at}" for at, name in enumerate(rtts)}
    pair = coturn.authority().issue(folder, list(addresses.values()))
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(coturn.running(folder, behind, certificate=pair))
        for name, address in addresses.items():
            rtt = rtts[name] / 1000
            streams = ((delaying.tcp, _PLAIN), (delaying.tcp, _TLS))
            for proxy, port in ((delaying.udp, _PLAIN), *streams) if udp else streams:
                await stack.enter_async_context(proxy((address, port), (behind, port), rtt=rtt))
        yield Distant(
            regions=tuple(_region(name, address) for name, address in addresses.items()),
            certificate=x509.load_pem_x509_certificate(pair[0].read_bytes()),
        )


def _region(name: str, address: str) -> fleet.Published:
    """Return a region with the relay at an address."""
    published = worlds.a_region(name, at=(50.0, 8.0), relays=1)
    [relay] = published.relays
    return dataclasses.replace(
        published,
        relays=(dataclasses.replace(relay, addresses=(address,)),),
        secret=fleet.Secret(coturn.SECRET),
    )
