"""Where a relay runs: its own addresses matched with those that clients see, family by family.

Pure. Decides nothing about how either is found.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from turnrelay import config, ranges

_ADDRESSES_MAX: Final = 16
"""One per family counts; a file full of them would keep the agent from all else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Where one relay runs: its own addresses, and those that clients see.

    ``public`` holds one address for each of ``bind``, in the same order.
    """

    bind: tuple[str, ...]
    public: tuple[str, ...]


def place(
    *,
    settings: config.Config,
    bind: tuple[str, ...],
    addresses: bytes,
    is_own: Callable[[str], bool],
) -> Placing | tuple[config.Problem, ...]:
    """Match the public addresses of the addresses file with the relay's own, family by family.

    A public address that the machine has itself (``is_own``) is served as it is; one that a router
    translates is served on the address of its family in ``bind``.
    """
    by_family: dict[int, str] = {}
    texts = addresses.decode("ascii", "replace").replace(",", " ").split()
    if len(texts) > _ADDRESSES_MAX:
        sentence = f"{len(texts)} addresses are given; {_ADDRESSES_MAX} are more than enough"
        return (config.Problem(path="addresses", sentence=sentence),)
    for text in texts:
        address = read_address(text)
        if address is None or not ranges.is_hosts(address):
            sentence = f"{config.show(text)} is not an IP address of a host"
            return (config.Problem(path="addresses", sentence=sentence),)
        by_family.setdefault(address.version, str(address))
    if not by_family:
        return (config.Problem(path="addresses", sentence="no public address is known yet"),)
    unnamed = settings.families - by_family.keys()
    if unnamed:
        sentence = f"no public IPv{min(unnamed)} address is known yet"
        return (config.Problem(path="addresses", sentence=sentence),)
    public: dict[int, str] = {family: by_family[family] for family in sorted(settings.families)}
    own: dict[int, str] = {
        ipaddress.ip_address(address).version: address for address in reversed(bind)
    }
    own |= {family: address for family, address in public.items() if is_own(address)}
    missing = settings.families - own.keys()
    if missing:
        sentence = f"no IPv{min(missing)} address to bind, which the region asks for"
        return (config.Problem(path="--bind", sentence=sentence),)
    return Placing(bind=tuple(own[family] for family in public), public=tuple(public.values()))


def read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that ``text`` is, without a zone, or ``None``."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else address
