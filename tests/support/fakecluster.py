"""A cluster in a test's hands: API server, workload controllers, scheduler and kubelets.

As far as one region goes, and pure: time is a number. The controllers take the pods that the real
ones would take, in the order in which those look (``ActivePodsWithRanks``, ``podsShouldBeOnNode``),
because whether a plan is safe depends on it.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.support import annotating, defaulting, fakeagents, podnodes

from turnfleet import names
from turnfleet.kube import secret
from turnfleet.model import region
from turnfleet.plan.cluster import objects, observed, planned, planning

WORKLOADS: Final = (objects.Kind.REPLICA_SET, objects.Kind.DAEMON_SET)
POLICY: Final = observed.Policy(relay_image="turnfleet/relay:1", deletes_per_pass=2)
IDENTITY: Final = observed.Identity(
    namespace="relays", name="eu", uid="region", generation=1, created=0.0
)


@dataclass(kw_only=True)
class Relay:
    """A pod, with what only its controller and the scheduler look at."""

    pod: observed.Pod
    template: Mapping[str, Any]
    target: str | None = None
    """The node that a DaemonSet made it for."""
    told: float | None = None
    """When it was told to end."""
    mounted: fakeagents.Mounted | None = None
    """``None``: it has not been started."""


@dataclass(kw_only=True)
class Cluster:
    """One region in one cluster. Change its fields as people and accidents would."""

    spec: region.RegionSpec
    nodes: dict[str, observed.Node]
    policy: observed.Policy = POLICY
    identity: observed.Identity = IDENTITY
    now: float = 1_000_000.0
    drain: float = 30.0
    """Seconds until the last allocation of a draining relay ends."""
    broken: frozenset[str] = frozenset()
    """Nodes on which no relay gets ready."""
    deaf: frozenset[str] = frozenset()
    """Nodes on which no agent answers the operator."""
    signed: bytes | None = None
    """What endpoints sign with."""
    may_roll: bool = True
    elsewhere: bool = True
    """Whether another region takes clients."""
    certificate: observed.Certificate | None = None
    """What the Secret holds that ``listeners.tls`` names."""
    stored: dict[objects.Key, dict[str, Any]] = field(default_factory=dict)
    relays: dict[str, Relay] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    auth: observed.AuthSecret | None = None
    taken: list[Relay] = field(default_factory=list)
    """Relays that controllers have deleted by themselves since the last plan was executed."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    # --- what a plan is made from, and what it does ---------------------------------------------

    def observe(self) -> observed.Observed:
        """Return the cluster as the operator sees it."""
        return observed.Observed(
            pods=tuple(map(self._told_of, self.relays.values())),
            nodes=dict(self.nodes),
            workloads=tuple(
                observed.Workload(kind=key.kind, name=key.name, uid=_uid(body))
                for key, body in self.stored.items()
                if key.kind in WORKLOADS
            ),
            live={key: live(key, body) for key, body in self.stored.items()},
            auth=self.auth,
            certificate=self.certificate,
            status=self.status,
        )

    def plan(self) -> planned.Plan:
        """Return the plan for the cluster as it is."""
        return self.plan_of(self.observe())

    def plan_of(
        self, seen: observed.Observed, *, wanted: observed.Wanted | None = None
    ) -> planned.Plan:
        """Return the plan for the cluster as it is seen."""
        return planning.plan(
            identity=self.identity,
            wanted=wanted or observed.Wanted(spec=self.spec),
            seen=seen,
            surroundings=observed.Surroundings(
                agent_key="ab" * 32,
                fresh_secret=f"{self.auth and self.auth.generation}{self.now:032.3f}".encode(),
                signed=self.signed,
                may_roll=self.may_roll,
                elsewhere=self.elsewhere,
            ),
            policy=self.policy,
            now=self.now,
        )

    def execute(self, plan: planned.Plan) -> None:
        """Do what a plan says, the controllers at work between any two steps."""
        self.taken.clear()
        for manifest in plan.apply:
            self.put(manifest)
            self.control()
        if plan.status is not None:
            self.status = dict(plan.status)
        for step in plan.annotate:
            relay = self.relays.get(step.pod)
            if relay is not None and relay.pod.uid == step.uid:
                relay.pod = annotating.annotated(relay.pod, step.annotations)
                if names.ANNOTATION_MOUNTED in step.annotations:
                    self.mount(relay)
        for deletion in plan.delete:
            self.delete(deletion)
            self.control()
        if plan.signing is not None:
            self.signed = plan.signing

    def put(self, manifest: objects.Manifest) -> None:
        """Apply a manifest."""
        before = self.stored.get(manifest.key)
        body = defaulting.stored(manifest.body)
        body["metadata"]["uid"] = f"{manifest.key}" if before is None else _uid(before)
        self.stored[manifest.key] = body
        if manifest.key.kind is objects.Kind.SECRET:
            self.auth = secret.auth(body)

    def delete(self, step: planned.Delete) -> None:
        """Delete an object; a workload takes its pods along."""
        if step.key.kind is objects.Kind.POD:
            relay = self.relays.get(step.key.name)
            if relay is not None and relay.pod.uid == step.uid:
                self.end(relay, grace=step.grace)
            return
        body = self.stored.get(step.key)
        if body is not None and _uid(body) == step.uid:
            del self.stored[step.key]
            for relay in self.relays.values():
                if relay.pod.owner == step.uid:
                    self.take(relay)

    # --- controllers ------------------------------------------------------------------------------

    def control(self) -> None:
        """Let the controllers make and take pods."""
        for key, body in list(self.stored.items()):
            if key.kind is objects.Kind.REPLICA_SET:
                self._replicate(body)
            elif key.kind is objects.Kind.DAEMON_SET:
                self._spread(body)

    def _replicate(self, body: Mapping[str, Any]) -> None:
        active = [r for r in self.relays.values() if r.pod.owner == _uid(body) and is_active(r)]
        excess = len(active) - body["spec"]["replicas"]
        for relay in sorted(active, key=_rank)[: max(0, excess)]:
            self.take(relay)
        for _ in range(-excess):
            self.make(body, target=None)

    def _spread(self, body: Mapping[str, Any]) -> None:
        template = body["spec"]["template"]["spec"]
        own = [relay for relay in self.relays.values() if relay.pod.owner == _uid(body)]
        for relay in own:
            node = self.nodes.get(relay.target or "")
            stays = node is not None and podnodes.may_stay(template, node)
            if is_active(relay) and not stays:
                self.take(relay)
        targets = {relay.target for relay in own if not relay.pod.ended}
        for name, node in self.nodes.items():
            if name not in targets and podnodes.may_start(template, node):
                self.make(body, target=name)

    def make(self, body: Mapping[str, Any], *, target: str | None) -> None:
        """Make a pod from a workload's template."""
        number = next(self._numbers)
        template = body["spec"]["template"]
        pod = observed.Pod(
            name=f"turn-eu-{number:05}",
            uid=f"pod-{number}",
            created=self.now,
            owner=_uid(body),
            revision=template["metadata"]["annotations"][names.ANNOTATION_REVISION],
            ports={
                p["name"]: p["containerPort"] for p in template["spec"]["containers"][0]["ports"]
            },
            image=template["spec"]["containers"][0]["image"],
        )
        self.relays[pod.name] = Relay(pod=pod, template=template["spec"], target=target)

    def take(self, relay: Relay) -> None:
        """Delete a pod without a plan's saying so."""
        if is_active(relay):
            self.taken.append(relay)
        self.end(relay, grace=None)

    def end(self, relay: Relay, *, grace: int | None) -> None:
        """Begin to end a pod; a grace only ever gets shorter."""
        seconds = relay.template["terminationGracePeriodSeconds"] if grace is None else grace
        deadline = self.now + seconds
        known = relay.pod.deleting_until
        if relay.pod.node is None:
            self.relays.pop(relay.pod.name, None)
        elif known is None or deadline < known:
            relay.told = self.now if relay.told is None else relay.told
            relay.pod = replace(relay.pod, deleting_until=deadline, grace=seconds)

    # --- scheduler and kubelets -------------------------------------------------------------------

    def schedule(self) -> None:
        """Place what waits, one relay to a node."""
        taken = {relay.pod.node for relay in self.relays.values()}
        for relay in self.relays.values():
            if relay.pod.node is not None or relay.pod.deleting_until is not None:
                continue
            names_ = [relay.target] if relay.target is not None else sorted(self.nodes)
            for name in names_:
                node = self.nodes.get(name or "")
                if (
                    node is not None
                    and name not in taken
                    and podnodes.fits(relay.template, node, made_for=relay.target)
                ):
                    relay.pod = replace(
                        relay.pod, node=name, host_addresses=node.internal, trouble=""
                    )
                    taken.add(name)
                    break
            else:
                relay.pod = replace(relay.pod, trouble="Unschedulable: no node is free")

    def run(self) -> None:
        """Let kubelets start and end what is on their nodes."""
        for relay in list(self.relays.values()):
            pod = relay.pod
            node = self.nodes.get(pod.node or "")
            if pod.node is not None and node is None:
                del self.relays[pod.name]  # The pod collector, once a Node is gone.
            elif pod.deleting_until is not None:
                drained = self.now if relay.told is None else relay.told + self.drain
                if self.now >= min(pod.deleting_until, drained):
                    del self.relays[pod.name]
            elif node is not None:
                if relay.mounted is None or self.now >= relay.mounted.at + fakeagents.REFRESH:
                    self.mount(relay)
                works = node.ready and bool(pod.addresses) and node.name not in self.broken
                if works is not pod.ready:
                    relay.pod = replace(pod, ready=works, ready_since=self.now)

    def mount(self, relay: Relay) -> None:
        """Bring a relay's files up to date, where its kubelet is there."""
        node = self.nodes.get(relay.pod.node or "")
        told = self.stored.get(_CONFIGURATION)
        if node is not None and node.ready and self.auth is not None and told is not None:
            relay.mounted = fakeagents.mounted(told, self.auth, self.now)

    def _told_of(self, relay: Relay) -> observed.Pod:
        pod = relay.pod
        if relay.mounted is None or pod.node not in self.nodes:
            return pod
        if pod.node in self.deaf:
            return replace(pod, mute=True)
        works = pod.node not in self.broken
        return fakeagents.telling(pod, relay.mounted, works=works, now=self.now)

    def pass_by(self, seconds: float) -> None:
        """Let time pass in which nobody plans."""
        self.now += seconds
        self.control()
        self.schedule()
        self.run()

    def reconcile(self, *, seconds: float = 2.0) -> planned.Plan:
        """Plan, execute, and let the cluster do its part."""
        plan = self.plan()
        self.execute(plan)
        self.pass_by(seconds)
        return plan

    def settle(self, *, passes: int = 400) -> int:
        """Reconcile until nothing is left to do; return how many passes it took."""
        quiet = 0
        for count in range(passes):
            before = [relay.pod for relay in self.relays.values()]
            plan = self.reconcile()
            waits = plan.requeue is not None and self.now < plan.requeue < self.now + _DAY
            if waits and plan.requeue is not None and plan.requeue - self.now > _LONG:
                self.pass_by(plan.requeue - self.now)
            unchanged = before == [relay.pod for relay in self.relays.values()]
            ending = any(not is_active(relay) for relay in self.relays.values())
            quiet = quiet + 1 if not (plan or waits or ending) and unchanged else 0
            if quiet > _QUIET:
                return count
        raise AssertionError(f"still not settled after {passes} passes: {self.plan()}")

    @property
    def ready(self) -> list[observed.Pod]:
        """Return the pods that serve and have not been told to end."""
        return [r.pod for r in self.relays.values() if is_active(r) and r.pod.ready]


_LONG: Final = 10.0
_DAY: Final = 86_400.0
_CONFIGURATION: Final = objects.Key(objects.Kind.CONFIG_MAP, "turn-eu")
_QUIET: Final = 3


def live(key: objects.Key, body: Mapping[str, Any]) -> objects.Live:
    """Return a stored object as the operator sees it."""
    owners = body["metadata"].get("ownerReferences", ())
    owner = next((each["uid"] for each in owners if each.get("controller")), None)
    return objects.Live(key=key, uid=_uid(body), body=body, owner=owner)


def is_active(relay: Relay) -> bool:
    """Return whether a pod counts for its controller."""
    return relay.pod.deleting_until is None and not relay.pod.ended


def _rank(relay: Relay) -> tuple[object, ...]:
    pod = relay.pod
    return (pod.node is not None, pod.ready, pod.deletion_cost or 0, -pod.ready_since, -pod.created)


def _uid(body: Mapping[str, Any]) -> str:
    uid: str = body["metadata"]["uid"]
    return uid
