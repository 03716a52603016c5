"""From what was asked to what is answered: place the client, select relays, write them out.

The one place that decides; both ways through the server (``endpoint`` and ``fastpath``) come here.
It knows no HTTP beyond the status of a ``Problem``, and never logs.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, assert_never

from turnfleet.api import (
    access,
    board,
    explaining,
    metrics,
    options,
    problems,
    requests,
    strangers,
)
from turnfleet.ice import credentials, formats, profiles, rid
from turnfleet.model import fleet, geo, selection
from turnfleet.steer import estimating, locating, report, selecting

RETRY_AFTER: Final = 5
"""Seconds: the probes' next verdict is younger than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A request, and who is known to have sent it."""

    asked: requests.Asked
    standing: access.Standing
    address: str
    """The client's, canonical, after trusted proxies."""
    header_place: geo.Place | str | None = None
    """What a trusted proxy says: a place, or a country's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes on the wire."""

    body: bytes
    rid: str
    expires: int
    """Unix seconds."""


class Answers:
    """Answers queries from the board's current fleet, whatever became of its source."""

    def __init__(
        self,
        *,
        current: board.Board,
        atlas: geo.Atlas,
        estimator: estimating.Estimator,
        fleet_key: bytes,
        opts: options.Options,
        clock: Callable[[], float],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.tally = metrics.Tally()
        self._board = current
        self._atlas = atlas
        self._options = opts
        self._clock = clock
        self._estimator = estimator
        self._selector = selecting.Selector(estimator)
        self._templates = formats.Templates()
        self._signer = rid.Signer(fleet_key)
        self._strangers = strangers.Strangers(entropy)
        self._wire_user = functools.lru_cache(maxsize=4096)(
            functools.partial(credentials.wire_user, fleet_key)
        )
        self._source = functools.lru_cache(maxsize=4096)(self._signer.source)
        self._residencies: tuple[fleet.Fleet | None, frozenset[str]] = (None, frozenset())

    def answer(self, query: Query) -> Answer | problems.Problem:
        """Return servers for one client, and count them."""
        answer = self._answer(query)
        if isinstance(answer, problems.Problem):
            self.tally.refuse(answer)
        return answer

    def explain(self, query: Query) -> dict[str, object] | problems.Problem:
        """Return how an answer would come about; an empty one is explained too."""
        user = self._user(query.asked.user)
        if isinstance(user, problems.Problem):
            return user
        where = self._whereabouts(query)
        if isinstance(where, problems.Problem):
            return where
        chosen = self._select(where, user)
        servers = self._template(chosen, query.asked).servers
        result = explaining.document(chosen, servers, inside=True)
        result["regions"] = report.rows(
            chosen, now=self._board.fleet, pin=where.pin, estimator=self._estimator
        )
        return result

    def _answer(self, query: Query) -> Answer | problems.Problem:
        user = self._user(query.asked.user)
        if isinstance(user, problems.Problem):
            return user
        where = self._whereabouts(query)
        if isinstance(where, problems.Problem):
            return where
        chosen = self._select(where, user)
        template = self._template(chosen, query.asked)
        if not template.servers:
            return _nothing_usable(where.residency)
        self.tally.issue(chosen)
        return self._written(query, chosen, template, user)

    def _user(self, given: str | None) -> str | problems.Problem:
        """Return the name on the wire, which also decides between equal relays."""
        if given is None:
            return self._strangers.name()
        if not self._options.plain_users:
            return self._wire_user(given)
        sentence = credentials.user_problem(given, plain=True)
        return given if sentence is None else problems.invalid("user", f"{sentence}.")

    def _whereabouts(self, query: Query) -> locating.Whereabouts | problems.Problem:
        now = self._board.fleet
        where = locating.locate(
            self._facts(query),
            atlas=self._atlas,
            regions=now.regions,
            residencies=self._groups(now),
            default=self._options.default_place,
        )
        if isinstance(where, locating.UnknownResidency):
            sentence = f"{where.sentence[0].upper()}{where.sentence[1:]}."
            return problems.Problem(status=HTTPStatus.NOT_FOUND, detail=sentence, field="residency")
        return where

    def _select(self, where: locating.Whereabouts, user: str) -> selection.Selection:
        client = selection.Client(
            located=where.located, user=user, pin=where.pin, residency=where.residency
        )
        return self._selector.select(self._board.fleet, client)

    def _facts(self, query: Query) -> locating.Facts:
        asked = query.asked
        keyed = query.standing is access.Standing.KEYED
        place = query.header_place
        return locating.Facts(
            region=asked.region,
            residency=asked.residency,
            peer=query.address,
            keyed=keyed,
            header_place=self._atlas.by_name(place) if isinstance(place, str) else place,
            may_place=keyed or self._options.one_machine,
            client_ip=asked.client_ip,
            country=asked.country,
            latitude=asked.latitude,
            longitude=asked.longitude,
        )

    def _groups(self, now: fleet.Fleet) -> frozenset[str]:
        known, groups = self._residencies
        if known is not now:
            groups = now.residencies
            self._residencies = (now, groups)
        return groups

    def _template(self, chosen: selection.Selection, asked: requests.Asked) -> formats.Template:
        connection = profiles.connection(asked.connection_type) or profiles.Connection.ANY
        return self._templates.of(chosen, asked.profile, connection)

    def _written(
        self, query: Query, chosen: selection.Selection, template: formats.Template, user: str
    ) -> Answer:
        now = int(self._clock())
        ttl = credentials.effective_ttl(query.asked.ttl, (template.ttl,))
        expires = now + ttl
        token = self._signer.sign(
            time=now,
            nonce=self._strangers.nonce(),
            source=self._source(query.address),
            cell=rid.cell_of(chosen.located.place),
            offered=template.offered,
        )
        match query.asked.format:
            case requests.Format.ARRAY:
                body = template.array(user=user, expires=expires)
            case requests.Format.UBERTI:
                body = template.uberti(user=user, expires=expires, ttl=ttl)
            case requests.Format.CONFIG:
                inside = query.standing is not access.Standing.ANONYMOUS
                why = explaining.document(chosen, template.servers, inside=inside)
                body = template.config(
                    user=user, expires=expires, ttl=ttl, token=token, why=json.dumps(why).encode()
                )
            case written:
                assert_never(written)
        return Answer(body=body, rid=token, expires=expires)


def _nothing_usable(group: str | None) -> problems.Problem:
    within = "" if group is None else f" of the residency group {group}"
    return problems.Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        detail=f"No relay{within} can be offered at the moment; ask again in {RETRY_AFTER} s.",
        residency=group,
        retry_after=RETRY_AFTER,
    )
