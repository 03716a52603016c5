"""The guard of nodes: what it is told, what it may, and where it runs."""

from typing import Any

from tests.support import charts

_SPEC: dict[str, Any] = {
    "location": {"latitude": 1, "longitude": 2},
    "realm": "turn.example.com",
}


def _guard(rendering: charts.Rendering) -> dict[str, Any]:
    spec: dict[str, Any] = rendering.one("DaemonSet", "turnfleet-guard")["spec"]
    return spec


def _told(rendering: charts.Rendering) -> set[str]:
    (container,) = _guard(rendering)["template"]["spec"]["containers"]
    return {word for word in container["args"] if "$" not in word and "ready" not in word}


def test_no_guard_runs_unless_asked_for(chart: charts.Chart) -> None:
    rendering = chart.rendered()
    assert rendering.of("DaemonSet") == ()
    assert "turnfleet-guard" not in {
        one["metadata"]["name"] for one in rendering.of("ServiceAccount")
    }


def test_a_guard_has_one_capability_and_no_right(chart: charts.Chart) -> None:
    rendering = chart.rendered({"guard": {"enabled": True}})
    pod = _guard(rendering)["template"]["spec"]
    assert pod["hostNetwork"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
    }
    assert not any("hostPath" in volume for volume in pod["volumes"])


def test_a_guard_is_the_relays_image_in_the_relays_namespace(chart: charts.Chart) -> None:
    rendering = chart.rendered({"guard": {"enabled": True}, "relays": {"image": {"tag": "7"}}})
    guard = rendering.one("DaemonSet", "turnfleet-guard", namespace="turnfleet-relays")
    (container,) = guard["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "turnfleet/relay:7"


def test_no_taint_keeps_a_guard_from_a_node_of_relays(chart: charts.Chart) -> None:
    pod = _guard(chart.rendered({"guard": {"enabled": True}}))["template"]["spec"]
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["priorityClassName"] == "system-node-critical"
    assert "nodeSelector" not in pod


def test_an_upgrade_never_leaves_a_node_without_a_guard(chart: charts.Chart) -> None:
    guard = _guard(chart.rendered({"guard": {"enabled": True}}))
    assert guard["updateStrategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    (container,) = guard["template"]["spec"]["containers"]
    # A host port would keep the next one from the node until this one is gone.
    assert "ports" not in container
    ready = container["readinessProbe"]["exec"]["command"][-1]
    assert f"--ready={ready}" in container["args"]


def test_a_guard_knows_the_ports_and_media_servers_of_the_regions(chart: charts.Chart) -> None:
    regions = {
        "eu": {"spec": _SPEC},
        "us": {
            "spec": {
                **_SPEC,
                "listeners": {"udp": {"port": 3479}},
                "relayPorts": {"min": 20000, "max": 29999},
                "peers": {"allow": ["10.7.0.10/32"]},
            }
        },
    }
    given = {
        "guard": {"enabled": True, "openPeers": ["10.8.0.0/16"]},
        "relays": {"denyPeers": ["198.51.100.0/24"]},
        "regions": regions,
    }
    assert _told(chart.rendered(given)) == {
        "--listener=3478",
        "--listener=3479",
        "--relay-ports=49152-65535",
        "--relay-ports=20000-29999",
        "--allow=10.7.0.10/32",
        "--allow=10.8.0.0/16",
        "--deny=198.51.100.0/24",
    }


def test_a_guard_knows_the_ports_of_a_region_that_writes_none(chart: charts.Chart) -> None:
    elsewhere = {"min": 20000, "max": 29999}
    given = {"guard": {"enabled": True, "listenerPorts": [3479], "relayPorts": elsewhere}}
    assert _told(chart.rendered({**given, "regions": {"eu": {"spec": _SPEC}}})) == {
        "--listener=3478",
        "--listener=3479",
        "--relay-ports=20000-29999",
        "--relay-ports=49152-65535",
    }
    tcp_alone = {**_SPEC, "listeners": {"tcp": {"port": 3478}}}
    assert "--listener=3478" not in _told(
        chart.rendered({**given, "regions": {"eu": {"spec": tcp_alone}}})
    )
