"""What the endpoint says of itself: readiness, metrics, logs that keep secrets."""

import io
import json
import logging

import pytest
from tests.support import endpoints, worlds

from turnfleet.api import board, observing, options
from turnfleet.model import fleet


async def test_no_credential_key_or_name_is_ever_logged(
    start: endpoints.Start, log: io.StringIO
) -> None:
    opts = options.Options(key_hashes=(options.key_hash("the-api-key"),))
    async with start(opts) as endpoint:
        asked = {"user": "alice@example.com", "clientIp": "198.51.100.77"}
        reply = await endpoint.ask(
            asked, query="?format=config", Authorization="Bearer the-api-key"
        )
        await endpoint.ask({"user": "alice' --"}, Authorization="Bearer the-api-key")
        await endpoint.ask(asked, Authorization="Bearer another-key")
        await endpoint.raw(b"GET / HTTP/1.1\r\nAuthorization: Bearer broken-key\x00\r\n\r\n")
        await endpoint.raw(b"the-api-key alice@example.com\r\n\r\n")

    secrets = [server["credential"] for server in reply.json["iceServers"]]
    secrets += ["the-api-key", "another-key", "broken-key", "alice", "198.51.100.77", "127.0.0.1"]
    assert "endpoint starts" in log.getvalue()
    assert not [secret for secret in secrets if secret in log.getvalue()]


async def test_an_unexpected_failure_is_a_500_and_logged_without_the_request(
    current: board.Board, log: io.StringIO
) -> None:
    async with endpoints.running(current, known=endpoints.BrokenAtlas()) as endpoint:
        short = await endpoint.ask({"region": "Europe/Berlin", "user": "alice"})
        generic = await endpoint.ask({"region": "Europe/Berlin", "user": "alice"}, Upgrade="x")
        metrics = (await endpoint.get("/metrics")).body.decode()

    for reply in (short, generic):
        assert reply.status == 500
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert "RuntimeError" not in reply.body.decode()
        assert reply.headers["Server"] == "turnfleet"
    assert 'turnfleet_refused_total{field="",status="500"} 2.0' in metrics
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert ["RuntimeError" in line["exception"] for line in lines if "exception" in line] == [
        True,
        True,
    ]
    assert "alice" not in log.getvalue()


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", [endpoints.SERVERS, "/nothing", "/healthz"])
async def test_who_hangs_up_in_a_body_puts_no_traceback_into_the_log(
    endpoint: endpoints.Running, log: io.StringIO, path: str, framing: str
) -> None:
    for length in (b"", b"5\r\n{") if "chunked" in framing else (b"", b"{"):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        await endpoint.hang_up(f"{head}{framing}\r\n\r\n".encode() + length)

    assert [line for line in log.getvalue().splitlines() if "exception" in line] == []
    assert '"level": "error"' not in log.getvalue()
    assert log.getvalue().count("hung up") == (2 if path == endpoints.SERVERS else 0)


async def test_a_body_that_is_not_packed_as_it_says_is_a_400_without_a_traceback(
    endpoint: endpoints.Running, log: io.StringIO
) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    reply = await endpoint.send(
        "POST", endpoints.SERVERS, data=b"nogzip", headers=headers, compress=False
    )

    assert reply.status == 400
    assert "exception" not in log.getvalue()


def test_every_line_is_a_json_object() -> None:
    record = logging.makeLogRecord(
        {"levelname": "WARNING", "msg": "two\nlines \ud800", "relay": object()}
    )

    (line,) = observing.JsonLines().format(record).splitlines()
    assert json.loads(line)["level"] == "warning"


async def test_it_is_healthy_at_once_and_ready_when_every_relay_was_tried() -> None:
    current, prober = board.Board(), endpoints.WrittenProber()
    async with endpoints.running(current, prober=prober) as endpoint:
        health = await endpoint.get("/healthz")
        without_regions = await endpoint.get("/readyz")
        current.publish_regions((worlds.a_region("bare", at=(0, 0), relays=0),))
        without_relays = await endpoint.get("/readyz")
        current.publish_regions(worlds.three_regions())
        untried = await endpoint.get("/readyz")
        prober.settled.set()
        ready = await endpoint.get("/readyz")

    assert health.status == 200
    waits = (without_regions, without_relays, untried)
    assert [reply.status for reply in waits] == [503, 503, 503]
    assert len({reply.body for reply in waits}) == 3
    assert ready.status == 200


async def test_metrics_count_what_was_handed_out_and_what_was_refused(
    endpoint: endpoints.Running,
) -> None:
    for _ in range(3):
        await endpoint.ask({"region": "US"})
    await endpoint.ask({"ttl": 0})
    await endpoint.ask({"residency": "mars"})

    text = (await endpoint.get("/metrics")).body.decode()

    issued = 'turnfleet_issued_total{reason="",region="us-east",role="primary",rung="hint"} 3.0'
    assert issued in text
    assert 'turnfleet_refused_total{field="ttl",status="400"} 1.0' in text
    assert 'turnfleet_refused_total{field="residency",status="404"} 1.0' in text
    assert "turnfleet_answer_seconds_count 3.0" in text
    assert 'turnfleet_relays{reason="",region="eu-central",state="Ready"} 2.0' in text


async def test_metrics_show_a_prober_that_doubts_itself(current: board.Board) -> None:
    prober = endpoints.WrittenProber(suspicion="over half of the fleet went silent at once")
    async with endpoints.running(current, prober=prober) as endpoint:
        text = (await endpoint.get("/metrics")).body.decode()

    assert "turnfleet_prober_suspects_itself 1.0" in text


async def test_metrics_show_what_the_prober_does(current: board.Board) -> None:
    prober = endpoints.WrittenProber()
    prober.counted.tries = 7
    prober.counted.failures[fleet.Reason.FULL] = 2
    async with endpoints.running(current, prober=prober) as endpoint:
        text = (await endpoint.get("/metrics")).body.decode()

    assert "turnfleet_prober_tries_total 7.0" in text
    assert 'turnfleet_prober_failed_urls_total{reason="Full"} 2.0' in text


async def test_regions_show_the_fleets_inside_on_one_machine(endpoint: endpoints.Running) -> None:
    world = (await endpoint.get("/api/regions")).json

    assert world["oneMachine"] is True
    assert world["attributions"] == ["Places by nobody (https://example.com/)"]
    assert [region["name"] for region in world["regions"]] == [
        "ap-southeast",
        "eu-central",
        "us-east",
    ]
    relay = world["regions"][1]["relays"][0]
    assert relay["state"] == "Ready"
    assert relay["usable"] is True
    assert relay["transports"] == ["tcp", "tls", "udp"]


async def test_a_region_whose_secret_cannot_be_read_is_shown_as_not_usable(
    endpoint: endpoints.Running, current: board.Board
) -> None:
    sealed = worlds.a_region("sealed", at=(0, 0), secret=None)
    current.publish_regions((sealed,))
    current.publish_health(worlds.all_well((sealed,)))

    (region,) = (await endpoint.get("/api/regions")).json["regions"]

    assert region["relays"][0]["usable"] is True
    assert (region["usable"], region["reason"]) == (False, "NoSecret")


async def test_an_explanation_has_no_credentials(endpoint: endpoints.Running) -> None:
    reply = await endpoint.get("/api/explain?region=US")

    assert {region["region"] for region in reply.json["ranked"]} == {
        "us-east",
        "eu-central",
        "ap-southeast",
    }
    assert b"credential" not in reply.body
    assert b"username" not in reply.body
