"""Golden plans: ``NAME.in.yaml`` is a region and a cluster, ``NAME.out.yaml`` what is to be done.

``python -m tests.support.clusterplans`` writes every ``out.yaml`` anew. In an ``in.yaml``

    shows        a sentence
    region       the spec of TurnRegion eu, on top of a place and a realm
    applied      an earlier such spec: its objects exist, and its pods have settled
    nodes, pods  fields of ``observed.Node`` and ``observed.Pod``; times are seconds from now.
                 ``revision: now`` is a pod of ``region``, all others are of ``applied``;
                 ``state`` and ``since`` are what the status says of it, ``report`` what it says
    the others   fields of what ``planning.plan`` takes
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml
from tests.support import defaulting, fakecluster, plantexts

from turnfleet import names
from turnfleet.kube import secret
from turnfleet.model import region, turnregion
from turnfleet.plan.cluster import naming, objects, observed, past, planned, planning
from turnfleet.plan.cluster.manifests import inventory, pod
from turnrelay import contract

FOLDER: Final = Path(__file__).parents[1] / "golden" / "cluster"
NOW: Final = 1_767_268_800.0
"""2026-01-01T12:00:00Z"""
HOUR: Final = 3600.0
SECRET: Final = b"0123456789abcdef0123456789abcdef"

_PLACE: Final = {"location": {"latitude": 50.11, "longitude": 8.68}, "realm": "turn.example.com"}
_IDENTITY: Final = observed.Identity(
    namespace="relays", name="eu", uid="11111111-2222", generation=2, created=NOW - 24 * HOUR
)
_POLICY: Final = observed.Policy(
    relay_image="turnfleet/relay:0.1.0",
    allowed_images=("turnfleet/relay:*",),
    denied_peers=("10.96.0.0/16",),
)
_SURROUNDINGS: Final = observed.Surroundings(agent_key="ab" * 32, fresh_secret=SECRET)
_TIMES: Final = ("created", "ready_since", "deleting_until")


Told = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one plan is made from."""

    wanted: observed.Wanted
    identity: observed.Identity = _IDENTITY
    seen: observed.Observed = field(default_factory=observed.Observed)
    surroundings: observed.Surroundings = _SURROUNDINGS
    policy: observed.Policy = _POLICY
    now: float = NOW
    applied: Mapping[objects.Key, Mapping[str, Any]] = field(default_factory=dict)
    """What was applied before, as it was sent."""

    def plan(self) -> planned.Plan:
        """Return the plan."""
        return planning.plan(
            identity=self.identity,
            wanted=self.wanted,
            seen=self.seen,
            surroundings=self.surroundings,
            policy=self.policy,
            now=self.now,
        )

    def revision(self) -> str:
        """Return the revision of the pods that this plan's workload makes."""
        assert self.wanted.spec is not None
        told = inventory.configure(self.wanted.spec, self.surroundings, self.policy)
        return pod.revision(self.wanted.spec, self.policy, told)


def goldens() -> list[str]:
    """Return the names of all goldens."""
    return sorted(path.name.removesuffix(".in.yaml") for path in FOLDER.glob("*.in.yaml"))


def outcome(name: str) -> str:
    """Return what a golden's plan is by the code as it is."""
    case = read(name)
    return plantexts.shown(case.plan(), applied=case.applied)


def read(name: str) -> Case:
    """Return what a golden is made from."""
    told: Told = yaml.safe_load((FOLDER / f"{name}.in.yaml").read_text(encoding="utf-8"))
    case = Case(
        wanted=_wanted(told.get("region") or {}),
        identity=replace(_IDENTITY, **told.get("identity", {})),
        surroundings=replace(_SURROUNDINGS, **_frozen(told.get("surroundings", {}))),
        policy=replace(_POLICY, **_frozen(told.get("policy", {}))),
    )
    nodes = {each["name"]: _node(each) for each in told.get("nodes", ())}
    case = replace(case, seen=observed.Observed(nodes=nodes))
    if "applied" in told:
        case = _settled(case, told)
    return replace(case, seen=replace(case.seen, **_seen(told.get("observed", {}), case)))


def turned(case: Case) -> Case:
    """Return a case in which everything was seen in another order."""
    seen = case.seen
    return replace(
        case,
        seen=replace(
            seen,
            pods=seen.pods[::-1],
            nodes=dict(list(seen.nodes.items())[::-1]),
            live=dict(list(seen.live.items())[::-1]),
            workloads=seen.workloads[::-1],
        ),
    )


