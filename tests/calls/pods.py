"""What becomes of a cluster's pods, by the minute that this machine hears of it.

``Census`` is pure: it takes watch events with their times, and tells when a relay was closed, when
it was opened or deleted, and when its pod was gone. ``watching`` feeds it from kubectl.
"""

import asyncio
import codecs
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.cluster import kubectl

from turnfleet import names

_API: Final = {"app.kubernetes.io/name": "turnfleet", "app.kubernetes.io/component": "api"}
_PIECE: Final = 1 << 16


@dataclass(slots=True)
class Story:
    """One relay's pod. Times are monotonic seconds."""

    name: str
    address: str = ""
    closed: float | None = None
    deleted: float | None = None
    gone: float | None = None

    @property
    def decided(self) -> float | None:
        """Return when it was decided that no new clients come here."""
        return self.deleted if self.closed is None else self.closed


class Census:
    """The pods that there are. ``over`` is called when a relay is open again or gone."""

    def __init__(self, over: Callable[[Story, float], None]) -> None:
        self._over = over
        self._relays: dict[str, Story] = {}
        self._replicas: dict[str, str] = {}

    def replicas(self) -> Mapping[str, str]:
        """Return the addresses of the endpoint's ready pods, by name."""
        return self._replicas

    def took(self, kind: str, pod: Mapping[str, Any], *, at: float) -> None:
        """Take an event of a watch."""
        metadata = pod["metadata"]
        labels = metadata.get("labels", {})
        if labels.get(names.LABEL_COMPONENT) == names.COMPONENT_RELAY:
            self._relay(kind, metadata, pod.get("status", {}), at)
        elif labels.items() >= _API.items():
            self._replica(kind, metadata, pod.get("status", {}))

    def _relay(
        self, kind: str, metadata: Mapping[str, Any], status: Mapping[str, Any], at: float
    ) -> None:
        story = self._relays.setdefault(metadata["uid"], Story(metadata["name"]))
        story.address = status.get("hostIP") or story.address
        if "deletionTimestamp" in metadata and story.deleted is None:
            story.deleted = at
        closed = names.ANNOTATION_CLOSED in metadata.get("annotations", {})
        if kind == "DELETED":
            del self._relays[metadata["uid"]]
            story.gone = at
            self._over(story, at)
        elif closed and story.closed is None:
            story.closed = at
        elif not closed and story.closed is not None:
            self._over(story, at)
            story.closed = None

    def _replica(self, kind: str, metadata: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        ready = any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in status.get("conditions", ())
        )
        if kind != "DELETED" and ready and "deletionTimestamp" not in metadata:
            self._replicas[metadata["name"]] = status["podIP"]
        else:
            self._replicas.pop(metadata["name"], None)


@contextlib.asynccontextmanager
async def watching(client: kubectl.Kubectl, census: Census) -> AsyncIterator[None]:
    """Tell a census of every pod for as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        client.program,
        f"--kubeconfig={client.kubeconfig}",
        *("get", "pods", "--all-namespaces", "--watch", "--output-watch-events", "--output=json"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    reading = asyncio.create_task(_read(process.stdout, census))
    try:
        yield
    finally:
        reading.cancel()
        if process.returncode is None:
            process.terminate()
        await asyncio.wait([reading])
        await process.wait()


async def _read(stream: asyncio.StreamReader, census: Census) -> None:
    decoder, text = json.JSONDecoder(), ""
    characters = codecs.getincrementaldecoder("utf-8")()
    while piece := await stream.read(_PIECE):
        text += characters.decode(piece)
        now = time.monotonic()
        while text := text.lstrip():
            try:
                event, end = decoder.raw_decode(text)
            except ValueError:
                break  # the rest of it is still to come
            text = text[end:]
            census.took(event["type"], event["object"], at=now)
