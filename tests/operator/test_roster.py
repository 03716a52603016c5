from typing import Any

import hypothesis
from hypothesis import strategies as st

from turnfleet.handlers import roster
from turnfleet.kube import holding

_EU = holding.Key("relays", "eu")


def _object(
    name: str = "eu", *, version: int = 1, uid: str = "first", **more: Any
) -> dict[str, Any]:
    about = {"namespace": "relays", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": about, **more}


def _roster() -> tuple[roster.Roster, list[roster.Change]]:
    changes: list[roster.Change] = []
    return roster.Roster(changed=changes.append), changes


def test_what_is_told_twice_is_no_second_change() -> None:
    known, changes = _roster()
    known.told(None, _object())
    known.told("MODIFIED", _object())
    assert len(changes) == 1


def test_what_is_older_than_what_is_known_does_not_count() -> None:
    known, _ = _roster()
    known.told("MODIFIED", _object(version=10, spec=2))
    known.told(None, _object(version=9, spec=1))
    assert known.objects[_EU]["spec"] == 2


def test_the_roll_call_finds_out_what_has_gone() -> None:
    known, changes = _roster()
    known.told(None, _object("eu"))
    known.told(None, _object("us"))
    known.begin_roll_call()
    assert known.end_roll_call([_object("us")]) == 1
    assert _EU not in known.objects
    assert changes[-1].after is None


def test_the_roll_call_leaves_alone_what_came_after_it_began() -> None:
    known, _ = _roster()
    known.begin_roll_call()
    known.told("ADDED", _object("eu"))
    assert known.end_roll_call([]) == 0
    assert _EU in known.objects


def test_the_roll_call_brings_back_nothing_that_was_told_to_be_gone() -> None:
    known, _ = _roster()
    known.told("ADDED", _object())
    known.begin_roll_call()
    known.told("DELETED", _object(version=2))
    known.end_roll_call([_object()])
    assert _EU not in known.objects


def test_the_end_of_a_former_object_does_not_end_its_successor() -> None:
    known, _ = _roster()
    known.told("ADDED", _object(version=5, uid="second"))
    known.told("DELETED", _object(version=3, uid="first"))
    assert _EU in known.objects


def test_what_is_no_object_is_passed_over() -> None:
    known, changes = _roster()
    for nonsense in ({}, {"metadata": None}, {"metadata": {"name": 7}}):
        known.told("ADDED", nonsense)
    assert changes == []


@hypothesis.given(
    st.lists(st.sampled_from(("add", "edit", "delete", "lose", "relist")), max_size=40)
)
def test_after_a_roll_call_the_roster_is_the_truth(steps: list[str]) -> None:
    known, _ = _roster()
    truth: dict[str, int] = {}
    uid = 0
    for version, step in enumerate(steps, start=1):
        match step:
            case "add" | "edit" if truth:
                truth["eu"] = version
                known.told("MODIFIED", _object(version=version, uid=str(uid)))
            case "add":
                uid += 1
                truth["eu"] = version
                known.told("ADDED", _object(version=version, uid=str(uid)))
            case "delete" if truth:
                truth.clear()
                known.told("DELETED", _object(version=version, uid=str(uid)))
            case "lose":
                truth.clear()
            case "relist":
                for found in truth.values():
                    known.told(None, _object(version=found, uid=str(uid)))
            case _:
                pass
    known.begin_roll_call()
    known.end_roll_call([_object(version=found, uid=str(uid)) for found in truth.values()])
    assert {key.name for key in known.objects} == set(truth)
