"""A measured mesh in a folder: cities, and round trips between them. Not part of the project.

``sites.csv`` has ``id,name,country,lat,lon``, ``rtt.csv.gz`` has ``client_id,site_id,rtt_ms``.
"""

import csv
import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from turnfleet.geo import clouds
from turnfleet.model import estimate, geo, region
from turnfleet.steer import estimating, regret, sphere

_METRO = 80.0
"""km: a site so near to a cloud's region is in its metropolitan area."""


class Pair(NamedTuple):
    """From one site to another, by id."""

    client: str
    site: str


Estimates = dict[Pair, estimate.Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """What was measured; every site is a client, and may be a region."""

    places: dict[str, geo.Place]
    names: dict[str, str]
    """City by id."""
    rtts: dict[Pair, float]
    """ms."""

    def estimates(self, estimator: estimating.Estimator) -> Estimates:
        """Return what an estimator says of every pair that was measured."""
        specs = {
            site: region.RegionSpec(
                name=site, latitude=place.latitude, longitude=place.longitude, realm="x.example"
            )
            for site, place in self.places.items()
        }
        return {
            pair: estimator.estimate(self.places[pair.client], specs[pair.site])
            for pair in self.rtts
        }

    def outcomes(
        self, regions: Sequence[str], estimates: Estimates, *, clients: Iterable[str] | None = None
    ) -> list[regret.Outcome]:
        """Return what the estimates cost the clients that measured every region and are none."""
        found = []
        for client in self.places if clients is None else clients:
            pairs = [Pair(client, site) for site in regions]
            if client in regions or not all(pair in self.rtts for pair in pairs):
                continue
            ranked = sorted(pairs, key=lambda pair: (estimates[pair].rtt, pair.site))
            outcome = regret.outcome(
                [pair.site for pair in ranked],
                {pair.site: self.rtts[pair] for pair in pairs},
                country=self.places[client].country,
            )
            if outcome is not None:
                found.append(outcome)
        return found

    def in_clouds(self) -> list[str]:
        """Return the sites in the metropolitan areas where clouds have regions, one for each."""
        found = set()
        for city in clouds.CITIES:
            near = {
                sphere.distance(city.latitude, city.longitude, place.latitude, place.longitude): at
                for at, place in self.places.items()
            }
            if min(near) <= _METRO:
                found.add(near[min(near)])
        return sorted(found)

    def twelve(self, cities: Iterable[str]) -> list[str]:
        """Return the ids of cities by their names, spaces and accents aside."""
        by_name = {_plain(name): site for site, name in self.names.items()}
        return [by_name[_plain(city)] for city in cities]


def read(folder: Path) -> Mesh:
    """Read the mesh in a folder."""
    with (folder / "sites.csv").open(encoding="utf-8", newline="") as text:
        sites = list(csv.DictReader(text))
    with gzip.open(folder / "rtt.csv.gz", "rt", encoding="utf-8", newline="") as text:
        rtts = {
            Pair(row["client_id"], row["site_id"]): float(row["rtt_ms"])
            for row in csv.DictReader(text)
            if row["client_id"] != row["site_id"]
        }
    return Mesh(
        places={
            row["id"]: geo.Place(
                latitude=float(row["lat"]), longitude=float(row["lon"]), country=row["country"]
            )
            for row in sites
        },
        names={row["id"]: row["name"] for row in sites},
        rtts=rtts,
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if "a" <= letter <= "z")
