"""``turnfleet remove-regions``: ends the regions of a cluster and waits until they have drained.

What an uninstall runs that is to leave nothing. Reads flags; ``removal`` does the rest.
"""

import argparse
import asyncio
from typing import Final

from turnfleet import settings
from turnfleet.commands import arguments, output

NAME: Final = "remove-regions"
HELP: Final = "Delete the TurnRegions of a cluster, and wait until all of them have drained."


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    arguments.cluster(parser)
    parser.add_argument(
        "--operator",
        type=arguments.namespaced,
        metavar="NAMESPACE/NAME",
        help="the operator's Deployment, stopped first: it would bring regions back",
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Remove them; return 0 once none is left, which may take as long as the longest drain."""
    del environment
    with output.needing("kubernetes"):
        # The client of the API server takes a while to load, and most commands do without it.
        from turnfleet.commands import removal  # noqa: PLC0415 - see above
    asyncio.run(
        removal.run(
            kubeconfig=args.kubeconfig,
            namespaces=arguments.namespaces(args),
            operator=args.operator,
            say=console.say,
        )
    )
    return 0
