"""What clients say of their answers: who may, how much, how often, and what is made of it."""

import dataclasses
import io
import ipaddress
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import atlas, beacons, endpoints

from turnfleet.api import board, clients, options, reporting, whose
from turnfleet.ice import rid
from turnfleet.learn import report
from turnfleet.model import region

KEYED = options.Options(key_hashes=(options.key_hash("the-key"),), origins=("https://app.example",))
KEY = {"Authorization": "Bearer the-key"}
MEASURED = {"engine": "chromium", "outcome": "connected", "connectionType": "WiFi"}


@dataclass(slots=True, kw_only=True)
class Kept:
    """Keeps what counts."""

    accepted: list[reporting.Accepted] = field(default_factory=list)

    def take(self, accepted: reporting.Accepted, /, *, now: float) -> None:
        assert now == endpoints.NOW
        self.accepted.append(accepted)


@pytest.fixture
def kept() -> Kept:
    """Keep what the endpoint hands on."""
    return Kept()


async def test_a_report_needs_no_key_and_says_what_was_measured_of_which_relay(
    start: endpoints.Start, kept: Kept
) -> None:
    async with start(KEYED, sinks=(kept,)) as endpoint:
        token, urls = await beacons.answer(endpoint, **KEY)
        times = [{"url": urls[0], "ms": 140}, {"url": "turn:192.0.2.9:3478", "ms": 80}]
        reply = await endpoint.report({"rid": token, "times": times, "start": 60, **MEASURED})

    assert (reply.status, reply.body) == (204, b"")
    [accepted] = kept.accepted
    assert accepted.times[0] == report.Time(url=urls[0], ms=80)
    assert list(accepted.routes) == urls
    assert accepted.routes[urls[0]].region == "eu-central"
    assert accepted.routes[urls[0]].transport is region.Transport.UDP
    assert accepted.token.cell == "DE/50/8"


async def test_whom_a_token_is_from_is_the_network_and_not_the_address(
    start: endpoints.Start, kept: Kept
) -> None:
    opts = dataclasses.replace(
        options.loopback(), trusted_proxies=(ipaddress.ip_network("127.0.0.0/8"),)
    )
    async with start(opts, sinks=(kept,)) as endpoint:
        for address in ("198.51.100.1", "198.51.100.200", "198.51.101.1", "2001:db8::1"):
            reply = await endpoint.ask(X_Forwarded_For=address)
            await endpoint.report({"rid": reply.headers["X-Turnfleet-Rid"]})
    one, neighbour, other, another = [accepted.token.source for accepted in kept.accepted]

    assert one == neighbour
    assert len({one, other, another}) == 3


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ({"engine": "chromium"}, 90),
        ({"engine": "chromium", "start": 90}, 50),
        ({"engine": "firefox"}, 140),
        ({"engine": "firefox", "start": 140}, None),
    ],
)
async def test_what_the_browser_waited_before_it_asked_is_taken_out_of_times(
    start: endpoints.Start, kept: Kept, told: dict[str, object], left: float | None
) -> None:
    async with start(sinks=(kept,)) as endpoint:
        token, urls = await beacons.answer(endpoint)
        await endpoint.report({"rid": token, "times": [{"url": urls[0], "ms": 140}], **told})

    assert [time.ms for time in kept.accepted[0].times] == ([] if left is None else [left])


@pytest.mark.parametrize(
    "kind", ["text/plain;charset=UTF-8", "TEXT/PLAIN", "application/json; charset=utf-8"]
)
async def test_a_report_is_text_or_json(endpoint: endpoints.Running, kind: str) -> None:
    token, _ = await beacons.answer(endpoint)

    assert (await endpoint.report({"rid": token}, kind=kind)).status == 204


@pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", "text"])
async def test_another_kind_of_body_is_refused_with_a_sentence(
    endpoint: endpoints.Running, kind: str
) -> None:
    reply = await endpoint.report({"rid": "x"}, kind=kind)

    assert reply.status == 415
    assert "text/plain" in reply.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"7", b"{", b"\xff\xfe", b"{}", b'{"rid": 7}', b'{"rid": ""}',
        b"[" * 1000, b'{"rid": "x", "times": 7}', b'{"rid": NaN}',
        b'{"rid": "x", "errors": [{"url": "turn:a", "code": 1e999}]}',
    ],
)  # fmt: skip
async def test_what_is_no_report_is_a_400_with_a_sentence(
    start: endpoints.Start, kept: Kept, body: bytes
) -> None:
    async with start(sinks=(kept,)) as endpoint:
        reply = await endpoint.report(body)

    assert reply.status == 400
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["detail"].endswith(".")
    assert kept.accepted == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["rid", "times", "url", "ms", "pair", "x"]), inner),
))  # fmt: skip
def test_no_body_is_ever_too_much_for_the_desk(current: board.Board, body: object) -> None:
    def signer() -> rid.Signer:
        return rid.Signer(endpoints.FLEET_KEY)

    desk = reporting.Desk(
        signer=signer,
        whose=whose.Whose(signer, atlas=atlas.WrittenAtlas(), one_machine=True),
        current=current,
        observer=clients.Observer(trusted=(), geo_headers=()),
        limiter=None,
        may_read=lambda _: False,
        clock=lambda: endpoints.NOW,
        sinks=(),
    )
    refusal = desk.take(json.dumps(body).encode(), "192.0.2.1")

    assert refusal is not None
    assert refusal[1].status in {400, 401}


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_over_a_kilobyte_is_a_413(endpoint: endpoints.Running, framing: str) -> None:
    token, _ = await beacons.answer(endpoint)
    whole = json.dumps({"rid": token}).encode()
    for size, status in ((1024, 204), (1025, 413), (300_000, 413)):
        sent: Any = whole.ljust(size)
        data = sent if framing == "length" else _pieces(sent)
        headers = {"Content-Type": "text/plain"}
        reply = await endpoint.send("POST", endpoints.REPORTS, data=data, headers=headers)
        assert reply.status == status

    assert "1024 bytes" in reply.json["detail"]


async def test_a_token_that_was_changed_or_is_from_elsewhere_is_a_401(
    start: endpoints.Start, kept: Kept
) -> None:
    other = rid.Signer(b"another fleet's key").sign(
        time=endpoints.NOW, nonce=b"1234", source=b"abcd", cell=b"DE/50/8", offered=b""
    )
    async with start(sinks=(kept,)) as endpoint:
        token, _ = await beacons.answer(endpoint)
        changed = [_changed(token, at) for at in (4, 20)]
        tokens = (*changed, other, "anything", "A" * 512)
        replies = [await endpoint.report({"rid": forged}) for forged in tokens]
        refused = await beacons.counted(endpoint, "turnfleet_reports_refused_total")

    assert {reply.status for reply in replies} == {401}
    assert {reply.json["field"] for reply in replies} == {"rid"}
    assert kept.accepted == []
    assert refused == {'{reason="Forged"}': 5}


async def test_a_token_is_good_for_an_hour(endpoint: endpoints.Running) -> None:
    first, _ = await beacons.answer(endpoint)
    second, _ = await beacons.answer(endpoint)
    endpoint.clock.now += 3600
    in_time = await endpoint.report({"rid": first})
    endpoint.clock.now += 1
    late = await endpoint.report({"rid": second})
    endpoint.clock.now -= 4000
    early = await endpoint.report({"rid": second})

    assert [in_time.status, late.status, early.status] == [204, 401, 401]
    assert "over an hour old" in late.json["detail"]
    assert "clocks" in early.json["detail"]


