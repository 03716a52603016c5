"""``turnfleet plan --diff`` next to an operator that has made a region."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support import operators, writing

from turnfleet.commands import verbs
from turnfleet.kube import kinds

PLACE = {"location": {"latitude": 50, "longitude": 8}, "realm": "turn.test"}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str


Diff = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def diff(cluster: writing.Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Diff:
    async def run(*options: str, **spec: Any) -> Outcome:
        manifest = {
            "apiVersion": "turnfleet.io/v1alpha1",
            "kind": "TurnRegion",
            "metadata": {"name": "eu", "namespace": operators.RELAYS},
            "spec": {**PLACE, **spec},
        }
        file = tmp_path / "region.yaml"
        file.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        leads = str(cluster.kubeconfig(tmp_path))
        image = ["--relay-image", "turnfleet/relay:test"]
        asked = ["plan", "-f", str(file), "--diff", "--kubeconfig", leads, *image, *options]
        code = await asyncio.to_thread(verbs.run_one, asked)
        printed = capsys.readouterr()
        return Outcome(code=code, out=printed.out, err=printed.err)

    return run


async def test_a_region_that_is_as_declared_has_nothing_to_do(
    operator: operators.Running, diff: Diff
) -> None:
    await operator.declare()
    await operator.settled()
    done = await diff()
    assert (done.code, done.err) == (0, "")
    assert done.out == "# relays/eu: nothing to do\n"


async def test_an_edit_is_shown_as_the_lines_it_changes_and_changes_none(
    operator: operators.Running, diff: Diff
) -> None:
    await operator.declare()
    await operator.settled()
    operator.cluster.asked.clear()
    done = await diff(limits={"allocationsPerUser": 7})
    assert done.code == 0
    assert [line for line in done.out.splitlines() if line[:2] in {"- ", "+ "}] == [
        '-        "allocationsPerUser": 100,',
        '+        "allocationsPerUser": 7,',
    ]
    assert "+++ planned/ConfigMap/turn-eu" in done.out
    assert "ReplicaSet" not in done.out
    await operator.settled()
    assert all("dryRun" in asked.query for asked in operator.cluster.writes())


async def test_what_others_set_and_the_file_leaves_out_is_named(
    operator: operators.Running, diff: Diff
) -> None:
    defaults: dict[str, Any] = {"weight": 100, "limits": {"allocationsPerUser": 100}}
    await operator.declare(relays={"replicas": 3, "nodeSelector": {"pool": "a"}}, **defaults)
    await operator.settled()
    done = await diff(relays={"nodeSelector": {"pool": "b"}})
    assert (
        "# relays/eu: planned without what the cluster has and the file has not: "
        "spec.relays.replicas; kubectl apply keeps what others have set" in done.out
    )
    (found,) = json.loads((await diff("--json")).out)["regions"]
    assert found["unwritten"] == ["spec.relays.replicas", "spec.relays.nodeSelector.pool"]
    done = await diff(relays={"replicas": 2, "nodeSelector": {"pool": "a"}})
    assert "the file has not" not in done.out


async def test_a_relay_that_would_be_replaced_is_named(
    operator: operators.Running, diff: Diff
) -> None:
    await operator.declare()
    await operator.settled()
    await operator.cluster.put(
        kinds.NODE,
        {
            "metadata": {"name": "node-1"},
            "status": {"addresses": [{"type": "ExternalIP", "address": "203.0.113.1"}]},
        },
    )
    pod = await operator.cluster.run_pod("turn-eu", namespace=operators.RELAYS, node="node-1")
    await operator.settled()
    done = await diff("--json", realm="other.test", relays={"replicas": 1})
    (found,) = json.loads(done.out)["regions"]
    assert found["annotate"] == {pod["metadata"]["name"]: {"turnfleet.io/closed": "Outdated"}}
    progressing = next(one for one in found["conditions"] if one["type"] == "Progressing")
    assert progressing["reason"] == "RollingOut"


async def test_a_region_that_is_not_there_is_all_new_and_no_secret_is_shown(
    cluster: writing.Cluster, diff: Diff
) -> None:
    done = await diff()
    assert done.code == 0
    assert "+++ planned/Secret/eu-auth" in done.out
    assert "+  current: <generated>" in done.out
    assert cluster.writes() == []


async def test_no_secret_of_the_cluster_is_shown(operator: operators.Running, diff: Diff) -> None:
    await operator.declare()
    await operator.settled()
    secret = operator.cluster.find(kinds.SECRET, "eu-auth", namespace=operators.RELAYS)
    assert secret is not None
    await operator.cluster.put(
        kinds.SECRET, {**secret, "data": {**secret["data"], "retireAfter": "MTIz"}}
    )
    done = await diff(auth={"secretName": "mine"})
    assert "there is no Secret mine" in done.out
    for value in secret["data"].values():
        assert len(value) < 8 or value not in done.out


async def test_without_a_cluster_it_says_so(diff: Diff, tmp_path: Path) -> None:
    done = await diff("--kubeconfig", str(tmp_path / "nothing"))
    assert done.code == 2
    assert "does not lead to a cluster" in done.err
