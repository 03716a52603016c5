"""The chart on a real API server: it takes every object, and each program has rights enough.

No node and no controller: what is installed never starts, so the programs are started here, each
with its own account's token and the arguments that the chart gives it.
"""

import base64
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from tests.support import api_server, charts

HOME = charts.NAMESPACE
RELAYS = "turnfleet-relays"
_IN_RELAYS = f"--namespace={RELAYS}"
_OF_A_REGION = {"ReplicaSet", "ServiceAccount", "ConfigMap", "Secret", "PodDisruptionBudget"}
_SECRETS = ("turnfleet-api-keys", "turnfleet-api-first-key", "turnfleet-signing")
_REFUSED = re.compile(r"forbidden|\b403\b", re.IGNORECASE)
_WITHIN = 60.0
_VALUES = {
    "crds": {"keep": False},
    "regions": {
        "eu": {"spec": {"location": {"latitude": 50, "longitude": 8}, "realm": "turn.example.com"}}
    },
}


class Cluster:
    """An API server, and helm and kubectl for it."""

    def __init__(self, server: api_server.ApiServer, programs: Path) -> None:
        self.server = server
        self._programs = programs

    def helm(self, *words: str, values: object, home: str = HOME) -> str:
        """Run helm; return what it prints. A warning is an error."""
        return self._run(
            charts.helm(), *words, "--values=-", f"--namespace={home}",
            f"--kubeconfig={self.server.kubeconfig}", stdin=json.dumps(values),
        )  # fmt: skip

    def install(self, values: object) -> None:
        """Install or upgrade the chart."""
        self.helm(
            "upgrade", charts.RELEASE, str(charts.CHART), "--install", "--create-namespace",
            values=values,
        )  # fmt: skip

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """Run kubectl; return what it prints."""
        kubectl = self._programs / "kubectl"
        return self._run(
            str(kubectl), f"--kubeconfig={self.server.kubeconfig}", *words, stdin=stdin
        )

    def found(self, *words: str) -> Any:
        """Return what kubectl gets."""
        return json.loads(self.kubectl("get", *words, "--output=json"))

    def as_account(self, name: str, folder: Path) -> Path:
        """Write a kubeconfig with an account's own token."""
        token = self.kubectl("create", "token", name, f"--namespace={HOME}").strip()
        config = json.loads(self.server.kubeconfig.read_text(encoding="utf-8"))
        config["users"][0]["user"] = {"token": token}
        path = folder / f"kubeconfig-{name}"
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    def _run(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> charts.Chart:
    return charts.Chart(tmp_path_factory.mktemp("chart"))


@pytest.fixture(scope="module")
def cluster(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with api_server.at(tmp_path_factory.mktemp("cluster"), kubernetes=programs) as server:
        yield Cluster(server, programs)


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Cluster:
    """Return the cluster with the chart."""
    cluster.install(_VALUES)
    return cluster


def test_the_operator_has_rights_enough(installed: Cluster, tmp_path: Path) -> None:
    regions = installed.found("configmap", "turnfleet-regions", f"--namespace={HOME}")["data"]
    for name, text in regions.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    changed = {"listen": "127.0.0.1:0", "regions": str(tmp_path)}
    with _program(installed, "operator", changed, tmp_path) as running:
        running.until(lambda: "region.eu" in _data(installed, "turnfleet-signing"))
        running.until(lambda: _kinds(installed) == _OF_A_REGION)
        running.until(lambda: _conditions(installed) != [])
    assert not _REFUSED.search(running.log), running.log


def test_the_endpoint_has_rights_enough(installed: Cluster, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "first").write_text(f"sha256:{'0' * 64}", encoding="utf-8")
    changed = {
        "listen": "127.0.0.1:0",
        "metrics-listen": "127.0.0.1:0",
        "signing": str(tmp_path / "signing"),
        "state": str(tmp_path / "state"),
        "api-keys": str(keys),
        "geo": str(tmp_path / "geo"),
    }
    with _program(installed, "api", changed, tmp_path) as running:
        # What it knows it keeps: it has read the regions, and the Secret that it signs with.
        running.until(lambda: "realm" in _kept(tmp_path / "state"))
    assert not _REFUSED.search(running.log), running.log


def test_the_uninstall_has_rights_enough(
    installed: Cluster, chart: charts.Chart, tmp_path: Path
) -> None:
    hooks = [
        one
        for one in chart.rendered(_VALUES).objects
        if one["metadata"]["name"] == "turnfleet-uninstall" and one["kind"] != "Job"
    ]
    document = {"apiVersion": "v1", "kind": "List", "items": hooks}
    installed.kubectl("apply", "--filename=-", stdin=json.dumps(document))
    (job,) = chart.rendered(_VALUES).of("Job")
    words = job["spec"]["template"]["spec"]["containers"][0]["args"]
    account = installed.as_account("turnfleet-uninstall", tmp_path)
    with Running(["remove-regions", *words, f"--kubeconfig={account}"], tmp_path / "log") as it:
        it.until(lambda: f"Waiting for 1 to drain: {RELAYS}/eu." in it.log)
        # What waits for the relays is the cluster's garbage collector, which is not here.
        gone = json.dumps({"metadata": {"finalizers": None}})
        installed.kubectl("patch", "turnregion", "eu", _IN_RELAYS, "--type=merge", "--patch", gone)
        it.until(lambda: "No region is left." in it.log)
        assert it.ended() == 0
    operator = installed.found("deployment", "turnfleet-operator", f"--namespace={HOME}")
    assert operator["spec"]["replicas"] == 0


def test_an_upgrade_keeps_what_programs_and_people_hold(installed: Cluster) -> None:
    before = {name: _data(installed, name) for name in _SECRETS}
    installed.install(_VALUES | {"image": {"tag": "9.9.9"}})
    assert {name: _data(installed, name) for name in _SECRETS} == before
    assert before["turnfleet-api-keys"] != {}


def test_a_key_that_leaves_the_values_leaves_the_cluster(installed: Cluster) -> None:
    shop = {"shop": f"sha256:{'0' * 64}"}
    installed.install(_VALUES | {"api": {"keys": {"hashes": shop}}})
    assert set(_data(installed, "turnfleet-api-keys")) == {"first", "shop"}
    installed.install(_VALUES)
    assert set(_data(installed, "turnfleet-api-keys")) == {"first"}


@pytest.mark.parametrize("file", charts.EXAMPLES, ids=lambda path: path.stem)
def test_an_api_server_takes_every_object_in_a_restricted_namespace(
    installed: Cluster, chart: charts.Chart, file: Path
) -> None:
    objects = [
        one
        for one in chart.example(file).objects
        # Kinds that a bare API server does not know have their schema beside the tests.
        if one["kind"] not in {"HTTPRoute", "PodMonitor", "PrometheusRule"}
    ]
    # In another namespace than the release's, where the objects are not there yet.
    document = {"apiVersion": "v1", "kind": "List", "items": objects}
    manifests = json.dumps(document).replace(HOME, "spare")
    for namespace in {"spare", *(one["metadata"].get("namespace", HOME) for one in objects)}:
        labels = {"pod-security.kubernetes.io/warn": "restricted"} if namespace == "spare" else {}
        made = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": labels},
        }
        installed.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(made))
    told = installed.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename=-",
        stdin=manifests,
    )  # fmt: skip
    assert len(told.splitlines()) == len(objects)


