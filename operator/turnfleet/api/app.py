"""Puts an endpoint together: parts, routes, what happens at its start and end."""

import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, typedefs, web
from prometheus_client import core

from turnfleet.api import (
    access,
    adapting,
    answers,
    arrivals,
    board,
    clients,
    complaining,
    cors,
    endpoint,
    lessons,
    limits,
    metrics,
    openapi,
    options,
    overview,
    pages,
    probes,
    problems,
    reporting,
)
from turnfleet.learn import learning, reach, sources
from turnfleet.model import geo
from turnfleet.steer import estimating

SERVER: Final = "turnfleet"
"""Without versions: those of what it runs on are nobody's business."""
ENDPOINT: Final = web.AppKey("endpoint", endpoint.Endpoint)
_COUNTED: Final = web.AppKey("counted", tuple[Callable[[], Iterator[core.Metric]], ...])
_LOG = logging.getLogger(__name__)


def create(
    *,
    current: board.Board,
    atlas: geo.Atlas,
    estimator: estimating.Estimator,
    fleet_key: bytes,
    opts: options.Options,
    clock: Callable[[], float],
    entropy: Callable[[int], bytes],
    timer: Callable[[], float] = time.perf_counter,
    prober: probes.Prober | None = None,
    attributions: Callable[[], Sequence[str]] = tuple,
    key_hashes: Callable[[], Sequence[bytes]] | None = None,
    unready: Callable[[], str | None] = lambda: None,
    came: arrivals.Arrivals | None = None,
    learned: sources.Sources | None = None,
    sinks: Sequence[reporting.Sink] = (),
    more: Callable[[], Iterable[core.Metric]] = tuple,
) -> web.Application:
    """Return the application of one endpoint.

    ``clock`` gives Unix seconds, ``entropy`` random bytes (``os.urandom``), ``timer`` seconds since
    some moment; ``attributions`` the sentences that the geo databases in use want shown.
    ``key_hashes`` gives those of the API keys valid now, in place of the options'; ``unready`` one
    more reason not to be ready, asked first; ``came`` counts clients without a key; ``learned`` is
    what clients taught so far; ``sinks`` take reports that count, beside the learner; ``more``
    gives what else one machine counts.
    """
    learner = learning.Learner(sources=learned)
    transports = reach.Transports()
    learners = (
        lessons.Lessons(learner),
        adapting.Adapting(transports),
        complaining.Complaining(current, prober=prober, clock=clock),
    )
    desk = answers.Answers(
        current=current,
        atlas=atlas,
        estimator=estimator,
        learner=learner,
        transports=transports,
        fleet_key=fleet_key,
        opts=opts,
        clock=clock,
        entropy=entropy,
    )
    asked = endpoint.Endpoint(
        desk=desk,
        gate=access.Gate(opts, key_hashes=key_hashes),
        observer=clients.Observer(trusted=opts.trusted_proxies, geo_headers=opts.geo_headers),
        limiter=_limiter(opts, clock),
        came=came,
        opts=opts,
        timer=timer,
    )
    reports = reporting.Desk(
        signer=lambda: desk.signer,
        whose=desk.whose,
        current=current,
        observer=asked.observer,
        limiter=_limiter(opts, clock),
        may_read=asked.may_read,
        clock=clock,
        sinks=(*learners, *sinks),
    )
    application = web.Application(
        middlewares=(_outermost(asked), problems.middleware), client_max_size=opts.body_limit
    )
    application[ENDPOINT] = asked
    application[_COUNTED] = tuple(each.collect for each in (reports.heard, *learners))
    application.cleanup_ctx.append(_lifetime(opts))
    application.add_routes(_answering(asked, reports))
    application.add_routes(
        (
            web.get("/api/regions", _regions(asked, current, opts, attributions)),
            web.get("/openapi.json", _contract()),
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz(current, prober, unready)),
        )
    )
    if opts.one_machine:
        collector = metrics.Collector(
            tally=desk.tally,
            current=lambda: current.fleet,
            prober=prober,
            more=lambda: (*measured(application), *more()),
        )
        application.add_routes((web.get("/metrics", _metrics(collector)),))
    application.add_routes((pages.shared(),))
    if opts.page:
        application.add_routes(pages.routes())
    return application


