"""The CSV files of ``turnfleet simulate``: regions, clients, and round trips between them.

Reads, and refuses with the line what cannot be meant. Columns go by their names in the first line;
others than those named here are left alone.
"""

import csv
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from turnfleet.commands import output
from turnfleet.model import geo, quoting

_POLE: Final = 90.0
_DATE_LINE: Final = 180.0
_RTT_MAX: Final = 60_000.0
"""ms: what takes a minute is no round trip."""

_T = TypeVar("_T")


class Region(NamedTuple):
    """A row of regions.csv."""

    name: str
    place: geo.Place


class Client(NamedTuple):
    """A row of clients.csv. What is blank is empty, or ``None``."""

    name: str
    ip: str
    country: str
    latitude: float | None
    longitude: float | None
    line: int


class _Row(NamedTuple):
    """One row, which knows where it is."""

    file: Path
    line: int
    cells: Mapping[str, str]

    def refuse(self, what: str) -> output.Failure:
        return output.Failure(f"{self.file}, line {self.line}: {what}.")

    def text(self, column: str) -> str:
        """Return a cell that may not be blank."""
        found = self.cells[column]
        if not found:
            raise self.refuse(f"{column} is blank")
        return found

    def number(self, column: str, least: float, most: float) -> float:
        """Return a number within bounds."""
        found = self.text(column)
        try:
            number = float(found)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise self.refuse(
                f"{column} is {quoting.word(found)}, not a number from {least:g} to {most:g}"
            )
        return number

    def country(self) -> str:
        """Return the country in capitals; it may be blank."""
        found = self.cells["country"].upper()
        if found and not (len(found) == 2 and found.isascii() and found.isalpha()):  # noqa: PLR2004
            raise self.refuse(f"country is {quoting.word(found)}, not two letters as in DE")
        return found


def regions(file: Path) -> tuple[Region, ...]:
    """Read ``region,lat,lon,country``."""

    def read(row: _Row) -> Region:
        place = geo.Place(
            latitude=row.number("lat", -_POLE, _POLE),
            longitude=row.number("lon", -_DATE_LINE, _DATE_LINE),
            country=row.country() or None,
        )
        return Region(row.text("region"), place)

    return tuple(_unique(file, ("region", "lat", "lon", "country"), read, key=lambda r: r.name))


def clients(file: Path) -> tuple[Client, ...]:
    """Read ``client_id,ip,country,lat,lon``; ip, and lat with lon, may be blank."""

    def read(row: _Row) -> Client:
        latitude, longitude = row.cells["lat"], row.cells["lon"]
        if bool(latitude) != bool(longitude):
            raise row.refuse("lat and lon count only together; one of them is blank")
        return Client(
            name=row.text("client_id"),
            ip=row.cells["ip"],
            country=row.country(),
            latitude=row.number("lat", -_POLE, _POLE) if latitude else None,
            longitude=row.number("lon", -_DATE_LINE, _DATE_LINE) if longitude else None,
            line=row.line,
        )

    columns = ("client_id", "ip", "country", "lat", "lon")
    return tuple(_unique(file, columns, read, key=lambda client: client.name))


def round_trips(file: Path) -> dict[str, dict[str, float]]:
    """Read ``client_id,region,rtt_ms``; return ms by region, by client."""
    found: dict[str, dict[str, float]] = {}
    for row in _rows(file, ("client_id", "region", "rtt_ms")):
        client, region = row.text("client_id"), sys.intern(row.text("region"))
        measured = found.setdefault(client, {})
        if region in measured:
            raise row.refuse(f"{quoting.word(client)} to {quoting.word(region)} is there twice")
        measured[region] = row.number("rtt_ms", 0.0, _RTT_MAX)
    return found


def _unique(
    file: Path, columns: tuple[str, ...], read: Callable[[_Row], _T], key: Callable[[_T], str]
) -> Iterator[_T]:
    seen: set[str] = set()
    for row in _rows(file, columns):
        found = read(row)
        if key(found) in seen:
            raise row.refuse(f"{columns[0]} {quoting.word(key(found))} is there twice")
        seen.add(key(found))
        yield found
    if not seen:
        raise output.Failure(f"{file} has no rows below its first line.")


def _rows(file: Path, columns: tuple[str, ...]) -> Iterator[_Row]:
    reader = None
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            headings = [heading.strip().lower() for heading in next(reader, [])]
            places = _places(file, headings, columns)
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(headings):
                    raise output.Failure(
                        f"{file}, line {reader.line_num}: {len(cells)} cells, but the first line "
                        f"names {len(headings)} columns."
                    )
                by_name = {name: cells[place].strip() for name, place in places.items()}
                yield _Row(file, reader.line_num, by_name)
    except OSError as error:
        raise output.Failure(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise output.Failure(f"{file} is not UTF-8 text.") from error
    except csv.Error as error:
        line = reader.line_num if reader else 1
        raise output.Failure(f"{file}, line {line}: this is not CSV: {error}.") from error


def _places(file: Path, headings: list[str], columns: tuple[str, ...]) -> dict[str, int]:
    for column in columns:
        if headings.count(column) != 1:
            problem = "names no" if column not in headings else "names twice the"
            raise output.Failure(
                f"{file}, line 1: it {problem} column {column}; "
                f"the columns are {','.join(columns)}."
            )
    return {column: headings.index(column) for column in columns}
