"""Reads one MMDB file, whichever of two schemas it has, and never lets a bad one stop an answer.

* *flat*, the npm packages ``@ip-location-db/…-mmdb``: ``country_code``, ``latitude``,
  ``longitude`` at the top;
* *nested*, MaxMind's and DB-IP's own: ``country.iso_code``, ``location.latitude``,
  ``location.longitude``.

Databases of autonomous systems have ``autonomous_system_number`` in both.

Does not choose between files and does not know where countries are. A file that cannot be opened
is a ``Broken`` with a sentence; one that proves corrupt while it is read finds nothing and warns
once.
"""

import math
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import maxminddb
from maxminddb import errors

from turnfleet.geo import addresses
from turnfleet.model import geo


class Finding(NamedTuple):
    """What a database says of an address: a country, a place, a network, some of it or nothing."""

    country: str | None
    place: geo.Place | None
    system: int | None = None
    """The number of the autonomous system."""


_SYSTEM_MAX: Final = 0xFFFF_FFFF
_NOTHING: Final = Finding(country=None, place=None)


class Broken(Exception):  # noqa: N818 - an outcome that the atlas turns into a lower rung
    """The file is of no use; the message says why, as the end of a sentence."""


class Database:
    """One open file, or rather a copy that nobody else can touch."""

    def __init__(self, path: Path, *, warn: Callable[[str], None]) -> None:
        """Open ``path``; raise ``Broken`` where that is not possible."""
        try:
            self._reader = _open(path)
            self._families = self._reader.metadata().ip_version
        except (OSError, ValueError, errors.InvalidDatabaseError) as error:
            raise Broken(_why(error)) from error
        self._path = path
        self._warn = warn
        self._corrupt = False

    def find(self, address: addresses.Address) -> Finding:
        """Return what the file says of an address; never raises."""
        if self._families == 4 and ":" in address.text:  # noqa: PLR2004 - the Internet Protocol's
            return _NOTHING
        try:
            record = self._reader.get(address.text)
        except (OSError, ValueError, errors.InvalidDatabaseError) as error:
            self._complain(error)
            return _NOTHING
        return read(record)

    def _complain(self, error: Exception) -> None:
        if not self._corrupt:
            self._corrupt = True
            self._warn(
                f"{self._path} is damaged ({_why(error)}): addresses in the damaged part are "
                "located by other means. Fetch it again."
            )


def _open(path: Path) -> maxminddb.Reader:
    # The reader maps its file into memory: somebody who rewrites that in place ends this process
    # with SIGBUS at the next look-up. A copy without a name costs page cache and is out of reach.
    with path.open("rb") as original, tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(original, copy)
        copy.flush()
        return maxminddb.open_database(f"/proc/self/fd/{copy.fileno()}")


def read(record: object) -> Finding:
    """Return what a record of either schema says, whatever else it may be."""
    match record:
        case {"autonomous_system_number": int(system)} if 0 < system <= _SYSTEM_MAX:
            return Finding(country=None, place=None, system=system)
        case {"country_code": country, **rest}:
            return _finding(country, rest.get("latitude"), rest.get("longitude"))
        case dict():
            location, country = record.get("location"), record.get("country")
            # Where an address is registered is the better of no two answers (satellite links).
            country = country or record.get("registered_country")
            if not isinstance(location, dict):
                location = {}
            code = country.get("iso_code") if isinstance(country, dict) else None
            return _finding(code, location.get("latitude"), location.get("longitude"))
        case _:
            return _NOTHING


def _finding(country: object, latitude: object, longitude: object) -> Finding:
    code = country.upper() if isinstance(country, str) else None
    if code is not None and not (len(code) == 2 and code.isascii() and code.isalpha()):  # noqa: PLR2004 - alpha-2
        code = None
    match latitude, longitude:
        case (int() | float(), int() | float()) if _on_earth(latitude, longitude):
            place = geo.Place(latitude=float(latitude), longitude=float(longitude), country=code)
            return Finding(code, place)
    return Finding(code, None)


def _on_earth(latitude: float, longitude: float) -> bool:
    # Zero, zero is what databases write when they do not know: nobody lives in the Gulf of Guinea.
    known = latitude != 0 or longitude != 0
    return known and math.fabs(latitude) <= 90 and math.fabs(longitude) <= 180  # noqa: PLR2004 - degrees


def _why(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case PermissionError():
            return "it may not be read"
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return "it is not a readable MMDB file"
