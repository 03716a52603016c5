import base64
import random
from pathlib import Path

import pytest
from aiohttp import web
from tests.support import apiservers, operators, writing

from turnfleet import names
from turnfleet.kube import kinds

RELAYS = operators.RELAYS
_OBJECTS = (
    (kinds.SERVICE_ACCOUNT, "turn-eu"),
    (kinds.CONFIG_MAP, "turn-eu"),
    (kinds.SECRET, "eu-auth"),
    (kinds.POD_DISRUPTION_BUDGET, "turn-eu"),
    (kinds.REPLICA_SET, "turn-eu"),
)


async def test_a_region_gets_everything_that_it_consists_of(operator: operators.Running) -> None:
    region = await operator.declare()
    await operator.settled()
    for kind, name in _OBJECTS:
        found = operator.cluster.find(kind, name, namespace=RELAYS)
        assert found is not None, kind
        assert found["metadata"]["ownerReferences"][0]["uid"] == region["metadata"]["uid"]
        assert found["metadata"]["labels"][names.LABEL_REGION] == "eu"
    assert operator.status()["Accepted"] == "True"
    assert operator.status()["CredentialsInSync"] == "True"


async def test_the_endpoint_signs_with_what_relays_accept(operator: operators.Running) -> None:
    await operator.declare()
    await operator.until(lambda: "region.eu" in operator.signing())
    auth = operator.cluster.find(kinds.SECRET, "eu-auth", namespace=RELAYS)
    assert auth is not None
    accepted = base64.b64decode(auth["data"]["current"]).decode()
    assert operator.signing()["region.eu"] == accepted
    assert len(bytes.fromhex(operator.signing()["fleet-key"])) == 32


async def test_nothing_is_written_while_nothing_changes(operator: operators.Running) -> None:
    region = await operator.declare()
    await operator.settled()
    operator.cluster.asked.clear()
    found = operator.cluster.find(kinds.TURN_REGION, "eu", namespace=RELAYS)
    assert found is not None
    about = found["metadata"] | {"annotations": {"somebody": "was here"}}
    await operator.cluster.put(kinds.TURN_REGION, {**found, "metadata": about})
    await operator.settled()
    assert operator.cluster.writes() == []
    assert region["metadata"]["uid"] == found["metadata"]["uid"]


async def test_an_operator_that_starts_again_writes_nothing(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    async with operators.operating_in(cluster, tmp_path) as first:
        await first.declare()
        await first.settled()
        signing = first.signing()
    cluster.asked.clear()
    async with operators.operating_in(cluster, tmp_path) as second:
        await second.settled()
        assert cluster.writes() == []
        assert second.signing() == signing


async def test_an_operator_that_was_killed_in_the_middle_of_a_create_is_made_up_for(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    async with operators.operating_in(cluster, tmp_path) as first:
        await first.declare()
        await first.settled()
    for kind, name in _OBJECTS[2:]:
        await cluster.remove(kind, name, namespace=RELAYS)
    async with operators.operating_in(cluster, tmp_path) as second:
        await second.settled()
        assert all(cluster.find(kind, name, namespace=RELAYS) for kind, name in _OBJECTS)


async def test_a_region_that_cannot_be_followed_is_held(operator: operators.Running) -> None:
    await operator.declare()
    await operator.settled()
    before = [operator.cluster.find(kind, name, namespace=RELAYS) for kind, name in _OBJECTS]
    await operator.declare(realm="not a realm")
    await operator.until(lambda: operator.status()["Accepted"] == "False")
    await operator.settled()
    after = [operator.cluster.find(kind, name, namespace=RELAYS) for kind, name in _OBJECTS]
    assert before == after
    assert "spec.realm" in operator.conditions()["Accepted"]["message"]


async def test_what_somebody_deletes_comes_back(operator: operators.Running) -> None:
    await operator.declare()
    await operator.settled()
    await operator.cluster.remove(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS)
    await operator.until(
        lambda: operator.cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS)
    )


async def test_what_somebody_edits_is_put_right(operator: operators.Running) -> None:
    await operator.declare()
    await operator.settled()
    found = operator.cluster.find(kinds.CONFIG_MAP, "turn-eu", namespace=RELAYS)
    assert found is not None
    await operator.cluster.put(kinds.CONFIG_MAP, {**found, "data": {"config.json": "{}"}})
    await operator.until(
        lambda: (
            operator.cluster.find(kinds.CONFIG_MAP, "turn-eu", namespace=RELAYS)["data"]  # type: ignore[index]
            == found["data"]
        )
    )


async def test_a_deleted_region_leaves_nothing_behind(operator: operators.Running) -> None:
    await operator.declare()
    await operator.settled()
    await operator.cluster.delete(kinds.TURN_REGION, "eu", namespace=RELAYS)
    await operator.until(lambda: "region.eu" not in operator.signing())
    await operator.settled()
    assert not any(operator.cluster.find(kind, name, namespace=RELAYS) for kind, name in _OBJECTS)


async def test_a_deletion_that_nobody_told_of_is_found_out(operator: operators.Running) -> None:
    await operator.declare("eu")
    await operator.declare("us")
    await operator.settled()
    await operator.cluster.lose(kinds.TURN_REGION, "eu", namespace=RELAYS)
    operator.cluster.forget()
    operator.cluster.cut()
    await operator.until(lambda: "region.eu" not in operator.signing())
    await operator.settled()
    assert "region.us" in operator.signing()
    assert operator.cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS) is None


