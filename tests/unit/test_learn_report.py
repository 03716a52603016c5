"""Reports: whatever the bytes, a report or a sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnfleet.learn import report

URL = "turn:192.0.2.1:3478?transport=udp"
FULL = {
    "rid": "AV0token",
    "engine": "chromium",
    "outcome": "connected",
    "connectionType": "wifi",
    "times": [{"url": URL, "ms": 83.2, "cold": False}, {"url": URL, "ms": 90}],
    "pair": {"local": "relay", "remote": "srflx", "protocol": "udp", "url": URL, "rtt": 41},
    "connect": 420,
    "errors": [{"url": "turns:192.0.2.1:443?transport=tcp", "code": 701}],
    "newer": {"than": "this endpoint"},
}


def parse(document: object) -> report.Report | report.Unread:
    return report.parse(json.dumps(document).encode())


def test_a_report_says_what_its_client_saw() -> None:
    assert parse(FULL) == report.Report(
        rid="AV0token",
        engine=report.Engine.CHROMIUM,
        outcome=report.Outcome.CONNECTED,
        connection="wifi",
        times=(report.Time(url=URL, ms=83.2, cold=False),),
        pair=report.Pair(
            local=report.Kind.RELAY,
            remote=report.Kind.SRFLX,
            protocol=report.Protocol.UDP,
            url=URL,
            rtt=41.0,
        ),
        connect=420.0,
        failures=(report.Failure(url="turns:192.0.2.1:443?transport=tcp", code=701),),
    )


def test_a_token_is_enough() -> None:
    assert parse({"rid": "AV0token"}) == report.Report(rid="AV0token")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rid": None}, "rid is missing"),
        ({"rid": 7}, "rid is a text"),
        ({"rid": "é"}, "rid is a text"),
        ({"engine": "trident"}, "engine is one of"),
        ({"engine": ["chromium"]}, "engine is one of"),
        ({"outcome": True}, "outcome is one of"),
        ({"times": {"url": URL}}, "times is a list"),
        ({"times": [URL] * 17}, "times is a list of at most 16"),
        ({"times": [URL]}, "times holds"),
        ({"times": [{"url": URL}]}, "lacks a field"),
        ({"times": [{"url": URL, "ms": -1}]}, "ms is a number"),
        ({"times": [{"url": URL, "ms": 60001}]}, "ms is a number"),
        ({"times": [{"url": URL, "ms": True}]}, "ms is a number"),
        ({"times": [{"url": URL, "ms": "83"}]}, "ms is a number"),
        ({"times": [{"url": URL, "ms": 83, "cold": 1}]}, "cold is"),
        ({"pair": "relay"}, "pair holds"),
        ({"pair": {"local": "relay"}}, "lacks a field"),
        ({"errors": [{"url": URL, "code": 200}]}, "code is a number"),
        ({"errors": [{"url": URL, "code": 701.5}]}, "code is a number"),
        ({"connect": 10**300}, "connect is a number"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(change: dict[str, object], told: str) -> None:
    found = parse({**FULL, **change})
    assert isinstance(found, report.Unread)
    assert told in found.detail
    assert found.detail.endswith(".")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"\xff", b'{"rid": NaN}', b"[" * 1024, b'{"rid": 1e999}'],
)
def test_what_is_not_a_json_object_is_no_report(body: bytes) -> None:
    assert isinstance(report.parse(body), report.Unread)


def test_a_body_over_a_kilobyte_is_not_looked_at() -> None:
    padded = json.dumps({"rid": "AV0token", "padding": "x" * 1024}).encode()
    assert isinstance(report.parse(padded), report.Unread)


def test_what_a_client_says_of_the_default_four_urls_fits() -> None:
    urls = [f"turns:ip-203-0-113-{n}.turn.example.com:443?transport=tcp" for n in range(101, 105)]
    document = {
        **FULL,
        "rid": "x" * 110,
        "times": [{"url": url, "ms": 1234.5, "cold": False} for url in urls],
        "pair": {"local": "relay", "remote": "relay", "protocol": "tls", "url": urls[0]},
        "newer": None,
    }
    assert isinstance(parse(document), report.Report)


@given(st.binary(max_size=200))
def test_no_bytes_raise(body: bytes) -> None:
    report.parse(body)


_ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "ms", "code", "local", "cold"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*FULL]), _ANY))
def test_no_values_raise(fields: dict[str, object]) -> None:
    report.parse(json.dumps({"rid": "AV0token", **fields}).encode())
