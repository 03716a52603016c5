"""``turnfleet dns``: prints the records that the names of a cluster's relays need.

Reads what the operator wrote into ``status.relays``; changes nothing. Exit code 0: there are
records; 1: no relay has both a name and an address; 2: the cluster could not be read.
"""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from turnfleet import names, settings
from turnfleet.commands import arguments, output, showing
from turnfleet.model import region, turnregion
from turnfleet.plan import records

NAME: Final = "dns"
HELP: Final = "Print the DNS records that the names of a cluster's relays need."

_TTL_MAX: Final = 86400

Where = tuple[str, str]
"""Namespace and name of a region."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    arguments.cluster(parser, by_hand=True)
    parser.add_argument(
        "--ttl",
        type=_ttl,
        default=records.TTL,
        metavar="SECONDS",
        help="how long resolvers may keep a record (default: %(default)s)",
    )
    parser.add_argument(
        "--dnsendpoint",
        action="store_true",
        help="print a DNSEndpoint of external-dns for each region, for kubectl apply -f -",
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Print the records; return the exit code."""
    with output.needing("kubernetes"):
        found, complaints = asyncio.run(_read(args, environment))
    for complaint in complaints:
        console.complain(complaint)
    if args.dnsendpoint:
        _print_endpoints(found, ttl=args.ttl, console=console)
    else:
        _print_records(found, ttl=args.ttl, console=console)
    if not any(found.values()):
        console.complain(
            "No relay has a name: regions with addresses.hostname give their relays one as soon"
            " as these have a public address."
        )
    return 0 if any(found.values()) else 1


def _print_endpoints(
    found: Mapping[Where, Sequence[records.Record]], *, ttl: int, console: output.Console
) -> None:
    drawn = [
        records.endpoint(wanted, region=name, namespace=namespace, ttl=ttl)
        for (namespace, name), wanted in found.items()
        if wanted
    ]
    if console.as_json:
        console.json(drawn)
    else:
        console.say("---\n".join(map(showing.text, drawn)).rstrip())


def _print_records(
    found: Mapping[Where, Sequence[records.Record]], *, ttl: int, console: output.Console
) -> None:
    wanted = [record for each in found.values() for record in each]
    if console.as_json:
        console.json(
            [
                {
                    "name": record.name,
                    "type": record.type.value,
                    "ttl": ttl,
                    "addresses": list(record.addresses),
                }
                for record in wanted
            ]
        )
    for line in records.zone_lines(wanted, ttl=ttl):
        console.say(line)


async def _read(
    args: argparse.Namespace, environment: settings.Settings
) -> tuple[dict[Where, tuple[records.Record, ...]], tuple[str, ...]]:
    """Return the records of every region, by where it is, and what could not be read."""
    # The client of the API server takes a while to load, and most commands do without it.
    from turnfleet.commands import connecting  # noqa: PLC0415 - see above
    from turnfleet.kube import client, fields, kinds  # noqa: PLC0415 - see above
    from turnfleet.sources import reported  # noqa: PLC0415 - see above

    kubeconfig = arguments.kubeconfig(args, environment)
    found: dict[Where, tuple[records.Record, ...]] = {}
    complaints: list[str] = []
    async with connecting.cluster(
        kubeconfig, verb=NAME, failed="the cluster could not be read"
    ) as api:
        for namespace in arguments.namespaces(args) or (None,):
            query = client.Query(kind=kinds.TURN_REGION, namespace=namespace)
            for each in await api.list(query):
                about = fields.mapping(each, "metadata")
                where = (fields.text(about, "namespace"), fields.text(about, "name"))
                # Lists leave out what their objects are.
                manifest = {"apiVersion": names.API_VERSION, "kind": names.KIND, **each}
                spec = turnregion.parse(manifest)
                if not isinstance(spec, region.RegionSpec):
                    complaints.append(f"{'/'.join(where)} is left out: it is not valid")
                    continue
                told = reported.read(spec, fields.mapping(each, "status"))
                complaints.extend(told.complaints)
                found[where] = records.records(told.relays)
    return found, tuple(complaints)


def _ttl(text: str) -> int:
    """Read a TTL: whole seconds, up to a day."""
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= number <= _TTL_MAX:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds from 1 to {_TTL_MAX}"
        )
    return number