def _answering(asked: endpoint.Endpoint, reports: reporting.Desk) -> tuple[web.RouteDef, ...]:
    """Return the routes of what is asked and said about one client."""
    return (
        web.get(endpoint.PATH, asked.servers),
        web.post(endpoint.PATH, asked.servers),
        web.options(endpoint.PATH, asked.preflight),
        web.post(reporting.PATH, reports.reports),
        web.options(reporting.PATH, reports.preflight),
        web.get("/api/explain", asked.explain),
    )


def measured(application: web.Application) -> Iterator[core.Metric]:
    """Yield what came of clients' reports."""
    for collect in application[_COUNTED]:
        yield from collect()


def inside(collector: metrics.Collector) -> web.Application:
    """Return an application of metrics alone, for a port that clients do not reach."""
    application = web.Application(middlewares=(problems.middleware,))
    application.add_routes((web.get("/metrics", _metrics(collector)),))
    return application


def _limiter(opts: options.Options, clock: Callable[[], float]) -> limits.Limiter | None:
    if opts.answers_per_minute is None:
        return None
    return limits.Limiter(per_minute=opts.answers_per_minute, burst=opts.burst, clock=clock)


def _lifetime(opts: options.Options) -> Callable[[web.Application], AsyncIterator[None]]:
    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        _LOG.info("endpoint starts", extra={"access": opts.access})
        yield
        _LOG.info("endpoint has stopped")

    return lifetime


def _outermost(asked: endpoint.Endpoint) -> typedefs.Middleware:
    """Refuse foreign names on every path, the page's too, and tell pages what they may read."""

    @web.middleware
    async def outermost(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
        if asked.gate.knows_host(request.headers.get(hdrs.HOST)):
            answer = await handler(request)
        else:
            answer = problems.response(access.UNKNOWN_HOST)
        if request.path.startswith("/api/") and hdrs.VARY not in answer.headers:
            origin = request.headers.get(hdrs.ORIGIN)
            cors.share(answer, origin, allowed=asked.may_read(request))
        answer.headers[hdrs.SERVER] = SERVER
        return answer

    return outermost


def _regions(
    asked: endpoint.Endpoint,
    current: board.Board,
    opts: options.Options,
    attributions: Callable[[], Sequence[str]],
) -> typedefs.Handler:
    async def regions(request: web.Request) -> web.Response:
        inside = False
        if opts.access is options.Access.LOCAL or hdrs.AUTHORIZATION in request.headers:
            standing = asked.admit(request)
            if isinstance(standing, problems.Problem):
                return problems.response(standing)
            inside = True
        document = overview.document(
            current.fleet, inside=inside, one_machine=opts.one_machine, attributions=attributions()
        )
        return _json(json.dumps(document).encode(), cache="no-store")

    return regions


def _contract() -> typedefs.Handler:
    document = json.dumps(openapi.document()).encode()

    async def contract(_: web.Request) -> web.Response:
        return _json(document, cache="max-age=300")

    return contract


async def _healthz(_: web.Request) -> web.Response:
    return probes.verdict(None)


def _readyz(
    current: board.Board, prober: probes.Prober | None, unready: Callable[[], str | None]
) -> typedefs.Handler:
    async def readyz(_: web.Request) -> web.Response:
        return probes.verdict(unready() or probes.unready(current, prober))

    return readyz


def _metrics(collector: metrics.Collector) -> typedefs.Handler:
    async def scrape(_: web.Request) -> web.Response:
        return web.Response(
            status=HTTPStatus.OK,
            body=metrics.expose(collector),
            headers={hdrs.CONTENT_TYPE: metrics.CONTENT_TYPE},
        )

    return scrape


def _json(body: bytes, *, cache: str) -> web.Response:
    return web.Response(
        body=body, content_type=endpoint.CONTENT_TYPE, headers={hdrs.CACHE_CONTROL: cache}
    )
