"""What holds for every pod of the chart: all run in a namespace that enforces `restricted`."""

import re
from collections.abc import Iterator
from typing import Any

from tests.support import charts

_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
"""Of the Pod Security Standards, profile restricted."""
_PINNED = re.compile(r"[a-z0-9][-a-z0-9./:]*(:[A-Za-z0-9_][-A-Za-z0-9_.]*|@sha256:[0-9a-f]{64})")


def test_every_pod_passes_the_restricted_profile(rendering: charts.Rendering) -> None:
    for name, pod in _pods(rendering):
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(pod), name
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] != 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"sysctls", "seLinuxOptions", "windowsOptions", "supplementalGroups"} & set(
            security
        )
        for volume in pod.get("volumes", ()):
            assert set(volume) - {"name"} <= _VOLUMES, (name, volume)
        for container in _containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not any("hostPort" in port for port in container.get("ports", ()))
            probes = [container[key] for key in container if key.endswith("Probe")]
            assert not any("host" in probe["httpGet"] for probe in probes)


def test_every_image_comes_from_the_values_and_is_one_version(
    rendering: charts.Rendering, chart: charts.Chart
) -> None:
    for _, pod in _pods(rendering):
        for container in _containers(pod):
            assert _PINNED.fullmatch(container["image"])
            assert not container["image"].endswith(":latest")
    given = {
        "image": {"repository": "mirror.test/fleet", "tag": "9.9.9"},
        "crds": {"keep": False},
    }
    images = {
        container["image"]
        for _, pod in _pods(chart.rendered(given))
        for container in _containers(pod)
    }
    assert images == {"mirror.test/fleet:9.9.9"}


def test_no_secret_is_in_an_environment_or_an_argument(rendering: charts.Rendering) -> None:
    kept = {text for one in rendering.of("Secret") for text in one.get("data", {}).values() if text}
    for _, pod in _pods(rendering):
        for container in _containers(pod):
            assert not {"env", "envFrom"} & set(container)
            words = [*container["command"], *container["args"]]
            assert not [word for word in words for text in kept if text in word]
            assert not [word for word in words if "sha256:" in word and "image" not in word]


def test_secrets_are_in_secrets_alone(chart: charts.Chart) -> None:
    given = {"api": {"keys": {"hashes": {"shop": f"sha256:{'ab' * 32}"}}}}
    for one in chart.rendered(given).objects:
        assert one["kind"] == "Secret" or "ab" * 32 not in str(one)


def test_every_container_says_what_it_takes(rendering: charts.Rendering) -> None:
    for name, pod in _pods(rendering):
        for container in _containers(pod):
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            # Memory is limited so that a leak ends one pod; CPU is not, since throttling is worse.
            assert set(container["resources"]["limits"]) == {"memory"}, name


def test_programs_that_serve_are_probed(rendering: charts.Rendering) -> None:
    for one in rendering.of("Deployment"):
        (container,) = _containers(one["spec"]["template"]["spec"])
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["livenessProbe"]["httpGet"]["port"] in {
            p["name"] for p in container["ports"]
        }


def test_only_what_is_mounted_is_declared_and_all_is_mounted(rendering: charts.Rendering) -> None:
    for name, pod in _pods(rendering):
        volumes = {volume["name"] for volume in pod.get("volumes", ())}
        mounts = {
            mount["name"] for one in _containers(pod) for mount in one.get("volumeMounts", ())
        }
        assert volumes == mounts, name


def test_every_configuration_that_is_mounted_is_there(rendering: charts.Rendering) -> None:
    made = {
        (kind, one["metadata"]["name"])
        for kind in ("ConfigMap", "Secret")
        for one in rendering.of(kind)
    }
    theirs = {("ConfigMap", "relay-ca"), ("Secret", "staging-keys")}
    """Named in the values as the user's own."""
    for name, pod in _pods(rendering):
        for volume in pod.get("volumes", ()):
            match volume:
                case {"configMap": {"name": wanted}}:
                    assert ("ConfigMap", wanted) in made | theirs, name
                case {"secret": {"secretName": wanted}}:
                    assert ("Secret", wanted) in made | theirs, name


def test_replicas_are_kept_apart(rendering: charts.Rendering) -> None:
    for one in rendering.of("Deployment"):
        spread = one["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [rule["topologyKey"] for rule in spread] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ]
        assert {rule["whenUnsatisfiable"] for rule in spread} <= {"ScheduleAnyway", "DoNotSchedule"}


def test_nodes_can_always_be_drained(rendering: charts.Rendering) -> None:
    for one in rendering.of("PodDisruptionBudget"):
        assert one["spec"]["maxUnavailable"] >= 1
        assert one["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert {one["metadata"]["name"] for one in rendering.of("PodDisruptionBudget")} == {
        one["metadata"]["name"] for one in rendering.of("Deployment")
    }


def _pods(rendering: charts.Rendering) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("Deployment", "Job"):
        for one in rendering.of(kind):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", ()), *pod["containers"]]
