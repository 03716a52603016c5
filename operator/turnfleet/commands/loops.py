"""The event loop of programs that go on: uvloop's, which has to be told who owns a socket."""

import socket
from typing import Any

import uvloop


class Loop(uvloop.Loop):
    """uvloop, safe against a server that resets a connection as soon as it is there."""

    async def create_connection(
        self, *args: Any, sock: socket.socket | None = None, **options: Any
    ) -> Any:
        """Connect; a ``sock`` that is given belongs to the loop from then on, and is detached.

        Its descriptor is closed by libuv, whatever comes of it. Where that is before uvloop has
        noted down that there is a socket, as when the other side resets at once, the socket closes
        the same number again when it is collected: that of another connection by then, whose
        transport goes on, until the process aborts or nobody can connect by that number any more.
        """
        try:
            return await super().create_connection(*args, sock=sock, **options)
        finally:
            if sock is not None:
                sock.detach()
