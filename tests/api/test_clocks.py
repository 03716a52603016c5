"""An endpoint whose clock is decades off answers clients, and learns nothing until it is set."""

import pytest
from tests.support import beacons, endpoints

from turnfleet.ice import rid

LONG_AGO = -86_400.0
LAST = 0xFFFFFFFF


@pytest.mark.parametrize("off", [LONG_AGO, -1.0, LAST + 1.0, 7e9])
async def test_a_clock_that_no_token_can_tell_refuses_reports_and_no_answer(
    endpoint: endpoints.Running, off: float
) -> None:
    before, _ = await beacons.answer(endpoint)
    endpoint.clock.now = off
    for fields in ({}, {"user": "bob"}, {"format": "config"}, {"format": "uberti"}):
        assert (await endpoint.ask(fields)).status == 200
    for path in ("/api/explain", "/api/regions", "/metrics", "/healthz"):
        assert (await endpoint.get(path)).status == 200
    token, _ = await beacons.answer(endpoint)
    for sent in (before, token):
        reply = await endpoint.report({"rid": sent})
        assert reply.status == 503
        assert "clock is before 1970 or after 2106" in reply.json["detail"]
    endpoint.clock.now = endpoints.NOW
    assert (await endpoint.report({"rid": token})).status == 401
    assert (await endpoint.report({"rid": before})).status == 204
    metrics = (await endpoint.get("/metrics")).body.decode()
    assert 'turnfleet_reports_refused_total{reason="Untimely"} 2.0' in metrics


@pytest.mark.parametrize("now", [0.0, float(LAST)])
async def test_the_first_and_the_last_second_count(endpoint: endpoints.Running, now: float) -> None:
    endpoint.clock.now = now
    token, _ = await beacons.answer(endpoint)
    assert (await endpoint.report({"rid": token})).status == 204


def test_a_time_that_does_not_fit_is_the_nearest_that_does() -> None:
    signer = rid.Signer(b"fleet key")
    for now, told in ((-5, 0), (LAST + 5, LAST)):
        token = signer.sign(time=now, nonce=b"nonc", source=b"sour", cell=b"", offered=b"")
        found = signer.verify(token, now=told)
        assert isinstance(found, rid.Rid)
        assert found.time == told
        assert signer.verify(token, now=now) is rid.Flaw.UNTIMELY
