"""The ServiceAccount of a region's relays: one without rights, and without a token to leak."""

from turnfleet.plan.cluster import naming, objects, observed


def manifest(identity: observed.Identity) -> objects.Manifest:
    """Return the ServiceAccount."""
    key, body = naming.header(objects.Kind.SERVICE_ACCOUNT, identity)
    return objects.Manifest(key=key, body=body | {"automountServiceAccountToken": False})
