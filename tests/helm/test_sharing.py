"""Endpoints that share what they learned: how they find each other, and what they may keep."""

from typing import Any

from tests.support import charts

from turnfleet.commands import arguments
from turnfleet.learned import peers, store
from turnfleet.sources import remembered

SERVICE = "turnfleet-api-peers"


def endpoint(rendering: charts.Rendering) -> dict[str, Any]:
    pod: dict[str, Any] = rendering.one("Deployment", "turnfleet-api")["spec"]["template"]["spec"]
    return pod


def named(rendering: charts.Rendering) -> list[peers.Peers]:
    words = endpoint(rendering)["containers"][0]["args"]
    flags = [word.removeprefix("--peers=") for word in words if word.startswith("--peers=")]
    return [arguments.replicas(flag) for flag in flags]


def test_endpoints_name_the_service_that_resolves_to_them(chart: charts.Chart) -> None:
    rendering = chart.rendered()
    [found] = named(rendering)
    service = rendering.one("Service", SERVICE)["spec"]
    assert isinstance(found, peers.Name)
    assert found.host == f"{SERVICE}.{charts.NAMESPACE}.svc"
    assert service["clusterIP"] == "None"
    [port] = service["ports"]
    assert port["port"] == found.port
    ports = endpoint(rendering)["containers"][0]["ports"]
    # A headless Service translates no port: what is asked for is what the pod listens at.
    assert {"name": port["targetPort"], "containerPort": found.port} in ports


def test_a_policy_lets_endpoints_reach_each_other_and_nobody_else(chart: charts.Chart) -> None:
    rendering = chart.rendered({"networkPolicy": {"enabled": True}})
    policy = rendering.one("NetworkPolicy", "turnfleet-api")["spec"]
    [inside] = [rule for rule in policy["ingress"] if rule["ports"][0]["port"] == "metrics"]
    assert inside["from"] == [{"podSelector": policy["podSelector"]}]


def test_other_clusters_are_named_by_their_urls(chart: charts.Chart) -> None:
    url = "https://ice.us.example.com"
    rendering = chart.rendered({"api": {"learning": {"clusters": [url]}}})
    assert named(rendering)[1:] == [peers.Url(base=url)]
    refusal = chart.refusal({"api": {"learning": {"clusters": ["http://ice.us.example.com"]}}})
    assert "clusters" in refusal


def test_without_sharing_nobody_is_named(chart: charts.Chart) -> None:
    given = {"api": {"learning": {"share": False}}, "networkPolicy": {"enabled": True}}
    rendering = chart.rendered(given)
    assert named(rendering) == []
    assert SERVICE not in {one["metadata"]["name"] for one in rendering.of("Service")}
    policy = rendering.one("NetworkPolicy", "turnfleet-api")["spec"]
    assert [rule["ports"][0]["port"] for rule in policy["ingress"]] == ["http"]


def test_the_volume_holds_all_that_an_endpoint_may_keep(chart: charts.Chart) -> None:
    [state] = [v for v in endpoint(chart.rendered())["volumes"] if v["name"] == "state"]
    limit = int(state["emptyDir"]["sizeLimit"].removesuffix("Mi")) << 20
    # What was learned: the file, its log, one that broke. The fleet: an old and a new file.
    assert limit > 3 * store.SIZE_MAX + 2 * remembered.SIZE_MAX
