"""Reads untyped data into typed values and collects what is wrong with it, by path.

A reader takes a value and its place, and returns what it read, or refuses at that place and
returns ``None``. Readers never raise, never mutate, and visit a collection only after its size has
passed, so that hostile input costs no more than honest input. Which fields a TurnRegion has is
not known here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from turnfleet.model import quoting, region, syntax

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(slots=True, kw_only=True)
class Report:
    """What reading one document brought up."""

    problems: list[region.Problem] = field(default_factory=list)
    mappings: list["Fields"] = field(default_factory=list)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the paths of fields that were there and that nothing read."""
        return tuple(path for fields in self.mappings for path in fields.unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a document a value stands; ``path`` is empty for the document itself."""

    path: str
    report: Report

    def of(self, name: str) -> "Place":
        """Return the place of a field."""
        return Place(path=f"{self.path}.{name}" if self.path else name, report=self.report)

    def item(self, index: int) -> "Place":
        """Return the place of a list item."""
        return Place(path=f"{self.path}[{index}]", report=self.report)

    def refuse(self, sentence: str) -> None:
        """Record a problem here."""
        path = self.path or "document"
        self.report.problems.append(region.Problem(path=path, sentence=sentence))

    @property
    def sound(self) -> bool:
        """Return whether nothing was refused here or below."""
        below = (f"{self.path}.", f"{self.path}[")
        return not any(
            not self.path or problem.path == self.path or problem.path.startswith(below)
            for problem in self.report.problems
        )


Reader = Callable[[object, Place], T | None]


class Fields:
    """The fields of one mapping, each to be read once; reads none where it is no mapping."""

    __slots__ = ("_mapping", "_place", "_readable", "_unread")

    def __init__(self, value: object, place: Place) -> None:
        self._place = place
        self._readable = isinstance(value, dict)
        self._mapping = value if isinstance(value, dict) else {}
        self._unread = dict.fromkeys(self._mapping)
        place.report.mappings.append(self)
        if not self._readable:
            _refuse(value, place, "a mapping of fields")

    @property
    def unread(self) -> tuple[str, ...]:
        """Return the paths of fields that were not asked for."""
        return tuple(self._place.of(quoting.printable(key)).path for key in self._unread)

    def skip_rest(self) -> None:
        """Take every other field to be somebody else's."""
        self._unread.clear()

    def skip(self, name: str) -> None:
        """Take one field to be somebody else's."""
        self._unread.pop(name, None)

    def required(self, name: str, reader: Reader[T], stand_in: T) -> T:
        """Return a field that must be there; ``stand_in`` where it is refused."""
        if self._readable and name not in self._mapping:
            self._place.of(name).refuse("this field is required; add it")
        return self.defaulted(name, reader, stand_in)

    def defaulted(self, name: str, reader: Reader[T], default: T) -> T:
        """Return a field, or ``default`` where it is absent or refused."""
        value = self.optional(name, reader)
        return default if value is None else value

    def optional(self, name: str, reader: Reader[T]) -> T | None:
        """Return a field, or ``None`` where it is absent or refused."""
        if name not in self._mapping:
            return None
        self._unread.pop(name, None)
        value: object = self._mapping[name]
        place = self._place.of(name)
        if value is None:
            place.refuse("this is empty (null); give it a value or leave the field out")
            return None
        return reader(value, place)

    def rule(self, *, given: Iterable[str], holds: bool, at: str, sentence: str) -> None:
        """Refuse at field ``at`` unless ``holds``, once the fields ``given`` were read well.

        A rule over fields that were refused would only blame their stand-ins.
        """
        if not holds and all(self._place.of(name).sound for name in given):
            self._place.of(at).refuse(sentence)

    def has(self, name: str) -> bool:
        """Return whether a field is written, whatever its value."""
        return name in self._mapping


def whole(least: int, most: int) -> Reader[int]:
    """Read a whole number from ``least`` to ``most``; 3.0 is one, ``true`` is not."""

    def read(value: object, place: Place) -> int | None:
        number = _number(value)
        if number is None or not least <= number <= most or number != int(number):
            _refuse(value, place, f"a whole number from {least} to {most}")
            return None
        return int(number)

    return read


def real(least: int, most: int) -> Reader[float]:
    """Read a number from ``least`` to ``most``."""

    def read(value: object, place: Place) -> float | None:
        number = _number(value)
        if number is None or not least <= number <= most:
            _refuse(value, place, f"a number from {least} to {most}")
            return None
        return float(number)

    return read


def flag(value: object, place: Place) -> bool | None:
    """Read a truth value."""
    if not isinstance(value, bool):
        _refuse(value, place, "true or false")
        return None
    return value


def text(accepted: syntax.Syntax) -> Reader[str]:
    """Read text of a syntax."""

    def read(value: object, place: Place) -> str | None:
        if not isinstance(value, str):
            _refuse(value, place, f"{accepted.advice}, as text in quotes")
            return None
        if not accepted.accepts(value):
            _refuse(value, place, accepted.correct(value) or accepted.advice)
            return None
        return value

    return read


def quantity(value: object, place: Place) -> str | None:
    """Read a Kubernetes quantity, which may be written as a whole number."""
    if _number(value) is None:
        return text(syntax.QUANTITY)(value, place)
    number = whole(0, 10**15)(value, place)
    return None if number is None else str(number)


def seconds(least: str, most: str) -> Reader[int]:
    """Read a duration such as ``1h30m`` from ``least`` to ``most`` into whole seconds."""
    shortest, longest = syntax.duration(least) or 0, syntax.duration(most) or 0

    def read(value: object, place: Place) -> int | None:
        length = syntax.duration(value) if isinstance(value, str) else None
        if length is None:
            _refuse(value, place, 'a duration such as "90s", "1h" or "1h30m"')
            return None
        if not shortest <= length <= longest:
            _refuse(value, place, f"a duration from {least} to {most}")
            return None
        return length

    return read


def one_of(choices: type[E]) -> Reader[E]:
    """Read one word of an enumeration."""

    def read(value: object, place: Place) -> E | None:
        for choice in choices:
            if isinstance(value, str) and value == choice.value:
                return choice
        _refuse(value, place, f"one of {', '.join(choices)}")
        return None

    return read


def items(reader: Reader[T], *, least: int = 0, most: int) -> Reader[tuple[T, ...]]:
    """Read a list; items that are refused are left out of it."""

    def read(value: object, place: Place) -> tuple[T, ...] | None:
        if not isinstance(value, list):
            _refuse(value, place, "a list")
            return None
        if not least <= len(value) <= most:
            place.refuse(f"write a list of {least} to {most} items; this one has {len(value)}")
            return None
        found = (reader(item, place.item(index)) for index, item in enumerate(value))
        return tuple(item for item in found if item is not None)

    return read


def unique(reader: Reader[T], *, least: int = 0, most: int) -> Reader[tuple[T, ...]]:
    """Read a list in which no item stands twice."""

    def read(value: object, place: Place) -> tuple[T, ...] | None:
        found = items(reader, least=least, most=most)(value, place)
        if found is not None and place.sound and len(set(found)) < len(found):
            place.refuse("an item is written twice; take one of them out")
        return found

    return read


def pairs(
    keys: syntax.Syntax, values: Reader[T], *, most: int
) -> Reader[tuple[tuple[str, T], ...]]:
    """Read a mapping of free keys, sorted by key: mappings have no order."""

    def read(value: object, place: Place) -> tuple[tuple[str, T], ...] | None:
        if not isinstance(value, dict):
            _refuse(value, place, "a mapping")
            return None
        if len(value) > most:
            place.refuse(f"write at most {most} entries; this one has {len(value)}")
            return None
        found = []
        for key, entry in value.items():
            if not isinstance(key, str) or not keys.accepts(key):
                _refuse(key, place, f"{keys.advice} as the key")
                continue
            read_entry = values(entry, place.of(key))
            if read_entry is not None:
                found.append((key, read_entry))
        return tuple(sorted(found, key=lambda pair: pair[0]))

    return read


def _refuse(value: object, place: Place, wanted: str) -> None:
    place.refuse(f"{quoting.shown(value)} is not accepted here; write {wanted}")


def _number(value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value
