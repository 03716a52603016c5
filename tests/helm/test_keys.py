"""API keys over the life of a release: made once, kept over upgrades, gone when told.

Helm looks up what is there, so an API server is needed: this one knows Secrets and no more.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http import server
from pathlib import Path
from typing import Any, Self

import pytest
from tests.support import charts

_KEYS = "turnfleet-api-keys"
_FIRST = "turnfleet-api-first-key"
_RESOURCES = {
    "kind": "APIResourceList",
    "groupVersion": "v1",
    "resources": [
        {"name": "secrets", "kind": "Secret", "namespaced": True, "verbs": ["get", "list"]}
    ],
}
_DISCOVERY: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": f"v{charts.KUBERNETES}"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": _RESOURCES,
}


class Cluster:
    """An API server on loopback that holds Secrets of the release namespace."""

    def __init__(self, folder: Path) -> None:
        self.secrets: dict[str, charts.Object] = {}
        self._server = server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "it",
                    "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                    "clusters": [
                        {"name": "it", "cluster": {"server": f"http://127.0.0.1:{self._port}"}}
                    ],
                    "users": [{"name": "it", "user": {}}],
                }
            ),
            encoding="utf-8",
        )

    @property
    def _port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, rendering: charts.Rendering) -> None:
        """Hold what a release made, and no longer what it makes no more."""
        self.secrets = {one["metadata"]["name"]: one for one in rendering.of("Secret")}

    def _answer(self, path: str) -> dict[str, Any] | None:
        place, _, name = path.rpartition("/")
        if place == f"/api/v1/namespaces/{charts.NAMESPACE}/secrets":
            found = self.secrets.get(name)
            return dict(found) if found else None
        return _DISCOVERY.get(path)

    def _handler(self) -> type[server.BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answer(self.path.partition("?")[0])
                body = json.dumps(found or {"kind": "Status", "code": 404, "reason": "NotFound"})
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as running:
        yield running


def test_the_hash_that_endpoints_get_is_that_of_the_key_people_read(chart: charts.Chart) -> None:
    made = _secrets(chart.rendered())
    key = made[_FIRST]["key"]
    assert len(key) == 40
    assert made[_KEYS] == {"first": f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"}


def test_an_upgrade_keeps_the_key(chart: charts.Chart, cluster: Cluster) -> None:
    first = chart.rendered(cluster=cluster.kubeconfig)
    cluster.take(first)
    second = chart.rendered(cluster=cluster.kubeconfig)
    assert _secrets(second) == _secrets(first)


def test_a_key_that_was_read_and_deleted_stays_valid_and_unread(
    chart: charts.Chart, cluster: Cluster
) -> None:
    first = chart.rendered(cluster=cluster.kubeconfig)
    cluster.take(first)
    del cluster.secrets[_FIRST]
    second = _secrets(chart.rendered(cluster=cluster.kubeconfig))
    assert _FIRST not in second
    assert second[_KEYS] == _secrets(first)[_KEYS]


def test_keys_of_ones_own_stand_beside_the_generated_one(
    chart: charts.Chart, cluster: Cluster
) -> None:
    cluster.take(chart.rendered(cluster=cluster.kubeconfig))
    shop = f"sha256:{'ab' * 32}"
    second = _secrets(
        chart.rendered({"api": {"keys": {"hashes": {"shop": shop}}}}, cluster=cluster.kubeconfig)
    )
    assert set(second[_KEYS]) == {"first", "shop"}
    cluster.take(chart.rendered(cluster=cluster.kubeconfig))
    assert set(_secrets(chart.rendered(cluster=cluster.kubeconfig))[_KEYS]) == {"first"}


def test_without_the_generated_key_there_is_no_trace_of_it(
    chart: charts.Chart, cluster: Cluster
) -> None:
    cluster.take(chart.rendered(cluster=cluster.kubeconfig))
    shop = {"shop": f"sha256:{'ab' * 32}"}
    given = {"api": {"keys": {"generate": False, "hashes": shop}}}
    made = _secrets(chart.rendered(given, cluster=cluster.kubeconfig))
    assert _FIRST not in made
    assert made[_KEYS] == shop


def test_a_revoked_entry_is_no_longer_written_in_a_way_that_helm_sees(
    rendering: charts.Rendering,
) -> None:
    # Helm compares what it wrote: an entry that left stringData would stay in the cluster's data.
    assert not any("stringData" in one for one in rendering.of("Secret"))


def test_a_secret_of_ones_own_is_mounted_and_none_is_made(chart: charts.Chart) -> None:
    made = chart.rendered({"api": {"keys": {"existingSecret": "mine"}}})
    assert set(_secrets(made)) == {"turnfleet-signing"}
    pod = made.one("Deployment", "turnfleet-api")["spec"]["template"]["spec"]
    (volume,) = (one for one in pod["volumes"] if one["name"] == "api-keys")
    assert volume["secret"]["secretName"] == "mine"


def test_the_signing_secret_is_made_empty_for_the_operator_to_fill(
    rendering: charts.Rendering,
) -> None:
    assert "data" not in rendering.one("Secret", "turnfleet-signing")


def _secrets(rendering: charts.Rendering) -> dict[str, dict[str, str]]:
    return {
        one["metadata"]["name"]: {
            name: base64.b64decode(text).decode() for name, text in one.get("data", {}).items()
        }
        for one in rendering.of("Secret")
    }
