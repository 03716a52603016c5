"""What is estimated for a client, kept for as long as it would come out the same.

To estimate takes as long as all else of an answer. So a view is made once for a source that has
measured, and once for all the others of a cell and a place; and made again when the source reports,
when the cell's crowds have something new to say, and once a minute, since evidence ages.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from turnfleet.learn import posterior
from turnfleet.learn import sources as records
from turnfleet.model import estimate, geo, region

FRESH: Final = 60.0
"""Seconds that the view of a source with facts is kept."""
KEPT: Final = 50_000
"""Estimates in a generation of views, of two: 10 MB. A view has one for each region."""
LEAST: Final = 256
"""Views in a generation, however many regions there are."""


class View:
    """The estimate of each region for one client, or for all that nothing sets apart.

    Compared by identity: what was made of a view is remembered by it.
    """

    __slots__ = ("_by_region", "_priors", "explores")

    def __init__(
        self,
        by_region: Mapping[str, estimate.Estimate],
        *,
        priors: Mapping[str, estimate.Estimate],
        explores: bool,
    ) -> None:
        self._by_region = by_region
        self._priors = priors
        self.explores = explores
        """Whether anybody of the client's country has measured, so that a fallback is worth
        choosing for what it teaches."""

    def prior(self, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return what was expected before anybody measured."""
        return self._priors[spec.name]

    def estimate(self, spec: region.RegionSpec, /) -> estimate.Estimate:
        """Return the estimate of one of the learner's regions."""
        return self._by_region[spec.name]


class _Made(NamedTuple):
    view: View
    record: records.Record | None
    shared: object
    """What the client's cells said, by identity."""
    explores: bool
    at: float


_Key = tuple[geo.Place, str, bytes | None]


class Views:
    """The views of one posterior's clients."""

    def __init__(
        self, *, sources: records.Sources, names: Sequence[str], estimates: posterior.Posterior
    ) -> None:
        self._sources = sources
        self._names = names
        self._posterior = estimates
        self._most = max(LEAST, KEPT // max(1, len(names)))
        self._young: dict[_Key, _Made] = {}
        self._old: dict[_Key, _Made] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def of(self, *, place: geo.Place, cell: str, source: bytes, now: float) -> View:
        """Return what is estimated for a client. ``cell`` is as in tokens."""
        record = self._sources.get(source)
        key = (place, cell, None if record is None else source)
        made = self._young.get(key) or self._old.get(key)
        shared = self._posterior.shared(cell, now)
        explores = self._sources.heard_of(cell)
        if (
            made is not None
            and made.record is record
            and made.shared is shared
            and made.explores is explores
            and (record is None or 0 <= now - made.at < FRESH)
        ):
            return made.view
        expected = self._posterior.expected(place)
        found = self._posterior.estimates(expected=expected, cell=cell, source=source, now=now)
        view = View(
            dict(zip(self._names, found, strict=True)),
            priors=dict(zip(self._names, expected, strict=True)),
            explores=explores,
        )
        if len(self._young) >= self._most:
            self._old, self._young = self._young, {}
        self._young[key] = _Made(view, record, shared, explores, now)
        return view
