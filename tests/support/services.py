"""A UDP service on a node of a cluster, as kubelets and daemons have them: it answers everybody."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from tests.e2e.cluster import node

PORT: Final = 5353
_SERVING: Final = f"""
import socket
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.bind(("0.0.0.0", {PORT}))
print("there", flush=True)
while True:
    data, sender = own.recvfrom(2048)
    own.sendto(data, sender)
"""


@contextlib.contextmanager
def on(nodes: Sequence[node.Node]) -> Iterator[None]:
    """Have a service on each of the nodes during the block."""
    with contextlib.ExitStack() as stack:
        for each in nodes:
            stack.enter_context(_one(each))
        yield


@contextlib.contextmanager
def _one(where: node.Node) -> Iterator[None]:
    process = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{where.shape.namespace}", sys.executable, "-c", _SERVING],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        yield
    finally:
        process.kill()
        process.communicate()
