"""Starting and stopping: nothing is left behind, and what cannot start says so."""

import asyncio

import pytest
from tests.support import endpoints


async def test_nothing_listens_after_the_end(start: endpoints.Start) -> None:
    async with start() as endpoint:
        port = endpoint.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

    assert await reader.read() == b""  # an idle connection is closed
    writer.close()
    await writer.wait_closed()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_in_use_is_an_oserror(start: endpoints.Start) -> None:
    async with start() as first:
        with pytest.raises(OSError, match="in use"):
            async with start(port=first.port):
                pass
        assert (await first.ask()).status == 200


async def test_hundreds_of_idle_connections_stand_in_nobodys_way(start: endpoints.Start) -> None:
    async with start() as endpoint:
        idle = [await asyncio.open_connection("127.0.0.1", endpoint.port) for _ in range(300)]

        assert (await endpoint.ask()).status == 200

        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