async def test_a_token_counts_once_and_the_sender_is_not_told(
    start: endpoints.Start, kept: Kept
) -> None:
    async with start(sinks=(kept,)) as endpoint:
        token, urls = await beacons.answer(endpoint)
        said = {"rid": token, **MEASURED}
        replies = [await endpoint.report({**said, "times": times}) for times in (
            [{"url": urls[0], "ms": 100}], [{"url": urls[0], "ms": 9000}],
        )]  # fmt: skip
        refused = await beacons.counted(endpoint, "turnfleet_reports_refused_total")
        accepted = await beacons.counted(endpoint, "turnfleet_reports_accepted_total")

    assert [reply.status for reply in replies] == [204, 204]
    assert [one.times[0].ms for one in kept.accepted] == [50]
    assert refused == {'{reason="Replayed"}': 1}
    assert accepted == {"": 1}


async def test_a_report_that_cannot_be_read_does_not_use_its_token_up(
    endpoint: endpoints.Running,
) -> None:
    token, _ = await beacons.answer(endpoint)
    broken = await endpoint.report({"rid": token, "connect": -1})

    assert broken.status == 400
    assert (await endpoint.report({"rid": token})).status == 204
    assert await beacons.counted(endpoint, "turnfleet_reports_accepted_total") == {"": 1}


async def test_one_network_sends_as_many_reports_as_it_gets_answers(
    start: endpoints.Start,
) -> None:
    opts = dataclasses.replace(KEYED, access=options.Access.OPEN)
    async with start(opts) as endpoint:
        tokens = [(await beacons.answer(endpoint))[0] for _ in range(10)]
        statuses = [(await endpoint.report({"rid": token})).status for token in tokens]
        refused = await endpoint.report({})
        endpoint.clock.now += 2
        later = await endpoint.report({})

    assert statuses == [204] * 10
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "2"
    assert later.status == 400


@pytest.mark.parametrize("access", [options.Access.KEY, options.Access.OPEN])
async def test_pages_of_listed_origins_may_read_what_comes_back_with_keys_too(
    start: endpoints.Start, access: options.Access
) -> None:
    async with start(dataclasses.replace(KEYED, access=access)) as endpoint:
        token, _ = await beacons.answer(endpoint, **KEY)
        listed = await endpoint.report({}, Origin="https://app.example")
        other = await endpoint.report({"rid": token}, Origin="https://other.example")
        asks = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        preflights = [
            await endpoint.send("OPTIONS", endpoints.REPORTS, headers={"Origin": origin, **asks})
            for origin in ("https://app.example", "https://other.example")
        ]

    assert listed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert other.status == 204  # the token admits it, whosever page it is from
    assert "Access-Control-Allow-Origin" not in other.headers
    assert preflights[0].headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert preflights[0].headers["Allow"] == "OPTIONS, POST"
    assert "Access-Control-Allow-Methods" not in preflights[1].headers


async def test_only_posts_are_reports(endpoint: endpoints.Running) -> None:
    reply = await endpoint.get(endpoints.REPORTS)

    assert reply.status == 405
    assert reply.headers["Allow"] == "OPTIONS,POST"


async def test_a_name_pointed_here_by_somebody_else_takes_no_report(
    endpoint: endpoints.Running,
) -> None:
    token, _ = await beacons.answer(endpoint)

    assert (await endpoint.report({"rid": token}, Host="evil.example")).status == 403


async def test_nothing_of_a_report_is_logged(endpoint: endpoints.Running, log: io.StringIO) -> None:
    token, urls = await beacons.answer(endpoint)
    body = {"rid": token, "times": [{"url": urls[0], "ms": 100}], "connectionType": "zebra"}
    await endpoint.report(body)
    await endpoint.report({**body, "outcome": "zebra"})
    await endpoint.report(b'{"rid": "zebra')
    assert not [word for word in ("zebra", token, urls[0]) if word in log.getvalue()]


async def _pieces(whole: bytes) -> Any:
    for at in range(0, len(whole), 1000):
        yield whole[at : at + 1000]


def _changed(token: str, at: int) -> str:
    return token[:at] + ("B" if token[at] == "A" else "A") + token[at + 1 :]
