import socket

import aiohttp
import pytest

from turnfleet.handlers import metrics, serving


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
async def test_a_port_without_an_address_is_had_in_both_families(address: str) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        port = taken.getsockname()[1]
    counted = metrics.Metrics()
    async with (
        serving.at(None, port, unready=lambda: "It waits.", counted=counted),
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}:{port}/readyz") as answer,
    ):
        assert answer.status == 503
        assert await answer.text() == "It waits.\n"
