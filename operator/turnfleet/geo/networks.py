"""The operator's own table of networks: what no database can know, such as an office's VPN.

A CSV file, one network a line; blank lines, ``#`` comments and a heading are passed over:

    cidr,latitude,longitude,country
    203.0.113.0/24,50.11,8.68,DE
    2001:db8:7::/48,50.11,8.68
    10.0.0.0/8,,,DE          # no point: the country's centre

The most specific network wins, the later line among equals. A broken line is reported with its
number and passed over; the others count. Private networks are welcome: this is where they have
a place.
"""

import bisect
import csv
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from turnfleet.geo import addresses, countries
from turnfleet.model import geo

LINES_MAX: Final = 1_000_000
"""Lines that are read: some 200 MB of table, and as good as a mistake."""
COMPLAINTS_MAX: Final = 10
"""Broken lines that are reported one by one; of the rest there is a count."""


class _Network(NamedTuple):
    first: int
    last: int
    place: geo.Place


class Table:
    """Networks cut into a line of intervals that do not overlap: a search is one bisection."""

    def __init__(self, networks: Iterable[_Network] = ()) -> None:
        self._starts: list[int] = [0]
        self._places: list[geo.Place | None] = [None]
        for start, place in _intervals(networks):
            if start == self._starts[-1]:
                self._places[-1] = place
            else:
                self._starts.append(start)
                self._places.append(place)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def find(self, address: addresses.Address) -> geo.Place | None:
        """Return the place of the most specific network that holds an address."""
        return self._places[bisect.bisect_right(self._starts, address.number) - 1]


def read(path: Path, *, warn: Callable[[str], None]) -> Table:
    """Return the table in a file, as far as it can be read; ``warn`` gets what cannot."""
    complaints = _Complaints(path, warn)
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            networks = {(n.first, n.last): n for n in _networks(lines, complaints)}
    except OSError as error:
        warn(f"the table of networks {path} cannot be read ({error.strerror}): none is known.")
        return Table()
    complaints.close()
    return Table(networks.values())


class _Complaints:
    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._count = 0

    def add(self, line: int, sentence: str) -> None:
        self._count += 1
        if self._count <= COMPLAINTS_MAX:
            self._warn(f"{self._path}:{line}: {sentence}; the line is passed over.")

    def close(self) -> None:
        if self._count > COMPLAINTS_MAX:
            self._warn(f"{self._path}: {self._count - COMPLAINTS_MAX} more lines are broken.")


def _networks(lines: Iterable[str], complaints: _Complaints) -> Iterator[_Network]:
    for number, line in enumerate(lines, start=1):
        if number > LINES_MAX:
            complaints.add(number, f"only the first {LINES_MAX} lines are read")
            return
        text = line.partition("#")[0].strip()
        if not text or text.casefold().startswith("cidr,"):
            continue
        try:
            yield _network(text)
        except ValueError as error:
            complaints.add(number, str(error))


def _network(text: str) -> _Network:
    """Return the network of one line; ``ValueError`` says what is wrong with it."""
    try:
        [fields] = csv.reader([text], skipinitialspace=True)
    except csv.Error as error:
        raise ValueError(f"it is not CSV: {error}") from error
    cells = [field.strip() for field in fields]
    if not 3 <= len(cells) <= 4:  # noqa: PLR2004 - the columns in the module's description
        raise ValueError("it needs cidr,latitude,longitude and may have a country after them")
    cidr, latitude, longitude, *rest = cells
    first, last = addresses.span(cidr)
    return _Network(first, last, _place(latitude, longitude, rest[0].upper() if rest else ""))


def _place(latitude: str, longitude: str, country: str) -> geo.Place:
    centre = countries.PLACES.get(country)
    if country and centre is None:
        raise ValueError(f"{country[:20]!r} is not an ISO 3166-1 alpha-2 country code")
    if not latitude and not longitude:
        if centre is None:
            raise ValueError("it has neither a point nor a country")
        return centre
    return geo.Place(
        latitude=_degrees(latitude, "latitude", 90),
        longitude=_degrees(longitude, "longitude", 180),
        country=country or None,
    )


def _degrees(text: str, name: str, limit: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= limit:
        raise ValueError(f"{text[:20]!r} is no {name}: it is a number from -{limit} to {limit}")
    return value


def _intervals(networks: Iterable[_Network]) -> Iterator[tuple[int, geo.Place | None]]:
    """Yield where a place begins to hold, in order: CIDRs nest or are apart, never cross."""
    open_networks: list[_Network] = []
    for network in sorted(networks, key=lambda n: (n.first, -n.last)):
        while open_networks and open_networks[-1].last < network.first:
            closed = open_networks.pop()
            yield closed.last + 1, open_networks[-1].place if open_networks else None
        open_networks.append(network)
        yield network.first, network.place
    while open_networks:
        closed = open_networks.pop()
        yield closed.last + 1, open_networks[-1].place if open_networks else None
