"""``/api/learned``: tells other replicas of the fleet what clients taught this one.

Where they ask it (GET); and one that ends tells what it knows without being asked (POST). Only
requests that the fleet's key signed count, each once. Everybody else learns that there is such a
path, and costs one hash.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import hdrs, web
from prometheus_client import core

from turnfleet.api import bodies, problems
from turnfleet.learn import page, spent, telling
from turnfleet.learned import cursors, merging, vouching

AT_ONCE: Final = 8
"""Pages of replicas that end, at once. They are merged one after the other, so that many take as
long as those who told them wait (``learned.sharing.PARTING``); until then each is about a MB."""

_REMEMBERED: Final = 10_000
"""Nonces in each of two generations: what peers use in far more than a request's life."""


class _Admitted(NamedTuple):
    key: bytes
    voucher: vouching.Voucher
    asked: vouching.Asked


class Desk:
    """Tells pages, and takes those of replicas that end."""

    def __init__(
        self,
        *,
        taker: merging.Taker,
        teller: telling.Teller,
        fleet_key: Callable[[], bytes | None],
        clock: Callable[[], float],
    ) -> None:
        """``clock`` gives Unix seconds."""
        self._taker = taker
        self._pages = 0
        self._teller = teller
        self._fleet_key = fleet_key
        self._clock = clock
        self._nonces = spent.Spent(life=2 * vouching.SKEW, most=_REMEMBERED)
        self._told = 0
        self._left = 0
        self._refused = dict.fromkeys(vouching.Flaw, 0)

    def routes(self) -> tuple[web.RouteDef, ...]:
        """Return what an application that tells has to route."""
        return (
            web.get(vouching.PATH, self.learned, allow_head=False),
            web.post(vouching.PATH, self.left),
        )

    async def learned(self, request: web.Request) -> web.Response:
        """Answer GET of ``vouching.PATH``."""
        admitted = self._admit(request)
        if isinstance(admitted, problems.Problem):
            return problems.response(admitted)
        question = cursors.parse(request.rel_url.raw_query_string)
        if question is None:
            return problems.response(_UNCLEAR)
        if question.asker == self._teller.epoch:
            told = _nothing(self._teller)  # an answer to oneself is read for its epoch alone
        else:
            self._teller.taken(question.cursors)
            told = self._teller.tell(question.cursors)
        self._told += len(told.records)
        return _signed(admitted, page.pack(told))

    async def left(self, request: web.Request) -> web.Response:
        """Answer POST of ``vouching.PATH``, once what was told is known here."""
        admitted = self._admit(request)
        if isinstance(admitted, problems.Problem):
            return problems.response(admitted)
        if self._pages == AT_ONCE:
            return problems.response(_BUSY)
        self._pages += 1
        try:
            return await self._take(request, admitted)
        finally:
            self._pages -= 1

    async def _take(self, request: web.Request, admitted: _Admitted) -> web.Response:
        body = await bodies.read(request, limit=page.SIZE_MAX, too_large=_too_large)
        if isinstance(body, problems.Problem):
            return problems.response(body)
        if request.rel_url.raw_query_string != vouching.query_of(body):
            return problems.response(_NO_PAGE)  # somebody on the way put another one in its place
        told = page.unpack(body)
        if isinstance(told, page.Unread):
            return problems.response(_NO_PAGE)
        await self._taker.take(told.records, ended=lambda: self._fleet_key() != admitted.key)
        self._left += len(told.records)
        return _signed(admitted, b"")

    def measured(self) -> Iterator[core.Metric]:
        """Yield what is counted."""
        yield core.CounterMetricFamily(
            "turnfleet_learned_told", "Sources told to other replicas.", value=self._told
        )
        yield core.CounterMetricFamily(
            "turnfleet_learned_left",
            "Sources told by other replicas as they ended.",
            value=self._left,
        )
        refused = core.CounterMetricFamily(
            "turnfleet_learned_refused",
            "Requests for what was learned that no replica of this fleet signed, by why.",
            labels=("reason",),
        )
        for flaw, count in self._refused.items():
            refused.add_metric((flaw,), count)
        yield refused

    def _admit(self, request: web.Request) -> _Admitted | problems.Problem:
        key = self._fleet_key()
        if key is None:
            return _KEYLESS
        voucher, now = vouching.Voucher(key), self._clock()
        asked = voucher.admit(
            request.headers.get(hdrs.AUTHORIZATION),
            request.rel_url.raw_query_string,
            now=now,
            method=request.method,
        )
        if isinstance(asked, vouching.Asked) and not self._nonces.spend(asked.nonce, now=now):
            asked = vouching.Flaw.REPLAYED
        if isinstance(asked, vouching.Flaw):
            self._refused[asked] += 1
            return _UNSIGNED
        return _Admitted(key, voucher, asked)


def _signed(admitted: _Admitted, body: bytes) -> web.Response:
    return web.Response(
        body=body,
        content_type="application/octet-stream",
        headers={
            vouching.ANSWER: admitted.voucher.answer(admitted.asked, body),
            hdrs.CACHE_CONTROL: "no-store",
        },
    )


def _nothing(teller: telling.Teller) -> page.Page:
    return page.Page(epoch=teller.epoch, cursor=0, more=False, records={})


_KEYLESS: Final = problems.Problem(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    detail="This endpoint has no fleet key yet; the operator fills the Secret.",
)
_BUSY: Final = problems.Problem(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    detail="This endpoint has as many pages to merge as it takes at once; tell another one.",
    retry_after=1,
)
_UNSIGNED: Final = problems.Problem(
    status=HTTPStatus.UNAUTHORIZED,
    detail="Only endpoints of this fleet are told, by requests that its key signed within the last "
    "minute, each once.",
)
_NO_PAGE: Final = problems.Problem(
    status=HTTPStatus.BAD_REQUEST, detail="The body is not the page that was signed."
)
_UNCLEAR: Final = problems.Problem(
    status=HTTPStatus.BAD_REQUEST, detail="The query is not from=EPOCH&after=EPOCH.N_EPOCH.N."
)


def _too_large(limit: int) -> problems.Problem:
    return problems.Problem(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail=f"A page is at most {limit} bytes."
    )
