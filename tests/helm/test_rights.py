"""What each program may do, as a table that is complete, and what it must never do."""

import itertools

import pytest
from tests.support import charts, rights

HOME = charts.NAMESPACE
RELAYS = "media"
ELSEWHERE = "payroll"
_VALUES = {"relayNamespaces": [{"name": RELAYS}], "crds": {"keep": False}}
"""Without crds.keep all three accounts are there."""
_EVERYWHERE = {**_VALUES, "relayNamespaces": [], "watchAllNamespaces": True}

_FOLLOW = ("list", "watch")
_MAKE = (*_FOLLOW, "create", "patch")
_MAY: dict[str, dict[tuple[str | None, str, str], tuple[str, ...]]] = {
    "turnfleet-operator": {
        (RELAYS, "turnfleet.io/turnregions", ""): ("get", *_MAKE, "delete"),
        (RELAYS, "turnfleet.io/turnregions:status", ""): ("patch",),
        (RELAYS, "turnfleet.io/turnregions:finalizers", ""): ("update",),
        (RELAYS, "pods", ""): (*_FOLLOW, "patch", "delete"),
        (RELAYS, "configmaps", ""): _MAKE,
        (RELAYS, "serviceaccounts", ""): _MAKE,
        (RELAYS, "secrets", ""): _MAKE,
        (RELAYS, "apps/replicasets", ""): (*_MAKE, "delete"),
        (RELAYS, "apps/daemonsets", ""): (*_MAKE, "delete"),
        (RELAYS, "policy/poddisruptionbudgets", ""): _MAKE,
        (RELAYS, "events.k8s.io/events", ""): ("create",),
        (HOME, "coordination.k8s.io/leases", ""): ("create",),
        (HOME, "coordination.k8s.io/leases", "turnfleet-operator"): ("get", "update"),
        (HOME, "secrets", "turnfleet-signing"): (*_FOLLOW, "patch"),
        (None, "nodes", ""): _FOLLOW,
    },
    "turnfleet-api": {
        (RELAYS, "turnfleet.io/turnregions", ""): _FOLLOW,
        (HOME, "secrets", "turnfleet-signing"): _FOLLOW,
    },
    "turnfleet-uninstall": {
        (RELAYS, "turnfleet.io/turnregions", ""): ("list", "delete"),
        (HOME, "apps/deployments:scale", "turnfleet-operator"): ("patch",),
    },
}
"""Every right there is: (namespace, resource, name) to verbs."""

_NEVER: dict[str, tuple[tuple[str, str, str | None, str], ...]] = {
    "turnfleet-operator": (
        ("get", "secrets", HOME, "turnfleet-api-keys"),
        ("get", "secrets", HOME, "turnfleet-api-first-key"),
        ("list", "secrets", HOME, ""),
        ("get", "secrets", ELSEWHERE, "anything"),
        ("create", "pods", RELAYS, ""),
        ("create", "pods:exec", RELAYS, "turn-eu-x7"),
        ("create", "pods:eviction", RELAYS, "turn-eu-x7"),
        ("create", "serviceaccounts:token", RELAYS, "turn-eu"),
        ("patch", "nodes", None, "node-1"),
        ("create", "rbac.authorization.k8s.io/roles", RELAYS, ""),
        ("create", "rbac.authorization.k8s.io/rolebindings", RELAYS, ""),
        ("patch", "apps/deployments", HOME, "turnfleet-api"),
        ("delete", "apiextensions.k8s.io/customresourcedefinitions", None, ""),
        ("list", "namespaces", None, ""),
        ("delete", "secrets", RELAYS, "eu-auth"),
        ("delete", "configmaps", RELAYS, "kube-root-ca.crt"),
        ("delete", "coordination.k8s.io/leases", HOME, "turnfleet-operator"),
        ("update", "coordination.k8s.io/leases", HOME, "another"),
    ),
    "turnfleet-api": (
        ("patch", "turnfleet.io/turnregions", RELAYS, "eu"),
        ("patch", "turnfleet.io/turnregions:status", RELAYS, "eu"),
        ("delete", "turnfleet.io/turnregions", RELAYS, "eu"),
        ("list", "turnfleet.io/turnregions", ELSEWHERE, ""),
        ("get", "secrets", RELAYS, "eu-auth"),
        ("list", "secrets", HOME, ""),
        ("get", "secrets", HOME, "turnfleet-api-first-key"),
        ("patch", "secrets", HOME, "turnfleet-signing"),
        ("list", "pods", RELAYS, ""),
        ("list", "nodes", None, ""),
        ("create", "events.k8s.io/events", RELAYS, ""),
    ),
    "turnfleet-uninstall": (
        ("delete", "pods", RELAYS, "turn-eu-x7"),
        ("list", "turnfleet.io/turnregions", ELSEWHERE, ""),
        ("patch", "turnfleet.io/turnregions", RELAYS, "eu"),
        ("patch", "apps/deployments:scale", HOME, "turnfleet-api"),
        ("delete", "apiextensions.k8s.io/customresourcedefinitions", None, ""),
        ("get", "secrets", HOME, "turnfleet-signing"),
    ),
}


