"""Ports of 127.0.0.1 for programs that have to be told one before they start.

The kernel's own choice (port 0) is free for a moment only: it gives the same port to the next
socket of the machine that connects, and the program fails to bind.
"""

import contextlib
import itertools
import random
import socket
from typing import Final

_BELOW_WHAT_THE_KERNEL_GIVES: Final = range(12000, 32000)
"""Linux: ``net.ipv4.ip_local_port_range`` begins at 32768."""


def reserve() -> int:
    """Return a TCP port that nobody else gets from here until this process ends."""
    ports = _BELOW_WHAT_THE_KERNEL_GIVES
    start = random.SystemRandom().randrange(len(ports))
    for port in itertools.chain(ports[start:], ports[:start]):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            # Other test processes look here too: the UDP port of the same number is the mark.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mark:
                mark.bind(("127.0.0.1", port))
                mark.dup().detach()
            return port
    raise AssertionError(f"no port of {ports} is free")
