"""What the chart grants each program, held against the table of its rights."""

import itertools

import pytest
from tests.support import charts, entitlements, rights

HOME = charts.NAMESPACE
RELAYS = "media"
_VALUES = {"relayNamespaces": [{"name": RELAYS}], "crds": {"keep": False}}
"""Without crds.keep all three accounts are there."""
_EVERYWHERE = {**_VALUES, "relayNamespaces": [], "watchAllNamespaces": True}

_TABLE = entitlements.Table(home=HOME, relays=RELAYS, elsewhere="payroll")


@pytest.mark.parametrize("account", entitlements.ACCOUNTS)
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
    assert granted == {what: set(verbs) for what, verbs in _TABLE.may(account).items()}


@pytest.mark.parametrize(
    ("account", "act"),
    [(account, act) for account in entitlements.ACCOUNTS for act in _TABLE.forbidden(account)],
    ids=str,
)
def test_a_program_can_not(rendered: charts.Rendering, account: str, act: rights.Act) -> None:
    assert not any(grant.covers(act) for grant in rights.of(rendered, account))


def test_a_right_is_seen_where_it_is_given(rendered: charts.Rendering) -> None:
    act = rights.Act(verb="watch", resource="secrets", namespace=HOME, name="turnfleet-signing")
    granted = rights.of(rendered, "turnfleet-api")
    assert any(grant.covers(act) for grant in granted)


@pytest.mark.parametrize("account", entitlements.ACCOUNTS)
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
