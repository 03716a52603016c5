import asyncio
from pathlib import Path

from aiohttp import web
from tests.support import apiservers, operators, writing

from turnfleet import names
from turnfleet.handlers import declaring
from turnfleet.kube import client, holding, kinds
from turnfleet.kube import declaring as values

_REGION = """
apiVersion: turnfleet.io/v1alpha1
kind: TurnRegion
metadata: {name: %s%s}
spec: {location: {latitude: 1, longitude: 2}, realm: turn.example.com%s}
---
"""


def _region(name: str = "eu", *, namespace: str = "", more: str = "") -> str:
    return _REGION % (name, f", namespace: {namespace}" if namespace else "", more)


def _declared(text: str) -> tuple[set[str], set[str], bool]:
    declared, _ = declaring.declare({"regions.yaml": text.encode()}, namespaces=("relays",))
    return (
        {str(key) for key in declared.bodies},
        {str(key) for key in declared.held},
        declared.complete,
    )


def test_a_region_goes_to_the_first_namespace_unless_it_says() -> None:
    assert _declared(_region("eu") + _region("us", namespace="relays")) == (
        {"relays/eu", "relays/us"},
        set(),
        True,
    )


def test_an_invalid_region_is_held_and_the_others_go_on() -> None:
    text = _region("eu", more=", weight: -1") + _region("us")
    assert _declared(text) == ({"relays/us"}, {"relays/eu"}, True)


def test_nothing_is_complete_while_something_has_no_name() -> None:
    for broken in ("kind: [", "metadata: {}\n", _region("eu", namespace="not-watched")):
        assert not _declared(_region("us") + broken)[2]


def test_an_empty_or_unreadable_folder_declares_nothing_and_is_not_complete() -> None:
    for files in (None, {}, {"regions.yaml": b""}, {"regions.yaml": b"# none\n"}):
        declared, _ = declaring.declare(files, namespaces=("relays",))
        assert not declared.complete
        assert not declared.bodies


def test_an_index_without_names_says_that_there_is_to_be_none() -> None:
    declared, problems = declaring.declare({declaring.INDEX: b"\n"}, namespaces=("relays",))
    assert declared.complete
    assert not declared.bodies
    assert problems == ()


def test_a_folder_that_is_not_what_its_index_says_changes_nothing() -> None:
    for index in (b"", b"eu us"):
        files = {declaring.INDEX: index, "eu.yaml": _region("eu").encode()}
        declared, problems = declaring.declare(files, namespaces=("relays",))
        assert not declared.complete
        assert not declared.bodies
        assert len(problems) == 1


def test_what_json_cannot_say_is_held() -> None:
    text = _region("eu", more=", unknown: .inf")
    assert _declared(text) == (set(), {"relays/eu"}, True)


def _sources(cluster: writing.Cluster) -> dict[str, str]:
    return {
        name: found["metadata"].get("labels", {}).get(names.LABEL_SOURCE, "")
        for name, found in cluster.all(kinds.TURN_REGION).items()
    }


async def test_a_folder_is_applied_followed_and_pruned(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    folder = tmp_path / "regions"
    folder.mkdir()
    file = folder / "regions.yaml"
    file.write_text(_region("eu") + _region("us"))
    async with operators.operating_in(cluster, tmp_path, regions=folder) as operator:
        await operator.declare("by-hand")
        await operator.until(lambda: {"eu", "us", "by-hand"} <= _sources(cluster).keys())
        assert _sources(cluster) == {"eu": "values", "us": "values", "by-hand": ""}
        await operator.until(lambda: len(cluster.all(kinds.REPLICA_SET)) == 3)

        file.write_text(_region("eu", more=", weight: 7"))
        await operator.until(lambda: "us" not in _sources(cluster))
        found = cluster.find(kinds.TURN_REGION, "eu", namespace="relays")
        assert found is not None
        assert found["spec"]["weight"] == 7
        assert set(_sources(cluster)) == {"eu", "by-hand"}

        await operator.settled()
        cluster.asked.clear()
        file.write_text("")
        await asyncio.sleep(2.5 * declaring.EVERY)
        assert cluster.writes() == []
        assert "eu" in _sources(cluster)

        file.unlink()
        (folder / declaring.INDEX).write_text("")
        await operator.until(lambda: set(_sources(cluster)) == {"by-hand"})


async def test_a_region_that_somebody_made_by_hand_stays_theirs(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    folder = tmp_path / "regions"
    folder.mkdir()
    (folder / "regions.yaml").write_text(_region("eu", more=", weight: 7"))
    await operators.declare(cluster, "eu")
    async with operators.operating_in(cluster, tmp_path, regions=folder) as operator:
        await operator.until(lambda: operator.status().get("Accepted") == "True")
        await asyncio.sleep(2.5 * declaring.EVERY)
        found = cluster.find(kinds.TURN_REGION, "eu", namespace="relays")
    assert found is not None
    assert "weight" not in found["spec"]
    assert holding.key(found) == ("relays", "eu")


async def test_a_region_that_is_refused_is_asked_for_less_and_less_until_it_is_another(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    def refused(asked: apiservers.Asked) -> web.Response | None:
        return apiservers.status(403, "Forbidden", "quota") if asked.verb == "patch" else None

    cluster.fault = refused
    key = holding.Key("relays", "eu")
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as api:
        acting = values.Declaring(api)
        for weight in (1, 2):
            declared = values.Declared(bodies={key: {"spec": {"weight": weight}}})
            told = {await acting.bring_about(declared, {}) for _ in range(100)}
            assert len(told) == 1, "and it is told all the while"
    assert len(cluster.asked) == 2 * 7
