"""What an agent says at its end, for whoever is still there to count: the allocations it cuts.

A pod's termination message, which Kubernetes keeps in the pod's status. Best effort: the file is
written where it is and never made, so that an agent outside of a pod leaves nothing behind.
"""

import contextlib
import json
import os
from pathlib import Path

from turnrelay import contract


def say(path: Path, *, cut: int, reason: str) -> None:
    """Write the last words of an agent whose end cuts so many live allocations."""
    words = json.dumps({contract.PARTING_CUT: cut, contract.PARTING_REASON: reason}).encode()
    with contextlib.suppress(OSError):  # no pod, or nobody who reads it
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.write(descriptor, words)
        finally:
            os.close(descriptor)
