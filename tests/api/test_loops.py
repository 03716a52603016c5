import asyncio
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnfleet.commands import loops

_CHECKOUT = Path(__file__).resolve().parents[2]
_SECONDS = 4
_HELD = 8


@pytest.fixture
def resetting() -> Iterator[int]:
    """Run a server that resets connections, every other one as soon as it is there."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:

        def serve() -> None:
            held: list[socket.socket] = []
            while True:
                for keep in (True, False):
                    connection, _ = server.accept()
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    if keep:
                        held.append(connection)
                    else:
                        connection.close()
                if len(held) > _HELD:
                    held.pop(0).close()

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])


def test_servers_that_reset_every_connection_do_not_end_a_program(resetting: int) -> None:
    command = (sys.executable, "-m", "tests.support.hasty", str(_SECONDS), str(resetting))
    ended = subprocess.run(command, cwd=_CHECKOUT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert int(ended.stdout) > 1


def test_a_socket_that_a_loop_was_given_closes_nothing_later() -> None:
    async def connect(sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
        transport.close()

    ours, theirs = socket.socketpair()
    with theirs, asyncio.Runner(loop_factory=loops.Loop) as runner:
        runner.run(connect(ours))
    assert ours.fileno() == -1
