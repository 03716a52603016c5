"""Which DNS records the names of relays need. Pure; knows no DNS server.

A relay whose region has ``addresses.hostname`` is answered by name once that name resolves to it.
Relays that still start or already drain keep their records: a name outlives the relays of its node,
and a record that comes and goes with them would be missing from caches when it is needed.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from turnfleet.model import fleet

TTL: Final = 60
"""Seconds that resolvers may keep a record: within a minute a changed address is forgotten."""


class Type(StrEnum):
    """The two types of address records (RFC 1035 section 3.4.1, RFC 3596 section 2.1)."""

    A = "A"
    AAAA = "AAAA"


_TYPES: Final[Mapping[int, Type]] = {4: Type.A, 6: Type.AAAA}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Record:
    """All addresses of one type that a name has."""

    name: str
    """Without a final dot."""
    type: Type
    addresses: tuple[str, ...]


def records(relays: Iterable[fleet.Relay]) -> tuple[Record, ...]:
    """Return the records that relays need, sorted; none for relays without a name."""
    found: dict[tuple[str, Type], set[str]] = {}
    for relay in relays:
        for address in relay.addresses if relay.hostname else ():
            kind = _TYPES[ipaddress.ip_address(address).version]
            found.setdefault((str(relay.hostname), kind), set()).add(address)
    return tuple(
        Record(name=name, type=kind, addresses=tuple(sorted(addresses)))
        for (name, kind), addresses in sorted(found.items())
    )


def zone_lines(wanted: Iterable[Record], *, ttl: int) -> tuple[str, ...]:
    """Return records as lines of a zone file (RFC 1035 section 5)."""
    return tuple(
        f"{record.name}. {ttl} IN {record.type} {address}"
        for record in wanted
        for address in record.addresses
    )


def endpoint(wanted: Iterable[Record], *, region: str, namespace: str, ttl: int) -> dict[str, Any]:
    """Return a region's records as external-dns' ``DNSEndpoint`` (externaldns.k8s.io/v1alpha1)."""
    return {
        "apiVersion": "externaldns.k8s.io/v1alpha1",
        "kind": "DNSEndpoint",
        "metadata": {"name": f"turn-{region}", "namespace": namespace},
        "spec": {
            "endpoints": [
                {
                    "dnsName": record.name,
                    "recordType": record.type.value,
                    "recordTTL": ttl,
                    "targets": list(record.addresses),
                }
                for record in wanted
            ]
        },
    }
