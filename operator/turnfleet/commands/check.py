"""turnfleet check."""

import argparse
from typing import Final

from turnfleet import settings
from turnfleet.commands import output

NAME: Final = "check"
HELP: Final = "check"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Not built yet."""
    raise output.Failure("not built yet")
