"""The ``turnrelay`` command: lets SIGINT and SIGTERM end it from the first moment on.

Imports next to nothing by itself: the agent takes a while to load, in which Python would answer
an interrupt with a traceback, and a pod's kernel drop a SIGTERM. What there is to do, ``running``
knows.
"""

import signal
import sys
from collections.abc import Sequence

from turnrelay import contract


def main(argv: Sequence[str] | None = None) -> int:
    """Run one relay, or guard one node, and return the exit code."""
    # Until the agent's own handlers are there; nothing is running that they would have to end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The first process of a pod has no default for it: it would go on for the whole grace period.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == [contract.GUARD]:
        from turnrelay import guarding  # noqa: PLC0415 - see above

        return guarding.run(words[1:])
    from turnrelay import running  # noqa: PLC0415 - see above

    return running.run(argv)
