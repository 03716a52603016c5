"""All manifests of a region, in the order in which they are applied: what pods mount goes first."""

from turnfleet.model import region
from turnfleet.plan import agent_config
from turnfleet.plan.cluster import drift, members, naming, objects, observed, rollout
from turnfleet.plan.cluster.manifests import (
    account,
    configuration,
    disruption,
    pod,
    secret,
    workload,
)


def configure(
    spec: region.RegionSpec, surroundings: observed.Surroundings, policy: observed.Policy
) -> agent_config.Configuration:
    """Return what all relays of a region are told."""
    return agent_config.render(
        spec=spec,
        listeners=spec.listeners,
        relay_ports=spec.relay_ports,
        families=spec.addresses.families,
        hostname=spec.addresses.hostname,
        peers=agent_config.fleet_peers(
            spec=spec, addresses=surroundings.relay_addresses, denied=policy.denied_peers
        ),
        denied=policy.denied_peers,
    )


def manifests(
    *,
    identity: observed.Identity,
    spec: region.RegionSpec,
    policy: observed.Policy,
    told: agent_config.Configuration,
    auth: observed.AuthSecret | None,
    roster: members.Roster,
    moves: rollout.Moves,
) -> tuple[objects.Manifest, ...]:
    """Return every object that the region has to have, sealed."""
    drawn = [account.manifest(identity), configuration.manifest(identity, told)]
    if auth is not None:
        drawn.append(secret.manifest(identity, auth))
    drawn.append(
        disruption.manifest(
            identity,
            desired=roster.desired,
            budget=spec.max_unavailable,
        )
    )
    revision = pod.revision(spec, policy, told)
    for placement, kind in naming.WORKLOADS.items():
        # Beside its own, a region keeps the workload of another placement while that has relays.
        if placement is not spec.relays.placement and not roster.of(kind):
            continue
        match placement:
            case region.Placement.REPLICAS:
                manifest = workload.replica_set(
                    identity, spec, policy, revision=revision, replicas=moves.replicas
                )
            case region.Placement.EVERY_NODE:
                manifest = workload.daemon_set(
                    identity, spec, policy, revision=revision, kept=moves.kept
                )
        drawn.append(manifest)
    return tuple(drift.sealed(manifest) for manifest in drawn)
