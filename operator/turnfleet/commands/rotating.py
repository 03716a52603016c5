"""Asks for a rotation by an annotation of the TurnRegion, and follows what becomes of it.

The operator does it; this neither makes nor reads a secret, and needs no right to.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from turnfleet import names
from turnfleet.commands import connecting, output
from turnfleet.kube import client, failures, fields, kinds
from turnfleet.plan.cluster import rotation

LOOK_EVERY: Final = 0.2
"""Seconds between two looks at the region."""
_CONDITION: Final = "CredentialsInSync"
_THROUGH: Final = frozenset({"InSync", "RotationOverlap"})
"""Reasons with which every relay accepts the new secret and endpoints sign with it."""
_BEFORE: Final = frozenset(
    {"RotationQueued", "RotationSpreading", "RotationSwitching", "RotationStuck"}
)
"""Reasons with which a rotation that was asked for waits for the one before it."""
_EMERGENCY: Final = (
    "Each relay refuses the old secret as soon as it hears of it, within seconds. Credentials"
    " signed with it open no new allocation, however long they would have been good for: such"
    " clients have to ask for others. Live allocations go on, and are refreshed as before."
)


async def run(
    named: str,
    request: rotation.Request,
    *,
    kubeconfig: Path | None,
    namespaces: Sequence[str] | None,
    within: float | None,
    console: output.Console,
) -> int:
    """Ask, and wait ``within`` seconds if that is wanted; return the exit code."""
    async with connecting.cluster(kubeconfig, verb="rotate") as api:
        rotating = Rotating(api, console=console)
        found = await rotating.find(named, namespaces)
        return await rotating.rotate(found, request, within=within)


class Rotating:
    """One rotation. ``clock`` gives monotonic seconds."""

    def __init__(
        self,
        api: client.Client,
        *,
        console: output.Console,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._console = console
        self._clock = clock
        self._sleep = sleep

    async def find(self, named: str, namespaces: Sequence[str] | None) -> client.Object:
        """Return the region of a name; raises Failure unless there is just one."""
        found = [
            each
            for namespace in namespaces or (None,)
            for each in await self._api.list(
                client.Query(
                    kind=kinds.TURN_REGION, namespace=namespace, fields=f"metadata.name={named}"
                )
            )
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise output.Failure(f"there is no TurnRegion {named} there.")
        homes = ", ".join(sorted(fields.text(each, "metadata", "namespace") for each in found))
        raise output.Failure(f"there is a TurnRegion {named} in each of {homes}: name one of them.")

    async def rotate(
        self, found: client.Object, request: rotation.Request, *, within: float | None
    ) -> int:
        """Ask for a rotation of a region, and see it through; return the exit code."""
        name = fields.text(found, "metadata", "name")
        own = fields.text(found, "spec", "auth", "secretName")
        if own and not request.now:
            raise output.Failure(
                f"{name} signs with your Secret {own}: change its key `secret`, and the operator"
                " rotates to that."
            )
        began = self._clock()
        await self._api.merge_patch(
            kinds.TURN_REGION,
            name,
            {"metadata": {"annotations": {names.ANNOTATION_ROTATE: rotation.annotation(request)}}},
            namespace=fields.text(found, "metadata", "namespace"),
            uid=fields.text(found, "metadata", "uid"),
        )
        self._console.say(f"{name}: a rotation is asked for ({request.id}).")
        reason, message = _condition(found)
        if request.now:
            self._console.say(_EMERGENCY)
        elif within is None and reason in {"RotationOverlap", *_BEFORE}:
            self._console.say(f"It begins once the last one is over: {message}.")
        seconds = None
        if within is not None:
            seconds = await self._followed(found, request, until=began + within)
            if seconds is not None:
                seconds -= began
        if self._console.as_json:
            self._console.json({"region": name, "request": request.id, "seconds": seconds})
        if within is None:
            return 0
        if seconds is None:
            self._console.complain(f"{name} {await self._unfinished(found, request, within)}")
            return 1
        self._console.say(f"{name}: every relay accepts the new secret after {seconds:.1f} s.")
        return 0

    async def _followed(
        self, found: client.Object, request: rotation.Request, *, until: float
    ) -> float | None:
        """Return when a rotation was through; ``None``: not by then."""
        told = ""
        while self._clock() < until:
            region = await self._looked(found)
            reason, message = _condition(region)
            followed = _is_followed(region, request)
            if followed and reason in _THROUGH:
                return self._clock()
            if (followed or reason in _BEFORE) and message != told:
                told = message
                self._console.say(f"  {message}")
            await self._sleep(LOOK_EVERY)
        return None

    async def _unfinished(
        self, found: client.Object, request: rotation.Request, within: float
    ) -> str:
        """Return how far a rotation is that has not got through in time."""
        region = await self._looked(found)
        if _condition(region)[0] in _BEFORE and not _is_followed(region, request):
            return f"has not begun after {within:.0f} s; it does once the last rotation is over."
        return f"is not through after {within:.0f} s; it goes on."

    async def _looked(self, found: client.Object) -> client.Object:
        """Return a region as it is, or nothing of it while the API server is away."""
        try:
            return await self._api.get(
                kinds.TURN_REGION,
                fields.text(found, "metadata", "name"),
                namespace=fields.text(found, "metadata", "namespace"),
            )
        except (failures.Unavailable, failures.Throttled):
            return {}


def _is_followed(region: client.Object, request: rotation.Request) -> bool:
    return fields.text(region, "status", "credentials", "request") == request.id


def _condition(region: client.Object) -> tuple[str, str]:
    for condition in fields.items(region, "status", "conditions"):
        if fields.text(condition, "type") == _CONDITION:
            return fields.text(condition, "reason"), fields.text(condition, "message")
    return "", ""
