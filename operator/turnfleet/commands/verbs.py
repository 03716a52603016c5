"""The verbs of ``turnfleet``: finds one, runs it, turns its outcome into an exit code.

Exit codes: 0 done; 1 what was examined is not well; 2 the input or the machine does not allow it.
"""

import argparse
import sys
from collections.abc import Sequence

import turnfleet
from turnfleet import settings
from turnfleet.commands import (
    api,
    check,
    dns,
    drain,
    explain,
    operator,
    output,
    plan,
    remove_regions,
    rotate,
    run,
    undrain,
    validate,
)

_COMMANDS = (
    run,
    operator,
    api,
    check,
    explain,
    validate,
    plan,
    drain,
    undrain,
    rotate,
    dns,
    remove_regions,
)


def run_one(argv: Sequence[str] | None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="turnfleet",
        description="Runs fleets of TURN relays and tells every WebRTC client which few to use.",
    )
    parser.add_argument("--version", action="version", version=turnfleet.__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        verb = verbs.add_parser(command.NAME, help=command.HELP, description=command.HELP)
        verb.add_argument("--json", action="store_true", help="print JSON instead of text")
        command.configure(verb)
        verb.set_defaults(execute=command.execute)
    args = parser.parse_args(argv)
    environment = settings.read()
    console = output.Console(
        out=sys.stdout,
        err=sys.stderr,
        as_json=args.json,
        color=sys.stdout.isatty() and not environment.no_color and not args.json,
    )
    try:
        code: int = args.execute(args, console, environment)
    except output.Failure as failure:
        console.complain(f"turnfleet {args.verb}: {failure.sentence}")
        return failure.code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return code