@pytest.mark.parametrize("account", _MAY)
def test_a_program_may_do_what_the_table_says_and_no_more(
    rendered: charts.Rendering, account: str
) -> None:
    granted: dict[tuple[str | None, str, str], set[str]] = {}
    for one in rights.of(rendered, account):
        kinds = itertools.product(one.groups, one.resources, one.names or ("",))
        for group, resource, name in kinds:
            plural = resource.replace("/", ":")
            what = (one.namespace, f"{group}/{plural}" if group else plural, name)
            granted.setdefault(what, set()).update(one.verbs)
    assert granted == {what: set(verbs) for what, verbs in _MAY[account].items()}


@pytest.mark.parametrize(
    ("account", "act"),
    [
        (account, rights.Act(verb=verb, resource=resource, namespace=namespace, name=name))
        for account, acts in _NEVER.items()
        for verb, resource, namespace, name in acts
    ],
    ids=str,
)
def test_a_program_can_not(rendered: charts.Rendering, account: str, act: rights.Act) -> None:
    assert not any(grant.covers(act) for grant in rights.of(rendered, account))


def test_a_right_is_seen_where_it_is_given(rendered: charts.Rendering) -> None:
    act = rights.Act(verb="watch", resource="secrets", namespace=HOME, name="turnfleet-signing")
    granted = rights.of(rendered, "turnfleet-api")
    assert any(grant.covers(act) for grant in granted)


@pytest.mark.parametrize("account", _MAY)
def test_watching_all_namespaces_moves_the_same_rights_to_the_cluster(
    chart: charts.Chart, rendered: charts.Rendering, account: str
) -> None:
    def flat(found: charts.Rendering) -> set[tuple[object, ...]]:
        everywhere = {None, RELAYS}
        return {
            (one.namespace in everywhere, *group_resource_verb, one.names)
            for one in rights.of(found, account)
            for group_resource_verb in itertools.product(one.groups, one.resources, one.verbs)
        }

    assert flat(chart.rendered(_EVERYWHERE)) == flat(rendered)


def test_nothing_in_a_rule_is_a_star(rendering: charts.Rendering) -> None:
    for kind in ("Role", "ClusterRole"):
        for one in rendering.of(kind):
            for rule in one["rules"]:
                assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}


def test_only_nodes_are_read_cluster_wide_unless_all_namespaces_are(
    rendering: charts.Rendering,
) -> None:
    roles = rendering.of("ClusterRole")
    plurals = {plural for one in roles for rule in one["rules"] for plural in rule["resources"]}
    args = rendering.one("Deployment", "turnfleet-api")["spec"]["template"]["spec"]
    everywhere = "--all-namespaces" in args["containers"][0]["args"]
    assert everywhere or plurals == {"nodes"}


def test_a_token_is_mounted_where_it_is_used_and_nowhere_else(rendering: charts.Rendering) -> None:
    assert {one["automountServiceAccountToken"] for one in rendering.of("ServiceAccount")} == {
        False
    }


@pytest.fixture(scope="module")
def rendered(chart: charts.Chart) -> charts.Rendering:
    return chart.rendered(_VALUES)
