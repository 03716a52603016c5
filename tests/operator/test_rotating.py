"""``turnfleet rotate`` beside an operator, with relays whose files follow the nudge."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from tests.support import apiservers, operators, simulated, writing

from turnfleet.commands import output, rotating
from turnfleet.kube import client, kinds
from turnfleet.plan.cluster import past, rotation

RELAYS = operators.RELAYS
OWN = "a secret of somebody's own"


@dataclass(slots=True, kw_only=True)
class Region:
    """A region of three relays, and the operator that looks after it."""

    operator: operators.Running
    relays: simulated.Relays
    folder: Path

    def secret(self) -> dict[str, str]:
        found = self.operator.cluster.find(kinds.SECRET, "eu-auth", namespace=RELAYS)
        assert found is not None
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}

    def reason(self) -> str:
        return self.operator.conditions().get("CredentialsInSync", {}).get("reason", "")

    async def rotate(
        self,
        *,
        request: str = "r1",
        now: bool = False,
        within: float | None = None,
        as_json: bool = False,
    ) -> tuple[int, str]:
        """Run the command; return its exit code and what it printed."""
        out = io.StringIO()
        code = await rotating.run(
            "eu",
            rotation.Request(id=request, now=now),
            kubeconfig=self.operator.cluster.kubeconfig(self.folder),
            namespaces=(RELAYS,),
            within=within,
            console=output.Console(out=out, err=out, as_json=as_json, color=False),
        )
        return code, out.getvalue()


@pytest_asyncio.fixture
async def region(cluster: writing.Cluster, tmp_path: Path) -> AsyncIterator[Region]:
    def files() -> tuple[simulated.Object, simulated.Object]:
        secret = cluster.find(kinds.SECRET, "eu-auth", namespace=RELAYS)
        told = cluster.find(kinds.CONFIG_MAP, "turn-eu", namespace=RELAYS)
        assert secret is not None
        assert told is not None
        return secret, told

    async with (
        operators.operating_in(cluster, tmp_path) as operator,
        simulated.serving(simulated.Relays(read=files)) as relays,
    ):
        kubelets = asyncio.create_task(watch(cluster, relays))
        for number in range(3):
            await cluster.put(kinds.NODE, simulated.node(number))
        await operator.declare(
            agent={"port": relays.port}, relays={"replicas": 3}, auth={"credentialTTL": "2m"}
        )
        await operator.until(lambda: cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS))
        made = cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS)
        assert made is not None
        for number in range(3):
            pod = simulated.pod(made, number, f"127.20.5.{number + 1}")
            await cluster.put(kinds.POD, pod)
        found = Region(operator=operator, relays=relays, folder=tmp_path)
        await operator.until(lambda: relays.asked >= 3 and found.reason() == "InSync")
        await operator.settled()
        yield found
        kubelets.cancel()


async def watch(cluster: writing.Cluster, relays: simulated.Relays) -> None:
    while True:
        for pod in list(cluster.all(kinds.POD).values()):
            await relays.told(pod["status"]["podIP"], pod)
        await asyncio.sleep(0.02)


async def test_a_rotation_is_through_in_seconds_and_loses_nobody(region: Region) -> None:
    before = region.secret()["current"]
    assert region.operator.signing()["region.eu"] == before
    told = asyncio.create_task(region.rotate(within=60))
    while not told.done():
        signed = region.operator.signing()["region.eu"]
        for relay in region.relays.by_address.values():
            assert signed in relay.accepts(), "endpoints sign with what a relay refuses"
        await asyncio.sleep(0.01)
    code, out = await told
    assert code == 0, out
    secret = region.secret()
    assert secret["previous"] == before != secret["current"]
    assert region.operator.signing()["region.eu"] == secret["current"]
    assert {relay.generation for relay in region.relays.by_address.values()} == {2}
    await region.operator.until(lambda: region.reason() == "RotationOverlap")
    assert int(region.secret()["retireAfter"]) > int(secret["rotatedAt"]) + 120 + 300


async def test_a_relay_that_cannot_tell_holds_the_rotation_up_until_it_can(region: Region) -> None:
    before = region.secret()["current"]
    region.relays.away.add("127.20.5.2")
    code, out = await region.rotate(within=2)
    assert code == 1
    assert "until every relay accepts the new one" in out
    assert region.operator.signing()["region.eu"] == before
    assert "retireAfter" not in region.secret()
    region.relays.away.clear()
    await region.operator.until(lambda: region.reason() == "RotationOverlap")


async def test_a_wait_outlives_an_api_server_that_is_away_for_a_moment(
    region: Region, cluster: writing.Cluster
) -> None:
    away = iter(range(3))

    def fault(asked: apiservers.Asked) -> web.Response | None:
        looked = asked.verb == "get" and asked.path.endswith("/turnregions/eu")
        down = looked and next(away, None) is not None
        return apiservers.status(503, "ServiceUnavailable") if down else None

    cluster.fault = fault
    code, out = await region.rotate(within=60)
    assert code == 0, out
    assert next(away, None) is None, "nobody looked"


async def test_who_asks_while_the_last_rotation_overlaps_is_told_until_when(region: Region) -> None:
    code, out = await region.rotate(within=60)
    assert code == 0, out
    secret = region.secret()
    await region.operator.until(lambda: region.reason() == "RotationOverlap")
    code, out = await region.rotate(request="r2")
    assert code == 0
    assert "begins once the last one is over" in out
    code, out = await region.rotate(within=2, request="r2")
    assert code == 1
    over = past.moment(float(secret["retireAfter"]))
    assert f"the last rotation overlaps until {over}; the next one begins then" in out
    assert "eu has not begun after 2 s" in out
    assert region.secret() == secret
    code, out = await region.rotate(now=True, within=60, request="r3")
    assert code == 0, out


async def test_an_emergency_leaves_nothing_of_the_old_secret(region: Region) -> None:
    before = region.secret()["current"]
    code, out = await region.rotate(now=True, within=60)
    assert code == 0, out
    assert "Live allocations go on" in out
    assert "previous" not in region.secret()
    for relay in region.relays.by_address.values():
        assert before not in relay.accepts()
        assert region.operator.signing()["region.eu"] in relay.accepts()


async def test_a_request_is_answered_once_and_a_settled_region_is_left_alone(
    region: Region,
) -> None:
    code, out = await region.rotate(within=60, as_json=True)
    assert json.loads(out)["request"] == "r1"
    assert code == 0
    await region.operator.settled()
    region.operator.cluster.asked.clear()
    await region.operator.declare()  # the same again: the annotation is still there
    await region.operator.settled()
    assert region.secret()["generation"] == "2"
    changed = {asked.path.rpartition("/")[0] for asked in region.operator.cluster.writes()}
    assert not any("pods" in path or "secrets" in path for path in changed)


async def test_nobodys_own_secret_is_rotated_by_the_command(region: Region) -> None:
    data = {"secret": base64.b64encode(OWN.encode()).decode()}
    await region.operator.cluster.put(
        kinds.SECRET, {"metadata": {"namespace": RELAYS, "name": "mine"}, "data": data}
    )
    await region.operator.declare(auth={"secretName": "mine"})
    with pytest.raises(output.Failure, match="your Secret mine"):
        await region.rotate()
    await region.operator.until(lambda: region.operator.signing()["region.eu"] == OWN)


async def test_who_has_no_right_to_it_is_told_so_in_the_servers_words(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    cluster.fault = lambda _: apiservers.status(403, "Forbidden", "you may not")
    console = output.Console(out=io.StringIO(), err=io.StringIO(), as_json=False, color=False)
    with pytest.raises(output.Failure, match=r"a request to the cluster failed: .*you may not"):
        await rotating.run(
            "eu",
            rotation.Request(id="r1"),
            kubeconfig=cluster.kubeconfig(tmp_path),
            namespaces=None,
            within=None,
            console=console,
        )


async def test_a_region_that_is_not_there_cannot_be_rotated(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as api:
        console = output.Console(out=io.StringIO(), err=io.StringIO(), as_json=False, color=False)
        with pytest.raises(output.Failure, match="no TurnRegion us"):
            await rotating.Rotating(api, console=console).find("us", (RELAYS,))
