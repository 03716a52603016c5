"""What the rules of a cluster refuse: told in a sentence, and made good once they allow it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from tests.e2e.cluster import kubectl, steps
from tests.support import cluster_fleet, cluster_regions

_HOME: Final = cluster_fleet.OTHERS
_QUOTA: Final = "none-of-these"
_ENFORCE: Final = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the cluster, and words of the sentence in which it refuses."""

    what: str
    words: str
    counted: str = ""
    """The resource of which a quota allows none; empty: pods have to be restricted ones."""


_RULES: Final = (
    Rule(what="a quota of pods", words="exceeded quota: none-of-these", counted="pods"),
    Rule(
        what="a quota of what the operator makes itself",
        words="exceeded quota: none-of-these",
        counted="count/poddisruptionbudgets.policy",
    ),
    Rule(what="pod security", words='violates PodSecurity "restricted'),
)


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.what.replace(" ", "_"))
def test_a_region_tells_and_survives(
    rule: Rule, fleet: cluster_fleet.Fleet, told: steps.Steps
) -> None:
    wanted = cluster_regions.small(fleet.kubernetes, "limited")
    try:
        with _in_force(rule, fleet.kubernetes.kubectl):
            fleet.apply(wanted.name, wanted.spec, namespace=_HOME)
            found = fleet.await_condition(
                wanted.name, "Progressing", "PodsRefused", namespace=_HOME
            )
            assert (found.status, rule.words in found.message) == ("False", True), found
        seconds = fleet.await_settled(wanted.name, namespace=_HOME)
        told.measured(f"settled {seconds:.1f} s after the cluster allows it")
    finally:
        fleet.remove(wanted.name, namespace=_HOME)


@contextlib.contextmanager
def _in_force(rule: Rule, client: kubectl.Kubectl) -> Iterator[None]:
    if rule.counted:
        with _quota(rule.counted, client):
            yield
        return
    client.run("label", "namespace", _HOME, f"{_ENFORCE}=restricted", "--overwrite")
    try:
        yield
    finally:
        client.run("label", "namespace", _HOME, f"{_ENFORCE}=privileged", "--overwrite")


@contextlib.contextmanager
def _quota(counted: str, client: kubectl.Kubectl) -> Iterator[None]:
    def is_known() -> bool:
        found = client.get("resourcequota", _QUOTA, namespace=_HOME) or {}
        return counted in found.get("status", {}).get("hard", {})

    client.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": _QUOTA, "namespace": _HOME},
            "spec": {"hard": {counted: "0"}},
        }
    )
    try:
        kubectl.wait_until(is_known, what="the quota to be counted")
        yield
    finally:
        client.delete("resourcequota", _QUOTA, namespace=_HOME)
