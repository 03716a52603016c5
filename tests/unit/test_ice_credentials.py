"""Credentials: what coturn checks, for as long as a region allows, without a name in clear."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnfleet.ice import credentials
from turnrelay import contract


def test_a_credential_is_that_of_the_turn_rest_api() -> None:
    # Computed with: echo -n 1763730000:alice | openssl dgst -sha1 -hmac north -binary | base64
    minted = credentials.mint(secret=b"north", user="alice", expires=1_763_730_000)
    assert minted.username == "1763730000:alice"
    assert minted.password == "WfAJCtNEQOvf/mY+bpJmv97+eAc="
    assert minted.expires == 1_763_730_000


def test_a_credential_does_not_show_its_password() -> None:
    minted = credentials.mint(secret=b"north", user="alice", expires=1)
    assert minted.password not in repr(minted)


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=600))
def test_a_signer_is_hmac_sha1(secret: bytes, name: bytes) -> None:
    expected = base64.b64encode(hmac.digest(secret, name, "sha1"))
    assert credentials.Signer(secret).password(name) == expected


def test_a_signer_can_be_used_again() -> None:
    signer = credentials.Signer(b"north")
    assert signer.password(b"a") != signer.password(b"b")
    assert signer.password(b"a") == credentials.Signer(b"north").password(b"a")


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=64), st.text(max_size=200))
def test_a_wire_user_says_nothing_and_is_always_the_same(key: bytes, user: str) -> None:
    wire = credentials.wire_user(key, user)
    assert wire == credentials.wire_user(key, user)
    assert credentials.user_problem(wire, plain=True) is None
    assert len(wire) == 16


def test_wire_users_differ_by_user_and_by_fleet() -> None:
    names = {credentials.wire_user(key, user) for key in (b"a", b"b") for user in ("alice", "bob")}
    assert len(names) == 4


@pytest.mark.parametrize(
    "user", ["alice", "a", "A.b", "user@example.com", "1:2", "x" * 128, "union", "select-1"]
)
def test_ordinary_names_are_accepted(user: str) -> None:
    assert credentials.user_problem(user, plain=True) is None


@pytest.mark.parametrize(
    "user",
    [
        "",
        "x" * 129,
        "x" * 1000,
        "a b",
        "a'b",
        'a"b',
        "a\\b",
        "a\nb",
        "a\0b",
        "ü",
        "%s",
        "a/b",
        "alice\n",
    ],
)
def test_hostile_names_are_refused_with_a_sentence(user: str) -> None:
    for plain in (True, False):
        sentence = credentials.user_problem(user, plain=plain)
        assert sentence is not None
        assert sentence.startswith("user has to be 1 to 128 characters")


def test_nobody_is_taken_for_the_probe_user() -> None:
    assert credentials.user_problem(contract.PROBE_USER, plain=True) is not None
    assert credentials.user_problem("snake_case", plain=True) is None


def test_a_plain_name_that_looks_like_sql_to_coturn_is_refused() -> None:
    assert credentials.user_problem("Select-a-Union", plain=True) is not None
    assert credentials.user_problem("Select-a-Union", plain=False) is None


@pytest.mark.parametrize(
    ("requested", "limits", "ttl"),
    [
        (None, [3600, 1800], 1800),
        (600, [3600, 1800], 600),
        (1, [3600], 60),
        (10**9, [3600, 7200], 3600),
        (120, [60], 60),
    ],
)
def test_a_ttl_is_kept_between_a_minute_and_what_every_region_offered_allows(
    requested: int | None, limits: list[int], ttl: int
) -> None:
    assert credentials.effective_ttl(requested, limits) == ttl


def test_a_secret_longer_than_a_block_is_hashed_first() -> None:
    long = b"x" * 65
    assert (
        credentials.Signer(long).password(b"a")
        == credentials.Signer(hashlib.sha1(long).digest()).password(b"a")  # noqa: S324 - RFC 2104
    )
