"""The ``turnrelay`` command: lets SIGINT end it without a traceback, from the first moment on.

Imports next to nothing by itself: the agent takes a while to load, in which Python would answer
an interrupt with a traceback. What there is to do, ``running`` knows.
"""

import signal
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one relay and return the exit code."""
    # Until the agent's own handler is there; nothing is running that it would have to end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from turnrelay import running  # noqa: PLC0415 - see above

    return running.run(argv)
