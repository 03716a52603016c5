"""What holds for every object, whatever the values."""

import copy
from collections import Counter

import pytest
from tests.support import charts, kinds

_CLUSTER = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace"} | {
    "PriorityClass"
}
_SELECTED_BY = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
}


def test_every_object_is_one_of_its_kind(rendering: charts.Rendering) -> None:
    wrong = {_name(one): found for one in rendering.objects if (found := kinds.problems(one))}
    assert wrong == {}


@pytest.mark.parametrize("path", [("spec",), ("spec", "template", "spec"), ("metadata",)])
def test_an_unknown_field_would_be_seen(chart: charts.Chart, path: tuple[str, ...]) -> None:
    broken = copy.deepcopy(chart.rendered().one("Deployment", "turnfleet-api"))
    place = broken
    for step in path:
        place = place[step]
    assert isinstance(place, dict)
    place["misspelt"] = True
    assert kinds.problems(broken) != []


def test_names_are_unique_and_namespaces_are_written(rendering: charts.Rendering) -> None:
    names = Counter(_name(one) for one in rendering.objects)
    assert [name for name, count in names.items() if count > 1] == []
    for one in rendering.objects:
        assert ("namespace" in one["metadata"]) == (one["kind"] not in _CLUSTER), _name(one)


def test_every_object_has_the_labels_that_helm_recommends(rendering: charts.Rendering) -> None:
    for one in rendering.objects:
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "turnfleet"
        assert labels["app.kubernetes.io/instance"] == charts.RELEASE
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["helm.sh/chart"].startswith("turnfleet-")
        assert {"app.kubernetes.io/component", "app.kubernetes.io/version"} <= set(labels)


def test_selectors_hold_nothing_that_ever_changes(rendering: charts.Rendering) -> None:
    for one in rendering.of("Deployment"):
        wanted = one["spec"]["selector"]["matchLabels"]
        assert set(wanted) == _SELECTED_BY
        assert wanted.items() <= one["spec"]["template"]["metadata"]["labels"].items()


def test_what_selects_pods_selects_those_of_one_program(rendering: charts.Rendering) -> None:
    pods = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in rendering.of("Deployment")
    }
    chosen = [
        *((one, one["spec"]["selector"]) for one in rendering.of("Service")),
        *((one, one["spec"]["selector"]["matchLabels"]) for one in _selecting(rendering)),
        *(
            (one, one["spec"]["podSelector"]["matchLabels"])
            for one in rendering.of("NetworkPolicy")
        ),
    ]
    for one, selector in chosen:
        found = [name for name, labels in pods.items() if selector.items() <= labels.items()]
        assert found == [one["metadata"]["name"].removesuffix("-peers")]


def test_references_are_to_what_is_there(rendering: charts.Rendering) -> None:
    accounts = {_place(one) for one in rendering.of("ServiceAccount")}
    used = {
        (one["metadata"]["namespace"], one["spec"]["template"]["spec"]["serviceAccountName"])
        for kind in ("DaemonSet", "Deployment", "Job")
        for one in rendering.of(kind)
    }
    bound = {
        (subject["namespace"], subject["name"])
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for one in rendering.of(kind)
        for subject in one["subjects"]
    }
    assert used == accounts
    # A guard has no right at all.
    assert bound == {(_, name) for _, name in accounts if name != "turnfleet-guard"}
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for one in rendering.of(kind):
            namespace = one["metadata"].get("namespace")
            rendering.one(one["roleRef"]["kind"], one["roleRef"]["name"], namespace=namespace)


def _selecting(rendering: charts.Rendering) -> tuple[charts.Object, ...]:
    return (*rendering.of("Deployment"), *rendering.of("PodDisruptionBudget"))


def _place(one: charts.Object) -> tuple[str, str]:
    return one["metadata"]["namespace"], one["metadata"]["name"]


def _name(one: charts.Object) -> str:
    about = one["metadata"]
    return f"{one['kind']} {about.get('namespace', '')}/{about['name']}"
