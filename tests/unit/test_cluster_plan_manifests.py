"""What a region consists of: sound by Kubernetes' own schemas, and next to no rights."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from tests.support import admission, clusterplans, fakecluster, kinds

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import objects, observed
from turnrelay import config, options

SPEC = region.RegionSpec(name="eu", latitude=50, longitude=8, realm="turn.example.com")
LOW = region.Listeners(udp=3478, tls=443, tls_secret_name="turn-tls")
EVERY_NODE = region.Relays(
    placement=region.Placement.EVERY_NODE, node_selector=(("pool", "relays"),)
)


def bodies(spec: region.RegionSpec = SPEC, **policy: Any) -> dict[str, Any]:
    """Return what is applied for a new region, by kind."""
    there = fakecluster.Cluster(spec=spec, nodes={}, policy=replace(fakecluster.POLICY, **policy))
    return {each.key.kind.value: each.body for each in there.plan().apply}


def workload(spec: region.RegionSpec = SPEC, **policy: Any) -> Any:
    found = bodies(spec, **policy)
    return found.get("ReplicaSet") or found["DaemonSet"]


def template(spec: region.RegionSpec = SPEC, **policy: Any) -> Any:
    return workload(spec, **policy)["spec"]["template"]


def container(spec: region.RegionSpec = SPEC) -> Any:
    return template(spec)["spec"]["containers"][0]


@pytest.mark.parametrize("name", clusterplans.goldens())
def test_everything_that_is_applied_is_one_of_its_kind(name: str) -> None:
    plan = clusterplans.read(name).plan()
    wrong = {str(each.key): kinds.problems(plain(each.body)) for each in plan.apply}
    assert {key: found for key, found in wrong.items() if found} == {}


@pytest.mark.parametrize("name", clusterplans.goldens())
def test_every_status_is_one_by_the_schema_of_turnregions(name: str) -> None:
    status = clusterplans.read(name).plan().status
    if status is not None:
        schema = admission.SCHEMA["properties"]["status"]
        jsonschema.validate(status, schema)
        assert set(status) <= set(schema["properties"])
        for relay in status["relays"]:  # type: ignore[attr-defined]
            known = schema["properties"]["relays"]["items"]["properties"]
            assert set(relay) <= set(known)


def plain(body: Any) -> Any:
    """Return what goes over the wire."""
    return json.loads(json.dumps(body))


def test_a_region_that_only_moves_on_the_map_applies_nothing() -> None:
    there = fakecluster.Cluster(spec=SPEC, nodes={})
    there.settle()
    there.spec = replace(SPEC, latitude=51, residency="eu")
    assert not there.plan().apply


@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, relays=EVERY_NODE)])
def test_all_that_is_applied_belongs_to_the_region_and_says_so(spec: region.RegionSpec) -> None:
    for body in bodies(spec).values():
        metadata = body["metadata"]
        assert metadata["namespace"] == "relays"
        assert metadata["labels"] == {
            "app.kubernetes.io/name": "turnrelay",
            "app.kubernetes.io/managed-by": "turnfleet",
            "turnfleet.io/region": "eu",
        }
        (owner,) = metadata["ownerReferences"]
        assert owner["controller"]
        assert owner["blockOwnerDeletion"]
        assert owner["uid"] == "region"


@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, relays=EVERY_NODE)])
def test_a_workload_selects_its_own_pods_and_no_others(spec: region.RegionSpec) -> None:
    body = workload(spec)
    selected = body["spec"]["selector"]["matchLabels"]
    assert selected.items() <= body["spec"]["template"]["metadata"]["labels"].items()
    assert selected[names.LABEL_PLACEMENT] == spec.relays.placement.value


def test_a_relay_has_no_right_that_it_does_not_need() -> None:
    pod, relay = template()["spec"], container()
    assert pod["automountServiceAccountToken"] is False
    assert bodies()["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert relay["securityContext"] == {
        "runAsUser": 65532,
        "runAsGroup": 53478,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_port_below_1024_takes_root_with_one_capability() -> None:
    rights = container(replace(SPEC, listeners=LOW))["securityContext"]
    assert rights["runAsUser"] == 0
    assert rights["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    assert rights["allowPrivilegeEscalation"] is False


def test_every_port_is_a_host_port() -> None:
    ports = container(replace(SPEC, listeners=LOW))["ports"]
    assert [(port["name"], port["hostPort"], port["protocol"]) for port in ports] == [
        ("udp", 3478, "UDP"),
        ("tls", 443, "TCP"),
        ("agent", 9641, "TCP"),
    ]
    assert all(port["hostPort"] == port["containerPort"] for port in ports)
    assert template()["spec"]["hostNetwork"] is True


def test_the_agent_understands_its_command_line_and_its_file() -> None:
    relay = container(replace(SPEC, listeners=LOW))
    given = {"POD_IP": "10.0.0.1", "POD_IPS": "10.0.0.1,fd00::1", "POD_NAME": "a", "POD_UID": "b"}
    assert [variable["name"] for variable in relay["env"]] == list(given)
    words = relay["args"]
    for name, value in given.items():
        words = [word.replace(f"$({name})", value) for word in words]
    told = options.parse(words)
    assert told.bind == ("10.0.0.1", "fd00::1")
    mounted = {mount["mountPath"] for mount in relay["volumeMounts"]}
    folders = (told.config.parent, told.auth, told.tls, told.addresses.parent, told.state)
    assert {str(folder) for folder in folders} <= mounted
    text = bodies()["ConfigMap"]["data"][told.config.name]
    assert isinstance(config.parse(text.encode()), config.Config)


def test_the_networks_of_the_cluster_are_denied_to_relays() -> None:
    text = bodies(denied_peers=("10.96.0.0/16",))["ConfigMap"]["data"]["config.json"]
    assert json.loads(text)["live"]["peers"]["deny"] == ["10.96.0.0/16"]


def test_a_secret_is_in_its_secret_and_nowhere_else() -> None:
    there = fakecluster.Cluster(spec=SPEC, nodes={})
    plan = there.plan()
    for manifest in plan.apply:
        shown = repr(manifest) + (
            "" if manifest.key.kind is objects.Kind.SECRET else json.dumps(manifest.body)
        )
        assert "s" * 32 not in shown
        assert "ab" * 32 not in shown
    assert "s" * 32 not in repr(plan) + json.dumps(plan.status)


def test_the_hash_of_a_manifest_tells_nothing_of_a_secret() -> None:
    def applied(secret: bytes) -> str:
        there = fakecluster.Cluster(spec=SPEC, nodes={})
        there.auth = observed.AuthSecret(current=secret)
        (body,) = (m.body for m in there.plan().apply if m.key.kind is objects.Kind.SECRET)
        metadata: Any = body["metadata"]
        return str(metadata["annotations"][names.ANNOTATION_APPLIED])

    assert applied(b"one" * 8) == applied(b"two" * 8)


@pytest.mark.parametrize(
    ("replicas", "most", "least"), [(3, 1, 2), (3, 2, 1), (1, 1, 0), (2, 9, 0), (0, 1, 0)]
)
def test_a_node_drain_leaves_as_many_relays_as_a_rollout_does(
    replicas: int, most: int, least: int
) -> None:
    spec = replace(SPEC, relays=region.Relays(replicas=replicas), max_unavailable=most)
    budget = bodies(spec)["PodDisruptionBudget"]["spec"]
    assert budget["minAvailable"] == least
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_a_relay_has_its_node_to_itself_whatever_its_region_and_namespace() -> None:
    for spec in (SPEC, replace(SPEC, relays=EVERY_NODE)):
        rule = template(spec)["spec"]["affinity"]["podAntiAffinity"]
        (term,) = rule["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["labelSelector"]["matchLabels"] == {"turnfleet.io/component": "relay"}
        assert term["namespaceSelector"] == {}


@pytest.mark.parametrize(
    ("requests", "limits", "requested"),
    [
        ((), (), {"cpu": "500m", "memory": "256Mi"}),
        ((("cpu", "2"),), (), {"cpu": "2", "memory": "256Mi"}),
        ((), (("memory", "128Mi"),), {"cpu": "500m"}),  # Kubernetes takes the limit
        ((("cpu", "0"),), (("memory", "1Gi"),), {"cpu": "0"}),
    ],
)
def test_a_relay_never_goes_without_a_share_of_its_node_that_nobody_gave_up(
    requests: tuple[tuple[str, str], ...],
    limits: tuple[tuple[str, str], ...],
    requested: dict[str, str],
) -> None:
    declared = region.Resources(requests=requests, limits=limits)
    spec = replace(SPEC, relays=region.Relays(resources=declared))
    resources = container(spec)["resources"]
    assert resources["requests"] == requested
    assert resources.get("limits", {}) == dict(limits)


def revision(spec: region.RegionSpec = SPEC, **policy: Any) -> str:
    return str(template(spec, **policy)["metadata"]["annotations"][names.ANNOTATION_REVISION])


@pytest.mark.parametrize(
    "edit",
    [
        {"realm": "other.example.com"},
        {"listeners": LOW},
        {"agent_port": 9999},
        {"relays": region.Relays(image="turnfleet/relay:2")},
        {"relays": region.Relays(resources=region.Resources(limits=(("memory", "1Gi"),)))},
    ],
)
def test_what_only_a_new_pod_takes_over_changes_what_it_is_started_with(
    edit: dict[str, Any],
) -> None:
    spec = replace(SPEC, **edit)
    before = revision()
    after = revision(spec, allowed_images=("turnfleet/relay:*",))
    assert before.partition(".")[0] != after.partition(".")[0]


@pytest.mark.parametrize(
    "edit",
    [
        {"drain_timeout": 60},
        {"limits": region.Limits(allocations_per_user=1)},
        {"limits": region.Limits(bandwidth_per_allocation=64_000)},
        {"weight": 0},
        {"relays": region.Relays(node_selector=(("pool", "a"),), replicas=7)},
        {"addresses": region.Addresses(hostname="{node}.example.com")},
    ],
)
def test_what_reaches_running_relays_leaves_what_they_were_started_with(
    edit: dict[str, Any],
) -> None:
    assert revision().partition(".")[0] == revision(replace(SPEC, **edit)).partition(".")[0]


def test_an_operator_that_words_its_templates_differently_replaces_no_relay() -> None:
    one, other = revision(), revision(image_pull_secrets=("registry",))
    assert one == other


def test_the_grace_period_follows_the_drain_timeout() -> None:
    pod = template(replace(SPEC, drain_timeout=90))["spec"]
    assert pod["terminationGracePeriodSeconds"] == 150
