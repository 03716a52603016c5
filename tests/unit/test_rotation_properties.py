"""What holds of every rotation, whatever is asked for, edited, broken or restarted meanwhile.

A credential that an endpoint has signed is accepted by every relay that is there until it expires,
unless somebody has dropped its secret in an emergency.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import hypothesis
from hypothesis import strategies as st
from tests.support import fakecluster

from turnfleet.model import region
from turnfleet.plan.cluster import observed, planned, rotation

SPEC = region.RegionSpec(
    name="eu",
    latitude=50,
    longitude=8,
    realm="turn.example.com",
    auth=region.Auth(rotate_every=7200, credential_ttl=600),
    relays=region.Relays(replicas=3),
)
NODES = {
    f"node-{n}": observed.Node(
        name=f"node-{n}", external=(f"203.0.113.{n}",), internal=(f"10.0.0.{n}",)
    )
    for n in range(1, 5)
}


class Credential(NamedTuple):
    """What an endpoint has signed."""

    secret: bytes
    expires: float


@dataclass(kw_only=True)
class Cluster(fakecluster.Cluster):
    """A cluster whose endpoints hear late what to sign with."""

    pending: bytes | None = None
    """What the operator has told and the endpoints' Secret does not say yet."""
    issued: list[Credential] = field(default_factory=list)
    dropped: set[bytes | None] = field(default_factory=set)
    """Secrets that an emergency has taken out before their time."""

    def execute(self, plan: planned.Plan) -> None:
        """Do what a plan says; what endpoints sign with is written later."""
        before = self.auth
        super().execute(replace(plan, signing=None))
        self.pending = plan.signing or self.pending
        after = self.auth
        if before is None or after is None or after.generation == before.generation:
            return
        if after.previous is None:
            self.dropped |= {before.current, before.previous}

    def issue(self) -> None:
        """Sign a credential for as long as is declared."""
        if self.signed is not None:
            ttl = self.spec.auth.credential_ttl
            self.issued.append(Credential(self.signed, self.now + ttl))

    def there(self) -> list[fakecluster.Relay]:
        """Return the relays that clients are sent to and that nothing is wrong with."""
        states = {each["instance"]: each["state"] for each in self.status.get("relays", ())}
        away = self.deaf | self.broken | {n for n, node in self.nodes.items() if not node.ready}
        return [
            relay
            for relay in self.relays.values()
            if states.get(relay.pod.uid) == "Ready"
            and relay.pod.ready
            and relay.pod.node not in away
        ]


Step = Callable[[Cluster], None]


def passing(seconds: float) -> Step:
    def step(there: Cluster) -> None:
        there.pass_by(seconds)

    return step


def writing(there: Cluster) -> None:
    there.signed = there.pending


def restarting(steps: int) -> Step:
    """End the operator after some steps of a plan, with what it had not written yet."""

    def step(there: Cluster) -> None:
        plan = there.plan()
        there.execute(
            replace(
                plan,
                apply=plan.apply[:steps],
                annotate=plan.annotate[: max(0, steps - len(plan.apply))],
                delete=(),
                status=None,
            )
        )
        there.pending = there.signed

    return step


def asking(number: int, *, now: bool) -> Step:
    def step(there: Cluster) -> None:
        text = rotation.annotation(rotation.Request(id=f"r{number}", now=now))
        there.identity = replace(there.identity, rotate=text)

    return step


def declaring(ttl: int) -> Step:
    def step(there: Cluster) -> None:
        auth = replace(there.spec.auth, credential_ttl=ttl)
        there.spec = replace(there.spec, auth=auth)

    return step


def node(number: int, *, ready: bool) -> Step:
    def step(there: Cluster) -> None:
        name = f"node-{number}"
        there.nodes[name] = replace(there.nodes[name], ready=ready)

    return step


def deafening(number: int) -> Step:
    def step(there: Cluster) -> None:
        there.deaf = there.deaf ^ {f"node-{number}"}

    return step


