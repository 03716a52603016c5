"""From declared regions to blueprints of relays on this machine: ``plan`` plus its files.

Places, configuration, secrets and certificates come together here; nothing is started.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from turnfleet.local import certificates, relay, secrets
from turnfleet.model import fleet, region
from turnfleet.plan import agent_config, placement, ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What relays need of the machine."""

    ground: placement.Ground
    turnserver: str
    """coturn's program."""
    lowest_port: int
    """Lowest port that this user may bind."""
    taken: tuple[ports.Claim, ...] = ()
    """Ports that this program itself uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What should run."""

    blueprints: Mapping[fleet.RelayKey, relay.Blueprint]
    refused: Mapping[str, str]
    """Regions that cannot be served as declared, each with a sentence."""
    unheeded: tuple[str, ...]
    """A sentence for everything declared that a single machine does not do."""


def draft(
    *,
    specs: Sequence[region.RegionSpec],
    occupied: Collection[placement.Place],
    machine: Machine,
    vault: secrets.Vault,
    authority: certificates.Authority,
) -> Draft:
    """Return blueprints for ``specs``; ``occupied`` are the places now in use."""
    auth, refused = _auth_folders(specs, vault)
    placed = placement.place(
        specs=[spec for spec in specs if spec.name in auth],
        ground=machine.ground,
        before=occupied,
        lowest_port=machine.lowest_port,
        taken=machine.taken,
    )
    places = [*placed.places, *occupied]
    addresses = {place.address for place in places}
    tls, uncertified = _tls_folders(specs, places, vault, authority)
    by_name = {spec.name: spec for spec in specs}
    blueprints = {}
    for place in placed.places:
        if place.key.region in uncertified:
            continue
        spec = by_name[place.key.region]
        configuration = agent_config.render(
            spec=spec,
            listeners=place.listeners,
            relay_ports=place.relay_ports,
            families=(place.family,),
            peers=agent_config.fleet_peers(spec=spec, addresses=addresses),
        )
        certificate = tls.get(spec.name)
        blueprints[place.key] = relay.Blueprint(
            place=place,
            # Beside its configuration, an agent is given these on its command line.
            revision=agent_config.fingerprint(
                configuration.revision, place.address, place.agent.address, str(certificate)
            ),
            text=configuration.text,
            drain_timeout=spec.drain_timeout,
            max_unavailable=spec.max_unavailable,
            auth=auth[spec.name],
            tls=certificate,
            turnserver=machine.turnserver,
        )
    return Draft(
        blueprints=blueprints,
        refused={**refused, **placed.refused, **uncertified},
        unheeded=tuple(sentence for spec in specs for sentence in _unheeded(spec)),
    )


def _unheeded(spec: region.RegionSpec) -> Iterable[str]:
    if spec.external_relays:
        yield f"Region {spec.name} declares externalRelays: turnfleet run offers none of them."
    if spec.addresses.hostname is not None:
        yield (
            f"Region {spec.name} declares addresses.hostname: turnfleet run has no names, so its "
            "answers give the relays' addresses."
        )


def _auth_folders(
    specs: Iterable[region.RegionSpec], vault: secrets.Vault
) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the auth folder of every region, or why it has none."""
    folders = {}
    refused = {}
    for spec in specs:
        try:
            folders[spec.name] = vault.auth_folder(spec)
        except secrets.Unavailable as problem:
            refused[spec.name] = f"Region {spec.name} {problem}."
        except OSError as error:
            refused[spec.name] = f"Region {spec.name} cannot be given its secret: {error}."
    return folders, refused


def _tls_folders(
    specs: Iterable[region.RegionSpec],
    places: Collection[placement.Place],
    vault: secrets.Vault,
    authority: certificates.Authority,
) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the certificate folder of every region with TLS, or why it has none.

    It is its owner's, or else one that is made here.
    """
    users: dict[str, list[str]] = {}
    for spec in specs:
        name = spec.listeners.tls_secret_name
        if spec.listeners.tls is not None and name is not None:
            users.setdefault(name, []).append(spec.name)
    folders: dict[str, Path] = {}
    refused: dict[str, str] = {}
    for name, regions in users.items():
        addresses = {place.address for place in places if place.key.region in regions}
        try:
            folder = vault.own_certificate(name) or authority.issue(name, addresses)
        except OSError as error:
            refused |= {each: f"Region {each} gets no certificate: {error}." for each in regions}
        else:
            folders |= dict.fromkeys(regions, folder)
    return folders, refused
