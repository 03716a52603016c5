"""``GET /api/learned``: tells other replicas of the fleet what clients taught this one.

Only to requests that the fleet's key signed, each once. Everybody else learns that there is such
a path, and costs one hash.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from prometheus_client import core

from turnfleet.api import problems
from turnfleet.learn import page, spent, telling
from turnfleet.learned import cursors, vouching

_REMEMBERED: Final = 10_000
"""Nonces in each of two generations: what peers use in far more than a request's life."""


class Desk:
    """Tells pages."""

    def __init__(
        self,
        *,
        teller: telling.Teller,
        fleet_key: Callable[[], bytes | None],
        clock: Callable[[], float],
    ) -> None:
        """``clock`` gives Unix seconds."""
        self._teller = teller
        self._fleet_key = fleet_key
        self._clock = clock
        self._nonces = spent.Spent(life=2 * vouching.SKEW, most=_REMEMBERED)
        self._told = 0
        self._refused = dict.fromkeys(vouching.Flaw, 0)

    def routes(self) -> tuple[web.RouteDef, ...]:
        """Return what an application that tells has to route."""
        return (web.get(vouching.PATH, self.learned, allow_head=False),)

    async def learned(self, request: web.Request) -> web.Response:
        """Answer GET of ``vouching.PATH``."""
        key = self._fleet_key()
        if key is None:
            return problems.response(_KEYLESS)
        voucher = vouching.Voucher(key)
        query = request.rel_url.raw_query_string
        asked = self._admit(voucher, request.headers.get(hdrs.AUTHORIZATION), query)
        if isinstance(asked, vouching.Flaw):
            self._refused[asked] += 1
            return problems.response(_UNSIGNED)
        question = cursors.parse(query)
        if question is None:
            return problems.response(_UNCLEAR)
        # An answer to oneself is read for its epoch alone.
        own = question.asker == self._teller.epoch
        told = _nothing(self._teller) if own else self._teller.tell(question.cursors)
        body = page.pack(told)
        self._told += len(told.records)
        return web.Response(
            body=body,
            content_type="application/octet-stream",
            headers={
                vouching.ANSWER: voucher.answer(asked, body),
                hdrs.CACHE_CONTROL: "no-store",
            },
        )

    def measured(self) -> Iterator[core.Metric]:
        """Yield what is counted."""
        yield core.CounterMetricFamily(
            "turnfleet_learned_told", "Sources told to other replicas.", value=self._told
        )
        refused = core.CounterMetricFamily(
            "turnfleet_learned_refused",
            "Requests for what was learned that no replica of this fleet signed, by why.",
            labels=("reason",),
        )
        for flaw, count in self._refused.items():
            refused.add_metric((flaw,), count)
        yield refused

    def _admit(
        self, voucher: vouching.Voucher, header: str | None, query: str
    ) -> vouching.Asked | vouching.Flaw:
        now = self._clock()
        asked = voucher.admit(header, query, now=now)
        if isinstance(asked, vouching.Asked) and not self._nonces.spend(asked.nonce, now=now):
            return vouching.Flaw.REPLAYED
        return asked


def _nothing(teller: telling.Teller) -> page.Page:
    return page.Page(epoch=teller.epoch, cursor=0, more=False, records={})


_KEYLESS: Final = problems.Problem(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    detail="This endpoint has no fleet key yet; the operator fills the Secret.",
)
_UNSIGNED: Final = problems.Problem(
    status=HTTPStatus.UNAUTHORIZED,
    detail="Only endpoints of this fleet are told, by requests that its key signed within the last "
    "minute, each once.",
)
_UNCLEAR: Final = problems.Problem(
    status=HTTPStatus.BAD_REQUEST, detail="The query is not from=EPOCH&after=EPOCH.N_EPOCH.N."
)
