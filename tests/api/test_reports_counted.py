"""What a scrape shows of clients' reports, and what no client can make it show."""

import pytest
from tests.support import beacons, endpoints

from turnfleet.api import options


async def test_connections_are_counted_by_outcome_and_path(endpoint: endpoints.Running) -> None:
    direct = {"local": "host", "remote": "srflx", "protocol": "udp", "rtt": 30}
    here = {"local": "srflx", "remote": "relay", "protocol": "udp"}
    for pair, outcome, network in (
        (direct, "connected", "wifi"),
        (here, "connected", "Zebra's network"),
        ("fallback", "connected", None),
        (None, "failed", "wifi"),
        (direct, "gathered", None),
    ):
        token, urls = await beacons.answer(endpoint)
        if pair == "fallback":
            pair = {"local": "relay", "remote": "host", "protocol": "tls", "url": urls[-1]}  # noqa: PLW2901
        said = {"rid": token, "outcome": outcome, "connectionType": network, "connect": 420}
        assert (await endpoint.report({**said, "pair": pair})).status == 204

    connections = await beacons.counted(endpoint, "turnfleet_connections_total")
    paths = await beacons.counted(endpoint, "turnfleet_paths_total")
    assert connections == {
        '{connection_type="",outcome="connected",region="eu-central"}': 1,
        '{connection_type="other",outcome="connected",region="eu-central"}': 1,
        '{connection_type="wifi",outcome="connected",region="eu-central"}': 1,
        '{connection_type="wifi",outcome="failed",region="eu-central"}': 1,
        '{connection_type="",outcome="gathered",region="eu-central"}': 1,
    }
    assert paths == {
        '{connection_type="wifi",path="srflx",protocol="udp",region="eu-central"}': 1,
        '{connection_type="other",path="relay",protocol="udp",region="eu-central"}': 1,
        '{connection_type="",path="relay",protocol="tls",region="us-east"}': 1,
    }
    for name, seconds in (
        ("turnfleet_connect_seconds", 1.26),
        ("turnfleet_pair_rtt_seconds", 0.03),
    ):
        sums = await beacons.counted(endpoint, f"{name}_sum")
        assert sums == {"": pytest.approx(seconds)}


async def test_what_clients_write_becomes_no_label(endpoint: endpoints.Running) -> None:
    before = len((await endpoint.get("/metrics")).body.splitlines())
    lines = set()
    for number in range(20):
        token, _ = await beacons.answer(endpoint)
        url = f"turn:relay-{number}.example:3478"
        pair = {"local": "relay", "remote": "host", "protocol": "udp", "url": url}
        said = {"rid": token, "outcome": "connected", "connectionType": f"net-{number}"}
        assert (await endpoint.report({**said, "pair": pair})).status == 204
        lines.add(len((await endpoint.get("/metrics")).body.splitlines()))

    assert len(lines) == 1
    assert lines.pop() > before


async def test_every_endpoint_serves_the_module_to_pages_of_any_origin(
    start: endpoints.Start,
) -> None:
    async with start(options.Options()) as endpoint:
        module = await endpoint.get("/api/ice-report.js", Origin="https://other.example")

    assert module.status == 200
    assert module.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert module.headers["Access-Control-Allow-Origin"] == "*"
    assert module.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert b"import " not in module.body.replace(b"import it from", b"")
