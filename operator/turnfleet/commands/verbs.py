"""The verbs of ``turnfleet``: finds one, runs it, turns its outcome into an exit code.

Exit codes: 0 done; 1 what was examined is not well; 2 the input or the machine does not allow it.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

import turnfleet
from turnfleet import settings
from turnfleet.commands import output

_VERBS: Final = (
    "run",
    "operator",
    "api",
    "check",
    "explain",
    "simulate",
    "validate",
    "plan",
    "drain",
    "undrain",
    "rotate",
    "dns",
    "remove-regions",
)
"""In the order in which people are shown them; each is a module of this package."""


class _Command(Protocol):
    """What the module of a verb has."""

    NAME: str
    HELP: str

    @property
    def configure(self) -> Callable[[argparse.ArgumentParser], None]: ...

    @property
    def execute(
        self,
    ) -> Callable[[argparse.Namespace, output.Console, settings.Settings], int]: ...


def load(argv: Sequence[str] | None) -> tuple[_Command, ...]:
    """Load and return the command that is asked for, or all of them where none is.

    Together they take three times as long to load as to start the one.
    """
    asked = sys.argv[1:2] if argv is None else argv[:1]
    verbs = asked if asked and asked[0] in _VERBS else _VERBS
    names = (f"turnfleet.commands.{verb.replace('-', '_')}" for verb in verbs)
    return tuple(cast("_Command", importlib.import_module(name)) for name in names)


def run_one(argv: Sequence[str] | None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="turnfleet",
        description="Runs fleets of TURN relays and tells every WebRTC client which few to use.",
    )
    parser.add_argument("--version", action="version", version=turnfleet.__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for command in load(argv):
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
