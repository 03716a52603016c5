"""From a manifest to a RegionSpec, or to problems that a person can act on."""

import copy
import dataclasses
from collections.abc import Mapping

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.support import turnregions

from turnfleet.model import region, turnregion


@pytest.fixture
def minimal() -> turnregions.Manifest:
    return turnregions.example("minimal.yaml")


@pytest.fixture
def full() -> turnregions.Manifest:
    return turnregions.example("production.yaml")


def accepted(manifest: object) -> region.RegionSpec:
    outcome = turnregion.parse(manifest)
    assert isinstance(outcome, region.RegionSpec), outcome
    return outcome


def problems(manifest: object) -> Mapping[str, str]:
    outcome = turnregion.parse(manifest)
    assert isinstance(outcome, tuple)
    return {problem.path: problem.sentence for problem in outcome}


def test_a_minimal_manifest_gets_the_documented_defaults(minimal: turnregions.Manifest) -> None:
    assert accepted(minimal) == region.RegionSpec(
        name="eu-north", latitude=59.33, longitude=18.07, realm="turn.example.com"
    )


def test_a_full_manifest_is_read_whole(full: turnregions.Manifest) -> None:
    spec = accepted(full)

    assert spec.relays == region.Relays(
        placement=region.Placement.EVERY_NODE,
        node_selector=(("turnfleet.io/pool", "relays"),),
        tolerations=(
            region.Toleration(
                key="turnfleet.io/relay",
                operator=region.TolerationOperator.EXISTS,
                effect=region.TaintEffect.NO_SCHEDULE,
            ),
        ),
        resources=region.Resources(
            requests=(("cpu", "2"), ("memory", "512Mi")), limits=(("memory", "1Gi"),)
        ),
    )
    assert spec.listeners == region.Listeners(
        udp=3478, tcp=3478, tls=443, tls_secret_name="turn-tls"
    )
    assert spec.addresses == region.Addresses(
        families=(region.Family.IPV4, region.Family.IPV6), hostname="{node}.turn.example.com"
    )
    assert spec.auth == region.Auth(rotate_every=168 * 3600, credential_ttl=3600)
    assert spec.limits == region.Limits(
        allocations_per_user=40, allocations_per_relay=8000, bandwidth_per_relay=2_000_000_000
    )
    assert spec.peers == region.Peers(
        deny=("100.96.0.0/11", "fd00:96::/112"), allow=("10.20.30.0/24",)
    )
    assert spec.drain_timeout == 4 * 3600
    assert spec.external_relays == (
        region.ExternalRelay(
            name="partner-1",
            zone="dub-9",
            hostname="turn-1.partner.example.net",
            listeners=region.Listeners(udp=3478, tls=443),
            secret_name="partner-signing",
            capacity=2000,
        ),
    )


def test_every_field_of_a_full_manifest_matters(full: turnregions.Manifest) -> None:
    full["spec"]["weight"] = 7
    full["spec"]["residency"] = "group"
    full["spec"]["agent"] = {"port": 9000}
    full["spec"]["rollout"] = {"maxUnavailable": 3}
    full["spec"]["relayPorts"] = {"min": 20000, "max": 30000}
    default = region.RegionSpec(name="", latitude=0, longitude=0, realm="")
    spec = accepted(full)

    same = [
        field.name
        for field in dataclasses.fields(spec)
        if getattr(spec, field.name) == getattr(default, field.name)
    ]

    assert same == []


@pytest.mark.parametrize(
    "section",
    ["relays", "addresses", "auth", "limits", "peers", "drain", "rollout", "agent"],
)
def test_a_section_written_empty_means_its_defaults(
    minimal: turnregions.Manifest, section: str
) -> None:
    unwritten = accepted(minimal)
    minimal["spec"][section] = {}

    assert accepted(minimal) == unwritten


def test_written_listeners_turn_the_unwritten_ones_off(minimal: turnregions.Manifest) -> None:
    minimal["spec"]["listeners"] = {"udp": {"port": 3478}}

    assert accepted(minimal).listeners == region.Listeners(udp=3478)


def test_a_whole_number_may_be_written_as_a_quantity_or_a_float(
    minimal: turnregions.Manifest,
) -> None:
    minimal["spec"]["relays"] = {"replicas": 3.0, "resources": {"requests": {"cpu": 2}}}

    relays = accepted(minimal).relays

    assert relays.replicas == 3
    assert isinstance(relays.replicas, int)
    assert relays.resources.requests == (("cpu", "2"),)


def test_the_order_of_free_keys_makes_no_difference(full: turnregions.Manifest) -> None:
    full["spec"]["relays"]["nodeSelector"] = {"b": "2", "a": "1"}
    other = copy.deepcopy(full)
    other["spec"]["relays"]["nodeSelector"] = {"a": "1", "b": "2"}

    assert accepted(full) == accepted(other)