async def test_what_an_outage_hid_is_found_though_no_watch_tells_of_it(
    operator: operators.Running,
) -> None:
    def nothing(_: apiservers.Asked) -> web.Response:
        return apiservers.status(503, "ServiceUnavailable")

    await operator.declare("eu")
    await operator.declare("us")
    await operator.settled()
    operator.cluster.half_open()
    operator.cluster.fault = nothing
    operator.cluster.asked.clear()
    await operator.until(lambda: operator.cluster.count("put"))
    await operator.declare("eu", weight=0)
    await operator.cluster.lose(kinds.TURN_REGION, "us", namespace=RELAYS)
    operator.cluster.fault = None
    await operator.until(lambda: _observed(operator) == 2)
    await operator.until(lambda: "region.us" not in operator.signing())


def _observed(operator: operators.Running) -> object:
    found = operator.cluster.find(kinds.TURN_REGION, "eu", namespace=RELAYS) or {}
    return found.get("status", {}).get("observedGeneration")


async def test_a_refusal_is_told_and_tried_again(
    cluster: writing.Cluster, operator: operators.Running
) -> None:
    def no_replica_sets(asked: apiservers.Asked) -> web.Response | None:
        if asked.verb == "patch" and "replicasets" in asked.path:
            return apiservers.status(403, "Forbidden", "exceeded quota: none left")
        return None

    cluster.fault = no_replica_sets
    await operator.declare()
    await operator.until(
        lambda: "exceeded quota" in operator.conditions().get("Progressing", {}).get("message", "")
    )
    assert operator.status()["Progressing"] == "False"
    cluster.fault = None
    await operator.until(lambda: cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS))
    await operator.until(
        lambda: "exceeded quota" not in operator.conditions()["Progressing"]["message"]
    )


@pytest.mark.parametrize(("kind", "name"), [_OBJECTS[0], _OBJECTS[2]], ids=("first", "later"))
async def test_what_somebody_else_has_by_our_name_is_told_and_left_to_them(
    operator: operators.Running, kind: kinds.Kind, name: str
) -> None:
    cluster, about = operator.cluster, {"namespace": RELAYS, "name": name}
    theirs = await cluster.put(kind, {"metadata": about, "data": {"theirs": "aGVycw=="}})
    await operator.declare()
    await operator.until(
        lambda: operator.conditions().get("Progressing", {}).get("reason") == "NameInUse"
    )
    assert f"{kind.name}/{name}" in operator.conditions()["Progressing"]["message"]
    assert cluster.find(kind, name, namespace=RELAYS) == theirs
    assert cluster.all(kinds.REPLICA_SET) == {}, "it would have mounted theirs"

    await cluster.delete(kind, name, namespace=RELAYS)
    await operator.until(lambda: cluster.all(kinds.REPLICA_SET))


async def test_throttling_and_errors_lose_no_region(
    cluster: writing.Cluster, operator: operators.Running
) -> None:
    rng = random.Random(3)  # noqa: S311 - the same in every run

    def now_and_then(asked: apiservers.Asked) -> web.Response | None:
        if asked.verb != "patch" or rng.random() > 0.25:
            return None
        if rng.random() < 0.5:
            return apiservers.status(429, "TooManyRequests", Retry_After="0")
        return apiservers.status(500, "InternalError")

    cluster.fault = now_and_then
    for number in range(3):
        await operator.declare(f"eu-{number}")
    await operator.until(lambda: len(cluster.all(kinds.REPLICA_SET)) == 3)
    await operator.until(
        lambda: all(operator.status(f"eu-{n}").get("Accepted") == "True" for n in range(3)),
        within=30,
    )


