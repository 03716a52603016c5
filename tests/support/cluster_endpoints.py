"""The replicas of an endpoint in a cluster, each asked and told by itself, not by its service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from prometheus_client import parser
from tests.e2e.cluster import kubectl
from tests.support import cluster_fleet

_SELECTOR: Final = "app.kubernetes.io/name=turnfleet,app.kubernetes.io/component=api"
_PORT: Final = 8080
_METRICS: Final = 9642
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One pod of the endpoint. ``key`` is that of a back end."""

    name: str
    address: str
    key: str

    async def answer(self, client: Mapping[str, str]) -> Mapping[str, Any]:
        """Return an answer to a client, with its token and how it came about."""
        asked = {**client, "format": "config"}
        answer: Mapping[str, Any] = await self._get("/api/get-ice-servers", asked)
        return answer

    async def explain(self, client: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
        """Return what is thought of each region for a client, by its name."""
        told = await self._get("/api/explain", client)
        return {region["region"]: region for region in told["regions"]}

    async def report(self, token: str, times: Mapping[str, float]) -> None:
        """Tell it what a client measured: ms until a candidate, by URL."""
        body = {
            "rid": token,
            "engine": "chromium",
            "outcome": "gathered",
            "times": [{"url": url, "ms": ms} for url, ms in times.items()],
        }
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, raise_for_status=True) as session,
            session.post(f"{self._at(_PORT)}/api/ice-report", json=body),
        ):
            pass

    async def metric(self, name: str) -> float:
        """Return the sum of a metric's samples."""
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, raise_for_status=True) as session,
            session.get(f"{self._at(_METRICS)}/metrics") as response,
        ):
            text = await response.text()
        return sum(
            sample.value
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        )

    async def _get(self, path: str, query: Mapping[str, str]) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with (
            aiohttp.ClientSession(
                timeout=_TIMEOUT, headers=headers, raise_for_status=True
            ) as session,
            session.get(f"{self._at(_PORT)}{path}", params=query) as response,
        ):
            return await response.json()

    def _at(self, port: int) -> str:
        return f"http://{self.address}:{port}"


def ready(fleet: cluster_fleet.Fleet) -> tuple[Replica, ...]:
    """Return the replicas that are ready and stay, by name."""
    pods = fleet.kubernetes.kubectl.items(
        "pods", namespace=cluster_fleet.NAMESPACE, selector=_SELECTOR
    )
    key = fleet.key
    return tuple(
        Replica(name=pod["metadata"]["name"], address=pod["status"]["podIP"], key=key)
        for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))
        if _is_ready(pod)
    )


def _is_ready(pod: kubectl.Document) -> bool:
    conditions = pod["status"].get("conditions", ())
    well = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return well and "deletionTimestamp" not in pod["metadata"]