def test_all_problems_are_reported_at_once_and_each_by_its_path(
    minimal: turnregions.Manifest,
) -> None:
    minimal["spec"] = {
        "location": {"latitude": 91},
        "realm": False,
        "weight": None,
        "relays": {"placement": "EveryNode", "replicas": 2},
        "listeners": {"tcp": {"port": 443}, "tls": {"port": 443}},
        "relayPorts": {"min": 40000, "max": 30000},
        "auth": {"credentialTTL": 3600},
        "peers": {"deny": ["10.0.0.0/8", "10.1.2.3/8"]},
        "externalRelays": [
            {"name": "a", "listeners": {"udp": {"port": 1}}, "secretName": "s", "hostname": "a.b"},
            {"name": "B", "listeners": {"udp": {"port": 3478}}, "secretName": "s"},
        ],
    }

    found = problems(minimal)

    assert found == {
        "spec.location.longitude": "this field is required; add it",
        "spec.location.latitude": "91 is not accepted here; write a number from -90 to 90",
        "spec.realm": "false is not accepted here; write a realm such as turn.example.com: at most"
        " 100 letters, digits, dots and dashes, as text in quotes",
        "spec.weight": "this is empty (null); give it a value or leave the field out",
        "spec.relays.nodeSelector": "EveryNode needs a selector, or every node of the cluster"
        " would relay",
        "spec.relays.replicas": "EveryNode runs one relay on each selected node; take replicas out",
        "spec.listeners.tls.secretName": "this field is required; add it",
        "spec.relayPorts.max": "write at least min + 99: every allocation takes a port",
        "spec.auth.credentialTTL": "3600 is not accepted here; write a duration such as"
        ' "90s", "1h" or "1h30m"',
        "spec.peers.deny[1]": '"10.1.2.3/8" is not accepted here; write 10.0.0.0/8',
        "spec.externalRelays[0].listeners.udp.port": "browsers refuse TURN on port 1; use 80, 443"
        " or 1024 to 65535",
        "spec.externalRelays[1].name": '"B" is not accepted here; write a name of at most 40'
        " lower-case letters, digits and dashes, with no dash at its ends",
        "spec.externalRelays[1].addresses": "clients could not reach it: write its hostname, its"
        " addresses, or both",
    }


def test_a_rule_is_not_blamed_on_a_field_that_was_itself_refused(
    minimal: turnregions.Manifest,
) -> None:
    minimal["spec"]["agent"] = {"port": "3478"}
    minimal["spec"]["relays"] = {"placement": "EveryNode", "nodeSelector": {1: "x"}}

    assert set(problems(minimal)) == {"spec.agent.port", "spec.relays.nodeSelector"}


def test_another_kind_is_refused_without_reading_its_fields() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "A"}, "spec": 3}

    assert set(problems(secret)) == {"apiVersion", "kind"}
    assert turnregion.unknown_fields(secret) == ()


@pytest.mark.parametrize("status", [None, 3, {"relays": [{}]}])
def test_the_status_is_not_the_owners_and_not_read(
    minimal: turnregions.Manifest, status: object
) -> None:
    minimal["status"] = status

    accepted(minimal)
    assert turnregion.unknown_fields(minimal) == ()


def test_unknown_fields_are_ignored_and_listed(full: turnregions.Manifest) -> None:
    full["metadata"]["labels"] = {"a": "b"}
    full["sepc"] = {}
    full["spec"]["wieght"] = 3
    full["spec"]["externalRelays"][0]["listeners"]["tls"]["secretName"] = "x"
    full["spec"]["relays"]["resources"]["limits"]["hugepages-2Mi"] = "2Mi"

    accepted(full)

    assert set(turnregion.unknown_fields(full)) == {
        "sepc",
        "spec.wieght",
        "spec.externalRelays[0].listeners.tls.secretName",
        "spec.relays.resources.limits.hugepages-2Mi",
    }


def test_a_document_that_contains_itself_is_refused() -> None:
    spec: dict[str, object] = {"realm": "turn.example.com"}
    spec |= {"location": spec, "listeners": spec, "externalRelays": [spec, spec]}
    loop = {"apiVersion": "turnfleet.io/v1alpha1", "kind": "TurnRegion", "metadata": spec}
    loop["spec"] = spec

    assert problems(loop)
    assert turnregion.unknown_fields(loop)


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(5000).map(lambda digits: 10**digits)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.sampled_from([object(), object, frozenset(), ()])
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.none() | st.integers() | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def assert_readable(outcome: tuple[region.Problem, ...]) -> None:
    assert outcome
    for problem in outcome:
        assert problem.path
        assert len(problem.sentence.split()) >= 4, problem
        assert len(str(problem)) < 400, problem
        assert str(problem).isprintable(), problem


@hypothesis.given(_ANYTHING)
def test_any_object_at_all_gives_readable_problems(anything: object) -> None:
    outcome = turnregion.parse(anything)

    assert not isinstance(outcome, region.RegionSpec)
    assert_readable(outcome)


@hypothesis.given(st.sampled_from(turnregions.PLACES), _ANYTHING)
def test_any_object_in_any_place_gives_a_region_or_readable_problems(
    node: turnregions.Node, anything: object
) -> None:
    for base in turnregions.BASES:
        manifest = turnregions.changed(base, node.path, anything)
        outcome = turnregion.parse(manifest)
        assert all(path.isprintable() for path in turnregion.unknown_fields(manifest))
        if not isinstance(outcome, region.RegionSpec):
            assert_readable(outcome)


@hypothesis.settings(max_examples=300)
@hypothesis.given(turnregions.nearly_sound())
def test_every_problem_of_a_nearly_sound_manifest_says_where_and_what_to_do(
    manifest: turnregions.Manifest,
) -> None:
    outcome = turnregion.parse(manifest)
    if not isinstance(outcome, region.RegionSpec):
        assert_readable(outcome)


def test_hostile_keys_and_texts_are_quoted_short_and_without_control_characters(
    minimal: turnregions.Manifest,
) -> None:
    minimal["spec"]["realm"] = "\x1b[31m" + "x" * 10_000
    minimal["spec"]["\x1b]0;" + "y" * 10_000] = 1

    (sentence,) = problems(minimal).values()
    (path,) = turnregion.unknown_fields(minimal)

    assert sentence.startswith('"\\x1b[31mxxx')
    assert len(sentence) < 250
    assert path.startswith("spec.\\x1b]0;yyy")
    assert len(path) < 100
