"""What an uninstall runs that leaves nothing: stops the operator, ends regions, waits for them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support import apiservers

from turnfleet.commands import removal
from turnfleet.kube import client, failures, kinds


class Stage:
    """A cluster whose regions drain for a while, and a removal that does not wait in real time."""

    def __init__(self, server: apiservers.ApiServer, api: client.Client) -> None:
        self.server = server
        self.told: list[str] = []
        self.draining = 0
        """Looks for which a deleted region stays to be seen."""
        self.operator = 0
        """Looks for which the operator still has pods."""
        self.brings_back: str | None = None
        """A region that an operator on its way out makes once more."""
        self.away = 0
        """Requests that the API server does not answer."""
        server.fault = self._fault
        self._deleted: list[str] = []
        self._ending: list[str] = []
        self.removal = removal.Removal(api, say=self.told.append, sleep=self._sleep)

    async def region(self, name: str, *, namespace: str = "media") -> None:
        await self.server.put(
            kinds.TURN_REGION, {"metadata": {"name": name, "namespace": namespace}}
        )

    async def _sleep(self, _: float) -> None:
        self.draining -= 1
        self.operator -= 1
        while self._deleted:
            await self._mark(self._deleted.pop())
        while self._ending and self.draining < 0:
            await self.server.remove(kinds.TURN_REGION, self._ending.pop(), namespace="media")
        if self.brings_back and self.draining < -1:
            await self.region(self.brings_back)
            self.brings_back = None

    async def _mark(self, name: str) -> None:
        about = {"name": name, "namespace": "media", "deletionTimestamp": "2026-01-01T00:00:00Z"}
        await self.server.put(kinds.TURN_REGION, {"metadata": about})
        self._ending.append(name)

    def _fault(self, asked: apiservers.Asked) -> web.Response | None:
        if self.away > 0:
            self.away -= 1
            return apiservers.status(503, "ServiceUnavailable")
        if asked.path.endswith("/scale"):
            left = max(self.operator, 0)
            return web.json_response({"spec": {"replicas": 0}, "status": {"replicas": left}})
        if asked.verb == "delete":
            self._deleted.append(asked.path.rpartition("/")[2])
            return web.json_response({"kind": "Status", "status": "Success"})
        return None

    def asked(self, verb: str) -> list[tuple[str, Any]]:
        return [(one.path, one.body) for one in self.server.asked if one.verb == verb]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        apiservers.serving() as server,
        client.connected(server.kubeconfig(tmp_path), program="test") as api,
    ):
        yield Stage(server, api)


async def test_regions_are_waited_for_until_their_relays_have_ended(stage: Stage) -> None:
    await stage.region("eu")
    await stage.region("us")
    stage.draining = 5
    await stage.removal.remove(["media"])
    assert stage.told == ["Waiting for 2 to drain: media/eu, media/us.", "No region is left."]
    deleted = stage.asked("delete")
    assert [body["propagationPolicy"] for _, body in deleted] == ["Foreground", "Foreground"]


async def test_a_region_of_another_namespace_is_left_alone(stage: Stage) -> None:
    await stage.region("eu")
    await stage.region("theirs", namespace="staging")
    await stage.removal.remove(["media"])
    assert {path.rpartition("/")[2] for path, _ in stage.asked("delete")} == {"eu"}


async def test_a_region_that_comes_back_is_ended_again(stage: Stage) -> None:
    await stage.region("eu")
    stage.brings_back = "eu"
    await stage.removal.remove(None)
    assert len(stage.asked("delete")) == 2
    assert stage.told[-1] == "No region is left."


async def test_the_operator_is_stopped_and_seen_stopped(stage: Stage) -> None:
    stage.operator = 3
    await stage.removal.stop("fleet", "turnfleet-operator")
    (path, body), *_ = stage.asked("patch")
    assert path == "/apis/apps/v1/namespaces/fleet/deployments/turnfleet-operator/scale"
    assert body == {"spec": {"replicas": 0}}
    assert len(stage.asked("patch")) == 4


async def test_an_operator_that_is_gone_is_stopped(stage: Stage) -> None:
    stage.server.fault = lambda _: apiservers.status(404, "NotFound")
    await stage.removal.stop("fleet", "turnfleet-operator")


async def test_the_lease_of_a_stopped_operator_goes_too(stage: Stage) -> None:
    stage.away = 1
    await stage.removal.forget("fleet", "turnfleet-operator")
    paths = [path for path, _ in stage.asked("delete")]
    lease = "/apis/coordination.k8s.io/v1/namespaces/fleet/leases/turnfleet-operator"
    assert paths == [lease, lease]


async def test_a_lease_that_is_gone_is_forgotten(stage: Stage) -> None:
    stage.server.fault = lambda _: apiservers.status(404, "NotFound")
    await stage.removal.forget("fleet", "turnfleet-operator")


async def test_without_the_crd_there_is_nothing_to_wait_for(stage: Stage) -> None:
    stage.server.fault = lambda _: apiservers.status(404, "NotFound")
    await stage.removal.remove(["media"])
    assert stage.told == ["No region is left."]


async def test_an_api_server_that_is_away_is_waited_for(stage: Stage) -> None:
    await stage.region("eu")
    stage.away = 3
    await stage.removal.remove(["media"])
    assert stage.told[0].startswith("The API server does not answer; trying again:")
    assert stage.told[-1] == "No region is left."


async def test_a_right_that_lacks_ends_it_at_once(stage: Stage) -> None:
    stage.server.fault = lambda _: apiservers.status(403, "Forbidden")
    with pytest.raises(failures.Forbidden):
        await stage.removal.remove(["media"])