class Running:
    """A program of ours while it runs, and what it logs."""

    def __init__(self, words: list[str], log: Path) -> None:
        self._log = log
        with log.open("w", encoding="utf-8") as opened:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "turnfleet", *words], stdout=opened, stderr=opened
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            # A second one cuts short what an endpoint does for load balancers.
            time.sleep(0.5)
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)

    @property
    def log(self) -> str:
        """Return what it has logged so far."""
        return self._log.read_text(encoding="utf-8")

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the program is to do."""
        deadline = time.monotonic() + _WITHIN
        while not condition():
            assert time.monotonic() < deadline, self.log
            assert self._process.poll() in {None, 0}, self.log
            time.sleep(0.2)

    def ended(self) -> int:
        """Return its exit code."""
        return self._process.wait(timeout=30)


def _program(cluster: Cluster, program: str, changed: dict[str, str], folder: Path) -> Running:
    """Start a program as its Deployment would, but for paths and ports."""
    name = f"turnfleet-{program}"
    pod = cluster.found("deployment", name, f"--namespace={HOME}")["spec"]["template"]["spec"]
    other = changed | {"kubeconfig": str(cluster.as_account(name, folder))}
    kept = [
        word
        for word in pod["containers"][0]["args"]
        if word.removeprefix("--").partition("=")[0] not in other
    ]
    words = [program, *kept, *(f"--{flag}={value}" for flag, value in other.items())]
    return Running(words, folder / f"{program}.log")


def test_an_install_takes_over_the_fleet_key_of_another_cluster(installed: Cluster) -> None:
    home, key = "another-fleet", "ab" * 32
    installed.kubectl("create", "namespace", home)
    installed.kubectl(
        "create", "secret", "generic", "turnfleet-signing", f"--namespace={home}",
        f"--from-literal=fleet-key={key}",
    )  # fmt: skip
    values = {
        "crds": {"enabled": False},
        "relayNamespaces": [{"name": "another-fleets-relays", "create": True}],
        "relays": {"priorityClass": {"create": False}},
    }
    words = ("install", charts.RELEASE, str(charts.CHART), "--take-ownership")
    installed.helm(*words, values=values, home=home)
    found = installed.found("secret", "turnfleet-signing", f"--namespace={home}")
    assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert base64.b64decode(found["data"]["fleet-key"]).decode() == key


def _data(cluster: Cluster, name: str) -> dict[str, str]:
    found: dict[str, str] = cluster.found("secret", name, f"--namespace={HOME}").get("data", {})
    return found


def _kinds(cluster: Cluster) -> set[str]:
    of_region = "--selector=turnfleet.io/region=eu"
    kinds = "replicaset,serviceaccount,configmap,secret,poddisruptionbudget"
    return {one["kind"] for one in cluster.found(kinds, _IN_RELAYS, of_region)["items"]}


def _conditions(cluster: Cluster) -> list[Any]:
    status = cluster.found("turnregion", "eu", _IN_RELAYS).get("status", {})
    conditions: list[Any] = status.get("conditions", [])
    return conditions


def _kept(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.json"))
