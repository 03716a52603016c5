"""What names, addresses and durations in a manifest look like, each with advice for a person.

The schema in ``crds/`` repeats these as patterns and CEL; nothing here knows which field uses what.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SHORT_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_WORD: Final = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """A kind of text. ``advice`` completes "write …"; ``longest`` counts characters."""

    advice: str
    longest: int
    check: Callable[[str], bool]
    correct: Callable[[str], str | None] = lambda _: None
    """Returns what was probably meant by a text that is not accepted."""

    def accepts(self, text: str) -> bool:
        """Return whether a text is of this kind; the length first, so that checking is quick."""
        return len(text) <= self.longest and self.check(text)


def _pattern(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


_matches_word: Final = _pattern(_WORD)
_matches_subdomain: Final = _pattern(_SUBDOMAIN)


def _label_key(text: str) -> bool:
    prefix, slash, name = text.rpartition("/")
    prefixed = len(prefix) <= _PREFIX_MAX and _matches_subdomain(prefix)
    return len(name) <= _LABEL_MAX and _matches_word(name) and (not slash or prefixed)


_LABEL_MAX: Final = 63
_PREFIX_MAX: Final = 253

NARROW: Final = 8
"""Shortest prefix that ``peers.allow`` takes."""

NAME: Final = Syntax(
    advice="a name of at most 40 lower-case letters, digits and dashes, with no dash at its ends",
    longest=40,  # Leaves room for suffixes in a 63-character label.
    check=_pattern(_LABEL),
)
REALM: Final = Syntax(
    advice="a realm such as turn.example.com: at most 100 letters, digits, dots and dashes",
    longest=100,
    check=_pattern(r"[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?"),
)
SECRET_NAME: Final = Syntax(
    advice="the name of a Secret: at most 253 lower-case letters, digits, dashes and dots",
    longest=253,
    check=_pattern(_SUBDOMAIN),
)
HOSTNAME: Final = Syntax(
    advice="a full host name in lower case, such as turn-1.example.com",
    longest=253,
    check=_pattern(rf"{_SHORT_LABEL}(?:\.{_SHORT_LABEL})+"),
)
HOSTNAME_TEMPLATE: Final = Syntax(
    advice="{node} or {address}, a dot and your zone in lower case, such as"
    " {node}.turn.example.com: exactly one label below it, so that *.turn.example.com covers it",
    longest=190,  # The placeholder becomes a label of up to 63 characters; a name has 253.
    check=_pattern(rf"\{{(?:node|address)\}}(?:\.{_SHORT_LABEL}){{2,}}"),
)
IMAGE: Final = Syntax(
    advice="a container image such as registry.example.com/turnrelay:1.0",
    longest=255,
    check=_pattern(r"[A-Za-z0-9](?:[-A-Za-z0-9._:/@]*[A-Za-z0-9])?"),
)
LABEL_KEY: Final = Syntax(
    advice="a label key such as kubernetes.io/os",
    longest=317,
    check=_label_key,
)
LABEL_VALUE: Final = Syntax(
    advice="a label value: at most 63 letters, digits, dashes, underscores and dots",
    longest=63,
    check=_pattern(rf"(?:{_WORD})?"),
)
QUANTITY: Final = Syntax(
    advice="a quantity such as 500m, 2 or 512Mi",
    longest=20,
    check=_pattern(r"[0-9]+(?:\.[0-9]+)?(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?"),
)


def _address(text: str) -> bool:
    if "%" in text:
        return False
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    usable = not (address.is_unspecified or address.is_multicast or address.is_link_local)
    return str(address) == text and not mapped and usable and text != "255.255.255.255"


def _network(text: str) -> bool:
    if "%" in text or text.startswith("::/"):
        return False
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    first = network.network_address
    mapped = isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped is not None
    return str(network) == text and not mapped


def _masked(text: str) -> str | None:
    try:
        meant = str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return None
    return meant if NETWORK.accepts(meant) else None


def _narrow_network(text: str) -> bool:
    return _network(text) and ipaddress.ip_network(text).prefixlen >= NARROW


ADDRESS: Final = Syntax(
    advice="an IPv4 or IPv6 address that clients can reach, in its shortest lower-case form",
    longest=39,
    check=_address,
)
NETWORK: Final = Syntax(
    advice="a network such as 10.0.0.0/8 or 2001:db8::/32, in its shortest form and not beginning"
    " at ::, which coturn takes for all of IPv4",
    longest=43,
    check=_network,
    correct=_masked,
)
NARROW_NETWORK: Final = Syntax(
    advice=f"a network such as 10.1.0.0/16, its prefix /{NARROW} or longer: a wider one would"
    " open most of the built-in deny list",
    longest=43,
    check=_narrow_network,
)

_DURATION: Final = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7})s)?")


def duration(text: str) -> int | None:
    """Return the whole seconds of a Go duration in h, m and s, or ``None`` where it is none."""
    found = _DURATION.fullmatch(text) if text else None
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (hours * 60 + minutes) * 60 + seconds
