"""Whether an object has to be applied again, told without asking the API server."""

import copy
from typing import Any

import pytest
from tests.support import clusterplans, defaulting, fakecluster

from turnfleet.plan.cluster import drift, objects

KEY = objects.Key(objects.Kind.REPLICA_SET, "turn-eu")


def manifests(name: str = "first-apply-every-node-tls-443") -> list[objects.Manifest]:
    return list(clusterplans.read(name).plan().apply)


def live(body: Any) -> objects.Live:
    stored = defaulting.stored(body)
    stored["metadata"]["uid"] = "uid"
    return fakecluster.live(KEY, stored)


@pytest.mark.parametrize("name", ["first-apply", "first-apply-every-node-tls-443"])
def test_what_was_applied_is_not_applied_again(name: str) -> None:
    assert [m.key for m in manifests(name) if drift.drifted(m, live(m.body))] == []


def test_what_is_not_there_is_applied() -> None:
    assert all(drift.drifted(manifest, None) for manifest in manifests())


def test_everything_that_somebody_changes_is_noticed() -> None:
    """Each value of each manifest, changed one at a time."""
    for manifest in manifests():
        for path in leaves(manifest.body):
            stored = live(manifest.body)
            body: Any = copy.deepcopy(stored.body)
            place = body
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = "edited"
            changed = objects.Live(key=KEY, uid="uid", body=body)
            assert drift.drifted(manifest, changed), (manifest.key, path)


def leaves(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    match body:
        case dict() if body:
            return [leaf for key, value in body.items() for leaf in leaves(value, (*path, key))]
        case list() if body:
            return [leaf for i, value in enumerate(body) for leaf in leaves(value, (*path, i))]
        case _:
            return [path]


def test_what_a_manifest_does_not_say_any_more_is_noticed() -> None:
    before = drift.sealed(
        objects.Manifest(key=KEY, body={"metadata": {}, "spec": {"a": 1, "b": 2}})
    )
    after = drift.sealed(objects.Manifest(key=KEY, body={"metadata": {}, "spec": {"a": 1}}))
    assert drift.drifted(after, objects.Live(key=KEY, uid="uid", body=before.body))


def test_what_others_add_is_theirs() -> None:
    wanted = {"labels": {"a": "b"}, "env": [{"name": "X", "value": "1"}]}
    there = {
        "labels": {"a": "b", "theirs": "c"},
        "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1", "more": True}],
        "replicas": 3,
    }
    assert drift.covers(there, wanted)
    assert not drift.covers(wanted, there)


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        ("1024Mi", "1Gi"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("2", 2),
        ("1k", "1000"),
        ("1.5Gi", "1536Mi"),
    ],
)
def test_an_amount_is_the_same_in_any_form(wanted: str, written: object) -> None:
    assert drift.covers({"requests": {"x": written}}, {"requests": {"x": wanted}})
    assert drift.covers({"emptyDir": {"sizeLimit": written}}, {"emptyDir": {"sizeLimit": wanted}})


@pytest.mark.parametrize(
    ("wanted", "written"), [("1Gi", "1G"), ("1", "2"), ("1", "x"), ("1", None)]
)
def test_another_amount_is_another(wanted: str, written: object) -> None:
    assert not drift.covers({"limits": {"x": written}}, {"limits": {"x": wanted}})


def test_text_that_only_looks_like_an_amount_is_text() -> None:
    assert not drift.covers({"labels": {"x": "1Gi"}}, {"labels": {"x": "1024Mi"}})


def test_empty_text_is_as_good_as_none() -> None:
    assert drift.covers({}, {"value": ""})
    assert not drift.covers({"value": "x"}, {"value": ""})


def test_ports_of_one_number_are_told_apart_by_protocol() -> None:
    udp = {"containerPort": 3478, "protocol": "UDP"}
    tcp = {"containerPort": 3478, "protocol": "TCP"}
    assert drift.covers({"ports": [{"containerPort": 3478, **tcp}, udp]}, {"ports": [udp, tcp]})
    assert not drift.covers({"ports": [tcp]}, {"ports": [udp]})


@pytest.mark.parametrize("there", [None, "x", 1, [], {"args": "x"}, {"args": None}])
def test_anything_may_be_there_instead(there: object) -> None:
    assert not drift.covers(there, {"args": ["--one"]})
