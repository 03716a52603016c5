import base64
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from turnfleet import names
from turnfleet.kube import fields, reading, secret
from turnfleet.model import region
from turnfleet.plan.cluster import objects

_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
_WORDS = st.sampled_from(
    ["metadata", "name", "namespace", "uid", "labels", "annotations", "ownerReferences", "spec",
     "status", "conditions", "type", "status", "addresses", "address", "taints", "effect", "data",
     "current", "retireAfter", "containers", "ports", "podIPs", "ip", "containerStatuses", "state",
     "waiting", "reason", "deletionTimestamp", "creationTimestamp", "controller",
     "turnfleet.io/addresses"]
)  # fmt: skip
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_WORDS, inner, max_size=6)
    ),
    max_leaves=40,
)


@hypothesis.given(st.dictionaries(_WORDS, _JSON, max_size=5))
def test_whatever_an_object_holds_reading_gives_a_value(found: dict[str, Any]) -> None:
    reading.identity(found)
    reading.live(objects.Kind.SECRET, found)
    reading.node(found)
    reading.node_names(found)
    reading.pod(found)
    reading.is_relay_of(found, frozenset({"turn-eu"}))
    reading.workload(objects.Kind.REPLICA_SET, found)
    reading.workload(objects.Kind.DAEMON_SET, found)
    secret.auth(found)
    secret.named(found)
    reading.region_of(found)


def test_a_node_is_read_with_all_its_addresses() -> None:
    node = reading.node(
        {
            "metadata": {
                "name": "n1",
                "labels": {"topology.kubernetes.io/zone": "eu-1a"},
                "annotations": {names.ANNOTATION_ADDRESSES: " 192.0.2.1, 2001:DB8::1 ,nonsense"},
            },
            "spec": {
                "unschedulable": True,
                "taints": [{"key": "turn", "effect": "NoSchedule"}, {"key": "x", "effect": "Odd"}],
            },
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": "10.0.0.1"},
                    {"type": "ExternalIP", "address": "2001:db8:0::2"},
                    {"type": "ExternalIP", "address": "no address"},
                    {"type": "Hostname", "address": "n1"},
                ],
                "conditions": [{"type": "Ready", "status": "Unknown"}],
            },
        },
        dns=("198.51.100.1",),
    )
    assert node.annotated == ("192.0.2.1", "2001:db8::1")
    assert node.internal == ("10.0.0.1",)
    assert node.external == ("2001:db8::2",)
    assert node.dns == ("198.51.100.1",)
    assert node.zone == "eu-1a"
    assert node.cordoned
    assert not node.ready
    assert [taint.effect for taint in node.taints] == [region.TaintEffect.NO_SCHEDULE]


def test_what_keeps_a_pod_from_running_is_told_in_the_clusters_words() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                   "message": "0/4 nodes are available"}  # fmt: skip
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}
    starting = {"state": {"waiting": {"reason": "ContainerCreating"}}}
    pods = (
        {"status": {"conditions": [unscheduled]}},
        {"status": {"containerStatuses": [waiting]}},
        {"status": {"containerStatuses": [starting]}},
    )
    assert [reading.pod(pod).trouble for pod in pods] == [
        "Unschedulable: 0/4 nodes are available",
        "ErrImagePull: not found",
        "",
    ]


def test_a_pod_that_another_controller_owns_is_no_relay() -> None:
    labels = {names.LABEL_COMPONENT: names.COMPONENT_RELAY}

    def pod(**owner: Any) -> dict[str, Any]:
        return {"metadata": {"labels": labels, "ownerReferences": [{"controller": True, **owner}]}}

    own = frozenset({"turn-eu"})
    assert reading.is_relay_of(pod(kind="ReplicaSet", name="turn-eu"), own)
    assert not reading.is_relay_of(pod(kind="ReplicaSet", name="somebody"), own)
    assert not reading.is_relay_of(pod(kind="Job", name="turn-eu"), own)
    assert reading.is_relay_of({"metadata": {"labels": labels}}, own), "its workload was orphaned"
    assert not reading.is_relay_of({"metadata": {"labels": {}}}, own)


def test_a_secret_is_shown_in_no_repr() -> None:
    def data(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    auth = secret.auth({"data": {"current": data("hush"), "agent-key": data("psst")}})
    assert auth is not None
    assert auth.current == b"hush"
    assert "hush" not in repr(auth)
    assert "psst" not in repr(auth)


def test_a_named_secret_that_cannot_be_used_says_why() -> None:
    def holding(value: bytes) -> dict[str, Any]:
        return {"data": {"secret": base64.b64encode(value).decode()}}

    assert secret.named(holding(b"long enough to be one\n")) == b"long enough to be one"
    for bad in (
        {},
        holding(b""),
        holding(b"short"),
        holding(b"\xff" * 20),
        holding(b"two\nlines" * 3),
    ):
        assert isinstance(secret.named(bad), str)


def test_a_time_without_a_zone_is_none() -> None:
    assert fields.moment({"at": "2026-01-01T00:00:00"}, "at") is None
    assert fields.moment({"at": "2026-01-01T00:00:00Z"}, "at") == 1767225600.0


def test_no_annotation_gives_a_relay_more_addresses_than_a_status_takes() -> None:
    many = ",".join(f"203.0.113.{n},2001:db8::{n}" for n in range(1, 200))
    about = {"name": "turn-eu-1", "annotations": {names.ANNOTATION_ADDRESSES: many}}
    assert reading.pod({"metadata": about}).addresses == ("203.0.113.1", "2001:db8::1")


def test_a_pod_that_somebody_labelled_and_no_status_takes_is_no_relay() -> None:
    labels = {names.LABEL_COMPONENT: names.COMPONENT_RELAY}
    for length, relay in ((63, True), (64, False)):
        found = {"metadata": {"name": "x" * length, "labels": labels}}
        assert reading.is_relay_of(found, frozenset({"turn-eu"})) is relay


@pytest.mark.parametrize(
    ("stated", "asked"),
    [
        (None, False), ("true", True), ("", True), ("until noon", True),
        ("false", False), (" No ", False),
    ],
)  # fmt: skip
def test_a_person_asks_by_an_annotation_whatever_it_says_but_no(
    stated: str | None, *, asked: bool
) -> None:
    annotations = {} if stated is None else {names.ANNOTATION_DRAIN: stated}
    drained = {"metadata": {"annotations": annotations}}
    assert reading.pod(drained).drained is asked
    assert reading.node(drained).drained is asked
    forced = {} if stated is None else {names.ANNOTATION_FORCE_ROLLOUT: stated}
    assert reading.identity({"metadata": {"annotations": forced}}).force_rollout is asked


def test_the_grace_of_a_pod_that_ends_is_read_with_its_end() -> None:
    about = {"deletionTimestamp": "1970-01-01T01:00:00Z", "deletionGracePeriodSeconds": 660}
    found = reading.pod({"metadata": about})
    assert (found.deleting_until, found.grace) == (3600.0, 660)


@pytest.mark.parametrize("stated", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"])  # noqa: S104 - refused
def test_what_no_host_can_have_is_no_address(stated: str) -> None:
    assert fields.addresses(f"{stated}, 203.0.113.1") == ("203.0.113.1",)
