"""The PodDisruptionBudget of a region: how many relays a node drain may take at once."""

from turnfleet.plan.cluster import naming, objects, observed


def manifest(identity: observed.Identity, *, desired: int, budget: int) -> objects.Manifest:
    """Return the budget that keeps all but ``budget`` of the ``desired`` relays.

    ``minAvailable`` is a number, because a percentage needs a controller with a scale, which a
    DaemonSet is not. A relay that is not ready holds up no drain: it is what the drain may repair.
    """
    key, body = naming.header(objects.Kind.DISRUPTION_BUDGET, identity)
    spec = {
        "minAvailable": max(0, desired - budget),
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": naming.selector(identity.name)},
    }
    return objects.Manifest(key=key, body=body | {"spec": spec})