numbers = st.integers(1, 4)
steps = st.one_of(
    st.builds(passing, st.sampled_from([1.0, 5.0, 30.0, 130.0, 1000.0, 8000.0])),
    st.just(writing),
    st.builds(restarting, st.integers(0, 6)),
    st.builds(lambda n: asking(n, now=False), numbers),
    st.builds(lambda n: asking(n, now=True), numbers),
    st.builds(declaring, st.sampled_from([60, 600, 3600])),
    st.builds(lambda n, on: node(n, ready=on), numbers, st.booleans()),
    st.builds(deafening, numbers),
)


_NEVER = 10**7


def start() -> Cluster:
    there = Cluster(spec=SPEC, nodes=dict(NODES))
    for _ in range(12):
        there.reconcile()
        writing(there)
    assert len(there.there()) == 3
    return there


def check(there: Cluster) -> None:
    auth = there.auth
    assert auth is not None
    assert auth.previous != auth.current
    there.issued = [each for each in there.issued if there.now < each.expires]
    for relay in there.there():
        assert relay.mounted is not None
        accepted = relay.mounted.accepts(there.now)
        assert len(accepted) <= 2
        for credential in there.issued:
            known = credential.secret in accepted or credential.secret in there.dropped
            assert known, f"{relay.pod.name} refuses {credential}"


@hypothesis.settings(max_examples=40)
@hypothesis.given(changes=st.lists(steps, max_size=20))
def test_no_relay_that_is_there_refuses_what_endpoints_have_signed(changes: list[Step]) -> None:
    there = start()
    for change in changes:
        there.execute(there.plan())
        check(there)
        there.issue()
        check(there)
        change(there)
    settle(there)
    assert there.auth is not None
    assert there.auth.previous is None
    assert there.signed == there.auth.current
    reasons = {each["type"]: each["reason"] for each in there.status["conditions"]}
    assert reasons["CredentialsInSync"] == "InSync"
    assert there.status["credentials"].get("request", "") == there.auth.request


def settle(there: Cluster) -> None:
    """Let everybody come back and whatever is under way come to its end."""
    there.deaf = frozenset()
    for name, each in there.nodes.items():
        there.nodes[name] = replace(each, ready=True)
    there.identity = replace(there.identity, rotate="")
    there.spec = replace(there.spec, auth=replace(there.spec.auth, rotate_every=_NEVER))
    quiet = 0
    while quiet < 3:
        plan = there.plan()
        there.execute(plan)
        told, there.signed = there.pending != there.signed, there.pending
        check(there)
        there.issue()
        waits = plan.requeue is not None and plan.requeue < there.now + _NEVER / 2
        quiet = 0 if plan or told or waits or plan.inquire else quiet + 1
        there.pass_by(max(2.0, (plan.requeue or 0.0) - there.now) if waits else 2.0)
        assert there.now < 1_000_000.0 + _NEVER / 4, "it never settles"


@hypothesis.settings(max_examples=8)
@hypothesis.given(replicas=st.integers(1, 4), late=st.integers(0, 5))
def test_a_rotation_is_a_few_writes_and_none_once_it_is_through(replicas: int, late: int) -> None:
    there = start()
    there.spec = replace(there.spec, relays=region.Relays(replicas=replicas))
    settle(there)
    asking(1, now=False)(there)
    applied = annotated = statuses = 0
    for turn in range(60):
        plan = there.plan()
        applied += len(plan.apply)
        annotated += len(plan.annotate)
        statuses += plan.status is not None
        there.execute(plan)
        if turn >= late:
            writing(there)
        there.pass_by(60.0 if turn > 10 else 0.5)
    assert there.auth is not None
    assert (there.auth.generation, there.auth.previous) == (2, None)
    assert applied == 3, "begun, switched, retired"
    assert annotated == replicas
    assert statuses <= 5
