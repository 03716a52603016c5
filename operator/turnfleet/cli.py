"""The ``turnfleet`` command: lets Ctrl-C end it without a traceback, from the first moment on.

Imports next to nothing by itself: a command takes up to half a second to load, in which Python
would answer an interrupt with a traceback, or lose it. What there is to do, ``commands.verbs``
knows.
"""

import signal
from collections.abc import Sequence

_INTERRUPTED = 130
"""Exit code of a program that SIGINT ended, as shells count it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        from turnfleet.commands import verbs  # noqa: PLC0415 - see above

        verbs.load(argv)
        signal.signal(signal.SIGINT, before)
        return verbs.run_one(argv)
    except KeyboardInterrupt:
        return _INTERRUPTED
