"""Days of a simulated fleet: each client asks once, measures what it is offered, and reports.

What is offered, what reports teach and what follows from it is decided by the code that answers
real clients; played are the clients, the clock, and the network between a page and the endpoint.
"""

import functools
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from turnfleet.commands import crowds, replaying, telling
from turnfleet.ice import rid
from turnfleet.learn import cells, convert, learning, report, sites
from turnfleet.model import estimate, fleet, geo, region, selection
from turnfleet.steer import choosing, dwelling, estimating, ranking, rendezvous, selecting

DAY: Final = 86400.0
"""Seconds of a pass."""

_BEGINNING: Final = 1_800_000_000.0
"""Unix seconds; any would do."""
_NONCES: Final = 1 << 32
_PLACES_KEPT: Final = 1 << 14
"""Places whose prior is remembered: 2 kB each with twenty regions."""


class Answer(NamedTuple):
    """What one client was offered."""

    client: str
    time: float
    """Unix seconds."""
    regions: tuple[str, ...]
    """Of the relays in the order of their roles: none is in two of them but for a backup."""
    explored: bool
    """The fallback was chosen for what it may teach: another one was expected to be nearer."""


class _Asker(NamedTuple):
    """A client as the endpoint sees it."""

    placed: replaying.Placed
    source: str
    """By name."""
    hashed: bytes
    cell: str


class Days:
    """One day of a fleet and its clients after another."""

    def __init__(
        self,
        now: fleet.Fleet,
        clients: Sequence[replaying.Placed],
        *,
        estimator: estimating.Estimator,
        teller: telling.Teller,
        seed: int,
        day: float = DAY,
    ) -> None:
        """``day``: seconds from one answer of a client to the next."""
        specs = [found.spec for found in now.regions.values()]

        @functools.lru_cache(_PLACES_KEPT)
        def prior(place: geo.Place) -> tuple[estimate.Estimate, ...]:
            return tuple([estimator.estimate(place, spec) for spec in specs])

        self.learner = learning.Learner(
            regions=[sites.Site(spec.name, spec.latitude, spec.longitude) for spec in specs],
            prior=prior,
        )
        self._fleet = now
        self._selector = selecting.Selector(estimator)
        self._dwelling = dwelling.Dwelling()
        self._teller = teller
        signer = rid.Signer(f"simulated {seed}".encode())
        self._askers = [_asker(placed, signer) for placed in clients]
        self._order = list(self._askers)
        random.Random(f"{seed}/order").shuffle(self._order)  # noqa: S311 - a simulation
        self._routes = {
            _url(spec.name): convert.Route(
                region=spec.name, transport=region.Transport.UDP, named=False
            )
            for spec in specs
        }
        self._day = day
        self._past = 0

    @property
    def now(self) -> float:
        """The end of the last day, Unix seconds."""
        return _BEGINNING + self._day * self._past

    def live(self, measured: Mapping[str, Mapping[str, float]]) -> Iterator[Answer]:
        """Let a day pass, and yield its answers. ``measured``: ms by region, by client.

        Clients ask in the same order every day, so that a day is between two answers of each.
        """
        for position, asker in enumerate(self._order):
            now = self.now + self._day * (position + 0.5) / len(self._order)
            answer = self._answer(asker, now)
            true = measured.get(answer.client)
            if true:
                self._report(asker, answer, true, now, self._past * len(self._order) + position)
            yield answer
        self._past += 1

    def rank(self) -> Iterator[replaying.Ranked]:
        """Yield for each client all regions at the end of the last day, best first.

        As for a client that holds no region: what keeps one from moving is no matter of estimates.
        """
        for asker in self._askers:
            yield asker.placed, self._rank(asker, self.now).ranked

    def newcomer(self, place: geo.Place, *, now: float) -> str:
        """Return the region that a client at a place would get of whom nothing is known."""
        located = geo.Located(place=place, rung=geo.Rung.REQUEST)
        view = self.learner.view(place=place, cell=rid.cell_of(place).decode(), source=b"", now=now)
        client = selection.Client(located=located, user="")
        return self._selector.rank(self._fleet, client, view=view).ranked[0].region

    def _answer(self, asker: _Asker, now: float) -> Answer:
        key = (asker.hashed, asker.cell.encode(), None)
        ranked = self._rank(asker, now, self._dwelling.held(key, now=now))
        self._dwelling.note(key, ranked.ranked[0].region, now=now)
        choices = choosing.choose(ranked, rendezvous.slot(asker.placed.client.name))
        return Answer(
            client=asker.placed.client.name,
            time=now,
            regions=tuple(choice.region.spec.name for choice in choices),
            explored=ranked.explored,
        )

    def _rank(
        self, asker: _Asker, now: float, stay: dwelling.Stay | None = None
    ) -> ranking.Ranking:
        located = asker.placed.located
        view = self.learner.view(place=located.place, cell=asker.cell, source=asker.hashed, now=now)
        client = selection.Client(located=located, user="")
        turn = ranking.turn_at(int(now))
        return self._selector.rank(self._fleet, client, view=view, stay=stay, turn=turn)

    def _report(
        self, asker: _Asker, answer: Answer, true: Mapping[str, float], now: float, number: int
    ) -> None:
        """Let the learner take what a client says of an answer, in times as a browser has them."""
        told = self._teller.tell(answer.regions, source=asker.source, true=true, answer=number)
        trips = convert.ROUND_TRIPS[region.Transport.UDP]
        self.learner.take(
            [report.Time(url=_url(name), ms=trips * rtt) for name, rtt in told.items()],
            origin=learning.Origin(
                time=int(now),
                nonce=(number % _NONCES).to_bytes(4, "big"),
                source=asker.hashed,
                cell=asker.cell,
            ),
            routes=self._routes,
            now=now,
        )


def source_of(client: crowds.Client) -> str:
    """Return the name of the source that a client counts as: its network, or itself."""
    return cells.prefix(client.ip) if client.ip else f"client {client.name}"


def _asker(placed: replaying.Placed, signer: rid.Signer) -> _Asker:
    source = source_of(placed.client)
    return _Asker(
        placed=placed,
        source=source,
        hashed=signer.source(source),
        cell=rid.cell_of(placed.located.place).decode(),
    )


def _url(name: str) -> str:
    """Return what stands for the URL of a region's relay."""
    return f"turn:{name}?transport=udp"
