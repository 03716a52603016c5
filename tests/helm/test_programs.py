"""The flags that the chart gives are those that the programs take: their own parsers read them."""

import argparse
import ipaddress
from types import ModuleType
from typing import Any

import pytest
from tests.support import charts

from turnfleet.api import options
from turnfleet.commands import api, operator, remove_regions

_OTHERS = {
    "--help",  # for people
    "--kubeconfig",  # a pod has its account
    "--verbose",  # for whoever looks for a cause
    "--shutdown-delay",  # the default suits the default grace period
}
"""Flags that the chart leaves alone."""


def test_each_program_understands_its_arguments(rendering: charts.Rendering) -> None:
    for module, pod in _programs(rendering):
        _parsed(module, pod)


@pytest.mark.parametrize("module", [api, operator, remove_regions], ids=lambda m: m.NAME)
def test_every_flag_of_a_program_can_be_had_by_values(
    chart: charts.Chart, module: ModuleType
) -> None:
    given = {
        word.partition("=")[0]
        for file in charts.EXAMPLES
        for found, pod in _programs(chart.example(file))
        if found is module
        for word in pod["containers"][0]["args"]
    }
    flags = {flag for action in _parser(module)._actions for flag in action.option_strings}  # noqa: SLF001 - argparse has no other way
    assert {flag for flag in flags if flag.startswith("--")} - given == _OTHERS & flags


def test_values_reach_the_endpoint_as_they_were_meant(chart: charts.Chart) -> None:
    rendering = chart.example(charts.CHART / "ci" / "everything-values.yaml")
    pod = rendering.one("Deployment", "turnfleet-api")["spec"]["template"]["spec"]
    parsed = _parsed(api, pod)
    assert parsed.access is options.Access.OPEN
    assert parsed.origin == ["https://app.example.com"]
    assert parsed.trusted_proxy == [
        ipaddress.ip_network("10.1.0.0/16"),
        ipaddress.ip_network("fd00::/8"),
    ]
    assert parsed.default_place.latitude == 1.35
    assert parsed.namespace == ["media", "media-later"]
    assert parsed.signing_secret == (charts.NAMESPACE, "turnfleet-signing")


def test_what_a_program_reads_is_mounted(rendering: charts.Rendering) -> None:
    for _, pod in _programs(rendering):
        (container,) = pod["containers"]
        folders = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
        paths = [
            path
            for word in container["args"]
            if (path := word.partition("=")[2]).startswith(("/etc/", "/var/"))
        ]
        assert all(any(path.startswith(folder) for folder in folders) for path in paths)


def test_programs_listen_where_they_are_asked(rendering: charts.Rendering) -> None:
    for module, pod in _programs(rendering):
        if module is remove_regions:
            continue
        parsed = _parsed(module, pod)
        listening = {parsed.listen[1], *([parsed.metrics_listen[1]] if module is api else [])}
        declared = {port["containerPort"] for port in pod["containers"][0]["ports"]}
        assert listening == declared


def _programs(rendering: charts.Rendering) -> list[tuple[ModuleType, dict[str, Any]]]:
    pods = [
        one["spec"]["template"]["spec"]
        for kind in ("Deployment", "Job")
        for one in rendering.of(kind)
    ]
    modules = {module.NAME: module for module in (api, operator, remove_regions)}
    return [(modules[pod["containers"][0]["command"][1]], pod) for pod in pods]


def _parsed(module: ModuleType, pod: dict[str, Any]) -> argparse.Namespace:
    return _parser(module).parse_args(pod["containers"][0]["args"])


def _parser(module: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.configure(parser)
    return parser