def _settled(case: Case, told: Told) -> Case:
    """Return a case in which an earlier spec has been followed for a while."""
    earlier = replace(
        case,
        wanted=_wanted(told["applied"] or {}),
        identity=replace(_IDENTITY, generation=1),
        surroundings=_SURROUNDINGS,
        now=NOW - HOUR,
    )
    applied = {each.key: each.body for each in earlier.plan().apply}
    live = {key: _live(key, body) for key, body in applied.items()}
    workload = next(each for key, each in live.items() if key.kind in fakecluster.WORKLOADS)
    revisions = {"applied": earlier.revision()}
    if case.wanted.spec is not None:
        revisions["now"] = case.revision()
    seen = replace(
        case.seen,
        pods=tuple(_pod(each, case, revisions, workload.uid) for each in told.get("pods", ())),
        workloads=(
            observed.Workload(kind=workload.key.kind, name=workload.key.name, uid=workload.uid),
        ),
        live=live,
        auth=secret.auth(live[naming.key(objects.Kind.SECRET, _IDENTITY.name)].body),
    )
    status = replace(earlier, seen=seen).plan().status
    assert status is not None
    retold = _retold(status, told.get("pods", ()))
    return replace(case, seen=replace(seen, status=retold), applied=applied)


def _wanted(spec: Told) -> observed.Wanted:
    outcome = turnregion.parse(
        {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": _IDENTITY.name},
            "spec": {**_PLACE, **spec},
        }
    )
    if isinstance(outcome, region.RegionSpec):
        return observed.Wanted(spec=outcome)
    return observed.Wanted(spec=None, problems=outcome)


def _node(told: Told) -> observed.Node:
    taints = tuple(
        observed.Taint(**{**each, "effect": region.TaintEffect(each["effect"])})
        for each in told.get("taints", ())
    )
    return observed.Node(**{**_frozen(told), "taints": taints})


def _pod(told: Told, case: Case, revisions: Mapping[str, str], owner: str) -> observed.Pod:
    given = {name: value for name, value in told.items() if name not in {"state", "since"}}
    node = case.seen.nodes.get(given.get("node", ""))
    plain: dict[str, Any] = {
        "uid": f"uid-of-{given['name']}",
        "created": -4 * HOUR,
        "owner": owner,
        "image": "turnfleet/relay:0.1.0",
        "ports": {"udp": 3478, "tcp": 3478, "agent": 9641},
    }
    if node is not None:
        plain |= {
            "ready": True,
            "addresses": node.external,
            "address_sources": (region.AddressSource.EXTERNAL_IP,) if node.external else (),
            "host_addresses": node.internal,
        }
    fields = {**plain, **_frozen(given)}
    fields["revision"] = revisions[given.get("revision", "applied")]
    fields["address_sources"] = tuple(map(region.AddressSource, fields.get("address_sources", ())))
    if "report" in fields:
        plain = {"at": NOW, "state": contract.State.READY}
        fields["report"] = observed.Report(**(plain | _frozen(fields["report"])))
    for name in _TIMES:
        if fields.get(name) is not None:
            fields[name] += NOW
    return observed.Pod(**fields)


def _certificate(told: Told) -> observed.Certificate:
    fields = _frozen(told)
    dates = {name: NOW + fields[name] for name in ("not_before", "not_after") if name in fields}
    return observed.Certificate(**(fields | dates))


def _retold(status: Told, pods: Iterable[Told]) -> dict[str, Any]:
    """Return the status of a region in which all was well, but for what a golden says of relays."""
    by_name = {each["name"]: each for each in pods}
    relays = []
    for entry in status["relays"]:
        told = by_name[entry["name"]]
        state = told.get("state", "Ready" if told.get("ready", True) else "Starting")
        since = past.moment(NOW + told.get("since", -HOUR))
        relays.append({**entry, "state": state, "since": since})
    conditions = [
        {**each, "status": "True", "reason": _WELL[each["type"]]} for each in status["conditions"]
    ]
    return {**status, "relays": relays, "conditions": conditions}


_WELL: Final = {
    "Accepted": "Valid",
    "Progressing": "Settled",
    "Ready": "Ready",
    "CredentialsInSync": "InSync",
}


def _seen(told: Told, case: Case) -> dict[str, Any]:
    """Return what a golden says otherwise of the cluster."""
    fields = dict(told)
    if "named_secret" in fields:
        fields["named_secret"] = fields["named_secret"].encode()
    if "certificate" in fields:
        fields["certificate"] = _certificate(fields["certificate"])
    if "failure" in fields:
        failure = fields.pop("failure")
        fields["workloads"] = tuple(replace(w, failure=failure) for w in case.seen.workloads)
    if "owners" in fields:
        owners = fields.pop("owners")
        fields["live"] = {
            key: replace(each, owner=owners.get(key.kind.value, each.owner))
            for key, each in case.seen.live.items()
        }
    return fields


def _live(key: objects.Key, body: Mapping[str, Any]) -> objects.Live:
    stored = defaulting.stored(body)
    stored["metadata"]["uid"] = f"uid-of-{key.kind}"
    return fakecluster.live(key, stored)


def _frozen(told: Told) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
    }


def main() -> None:
    """Write every golden's outcome."""
    for name in goldens():
        (FOLDER / f"{name}.out.yaml").write_text(outcome(name), encoding="utf-8")


if __name__ == "__main__":
    main()
