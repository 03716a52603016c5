"""What a person reads after an install: commands that work as they stand, and warnings."""

import re
import subprocess
from typing import Any

import pytest
from tests.support import charts

_COMMAND = re.compile(r"^ {5}(\S.*?)(?: {2,}#.*)?$", re.MULTILINE)


def test_every_command_is_one_that_a_shell_reads(rendering: charts.Rendering) -> None:
    commands = _COMMAND.findall(rendering.notes)
    assert len(commands) >= 4
    done = subprocess.run(
        ["bash", "-n"], input="\n".join(commands), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_first_call_shows_the_generated_key(chart: charts.Chart) -> None:
    rendering = chart.rendered()
    secret = rendering.one("Secret", "turnfleet-api-first-key")
    (key,) = (one for one in _COMMAND.findall(rendering.notes) if one.startswith("KEY="))
    assert f"get secret {secret['metadata']['name']} -n {charts.NAMESPACE}" in key
    assert "{.data.key}" in key
    assert secret["data"].keys() == {"key"}
    assert secret["data"]["key"] not in rendering.notes
    assert 'Authorization: Bearer $KEY" $ADDRESS/api/get-ice-servers' in rendering.notes


@pytest.mark.parametrize(
    ("api", "address"),
    [
        ({}, "ADDRESS=http://localhost:8080"),
        ({"service": {"type": "NodePort"}}, "ADDRESS=http://ANY-NODE:$(kubectl get service"),
        ({"service": {"type": "LoadBalancer"}}, "ADDRESS=http://$(kubectl get service"),
        (
            {"ingress": {"enabled": True, "hosts": ["ice.example.com"], "tlsSecretName": "t"}},
            "ADDRESS=https://ice.example.com",
        ),
        (
            {"ingress": {"enabled": True, "hosts": ["ice.example.com"]}},
            "ADDRESS=http://ice.example.com",
        ),
        (
            {
                "httpRoute": {
                    "enabled": True,
                    "parentRefs": [{"name": "g"}],
                    "hostnames": ["ice.example.net"],
                }
            },
            "ADDRESS=https://ice.example.net",
        ),
    ],
)
def test_the_address_is_the_one_that_leads_there(
    chart: charts.Chart, api: dict[str, Any], address: str
) -> None:
    notes = chart.rendered({"api": api}).notes
    assert any(command.startswith(address) for command in _COMMAND.findall(notes))


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        (
            {"api": {"service": {"type": "LoadBalancer", "externalTrafficPolicy": "Cluster"}}},
            "api.service.externalTrafficPolicy is Cluster",
        ),
        (
            {"api": {"ingress": {"enabled": True, "hosts": ["ice.example.com"]}}},
            "api.trustedProxies is empty behind a proxy",
        ),
        (
            {"api": {"ingress": {"enabled": True, "hosts": ["ice.example.com"]}}},
            "api.ingress.tlsSecretName is empty",
        ),
        ({"api": {"service": {"type": "LoadBalancer"}}}, "API keys can be read on the way"),
        (
            {"api": {"access": "open", "origins": ["https://app.example.com"]}},
            "nothing outside of the cluster reaches the endpoint",
        ),
        ({"relays": {"denyPeers": []}}, "relays.denyPeers is empty"),
        ({"watchAllNamespaces": True}, "read and write every Secret of the cluster"),
        (
            {"crds": {"keep": False}},
            f"`helm uninstall {charts.RELEASE} -n {charts.NAMESPACE} --timeout",
        ),
        ({"relayNamespaces": [{"name": "media"}]}, "relayNamespaces: media must have the label"),
    ],
)
def test_what_will_surprise_is_warned_of_and_only_then(
    chart: charts.Chart, given: dict[str, Any], warning: str
) -> None:
    assert warning in chart.rendered(given).notes
    assert warning not in chart.rendered(_QUIET).notes


_QUIET: dict[str, Any] = {
    "relays": {"denyPeers": ["100.96.0.0/11"]},
    "relayNamespaces": [{"name": "media", "create": True}],
}


def test_nothing_to_look_at_is_not_mentioned(chart: charts.Chart) -> None:
    assert "To look at" not in chart.rendered(_QUIET).notes


def test_nothing_is_left_to_fill_in_that_the_chart_knows(rendering: charts.Rendering) -> None:
    assert "<no value>" not in rendering.notes
    assert "<nil>" not in rendering.notes
