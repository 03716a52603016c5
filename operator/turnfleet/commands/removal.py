"""Ends the regions of a cluster and waits for them. Never cuts a session short.

The operator is stopped first, or it would bring back the regions that its values declare. Draining
does not need it: relays drain by themselves, and owner references take the rest.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from turnfleet.commands import connecting
from turnfleet.kube import client, failures, fields, kinds

LOOK_EVERY: Final = 2.0
"""Seconds between looks at what is left."""
QUIET: Final = 4
"""Looks in a row that must find nothing: an operator on its way out may still bring one back."""

_DEPLOYMENT: Final = kinds.Kind(name="Deployment", plural="deployments", group="apps")


async def run(
    *,
    kubeconfig: Path | None,
    namespaces: Sequence[str] | None,
    operator: tuple[str, str] | None,
    say: Callable[[str], None],
) -> None:
    """Stop the operator, if one is given, and remove every region of the namespaces."""
    async with connecting.cluster(
        kubeconfig, verb="remove-regions", failed="regions may be left", code=1
    ) as api:
        removal = Removal(api, say=say)
        if operator is not None:
            await removal.stop(*operator)
        await removal.remove(namespaces)
        if operator is not None:
            await removal.forget(*operator)


class Removal:
    """One removal. Goes on without the API server, and raises Failure where that is no use."""

    def __init__(
        self,
        api: client.Client,
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._say = say
        self._sleep = sleep
        self._told = ""

    async def stop(self, namespace: str, name: str) -> None:
        """Scale a Deployment to nothing; return once none of its pods counts any more."""
        self._tell(f"Stopping the operator {namespace}/{name}.")
        while not await self._worked(lambda: self._stopped(namespace, name)):
            await self._sleep(LOOK_EVERY)

    async def remove(self, namespaces: Sequence[str] | None) -> None:
        """Delete every region until none is left; ``None``: those of all namespaces."""
        looks = 0
        while True:
            gone = await self._worked(lambda: self._gone(namespaces))
            looks = looks + 1 if gone else 0
            if looks == QUIET:
                break
            await self._sleep(LOOK_EVERY)
        self._tell("No region is left.")

    async def forget(self, namespace: str, name: str) -> None:
        """Take away the Lease of an operator that was stopped: it made that itself."""
        while not await self._worked(lambda: self._forgotten(namespace, name)):
            await self._sleep(LOOK_EVERY)

    async def _worked(self, attempt: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await attempt()
        except (failures.Unavailable, failures.Throttled) as failure:
            self._tell(f"The API server does not answer; trying again: {failure}.")
            return False

    async def _stopped(self, namespace: str, name: str) -> bool:
        try:
            scale = await self._api.merge_patch(
                _DEPLOYMENT,
                name,
                {"spec": {"replicas": 0}},
                namespace=namespace,
                subresource="scale",
            )
        except failures.NotFound:
            return True
        return not fields.whole(scale, "status", "replicas")

    async def _forgotten(self, namespace: str, name: str) -> bool:
        with contextlib.suppress(failures.NotFound):
            await self._api.delete(kinds.LEASE, name, namespace=namespace)
        return True

    async def _gone(self, namespaces: Sequence[str] | None) -> bool:
        """Delete the regions that are not being deleted yet; return whether there is none."""
        left = []
        for namespace in (None,) if namespaces is None else namespaces:
            for region in await self._regions(namespace):
                about = fields.mapping(region, "metadata")
                home, name = fields.text(about, "namespace"), fields.text(about, "name")
                left.append(f"{home}/{name}")
                if "deletionTimestamp" not in about:
                    await self._delete(home, name, fields.text(about, "uid"))
        if left:
            self._tell(f"Waiting for {len(left)} to drain: {', '.join(sorted(left))}.")
        return not left

    async def _regions(self, namespace: str | None) -> Sequence[client.Object]:
        try:
            return await self._api.list(client.Query(kind=kinds.TURN_REGION, namespace=namespace))
        except failures.NotFound:
            return ()  # without the CRD there is no region

    async def _delete(self, namespace: str, name: str, uid: str) -> None:
        """Delete a region in the way in which it is seen until its last relay has ended."""
        try:
            await self._api.delete(
                kinds.TURN_REGION, name, namespace=namespace, uid=uid, propagation="Foreground"
            )
        except (failures.NotFound, failures.Conflict):
            return  # gone meanwhile, or another one of that name: the next look tells

    def _tell(self, sentence: str) -> None:
        if sentence != self._told:
            self._say(sentence)
        self._told = sentence
