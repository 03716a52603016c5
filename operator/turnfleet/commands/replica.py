"""One endpoint of a cluster: binds the watched fleet, probes and answers, and ends them in order.

The same core as one machine's. Replicas need nothing of each other: they agree because they read
the same TurnRegions, sign with the same keys, and tell each other what their clients taught.
"""

import argparse
import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import core

import turnfleet
from turnfleet.api import app, arrivals, board, keys, metrics, options, serving
from turnfleet.commands import arguments, learning, output, silence, together, traffic
from turnfleet.geo import atlas
from turnfleet.kube import client
from turnfleet.learned import peers
from turnfleet.model import signing
from turnfleet.probe import prober
from turnfleet.sources import cluster
from turnfleet.steer.backbone import estimating

_HOUSEKEEPING: Final = 60.0
"""Seconds between two looks at what nobody waits for: geo databases, where clients come from."""

_log = logging.getLogger("turnfleet.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for, already checked."""

    where: cluster.Whereabouts
    kubeconfig: Path | None
    opts: options.Options
    api_keys: Path | None
    listen: tuple[str | None, int]
    metrics_listen: tuple[str | None, int]
    databases: Path
    networks: Path | None
    shutdown_delay: float
    """Seconds."""
    peers: tuple[peers.Peers, ...]
    """Where other endpoints of the fleet are."""


def wishes(args: argparse.Namespace) -> Wishes:
    """Return what the flags of ``turnfleet api`` say."""
    opts = options.Options(
        access=args.access,
        origins=tuple(args.origin),
        trusted_proxies=tuple(args.trusted_proxy),
        **({} if args.default_place is None else {"default_place": args.default_place}),
    )
    return Wishes(
        where=cluster.Whereabouts(
            namespaces=arguments.namespaces(args),
            signing_folder=args.signing,
            signing_secret=args.signing_secret,
            state=args.state,
            ca=args.ca,
        ),
        kubeconfig=args.kubeconfig,
        opts=opts,
        api_keys=args.api_keys,
        listen=args.listen,
        metrics_listen=args.metrics_listen,
        databases=args.geo,
        networks=args.networks,
        shutdown_delay=args.shutdown_delay,
        peers=tuple(args.peers),
    )


async def serve(
    wished: Wishes,
    *,
    clock: Callable[[], float],
    ticks: Callable[[], float],
    token: Callable[[int], bytes],
) -> None:
    """Answer until a signal asks for the end; then unready for a while, so that nobody is lost."""
    asked = together.on_signals(asyncio.get_running_loop())
    told = traffic.Traffic()
    connecting = client.connected(
        wished.kubeconfig, program=f"turnfleet-api/{turnfleet.__version__}", counted=told.count
    )
    async with contextlib.AsyncExitStack() as stack:
        try:
            api = await stack.enter_async_context(connecting)
        except client.Unconfigured as problem:
            raise output.Failure(f"{problem}; name a kubeconfig with --kubeconfig.") from None
        replica = Replica(wished, api=api, counted=told, clock=clock, ticks=ticks, token=token)
        # Left in the other order: who listens no more tells others what it learned, and saves it.
        await stack.enter_async_context(replica.learning())
        await stack.enter_async_context(replica.listening())
        parts = [asyncio.create_task(part, name=name) for name, part in replica.parts().items()]
        ending = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({*parts, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                raise together.failure(parts)
            await replica.leave(asked)
        finally:
            for task in (*parts, ending):
                task.cancel()
            await asyncio.gather(*parts, ending, return_exceptions=True)


class Replica:
    """The parts, wired."""

    def __init__(
        self,
        wished: Wishes,
        *,
        api: client.Client,
        counted: traffic.Traffic,
        clock: Callable[[], float],
        ticks: Callable[[], float],
        token: Callable[[int], bytes],
    ) -> None:
        self._wished = wished
        self._traffic = counted
        self._clock = clock
        self._leaving = False
        self._fleet_key: bytes | None = None
        self._source_news = together.News(_log)
        self._key_news = together.News(_log)
        self._came = arrivals.Arrivals()
        self._learned = learning.Learned(state=wished.where.state, clock=clock, ticks=ticks)
        self._shared = learning.Shared(
            self._learned,
            named=wished.peers,
            fleet_key=lambda: self._fleet_key,
            clock=clock,
            ticks=ticks,
            token=token,
        )
        self._keys = keys.KeyFolder(wished.api_keys) if wished.api_keys is not None else None
        self._board = board.Board()
        self._prober = prober.Prober(
            published=lambda: self._board.published,
            publish=self._board.publish_health,
            heard=lambda key, usage: self._board.heard(key, usage, at=clock()),
            agent_key="",  # comes with the keys
            clock=ticks,
            wall=clock,
            rng=random.Random(token(16)),  # noqa: S311 - spreads probes, guards nothing
        )
        self._board.on_publish(self._prober.source_changed)
        self._atlas = atlas.open(wished.databases, wished.networks, _log.warning)
        self._app = app.create(
            current=self._board,
            atlas=self._atlas,
            estimator=estimating.Backbone(),
            fleet_key=token(signing.KEY_BYTES),  # nobody's: no region has a secret before the keys
            opts=wished.opts,
            clock=clock,
            entropy=token,
            prober=self._prober,
            attributions=lambda: [str(found) for found in self._atlas.attributions],
            key_hashes=lambda: self._keys.hashes if self._keys is not None else (),
            unready=self._unready,
            came=self._came,
            learned=self._learned.sources,
        )
        if any(isinstance(named, peers.Url) for named in wished.peers):
            self._app.add_routes(self._shared.routes())
        self._source = cluster.Cluster(
            wished.where,
            api=api,
            changed=self._take,
            clock=ticks,
            wall=clock,
            rng=random.Random(token(16)),  # noqa: S311 - spreads requests, guards nothing
        )

        self._silence = silence.Silence(heard=lambda: self._source.heard, clock=clock, log=_log)

    def parts(self) -> dict[str, Coroutine[None, None, None]]:
        """Return what has to go on for as long as the program does, by name."""
        parts = {
            "source": self._source.run(),
            "prober": self._prober.run(),
            "housekeeping": self._keep_house(),
            "sharing": self._shared.run(),
        }
        if self._keys is not None:
            parts["API keys"] = self._follow_keys(self._keys)
        return parts

    @contextlib.asynccontextmanager
    async def learning(self) -> AsyncIterator[None]:
        """Keep what clients teach until the block ends, and then tell others of it, too."""
        async with self._learned.kept(), self._shared.parting():
            yield

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Know what is on disk, and be reachable, until the block ends."""
        self._source.recall()
        if self._keys is not None:
            self._keys.look()
        collector = metrics.Collector(
            tally=self._app[app.ENDPOINT].desk.tally,
            current=lambda: self._board.fleet,
            prober=self._prober,
            came=self._came,
            more=self._measured,
        )
        front = serving.Runner(self._app)
        inside = app.inside(collector)
        inside.add_routes(self._shared.routes())
        back = web.AppRunner(inside, handle_signals=False, access_log=None)
        async with contextlib.AsyncExitStack() as stack:
            for runner, (address, port), what in (
                (front, self._wished.listen, "The endpoint listens"),
                (back, self._wished.metrics_listen, "Metrics are"),
            ):
                await runner.setup()
                stack.push_async_callback(runner.cleanup)
                try:
                    await web.TCPSite(runner, address, port).start()
                except OSError as error:
                    raise output.Failure(
                        f"cannot listen on {address or 'any address'}, port {port}: "
                        f"{error.strerror}."
                    ) from None
                _log.info("%s at port %d", what, runner.addresses[0][1])
            yield

    async def leave(self, asked: asyncio.Event) -> None:
        """Go on unready, so that nobody new is sent here; a second signal cuts that short."""
        self._leaving = True
        asked.clear()
        _log.info("Ending in %g s", self._wished.shutdown_delay)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wished.shutdown_delay):
                await asked.wait()

    def _take(self) -> None:
        known = self._source.keys
        if known is not None and known.fleet_key != self._fleet_key:
            self._fleet_key = known.fleet_key
            self._learned.rekey(known.fleet_key)
            self._app[app.ENDPOINT].desk.rekey(known.fleet_key)
            self._prober.rekey(signing.agent_key(known.fleet_key))
        self._board.publish_regions(self._source.published)
        self._source_news.tell(self._source.complaints)

    def _unready(self) -> str | None:
        if self._leaving:
            return "This endpoint is ending."
        if self._source.keys is None:
            return "There is nothing to sign with yet; the operator fills the Secret."
        if not self._source.published and self._source.trouble is not None:
            return f"No region is known, and the API server tells of none: {self._source.trouble}"
        return None

    async def _follow_keys(self, folder: keys.KeyFolder) -> None:
        while True:
            nobody = self._wished.opts.access is options.Access.KEY and not folder.hashes
            closed = ("There is no valid API key, so nobody is answered",) if nobody else ()
            self._key_news.tell((*folder.complaints, *closed))
            await asyncio.sleep(keys.LOOK_EVERY)
            await asyncio.to_thread(folder.look)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING)
            await asyncio.to_thread(self._atlas.refresh)
            if (warning := self._came.warning()) is not None:
                _log.warning("%s", warning)
            self._silence.mind(len(self._source.published))

    def _measured(self) -> Iterable[core.Metric]:
        yield core.GaugeMetricFamily(
            "turnfleet_source_silence_seconds",
            "Since the API server was last heard of: the age of the fleet that answers are from.",
            value=self._silence.seconds,
        )
        yield core.GaugeMetricFamily(
            "turnfleet_source_complaints",
            "Sentences in the log about what is wrong with TurnRegions and keys just now.",
            value=len(self._source.complaints),
        )
        yield self._traffic.measured()
        yield from app.measured(self._app)
        yield from self._learned.measured()
        yield from self._shared.measured()
