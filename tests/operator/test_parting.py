"""The last words of relays, as they are found in the status of pods."""

import json
from typing import Any

import pytest

from turnfleet.kube import parting

ENDED = "2026-01-01T12:00:00Z"


def pod(message: str | None, *, state: str = "state", at: str = ENDED) -> dict[str, Any]:
    ended = {"exitCode": 0, "finishedAt": at} | ({} if message is None else {"message": message})
    return {"status": {"containerStatuses": [{"name": "relay", state: {"terminated": ended}}]}}


def words(cut: object, reason: object = "told so") -> str:
    return json.dumps({"allocationsCut": cut, "reason": reason})


def test_what_a_relay_says_at_its_end_is_heard_once() -> None:
    running: dict[str, Any] = {"status": {"containerStatuses": [{"state": {"running": {}}}]}}
    ended = pod(words(3))
    assert parting.news(running, ended) == parting.Words(at=ENDED, cut=3, reason="told so")
    assert parting.news(ended, ended) is None
    assert parting.news(ended, pod(words(3), state="lastState")) is None, "it was started again"
    assert parting.news(ended, pod(words(3), at="2026-01-01T13:00:00Z")) is not None


@pytest.mark.parametrize(
    "message",
    [
        None, "", "killed", "[", "[1]", "3", "null", words(-1), words("3"), words([]),
        words(10**12), words(None), "[" * 4000, '{"reason": "told so"}',
    ],
)  # fmt: skip
def test_what_is_no_such_message_is_none(message: str | None) -> None:
    assert parting.news({}, pod(message)) is None


def test_a_reason_is_cut_short_and_may_be_anything() -> None:
    assert parting.news({}, pod(words(0, "x" * 4000))) == parting.Words(
        at=ENDED, cut=0, reason="x" * 200
    )
    assert parting.news({}, pod(words(0, 7))) == parting.Words(at=ENDED, cut=0, reason="")
