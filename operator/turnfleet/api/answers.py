"""From what was asked to what is answered: place the client, select relays, write them out.

The one place that decides; both ways through the server (``endpoint`` and ``fastpath``) come here.
It knows no HTTP beyond the status of a ``Problem``, and never logs.
"""

import functools
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

from turnfleet.api import (
    access,
    board,
    drafts,
    explaining,
    metrics,
    options,
    placing,
    problems,
    requests,
    whose,
)
from turnfleet.ice import credentials, formats, profiles, rid
from turnfleet.learn import learning, reach
from turnfleet.model import geo, selection
from turnfleet.steer import estimating, rendezvous, report

RETRY_AFTER: Final = 5
"""Seconds: the probes' next verdict is younger than that."""

_ANY: Final = profiles.Connection.ANY  # 8 times as fast as to look it up (Python 3.11)


class Answer(NamedTuple):
    """What goes on the wire. Times in Unix seconds."""

    body: bytes
    rid: str
    now: int
    expires: int


class Answers:
    """Answers queries from the board's current fleet, whatever became of its source."""

    def __init__(
        self,
        *,
        current: board.Board,
        atlas: geo.Atlas,
        estimator: estimating.Estimator,
        learner: learning.Learner,
        transports: reach.Transports,
        fleet_key: bytes,
        opts: options.Options,
        clock: Callable[[], float],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.tally = metrics.Tally()
        self._board = current
        self._options = opts
        self._clock = clock
        self._second = 0
        self._learner = learner
        self._transports = transports
        self.signer = rid.Signer(fleet_key)
        self.whose = whose.Whose(lambda: self.signer, atlas=atlas, one_machine=opts.one_machine)
        self._placer = placing.Placer(
            atlas=atlas,
            estimator=estimator,
            learner=learner,
            whose=self.whose,
            tally=self.tally,
            opts=opts,
        )
        self._drafts = drafts.Drafts(entropy)
        self.rekey(fleet_key)

    def rekey(self, fleet_key: bytes) -> None:
        """Sign tokens and name users with another key from now on."""
        self.signer = rid.Signer(fleet_key)
        self._wire_user = functools.lru_cache(maxsize=4096)(
            functools.partial(credentials.wire_user, fleet_key)
        )
        self._transports.forget()
        self.whose.forget()
        self._placer.forget()

    def answer(self, query: placing.Query) -> Answer | problems.Problem:
        """Return servers for one client, and count them."""
        asked = query.asked
        if asked.special:
            return self._special(query)
        now = int(self._clock())
        placed = self._place(query, now)
        if isinstance(placed, problems.Problem):
            return placed
        connection = self._connection(asked, placed, now)
        draft = self._drafts.take(placed.ranked, asked.profile, connection, now)
        template, nonce, expires, body = draft
        if not template.pieces:
            return _nothing_usable(placed.where.residency)
        return Answer(body, self._hand_out(placed, template, nonce, now), now, expires)

    def _special(self, query: placing.Query) -> Answer | problems.Problem:
        """Return an answer of which something is as the caller wants it."""
        asked = query.asked
        drawn = self._draw(asked.user)
        if isinstance(drawn, problems.Problem):
            return drawn
        user, slot, nonce = drawn
        now = int(self._clock())
        placed = self._place(query, now)
        if isinstance(placed, problems.Problem):
            return placed
        connection = self._connection(asked, placed, now)
        template = self._drafts.template(placed.ranked, slot, asked.profile, connection)
        if not template.pieces:
            return _nothing_usable(placed.where.residency)
        token = self._hand_out(placed, template, nonce, now)
        ttl = credentials.effective_ttl(asked.ttl, (template.ttl,))
        expires = now + ttl
        if asked.format is requests.Format.ARRAY:
            body = template.array(user=user, expires=expires)
        elif asked.format is requests.Format.UBERTI:
            body = template.uberti(user=user, expires=expires, ttl=ttl)
        else:
            why = self._why(query, self._select(placed, slot), template)
            body = template.config(user=user, expires=expires, ttl=ttl, token=token, why=why)
        return Answer(body, token, now, expires)

    def explain(self, query: placing.Query) -> dict[str, object] | problems.Problem:
        """Return how an answer would come about; an empty one is explained too."""
        drawn = self._draw(query.asked.user)
        if isinstance(drawn, problems.Problem):
            return drawn
        _, slot, _ = drawn
        second = int(self._clock())
        placed = self._place(query, second)
        if isinstance(placed, problems.Problem):
            return placed
        chosen = self._select(placed, slot)
        asked, cell = query.asked, placed.cell.decode()
        connection, basis = asked.connection, None
        if connection is _ANY:
            basis = self._transports.basis(cell, placed.source, second)
            connection = _ANY if basis is None else profiles.Connection.TLS_FIRST
        servers = profiles.servers(chosen.choices, asked.profile, connection)
        result = explaining.document(chosen, servers, ignored=asked.ignored, inside=True)
        learned = self._learner.posterior.explain(
            place=placed.where.located.place,
            cell=cell,
            source=placed.source,
            now=second,
        )
        result["held"] = placed.stay.region if placed.stay is not None else None
        result["explored"] = placed.ranked.explored
        result["transports"] = explaining.transports(connection, basis)
        rows = report.rows(chosen, now=self._board.fleet, pin=placed.where.pin, view=placed.view)
        result["regions"] = explaining.regions(rows, chosen, learned)
        return result

    def _place(self, query: placing.Query, second: int) -> placing.Placed | problems.Problem:
        """Return where a client is, in the fleet as it is at a second (Unix)."""
        if second != self._second:
            # Another second begins: answers of those before count as load from now on.
            self._second = second
            self._board.handed_out(self.tally.urls(), second=second)
        return self._placer.place(query, self._board.fleet, second)

    def _hand_out(
        self, placed: placing.Placed, template: formats.Template, nonce: bytes, now: int
    ) -> str:
        """Count an answer, let its client hold the region it is given; return its token."""
        placed.batch.add(template)
        self._placer.hold(placed, now)
        return self.signer.sign(
            time=now,
            nonce=nonce,
            source=placed.source,
            cell=placed.cell,
            offered=template.offered,
        )

    def _connection(
        self, asked: requests.Asked, placed: placing.Placed, now: int
    ) -> profiles.Connection:
        """Return what a client is connected by: what it says, or else what reports say of UDP."""
        if asked.connection is _ANY and self._transports.udp_fails(
            placed.cell.decode(), placed.source, now
        ):
            return profiles.Connection.TLS_FIRST
        return asked.connection

    def _draw(self, given: str | None) -> tuple[str, int, bytes] | problems.Problem:
        """Return the name on the wire, its slot, which decides between relays, and a nonce."""
        drawn = self._drafts.strangers.draw()
        if given is None:
            return drawn
        user = self._user(given)
        if isinstance(user, problems.Problem):
            return user
        return user, rendezvous.slot(user), drawn[2]

    def _user(self, given: str) -> str | problems.Problem:
        if not self._options.plain_users:
            return self._wire_user(given)
        sentence = credentials.user_problem(given, plain=True)
        return given if sentence is None else problems.invalid("user", f"{sentence}.")

    def _select(self, placed: placing.Placed, slot: int) -> selection.Selection:
        return self._placer.selector.pick(placed.ranked, located=placed.where.located, slot=slot)

    def _why(
        self, query: placing.Query, chosen: selection.Selection, template: formats.Template
    ) -> bytes:
        inside = query.standing is not access.Standing.ANONYMOUS
        why = explaining.document(
            chosen, template.servers, ignored=query.asked.ignored, inside=inside
        )
        return json.dumps(why, separators=(",", ":")).encode()


def _nothing_usable(group: str | None) -> problems.Problem:
    within = "" if group is None else f" of the residency group {group}"
    return problems.Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        detail=f"No relay{within} can be offered at the moment; ask again in {RETRY_AFTER} s.",
        residency=group,
        retry_after=RETRY_AFTER,
    )
