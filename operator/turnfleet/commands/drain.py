"""``turnfleet drain``: sends no new clients to a relay, or to a node's, until told otherwise.

Nobody is cut off and nothing ends by it: live allocations go on for as long as they like, and
``turnfleet undrain`` undoes it at once. Reads flags; ``draining`` does the rest.
"""

import argparse
import asyncio
from typing import Final

from turnfleet import settings
from turnfleet.commands import arguments, output

NAME: Final = "drain"
HELP: Final = "Send no new clients to a relay, or to the relays of a node; live calls go on."

_REASON_MAX: Final = 200


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    target(parser)
    parser.add_argument(
        "--reason",
        type=_reason,
        default="turnfleet drain",
        metavar="TEXT",
        help="what the annotation says, for whoever finds it (default: %(default)s)",
    )
    parser.add_argument(
        "--wait",
        action="store_true",
        help="show the live allocations that are left until there is none; needs a way to the"
        " nodes' internal addresses and the right to read the Secrets of the regions",
    )


def target(parser: argparse.ArgumentParser) -> None:
    """Declare what is drained or not, and in which cluster."""
    parser.add_argument(
        "target",
        metavar="NODE|RELAY",
        help="the name of a node, as a whole, with the relays of every namespace on it, or of a"
        " relay's pod; node/NAME or relay/NAME where both exist",
    )
    arguments.cluster(parser, by_hand=True)


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Drain; return 0 once no new client is sent there, with ``--wait`` once all have left."""
    return run(args, console, environment, reason=args.reason, wait=args.wait)


def run(
    args: argparse.Namespace,
    console: output.Console,
    environment: settings.Settings,
    *,
    reason: str | None,
    wait: bool = False,
) -> int:
    """Drain for a reason, or with ``None`` undo it; return the exit code."""
    with output.needing("kubernetes"):
        # The client of the API server takes a while to load, and most commands do without it.
        from turnfleet.commands import draining  # noqa: PLC0415 - see above
    return asyncio.run(
        draining.run(
            args.target,
            kubeconfig=arguments.kubeconfig(args, environment),
            namespaces=arguments.namespaces(args),
            reason=reason,
            wait=wait,
            console=console,
        )
    )


def _reason(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _REASON_MAX:
        raise argparse.ArgumentTypeError(f"a line of 1 to {_REASON_MAX} characters")
    if text.strip().lower() in {"false", "no"}:
        raise argparse.ArgumentTypeError(f"{text!r} would mean that it is not drained")
    return text
