"""Rollouts and ends of relays, by an operator in this process."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web
from tests.support import operators

from turnfleet import names
from turnfleet.kube import kinds
from turnrelay import contract

LONG_AGO = "2026-01-01T00:00:00Z"


async def run_relay(operator: operators.Running, region: str, *, node: str, host: str = "") -> str:
    """Give a region a relay that has been ready for long; return the name of its pod."""
    number = node.rpartition("-")[2]
    await operator.cluster.put(
        kinds.NODE,
        {
            "metadata": {"name": node},
            "status": {
                "addresses": [{"type": "ExternalIP", "address": f"203.0.113.{number}"}],
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        },
    )
    await operator.until(
        lambda: operator.cluster.find(
            kinds.REPLICA_SET, f"turn-{region}", namespace=operators.RELAYS
        )
    )
    pod = await operator.cluster.run_pod(
        f"turn-{region}", namespace=operators.RELAYS, node=node, host=host
    )
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}
    status = pod["status"] | {"conditions": [ready]}
    await operator.cluster.put(kinds.POD, pod | {"status": status})
    name: str = pod["metadata"]["name"]
    await operator.until(lambda: relay(operator, region, name).get("state") == "Ready")
    return name


def relay(operator: operators.Running, region: str, name: str) -> dict[str, Any]:
    found = operator.cluster.find(kinds.TURN_REGION, region, namespace=operators.RELAYS) or {}
    listed: list[dict[str, Any]] = found.get("status", {}).get("relays", [])
    return next((one for one in listed if one["name"] == name), {})


def progressing(operator: operators.Running, region: str) -> str:
    return operator.conditions(region).get("Progressing", {}).get("reason", "")


def events(operator: operators.Running, reason: str) -> list[dict[str, Any]]:
    found = operator.cluster.all(kinds.EVENT).values()
    return [event for event in found if event["reason"] == reason]


async def test_the_only_relay_of_a_region_waits_for_another_region(
    operator: operators.Running,
) -> None:
    await operator.declare("eu", relays={"replicas": 1})
    name = await run_relay(operator, "eu", node="node-1")
    await operator.declare("eu", realm="other.test")
    await operator.until(lambda: progressing(operator, "eu") == "NoOtherRegion")
    assert operator.status("eu")["Progressing"] == "False"
    assert relay(operator, "eu", name)["state"] == "Ready"

    await operator.declare("us", relays={"replicas": 1})
    await run_relay(operator, "us", node="node-2")
    await operator.until(lambda: relay(operator, "eu", name).get("reason") == "Outdated")
    assert progressing(operator, "eu") == "RollingOut"


async def test_a_person_may_force_the_rollout_of_an_only_relay(
    operator: operators.Running,
) -> None:
    await operator.declare("eu", relays={"replicas": 1})
    name = await run_relay(operator, "eu", node="node-1")
    await operator.declare("eu", realm="other.test")
    await operator.until(lambda: progressing(operator, "eu") == "NoOtherRegion")
    message = operator.conditions("eu")["Progressing"]["message"]
    assert f"kubectl annotate -n {operators.RELAYS} tr eu {names.ANNOTATION_FORCE_ROLLOUT}" in (
        message
    )
    found = operator.cluster.find(kinds.TURN_REGION, "eu", namespace=operators.RELAYS)
    assert found is not None
    about = found["metadata"] | {"annotations": {names.ANNOTATION_FORCE_ROLLOUT: "true"}}
    await operator.cluster.put(kinds.TURN_REGION, found | {"metadata": about})
    await operator.until(lambda: relay(operator, "eu", name).get("reason") == "Outdated")


@contextlib.asynccontextmanager
async def telling(operator: operators.Running, live: Mapping[str, int]) -> AsyncIterator[int]:
    """Run the agents of relays, by their addresses, on one port: it is yielded."""

    async def answer(request: web.Request) -> web.Response:
        address = request.host.partition(":")[0]
        pods = operator.cluster.all(kinds.POD).values()
        own = next(pod for pod in pods if pod["status"]["podIPs"][0]["ip"] == address)
        said = {"instance": own["metadata"]["uid"], "state": "Ready", "allocations": live[address]}
        return web.json_response(said)

    application = web.Application()
    application.router.add_get(contract.PATH_STATUS, answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", 0).start()  # noqa: S104 - addresses of many pods
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_the_relay_whose_agent_tells_of_the_fewest_allocations_goes(
    operator: operators.Running,
) -> None:
    live = {"127.20.9.1": 7, "127.20.9.2": 3, "127.20.9.3": 9}
    async with telling(operator, live) as port:
        await operator.declare("eu", relays={"replicas": 3}, agent={"port": port})
        for number, address in enumerate(live, 1):
            await run_relay(operator, "eu", node=f"node-{number}", host=address)
        await operator.declare("eu", relays={"replicas": 2})
        await operator.until(lambda: progressing(operator, "eu") == "ScalingDown")
        await operator.until(
            lambda: relay(operator, "eu", "turn-eu-2").get("reason") == "ScaleDown"
        )


async def test_what_the_end_of_a_relay_cuts_is_an_event_and_a_metric(
    operator: operators.Running,
) -> None:
    await operator.declare("eu", relays={"replicas": 1})
    name = await run_relay(operator, "eu", node="node-1")
    pod = operator.cluster.find(kinds.POD, name, namespace=operators.RELAYS)
    assert pod is not None
    said = json.dumps({"allocationsCut": 3, "reason": "the drain took longer than 60 s"})
    ended = {"exitCode": 0, "finishedAt": LONG_AGO, "message": said}
    status = pod["status"] | {"containerStatuses": [{"state": {"terminated": ended}}]}
    operator.cluster.collects = False  # the pod goes last
    await operator.cluster.delete(kinds.TURN_REGION, "eu", namespace=operators.RELAYS)
    await operator.cluster.put(kinds.POD, pod | {"status": status})
    await operator.until(lambda: events(operator, "AllocationsCut"))
    (event,) = events(operator, "AllocationsCut")
    assert event["regarding"]["name"] == "eu"
    assert "3 of them: the drain took longer than 60 s" in event["note"]
    counted = operator.figures()
    assert 'turnfleet_operator_allocations_cut_total{namespace="relays",region="eu"} 3.0' in counted


async def test_a_decision_is_in_the_status_within_a_second(operator: operators.Running) -> None:
    await operator.declare("eu", relays={"replicas": 1})
    name = await run_relay(operator, "eu", node="node-1")

    async def until(state: str) -> float:
        began = time.monotonic()
        await operator.until(lambda: relay(operator, "eu", name).get("state") == state)
        return time.monotonic() - began

    await operator.declare("eu", weight=0)
    assert await until("Closed") < 1
    await operator.declare("eu", weight=100)
    assert await until("Ready") < 1
    await operator.cluster.delete(kinds.POD, name, namespace=operators.RELAYS)
    assert await until("Draining") < 1
    assert relay(operator, "eu", name)["drainingUntil"] == "2100-01-01T00:00:00Z"
    await operator.until(lambda: events(operator, "RelayDraining"))
