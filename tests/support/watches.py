"""A running watch of ConfigMaps, with what it told."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from turnfleet.kube import client, holding, kinds, watching

QUICK: Final = watching.Pace(first_wait=0.02, longest_wait=0.1, lasting=30, silence=1.0, least=0.2)


class Seen:
    """A running watch, and what it told."""

    def __init__(self) -> None:
        self.batches: list[tuple[holding.Change, ...]] = []
        self.watch: watching.Watch

    @property
    def names(self) -> set[str]:
        return {str(key) for key in self.watch.objects}

    @property
    def changes(self) -> list[tuple[str, bool, bool]]:
        """Return each change: whose, whether it was there, whether it is there."""
        return [
            (str(change.key), change.before is not None, change.after is not None)
            for batch in self.batches
            for change in batch
        ]


@contextlib.asynccontextmanager
async def watched(
    kubeconfig: Path, *, pace: watching.Pace = QUICK, synced: bool = True, **more: Any
) -> AsyncIterator[Seen]:
    """Watch ConfigMaps until the block ends."""
    seen = Seen()
    async with client.connected(kubeconfig, program="tests") as api:
        seen.watch = watching.Watch(
            api,
            kinds.CONFIG_MAP,
            **{"namespaces": None, **more},
            changed=seen.batches.append,
            clock=time.monotonic,
            rng=random.Random(1),  # noqa: S311 - repeatable on purpose
            pace=pace,
        )
        running = asyncio.create_task(seen.watch.run())
        try:
            if synced:
                async with asyncio.timeout(60):
                    await seen.watch.synced.wait()
            yield seen
        finally:
            assert not running.done(), running.exception()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def a_map(name: str, *, namespace: str = "media", text: str = "", **labels: str) -> dict[str, Any]:
    """Write a ConfigMap."""
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"text": text},
    }
