"""Which file declares which region, as files come, break and go. Pure.

A broken file holds the regions it declared last: a bad edit never looks like "desired: empty".
Only deleting the file, or taking the region out of a file that is otherwise well, ends a region.
Of two files that declare one name, the one that had it first keeps it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from turnfleet.model import region
from turnfleet.sources import manifests

_WARNINGS_MAX = 20
"""Most fields of one region that are called unknown: a log is not the place for thousands."""

Files = Mapping[str, tuple[manifests.Manifest, ...]]
"""The documents of every file that is there, by file name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is declared, at one moment."""

    specs: tuple[region.RegionSpec, ...] = ()
    """Sorted by name. A held region is here as it was last declared."""
    held: frozenset[str] = frozenset()
    """Regions whose file is broken: their relays are not to be touched."""
    complaints: tuple[str, ...] = ()
    """One sentence for everything that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    spec: region.RegionSpec
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What every file declared when it was last well, and which file owns each region."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    _entries: Mapping[str, Mapping[str, _Entry]] = field(default_factory=dict)
    _owners: Mapping[str, str] = field(default_factory=dict)


def follow(before: Ledger, files: Files) -> Ledger:
    """Return the ledger after ``files`` were found in the folder."""
    entries = {
        file: _entries(documents, before._entries.get(file, {}))  # noqa: SLF001 - its own module
        for file, documents in sorted(files.items())
    }
    owners = dict(before._owners)  # noqa: SLF001 - its own module
    for name in [name for name, file in owners.items() if name not in entries.get(file, {})]:
        del owners[name]
    for file, declared in entries.items():
        for name in declared:
            owners.setdefault(name, file)
    owned = {name: entries[file][name] for name, file in sorted(owners.items())}
    return Ledger(
        snapshot=Snapshot(
            specs=tuple(entry.spec for entry in owned.values()),
            held=frozenset(name for name, entry in owned.items() if entry.held),
            complaints=(
                *_broken(files, {name for name, entry in owned.items() if entry.held}, owners),
                *_taken(entries, owners),
                *_repeated(files),
                *_ignored(files),
            ),
        ),
        _entries=entries,
        _owners=owners,
    )


def _entries(
    documents: tuple[manifests.Manifest, ...], last: Mapping[str, _Entry]
) -> Mapping[str, _Entry]:
    """Return the regions of one file; those it declared last are held while it is broken."""
    well: dict[str, _Entry] = {}
    for document in documents:
        if document.spec is not None:
            well.setdefault(document.spec.name, _Entry(spec=document.spec, held=False))
    if documents and all(document.spec is not None for document in documents):
        return well
    held = {name: _Entry(spec=entry.spec, held=True) for name, entry in last.items()}
    return held | well


def _broken(files: Files, held: Collection[str], owners: Mapping[str, str]) -> Iterable[str]:
    for file, documents in sorted(files.items()):
        problems = [complaint for document in documents for complaint in document.complaints]
        kept = sorted(name for name in held if owners[name] == file)
        if not documents:
            way_out = "; delete the file to end its regions" if kept else ""
            problems = [f"{file} holds no TurnRegion{way_out}"]
        if problems and kept:
            problems[-1] += f" (unchanged until it is mended: {', '.join(kept)})"
        yield from problems


def _ignored(files: Files) -> Iterable[str]:
    for _, documents in sorted(files.items()):
        for document in documents:
            yield from document.warnings[:_WARNINGS_MAX]


def _taken(entries: Mapping[str, Mapping[str, _Entry]], owners: Mapping[str, str]) -> Iterable[str]:
    for file, declared in entries.items():
        for name in declared:
            if owners[name] != file:
                yield (
                    f"NameTaken: {file} declares region {name}, which {owners[name]} declared "
                    "first; give it another name"
                )


def _repeated(files: Files) -> Iterable[str]:
    for file, documents in sorted(files.items()):
        seen: set[str] = set()
        for document in documents:
            if document.spec is not None and document.spec.name in seen:
                yield (
                    f"NameTaken: {file}, line {document.line} declares region "
                    f"{document.spec.name} a second time; give it another name"
                )
            elif document.spec is not None:
                seen.add(document.spec.name)
