"""Which regions a cluster's TurnRegions make, as they come, change, break and go. Pure.

A TurnRegion that is there and not being deleted is a region, of the last spec of it that was
valid: a bad edit changes nothing but says so. Of two with one name the older has it. Nothing is
asked of the operator here but the relays it reports.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from turnfleet import names
from turnfleet.kube import fields, holding
from turnfleet.model import claims, fleet, region, turnregion
from turnfleet.sources import reported

_PROBLEMS_MAX: Final = 3
"""Problems of one spec that are told: the operator tells all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region as its TurnRegion has it."""

    spec: region.RegionSpec
    relays: tuple[fleet.Relay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One TurnRegion."""

    found: holding.Object
    claim: claims.Claim
    written: object
    """The spec as it is written now."""
    problems: tuple[region.Problem, ...]
    valid: Mapping[str, Any] | None
    """The spec as it was written when it was last valid."""
    region: Region | None
    """``None``: it never was."""
    complaints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Every TurnRegion that counts, and what follows."""

    regions: tuple[Region, ...] = ()
    """Sorted by name."""
    complaints: tuple[str, ...] = ()
    """One sentence for everything that is wrong."""
    _entries: Mapping[holding.Key, _Entry] = field(default_factory=dict)

    def remembered(self) -> list[dict[str, Any]]:
        """Return what is needed to have the same regions again: objects for ``follow``."""
        return [
            {
                "metadata": {
                    key: entry.found["metadata"][key]
                    for key in ("namespace", "name", "uid", "creationTimestamp")
                    if key in entry.found["metadata"]
                },
                "spec": entry.valid,
                "status": {"relays": fields.mapping(entry.found, "status").get("relays", [])},
            }
            for _, entry in sorted(self._entries.items())
            if entry.valid is not None
        ]


def follow(before: Roster, objects: Mapping[holding.Key, holding.Object]) -> Roster:
    """Return the roster after ``objects`` are what there is."""
    known = before._entries  # noqa: SLF001 - its own module
    entries = {
        key: _entry(key, found, known.get(key))
        for key, found in objects.items()
        if "deletionTimestamp" not in fields.mapping(found, "metadata")
    }
    owners = claims.owners(entry.claim for entry in entries.values())
    by_claim = {entry.claim: entry for entry in entries.values()}
    owning = [by_claim[owner] for _, owner in sorted(owners.items())]
    return Roster(
        regions=tuple(entry.region for entry in owning if entry.region is not None),
        complaints=(
            *(complaint for entry in owning for complaint in entry.complaints),
            *_taken(entries.values(), owners),
        ),
        _entries=entries,
    )


def _entry(key: holding.Key, found: holding.Object, before: _Entry | None) -> _Entry:
    if before is not None and before.found is found:
        return before
    about = fields.mapping(found, "metadata")
    claim = claims.Claim(
        created=fields.moment(about, "creationTimestamp") or 0.0,
        uid=fields.text(about, "uid"),
        namespace=key.namespace,
        name=key.name,
    )
    if before is not None and before.claim.uid != claim.uid:
        before = None  # another one of that name: what the last one was valid with is not its
    spec, valid, problems = _spec(key.name, found.get("spec"), before)
    if spec is None:
        declared, complaints = None, _sentences(key, problems, offered=False)
    else:
        status = reported.read(spec, found.get("status"))
        declared = Region(spec=spec, relays=status.relays)
        complaints = (*_sentences(key, problems, offered=True), *status.complaints)
        if before is not None and before.region == declared:
            declared = before.region  # so that nobody further on has to compare again
    return _Entry(
        found=found,
        claim=claim,
        written=found.get("spec"),
        problems=problems,
        valid=valid,
        region=declared,
        complaints=complaints,
    )


def _spec(
    name: str, written: object, before: _Entry | None
) -> tuple[region.RegionSpec | None, Mapping[str, Any] | None, tuple[region.Problem, ...]]:
    """Return the spec that counts, as it was written, and what is wrong with the newest one."""
    last = before.region.spec if before is not None and before.region is not None else None
    last_written = before.valid if before is not None else None
    if before is not None and before.written == written:
        return last, last_written, before.problems
    spec = turnregion.parse(
        {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": name},
            "spec": written,
        }
    )
    if isinstance(spec, region.RegionSpec):
        return spec, fields.mapping(written), ()
    return last, last_written, spec


def _sentences(
    key: holding.Key, problems: tuple[region.Problem, ...], *, offered: bool
) -> tuple[str, ...]:
    if not problems:
        return ()
    told = "; ".join(map(str, problems[:_PROBLEMS_MAX]))
    more = len(problems) - _PROBLEMS_MAX
    told += f"; and {more} more" if more > 0 else ""
    then = "it stays as it was valid last" if offered else "it is not offered"
    return (f"TurnRegion {key} is invalid, so {then}: {told}",)


def _taken(entries: Iterable[_Entry], owners: Mapping[str, claims.Claim]) -> Iterable[str]:
    for entry in entries:
        owner = owners[entry.claim.name]
        if owner != entry.claim:
            yield (
                f"NameTaken: TurnRegion {entry.claim.namespace}/{entry.claim.name} is not offered, "
                f"since namespace {owner.namespace} has an older one of this name"
            )
