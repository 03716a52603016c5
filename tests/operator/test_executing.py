from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support import apiservers, writing

from turnfleet.kube import client, executing, kinds, reading
from turnfleet.plan.cluster import objects, observed, planned

_ACCOUNT = objects.Key(objects.Kind.SERVICE_ACCOUNT, "turn-eu")
_CONFIG = objects.Key(objects.Kind.CONFIG_MAP, "turn-eu")
_POD = objects.Key(objects.Kind.POD, "turn-eu-1")


@pytest.fixture
async def api(cluster: writing.Cluster, tmp_path: Path) -> AsyncIterator[client.Client]:
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as connected:
        yield connected


@pytest.fixture
def executor(api: client.Client) -> executing.Executor:
    return executing.Executor(api, may_write=lambda: True)


@pytest.fixture
async def identity(cluster: writing.Cluster) -> observed.Identity:
    about = {"namespace": "relays", "name": "eu", "generation": 1}
    return reading.identity(await cluster.put(kinds.TURN_REGION, {"metadata": about, "spec": {}}))


def _manifest(key: objects.Key, **body: Any) -> objects.Manifest:
    return objects.Manifest(
        key=key, body={"metadata": {"namespace": "relays", "name": key.name}, **body}
    )


def _live(found: apiservers.Object, key: objects.Key) -> dict[objects.Key, objects.Live]:
    return {key: reading.live(key.kind, found)}


