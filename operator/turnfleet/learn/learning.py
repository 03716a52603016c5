"""From a report to what it teaches: the parts of this package in their order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from turnfleet.learn import cells, convert, facts, posterior, report, sites, views
from turnfleet.learn import sources as records
from turnfleet.model import estimate, geo


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a verified token says of the report that carries it (``ice.rid.Rid``)."""

    time: int
    """Of the answer, Unix seconds."""
    nonce: bytes
    source: bytes
    cell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a report. Times in ms, by region."""

    round_trips: Mapping[str, float] = field(default_factory=dict)
    """Those that count."""
    estimates: Mapping[str, float] = field(default_factory=dict)
    """What was estimated until then, for every region."""
    news: bool = False
    """Whether anything was learned: the token may have been used in another replica."""
    refused: int = 0
    """Regions whose round trip was out of bounds."""


class Learner:
    """Takes reports and estimates round trips, for one set of regions at a time.

    Of one token's facts the order does not matter, nor how often they come; that it counts once
    is up to the caller.
    """

    def __init__(
        self,
        *,
        regions: Sequence[sites.Site] = (),
        prior: posterior.Prior = lambda _: (),
        sources: records.Sources | None = None,
    ) -> None:
        self.sources = records.Sources() if sources is None else sources
        self.serve(regions=regions, prior=prior)

    def serve(self, *, regions: Sequence[sites.Site], prior: posterior.Prior) -> None:
        """Go over to another set of regions, or another prior. What was measured stays."""
        self._names = tuple(site.name for site in regions)
        self._numbers = {site.name: sites.number(site) for site in regions}
        self.posterior = posterior.Posterior(sources=self.sources, regions=regions, prior=prior)
        self._views = views.Views(sources=self.sources, names=self._names, estimates=self.posterior)

    def view(self, *, place: geo.Place, cell: str, source: bytes, now: float) -> views.View:
        """Return what is estimated for a client. ``cell`` is as in tokens."""
        return self._views.of(place=place, cell=cell, source=source, now=now)

    def take(
        self,
        times: Iterable[report.Time],
        *,
        origin: Origin,
        routes: Mapping[str, convert.Route],
        now: float,
    ) -> Taken:
        """Take the times of a report whose token was verified.

        ``routes``: the URLs that the token says were offered, but for those of anycast relays.
        """
        if cells.parse(origin.cell) is None:
            return Taken()
        expected = self.posterior.expected_in(origin.cell)
        found = self.posterior.estimates(
            expected=expected, cell=origin.cell, source=origin.source, now=now
        )
        estimates = self._by_name(found)
        converted = convert.convert(
            times,
            routes=routes,
            prior=self._by_name(expected),
            estimates=estimates,
        )
        told = facts.pack(
            facts.fact(time=origin.time, nonce=origin.nonce, region=self._numbers[name], rtt=rtt)
            for name, rtt in converted.round_trips.items()
        )
        news = bool(told) and bool(
            self.sources.merge(
                {origin.source: records.Record(cell=origin.cell, facts=told)}, now=now
            )
        )
        return Taken(
            round_trips=converted.round_trips,
            estimates=estimates,
            news=news,
            refused=converted.refused,
        )

    def _by_name(self, found: Sequence[estimate.Estimate]) -> dict[str, float]:
        return {name: part.rtt for name, part in zip(self._names, found, strict=True)}
