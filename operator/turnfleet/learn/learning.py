"""From a report to what it teaches: the parts of this package in their order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from turnfleet.learn import cells, convert, facts, posterior, report, spent
from turnfleet.learn import sources as records
from turnfleet.model import estimate

LIFE: Final = 3600 + 2 * 60
"""Seconds that a token can be sent after it was first sent: its life, and two clocks' skew."""


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
    """What became of a report."""

    replayed: bool = False
    """Its token was used before: nothing of it counts."""
    learned: int = 0
    """Regions whose round trip was new."""
    refused: int = 0
    """Regions whose round trip was out of bounds."""


class Learner:
    """Takes reports and estimates round trips, for one set of regions at a time."""

    def __init__(
        self,
        *,
        regions: Sequence[str],
        prior: posterior.Prior,
        sources: records.Sources | None = None,
        tokens: spent.Spent | None = None,
    ) -> None:
        self.sources = records.Sources() if sources is None else sources
        self._tokens = spent.Spent(life=LIFE) if tokens is None else tokens
        self.serve(regions=regions, prior=prior)

    def serve(self, *, regions: Sequence[str], prior: posterior.Prior) -> None:
        """Go over to another set of regions, or another prior. What was measured stays."""
        self._names = tuple(regions)
        self._prior = prior
        self.posterior = posterior.Posterior(sources=self.sources, regions=self._names, prior=prior)

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
        token = origin.time.to_bytes(8, "big") + origin.nonce + origin.source
        if not self._tokens.spend(token, now=now):
            return Taken(replayed=True)
        centre = (cells.parse(origin.cell) or cells.NOWHERE).centre
        found = self.posterior.estimates(
            place=centre, cell=origin.cell, source=origin.source, now=now
        )
        converted = convert.convert(
            times,
            routes=routes,
            prior=self._by_name(self._prior(centre)),
            estimates=self._by_name(found),
        )
        if not converted.round_trips:
            return Taken(refused=converted.refused)
        told = facts.pack(
            facts.fact(time=origin.time, nonce=origin.nonce, region=name, rtt=rtt)
            for name, rtt in converted.round_trips.items()
        )
        record = records.Record(cell=origin.cell, facts=told)
        news = self.sources.merge({origin.source: record}, now=now)
        return Taken(learned=len(converted.round_trips) if news else 0, refused=converted.refused)

    def _by_name(self, found: Sequence[estimate.Estimate]) -> dict[str, float]:
        return {name: part.rtt for name, part in zip(self._names, found, strict=True)}