async def test_of_two_regions_of_one_name_the_older_has_it(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    async with operators.operating_in(cluster, tmp_path, namespaces=(RELAYS, "other")) as operator:
        await operator.declare()
        await operator.settled()
        signed = operator.signing()["region.eu"]
        await operators.declare(cluster, namespace="other", created="2027-01-01T00:00:00Z")
        await operator.until(lambda: operator.status(namespace="other").get("Accepted") == "False")
        assert operator.conditions("eu", "other")["Accepted"]["reason"] == "NameTaken"
        assert cluster.find(kinds.REPLICA_SET, "turn-eu", namespace="other") is None
        assert operator.signing()["region.eu"] == signed
        await cluster.delete(kinds.TURN_REGION, "eu", namespace=RELAYS)
        await operator.until(lambda: operator.status(namespace="other")["Accepted"] == "True")
        await operator.until(lambda: cluster.find(kinds.REPLICA_SET, "turn-eu", namespace="other"))
        await operator.until(lambda: operator.signing().get("region.eu") not in {None, signed})


async def test_a_region_that_still_drains_has_left_its_name_to_the_next(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    async with operators.operating_in(cluster, tmp_path, namespaces=(RELAYS, "other")) as operator:
        await operator.declare()
        await operator.settled()
        await operators.declare(cluster, namespace="other", created="2027-01-01T00:00:00Z")
        await operator.until(lambda: operator.status(namespace="other").get("Accepted") == "False")
        signed = operator.signing()["region.eu"]
        found = cluster.find(kinds.TURN_REGION, "eu", namespace=RELAYS)
        assert found is not None
        about = found["metadata"] | {"deletionTimestamp": "2027-01-02T00:00:00Z"}
        await cluster.put(kinds.TURN_REGION, {**found, "metadata": about})
        await operator.until(lambda: operator.status(namespace="other")["Accepted"] == "True")
        await operator.until(lambda: operator.signing()["region.eu"] != signed)
        assert cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS), "it drains"


async def test_a_named_secret_is_signed_with_once_it_is_there(
    operator: operators.Running,
) -> None:
    await operator.declare(auth={"secretName": "mine"})
    await operator.until(lambda: operator.status().get("CredentialsInSync") == "False")
    assert "mine" in operator.conditions()["CredentialsInSync"]["message"]
    value = "sixteen letters and more"
    await operator.cluster.put(
        kinds.SECRET,
        {
            "metadata": {"namespace": RELAYS, "name": "mine"},
            "data": {"secret": base64.b64encode(value.encode()).decode()},
        },
    )
    await operator.until(lambda: operator.signing().get("region.eu") == value)


async def test_a_relay_is_given_the_addresses_of_its_node(operator: operators.Running) -> None:
    node = {
        "metadata": {"name": "node-1", "annotations": {names.ANNOTATION_ADDRESSES: "192.0.2.7"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    await operator.cluster.put(kinds.NODE, node)
    await operator.declare()
    await operator.until(
        lambda: operator.cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS)
    )
    await operator.cluster.run_pod("turn-eu", namespace=RELAYS, node="node-1")

    def given() -> str:
        pod = operator.cluster.find(kinds.POD, "turn-eu-1", namespace=RELAYS)
        assert pod is not None
        annotations: dict[str, str] = pod["metadata"].get("annotations", {})
        return annotations.get(names.ANNOTATION_ADDRESSES, "")

    await operator.until(lambda: given() == "192.0.2.7")


async def test_secrets_are_in_no_log_event_or_status(
    operator: operators.Running, caplog: object
) -> None:
    await operator.declare()
    await operator.settled()
    secrets = set(operator.signing().values())
    region = operator.cluster.find(kinds.TURN_REGION, "eu", namespace=RELAYS)
    shown = repr(
        (region, operator.cluster.all(kinds.EVENT), operator.cluster.all(kinds.CONFIG_MAP))
    )
    shown += str(getattr(caplog, "text", ""))
    assert len(secrets) == 2
    assert not any(secret in shown for secret in secrets)
