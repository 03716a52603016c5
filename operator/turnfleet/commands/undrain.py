"""``turnfleet undrain``: undoes ``turnfleet drain``. New clients come again at once."""

import argparse
from typing import Final

from turnfleet import settings
from turnfleet.commands import drain, output

NAME: Final = "undrain"
HELP: Final = "Send new clients again to a relay, or to the relays of a node, that was drained."


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    drain.target(parser)


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Undo the drain; return 0 once new clients are sent there."""
    return drain.run(args, console, environment, reason=None)
