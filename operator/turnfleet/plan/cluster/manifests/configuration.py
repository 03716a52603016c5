"""The ConfigMap of a region: the file that every relay of it is configured by."""

from turnfleet.plan import agent_config
from turnfleet.plan.cluster import naming, objects, observed
from turnrelay import contract


def manifest(
    identity: observed.Identity, configuration: agent_config.Configuration
) -> objects.Manifest:
    """Return the ConfigMap. Relays mount it whole, so live fields reach them without a restart."""
    key, body = naming.header(objects.Kind.CONFIG_MAP, identity)
    return objects.Manifest(
        key=key, body=body | {"data": {contract.CONFIG_FILE: configuration.text}}
    )
