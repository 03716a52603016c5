"""Clients of many networks that get an answer and say over HTTP how its relays did."""

import dataclasses
import ipaddress
from collections.abc import Iterable
from typing import Any

from tests.support import beacons, endpoints

from turnfleet.api import options


def behind_a_proxy() -> options.Options:
    """Return options by which the header of a proxy says where a client is."""
    everybody = (ipaddress.ip_network("127.0.0.0/8"),)
    return dataclasses.replace(options.loopback(), trusted_proxies=everybody)


def address(number: int, host: int = 1) -> str:
    """Return an address of a client; each number is a /24."""
    return f"198.{18 + number // 256}.{number % 256}.{host}"


async def tell(
    endpoint: endpoints.Running,
    client: str,
    *,
    fails: Iterable[str] = (),
    works: Iterable[str] | None = None,
    code: int = 701,
    **more: Any,
) -> list[str]:
    """Have a client report that URLs failed and worked, if offered; return what was offered.

    ``works``: all the others.
    """
    token, urls = await beacons.answer(endpoint, X_Forwarded_For=client)
    failed = [url for url in urls if url in fails]
    worked = [url for url in urls if url not in failed] if works is None else works
    body = {
        "rid": token,
        "outcome": "connected",
        "times": [{"url": url, "ms": 80} for url in worked],
        "errors": [{"url": url, "code": code} for url in failed],
        **more,
    }
    reply = await endpoint.report(body, X_Forwarded_For=client)
    assert reply.status == 204
    return urls