async def test_nothing_is_made_for_a_region_that_has_gone(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    await cluster.delete(kinds.TURN_REGION, "eu", namespace="relays")
    plan = planned.Plan(apply=(_manifest(_ACCOUNT),))
    report = await executor.execute(plan, identity=identity, live={})
    assert report.gone
    assert cluster.all(kinds.SERVICE_ACCOUNT) == {}


async def test_nothing_is_made_for_a_region_that_was_made_again(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    await cluster.delete(kinds.TURN_REGION, "eu", namespace="relays")
    await cluster.put(
        kinds.TURN_REGION, {"metadata": {"namespace": "relays", "name": "eu"}, "spec": {}}
    )
    plan = planned.Plan(apply=(_manifest(_ACCOUNT),))
    report = await executor.execute(plan, identity=identity, live={})
    assert report.gone
    assert cluster.all(kinds.SERVICE_ACCOUNT) == {}


async def test_an_object_that_was_deleted_meanwhile_does_not_come_back(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    found = await cluster.put(kinds.CONFIG_MAP, dict(_manifest(_CONFIG).body))
    await cluster.remove(kinds.CONFIG_MAP, "turn-eu", namespace="relays")
    plan = planned.Plan(apply=(_manifest(_CONFIG, data={"config.json": "{}"}),))
    report = await executor.execute(plan, identity=identity, live=_live(found, _CONFIG))
    assert len(report.failed) == 1, "and is planned again"
    assert cluster.all(kinds.CONFIG_MAP) == {}


async def test_a_pod_that_is_another_one_by_now_is_left_alone(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    pod = {"metadata": {"namespace": "relays", "name": "turn-eu-1"}}
    await cluster.put(kinds.POD, pod)
    plan = planned.Plan(
        annotate=(planned.Annotate(pod="turn-eu-1", uid="another", annotations={"a": "b"}),),
        delete=(planned.Delete(key=_POD, uid="another", grace=60),),
    )
    report = await executor.execute(plan, identity=identity, live={})
    assert report.failed == ()
    found = cluster.find(kinds.POD, "turn-eu-1", namespace="relays")
    assert found is not None
    assert "annotations" not in found["metadata"]
    assert "deletionTimestamp" not in found["metadata"]


async def test_a_relay_that_is_not_as_it_was_looked_at_is_not_taken(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    pod = {"metadata": {"namespace": "relays", "name": "turn-eu-1", "annotations": {"a": "b"}}}
    seen = reading.pod(await cluster.put(kinds.POD, pod))
    await cluster.put(kinds.POD, {"metadata": {**pod["metadata"], "annotations": {}}})
    plan = planned.Plan(delete=(planned.Delete(key=_POD, uid=seen.uid, version=seen.version),))
    report = await executor.execute(plan, identity=identity, live={})
    assert (report.failed, report.written.deleted) == ((), {}), "the watch tells of it"
    found = cluster.find(kinds.POD, "turn-eu-1", namespace="relays")
    assert found is not None
    assert "deletionTimestamp" not in found["metadata"]


async def test_a_pod_is_given_the_grace_that_the_plan_says(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    pod = await cluster.put(kinds.POD, {"metadata": {"namespace": "relays", "name": "turn-eu-1"}})
    plan = planned.Plan(delete=(planned.Delete(key=_POD, uid=pod["metadata"]["uid"], grace=3660),))
    report = await executor.execute(plan, identity=identity, live={})
    found = cluster.find(kinds.POD, "turn-eu-1", namespace="relays")
    assert found is not None
    assert found["metadata"]["deletionGracePeriodSeconds"] == 3660
    assert report.written.deleted == {_POD: pod["metadata"]["uid"]}


async def test_what_builds_on_a_step_that_failed_is_not_done_and_the_status_is(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    def no_accounts(asked: apiservers.Asked) -> web.Response | None:
        refused = "serviceaccounts" in asked.path
        return apiservers.status(403, "Forbidden", "quota") if refused else None

    cluster.fault = no_accounts
    pod = await cluster.put(kinds.POD, {"metadata": {"namespace": "relays", "name": "turn-eu-1"}})
    plan = planned.Plan(
        apply=(_manifest(_ACCOUNT), _manifest(_CONFIG)),
        delete=(planned.Delete(key=_POD, uid=pod["metadata"]["uid"]),),
        status={"replicas": 0},
        events=(planned.Event(type=planned.EventType.NORMAL, reason="Done", message="done"),),
    )
    report = await executor.execute(plan, identity=identity, live={})
    assert [one.step for one in report.failed] == ["apply ServiceAccount/turn-eu"]
    assert "quota" in report.failed[0].refused
    assert report.happened == ()
    assert cluster.all(kinds.CONFIG_MAP) == {}
    assert cluster.find(kinds.POD, "turn-eu-1", namespace="relays") == pod
    region = cluster.find(kinds.TURN_REGION, "eu", namespace="relays")
    assert region is not None
    assert region["status"] == {"replicas": 0}


async def test_a_replica_whose_lease_ran_out_writes_nothing(
    cluster: writing.Cluster, api: client.Client, identity: observed.Identity
) -> None:
    executor = executing.Executor(api, may_write=lambda: False)
    plan = planned.Plan(
        apply=(_manifest(_ACCOUNT),),
        annotate=(planned.Annotate(pod="p", uid="u", annotations={}),),
        delete=(planned.Delete(key=_POD, uid="u"),),
        status={},
    )
    report = await executor.execute(plan, identity=identity, live={})
    assert report.failed
    assert cluster.writes() == []


async def test_what_somebody_else_made_is_not_taken_over(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    theirs = await cluster.put(
        kinds.CONFIG_MAP, {**_manifest(_CONFIG).body, "data": {"config.json": "theirs"}}
    )
    plan = planned.Plan(apply=(_manifest(_ACCOUNT), _manifest(_CONFIG, data={"config.json": "{}"})))
    report = await executor.execute(plan, identity=identity, live={})
    assert report.taken == (_CONFIG,)
    assert [one.step for one in report.failed] == ["apply ConfigMap/turn-eu"]
    assert cluster.find(kinds.CONFIG_MAP, "turn-eu", namespace="relays") == theirs


async def test_what_is_ours_gets_back_the_label_that_was_taken_off(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    owner = {"uid": identity.uid, "controller": True}
    metadata = {"namespace": "relays", "name": "turn-eu", "ownerReferences": [owner]}
    await cluster.put(kinds.CONFIG_MAP, {"metadata": metadata})
    labelled = metadata | {"labels": {"turnfleet.io/region": "eu"}}
    plan = planned.Plan(apply=(objects.Manifest(key=_CONFIG, body={"metadata": labelled}),))
    report = await executor.execute(plan, identity=identity, live={})
    assert report.failed == ()
    found = cluster.find(kinds.CONFIG_MAP, "turn-eu", namespace="relays")
    assert found is not None
    assert found["metadata"]["labels"] == {"turnfleet.io/region": "eu"}


async def test_a_secret_that_somebody_wrote_meanwhile_is_not_replaced_by_another_one(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    key = objects.Key(objects.Kind.SECRET, "eu-auth")
    seen = await cluster.put(kinds.SECRET, dict(_manifest(key, data={"current": "b25l"}).body))
    later = await cluster.put(kinds.SECRET, dict(_manifest(key, data={"current": "dHdv"}).body))
    plan = planned.Plan(apply=(_manifest(key, data={"current": "dGhyZWU="}),))
    report = await executor.execute(plan, identity=identity, live=_live(seen, key))
    assert len(report.failed) == 1, "and is planned again"
    assert cluster.find(kinds.SECRET, "eu-auth", namespace="relays") == later
    report = await executor.execute(plan, identity=identity, live=_live(later, key))
    assert not report.failed


async def test_many_pods_are_annotated_at_a_time_and_each_for_itself(
    cluster: writing.Cluster, executor: executing.Executor, identity: observed.Identity
) -> None:
    steps = []
    for number in range(40):
        about = {"namespace": "relays", "name": f"turn-eu-{number}"}
        found = await cluster.put(kinds.POD, {"metadata": about})
        uid = found["metadata"]["uid"] if number else "another"
        steps.append(
            planned.Annotate(pod=f"turn-eu-{number}", uid=uid, annotations={"turnfleet.io/x": "y"})
        )
    report = await executor.execute(planned.Plan(annotate=tuple(steps)), identity=identity, live={})
    assert not report.failed
    assert len(report.written.versions) == 39
    pods = cluster.all(kinds.POD).values()
    assert sum("annotations" in pod["metadata"] for pod in pods) == 39
