"""Tokens: whoever changes, forges, keeps or invents one learns why it does not count."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnfleet.ice import rid
from turnfleet.model import geo

NOW = 1_763_730_000
URLS = ("turn:192.0.2.1:3478?transport=udp", "turns:192.0.2.1:443?transport=tcp")


@pytest.fixture
def signer() -> rid.Signer:
    return rid.Signer(b"fleet key")


@pytest.fixture
def token(signer: rid.Signer) -> str:
    cell = rid.cell_of(geo.Place(latitude=50.11, longitude=8.68, country="DE"))
    return signer.sign(
        time=NOW,
        nonce=b"nonc",
        source=signer.source("203.0.113.9"),
        cell=cell,
        offered=rid.ids(URLS),
    )


def test_a_token_says_what_was_offered_to_whom_and_when(signer: rid.Signer, token: str) -> None:
    said = signer.verify(token, now=NOW + 10)
    assert isinstance(said, rid.Rid)
    assert (said.time, said.nonce, said.cell) == (NOW, b"nonc", "DE/50/8")
    assert said.source == signer.source("203.0.113.9") != signer.source("203.0.113.10")
    assert rid.url_id(URLS[0]) in said.offered
    assert rid.url_id("turn:192.0.2.2:3478?transport=udp") not in said.offered


def test_a_token_fits_in_a_header(token: str) -> None:
    assert token.isascii()
    assert len(token) < 100
    assert not set(token) & set("+/= ")


def test_a_token_is_good_for_an_hour(signer: rid.Signer, token: str) -> None:
    assert isinstance(signer.verify(token, now=NOW + 3600), rid.Rid)
    assert signer.verify(token, now=NOW + 3601) is rid.Flaw.EXPIRED
    assert isinstance(signer.verify(token, now=NOW - 60), rid.Rid)
    assert signer.verify(token, now=NOW - 61) is rid.Flaw.FUTURE


def test_a_token_of_another_fleet_is_forged(token: str) -> None:
    assert rid.Signer(b"another key").verify(token, now=NOW) is rid.Flaw.FORGED


@settings(deadline=None)
@given(st.data())
def test_a_changed_token_never_counts(data: st.DataObject) -> None:
    signer = rid.Signer(b"fleet key")
    token = signer.sign(
        time=NOW, nonce=b"nonc", source=b"srce", cell=b"DE/50/8", offered=rid.ids(URLS)
    )
    at = data.draw(st.integers(0, len(token) - 2))  # the last character has bits that say nothing
    letter = data.draw(st.sampled_from("ABCabc012-_").filter(lambda found: found != token[at]))
    changed = token[:at] + letter + token[at + 1 :]
    assert signer.verify(changed, now=NOW) in {rid.Flaw.FORGED, rid.Flaw.MALFORMED}


@settings(deadline=None)
@given(st.text(max_size=600) | st.binary(max_size=400).map(lambda raw: raw.hex()))
def test_any_text_is_judged(text: str) -> None:
    assert rid.Signer(b"fleet key").verify(text, now=NOW) in {
        rid.Flaw.MALFORMED,
        rid.Flaw.FORGED,
    }


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        (geo.Place(latitude=-33.9, longitude=151.2, country="AU"), b"AU/-34/152"),
        (geo.Place(latitude=0.3, longitude=-0.4), b"-/0/0"),
        (geo.Place(latitude=90.0, longitude=-180.0), b"-/90/-180"),
    ],
)
def test_cells(place: geo.Place, cell: bytes) -> None:
    assert rid.cell_of(place) == cell
