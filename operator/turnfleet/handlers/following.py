"""kopf's part: tells of TurnRegions and Nodes. Thin handlers, one for each kind.

kopf writes nothing here: no finalizer, no annotation, no Event, since what it would note down is
what a reconcile finds out by looking. It runs in our event loop once this replica leads.
"""

import asyncio
import datetime as dt
import itertools
import logging
import signal
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any, Final

import kopf

from turnfleet import names
from turnfleet.handlers import roster
from turnfleet.kube import client, kinds

WORKERS: Final = 32
_IDLE: Final = 0.05
"""Seconds for which a worker of kopf waits for more of its object: it holds a slot meanwhile."""
_RETRY: Final = 2.0
_LOGIN_LASTS: Final = 300.0
"""Seconds for which kopf uses a token; the one in a pod's file is replaced within the hour."""
_WATCH_LASTS: Final = 240

_log = logging.getLogger(__name__)


def registry(
    api: client.Client,
    *,
    regions: roster.Roster,
    nodes: roster.Roster,
    listed: Callable[[], None],
    wall: Callable[[], float],
) -> kopf.OperatorRegistry:
    """Return the handlers; ``listed`` is called for each object of a list that kopf made."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        access = await api.access()
        scheme, token = _credentials(access.authorization)
        return kopf.ConnectionInfo(
            server=access.server,
            ca_path=access.ca_file,
            certificate_path=access.certificate_file,
            private_key_path=access.key_file,
            scheme=scheme,
            token=token,
            insecure=not access.verify,
            expiration=dt.datetime.fromtimestamp(wall() + _LOGIN_LASTS, dt.UTC),
        )

    @kopf.on.event(names.GROUP, names.VERSION, kinds.TURN_REGION.plural, registry=handlers)
    async def turn_region(event: kopf.RawEvent, **_: Any) -> None:
        regions.told(event["type"], event["object"])
        if event["type"] is None:
            listed()

    @kopf.on.event(kinds.NODE.version, kinds.NODE.plural, registry=handlers)
    async def node(event: kopf.RawEvent, **_: Any) -> None:
        nodes.told(event["type"], event["object"])
        if event["type"] is None:
            listed()

    return handlers


def _credentials(authorization: str) -> tuple[str | None, str | None]:
    scheme, _, token = authorization.partition(" ")
    return (scheme, token) if token else (None, None)


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True  # needs rights to every CRD and namespace, for nothing
    chosen.queueing.worker_limit = WORKERS
    chosen.queueing.idle_timeout = _IDLE
    chosen.queueing.error_delays = (1, 2, 5, 10)
    chosen.watching.server_timeout = _WATCH_LASTS
    chosen.networking.error_backoffs = itertools.repeat(_RETRY)  # a watch is never given up
    chosen.persistence.diffbase_storage = _Forgetful()
    chosen.process.ultimate_exiting_timeout = None
    return chosen


class _Forgetful(kopf.DiffBaseStorage):
    """Keeps nothing to compare with: no handler asks what is different, and copies are dear."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        return None


async def follow(
    handlers: kopf.OperatorRegistry,
    *,
    namespaces: Sequence[str] | None,
    listed: Callable[[], Awaitable[None]],
    asked: asyncio.Event,
) -> None:
    """Run kopf until cancelled; one that ends is started again, and lists everything anew.

    ``listed`` waits until everything can be listed: kopf looks once which kinds there are, and
    never watches one that was not there. A signal sets ``asked`` rather than end kopf before
    everything else.
    """
    logging.getLogger("kopf").setLevel(logging.WARNING)
    while not asked.is_set():
        await listed()
        try:
            await _follow_once(handlers, namespaces, asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, watching has to go on
            _log.warning("kopf has ended and starts again: %s", str(error) or repr(error))
        await asyncio.sleep(_RETRY)


async def _follow_once(
    handlers: kopf.OperatorRegistry, namespaces: Sequence[str] | None, asked: asyncio.Event
) -> None:
    tasks = await kopf.spawn_tasks(
        registry=handlers,
        settings=settings(),
        standalone=True,
        clusterwide=namespaces is None,
        namespaces=tuple(namespaces or ()),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)  # kopf took them a moment ago
    await kopf.run_tasks(tasks, ignored=_Everything())


class _Everything(Collection["asyncio.Task[Any]"]):
    """The tasks that are none of kopf's business at its end: all.

    It would take every task that is new since its start for a hung one of its own, and cancel it.
    Its own are ended by those that made them.
    """

    def __contains__(self, task: object) -> bool:
        return True

    def __iter__(self) -> Iterator["asyncio.Task[Any]"]:
        return iter(())

    def __len__(self) -> int:
        return 0
