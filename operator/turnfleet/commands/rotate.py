"""``turnfleet rotate``: has the operator give a region a new secret, without a refused client.

Reads flags; ``rotating`` does the rest.
"""

import argparse
import asyncio
import secrets
from typing import Final

from turnfleet import settings
from turnfleet.commands import arguments, output
from turnfleet.plan.cluster import rotation

NAME: Final = "rotate"
HELP: Final = "Give a region a new secret: relays accept both until nothing needs the old one."

_TIMEOUT: Final = 300.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "region", type=arguments.name, metavar="REGION", help="the name of a TurnRegion"
    )
    arguments.cluster(parser, by_hand=True)
    parser.add_argument(
        "--now",
        action="store_true",
        help="for a secret that has got out: refuse the old one at once. Clients with a credential"
        " signed by it can make no new allocation until they have asked for another one; live"
        " calls go on",
    )
    parser.add_argument(
        "--wait",
        action="store_true",
        help="return once every relay accepts the new secret and endpoints sign with it",
    )
    parser.add_argument(
        "--timeout",
        type=arguments.seconds,
        default=_TIMEOUT,
        metavar="SECONDS",
        help="with --wait: give up after so long (default: 300)",
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Ask for a rotation; return 0 once that is written, with ``--wait`` once it is through."""
    with output.needing("kubernetes"):
        # The client of the API server takes a while to load, and most commands do without it.
        from turnfleet.commands import rotating  # noqa: PLC0415 - see above
    return asyncio.run(
        rotating.run(
            args.region,
            rotation.Request(id=secrets.token_hex(8), now=args.now),
            kubeconfig=arguments.kubeconfig(args, environment),
            namespaces=arguments.namespaces(args),
            within=args.timeout if args.wait else None,
            console=console,
        )
    )
