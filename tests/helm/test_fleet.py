"""Regions, their namespaces, and what an uninstall leaves."""

from typing import Any

import pytest
import yaml
from tests.support import admission, charts

from turnfleet.handlers import declaring

_KEPT = {
    ("CustomResourceDefinition", "turnregions.turnfleet.io"),
    ("Namespace", "turnfleet-relays"),
    ("PriorityClass", "turnfleet-relay"),
    ("Secret", "turnfleet-signing"),
    ("Secret", "turnfleet-api-keys"),
    ("Secret", "turnfleet-api-first-key"),
}


def test_every_region_of_the_values_is_one_that_an_api_server_takes(
    rendering: charts.Rendering,
) -> None:
    for name, manifest in _regions(rendering).items():
        assert admission.refusal(manifest) is None
        assert manifest["metadata"]["name"] == name.removesuffix(".yaml")
        assert manifest["metadata"]["namespace"] != charts.NAMESPACE


def test_a_region_keeps_its_numbers_on_the_way(chart: charts.Chart) -> None:
    # Helm reads every number as a float; a bit rate of 2e+09 would be refused by the cluster.
    spec = {
        "location": {"latitude": -33.92, "longitude": 18},
        "realm": "turn.example.com",
        "weight": 0,
        "limits": {"bandwidthPerRelay": 2000000000, "allocationsPerRelay": 100000},
    }
    found = _regions(chart.rendered({"regions": {"af-south": {"spec": spec}}}))
    assert found["af-south.yaml"]["spec"] == spec


def test_a_region_goes_to_its_namespace_or_else_to_the_first(chart: charts.Chart) -> None:
    spec = {"location": {"latitude": 1, "longitude": 2}, "realm": "turn.example.com"}
    found = _regions(
        chart.rendered(
            {
                "relayNamespaces": [{"name": "media"}, {"name": "media-us"}],
                "regions": {"eu": {"spec": spec}, "us": {"namespace": "media-us", "spec": spec}},
            }
        )
    )
    assert {name: one["metadata"]["namespace"] for name, one in found.items()} == {
        "eu.yaml": "media",
        "us.yaml": "media-us",
    }


def test_an_index_tells_a_list_without_regions_from_a_folder_that_is_not_there(
    chart: charts.Chart, rendering: charts.Rendering
) -> None:
    for one in (chart.rendered(), rendering):
        data = one.one("ConfigMap", "turnfleet-regions")["data"]
        files = {name: text.encode() for name, text in data.items()}
        declared, problems = declaring.declare(files, namespaces=None)
        assert declared.complete
        assert len(declared.bodies) == len(files) - 1
        assert problems == ()


def test_namespaces_of_relays_allow_the_network_of_the_node(rendering: charts.Rendering) -> None:
    for one in rendering.of("Namespace"):
        assert one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
        assert one["metadata"]["name"] != charts.NAMESPACE


def test_with_keep_an_uninstall_leaves_the_fleet_and_runs_nothing(chart: charts.Chart) -> None:
    rendering = chart.rendered()
    kept = {
        (one["kind"], one["metadata"]["name"])
        for one in rendering.objects
        if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
    }
    assert kept == _KEPT
    assert _hooks(rendering) == {}


def test_without_keep_an_uninstall_leaves_nothing_and_waits_for_the_regions(
    chart: charts.Chart,
) -> None:
    rendering = chart.rendered({"crds": {"keep": False}})
    assert "helm.sh/resource-policy" not in yaml.safe_dump(list(rendering.objects))
    hooks = _hooks(rendering)
    assert {one["helm.sh/hook"] for one in hooks.values()} == {"pre-delete"}
    weights = {kind: int(one["helm.sh/hook-weight"]) for (kind, _), one in hooks.items()}
    assert all(weight < weights["Job"] for kind, weight in weights.items() if kind != "Job")
    # A second try must find the way clear, and a good end leaves no rights behind.
    assert {one["helm.sh/hook-delete-policy"] for one in hooks.values()} == {
        "before-hook-creation,hook-succeeded"
    }


def test_the_crd_is_installed_only_where_asked(chart: charts.Chart) -> None:
    assert chart.rendered({"crds": {"enabled": False}}).of("CustomResourceDefinition") == ()


@pytest.mark.parametrize(
    ("image", "flag"),
    [
        ({}, "--relay-image=turnfleet/relay:0.1.0"),
        ({"tag": "2.0"}, "--relay-image=turnfleet/relay:2.0"),
        ({"digest": f"sha256:{'0' * 64}"}, f"--relay-image=turnfleet/relay@sha256:{'0' * 64}"),
    ],
)
def test_the_operator_is_told_the_image_of_relays(
    chart: charts.Chart, image: dict[str, str], flag: str
) -> None:
    rendering = chart.rendered({"relays": {"image": image}})
    pod = rendering.one("Deployment", "turnfleet-operator")["spec"]["template"]["spec"]
    assert flag in pod["containers"][0]["args"]


def _regions(rendering: charts.Rendering) -> dict[str, dict[str, Any]]:
    data = rendering.one("ConfigMap", "turnfleet-regions")["data"]
    return {name: yaml.safe_load(text) for name, text in data.items() if name != declaring.INDEX}


def _hooks(rendering: charts.Rendering) -> dict[tuple[str, str], dict[str, str]]:
    return {
        (one["kind"], f"{one['metadata'].get('namespace')}/{one['metadata']['name']}"): found
        for one in rendering.objects
        if "helm.sh/hook" in (found := one["metadata"].get("annotations", {}))
    }
