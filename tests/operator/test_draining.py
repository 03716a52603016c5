"""``turnfleet drain`` and ``undrain`` next to an operator that has made a region."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support import apiservers, operators, writing

from turnfleet import names
from turnfleet.commands import draining, output, targets, verbs
from turnfleet.kube import client, kinds

KEY = "ab" * 32


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Awaitable[Outcome]]


@dataclass(slots=True, kw_only=True)
class Agent:
    """A relay's agent, as far as its figures go."""

    port: int = 0
    left: list[int] = field(default_factory=list)
    """What it answers, one after the other; the last one for ever."""
    keys: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Authorization", ""))
        left = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return web.json_response({"allocations": left})


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    found = Agent(left=[0])
    application = web.Application()
    application.router.add_get("/status", found.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


@pytest.fixture
async def relays(operator: operators.Running, agent: Agent) -> list[str]:
    """Two relays on two nodes, ready; all of their agents are ``agent``."""
    for number in (1, 2):
        await operator.cluster.put(
            kinds.NODE,
            {
                "metadata": {"name": f"node-{number}"},
                "status": {
                    "addresses": [{"type": "ExternalIP", "address": f"203.0.113.{number}"}],
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            },
        )
    await operator.declare(agent={"port": agent.port})
    await operator.until(
        lambda: operator.cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=operators.RELAYS)
    )
    made = []
    for number in (1, 2):
        pod = await operator.cluster.run_pod(
            "turn-eu", namespace=operators.RELAYS, node=f"node-{number}"
        )
        status = pod["status"] | {"podIPs": [{"ip": "127.0.0.1"}]}
        await operator.cluster.put(kinds.POD, pod | {"status": status})
        made.append(pod["metadata"]["name"])
    await operator.until(lambda: states(operator) == {"Ready": 2})
    return made


@pytest.fixture
def command(
    cluster: writing.Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Command:
    async def run(verb: str, *options: str, namespace: str | None = operators.RELAYS) -> Outcome:
        leads = str(cluster.kubeconfig(tmp_path))
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        asked = [verb, *options, *where, "--kubeconfig", leads]
        code = await asyncio.to_thread(verbs.run_one, asked)
        printed = capsys.readouterr()
        return Outcome(code=code, out=printed.out, err=printed.err)

    return run


def entries(operator: operators.Running) -> list[dict[str, Any]]:
    region = operator.cluster.find(kinds.TURN_REGION, "eu", namespace=operators.RELAYS) or {}
    found: list[dict[str, Any]] = region.get("status", {}).get("relays", [])
    return found


def states(operator: operators.Running) -> dict[str, int]:
    stated = [entry["state"] for entry in entries(operator)]
    return {state: stated.count(state) for state in stated}


async def test_a_drained_relay_is_out_of_the_answers_until_that_is_undone(
    operator: operators.Running, relays: list[str], command: Command
) -> None:
    done = await command("drain", relays[0], "--reason", "a fan is loud")
    assert (done.code, done.err) == (0, "")
    undo = f"turnfleet undrain relay/{relays[0]} --namespace {operators.RELAYS}"
    assert f"undo that with: {undo}\n" in done.out
    assert "other namespaces" not in done.out
    assert f"relay {relays[0]} of relays/eu is out of the answers" in done.out
    (closed,) = (entry for entry in entries(operator) if entry["name"] == relays[0])
    assert (closed["state"], closed["reason"]) == ("Closed", "Drained")
    pod = operator.cluster.find(kinds.POD, relays[0], namespace=operators.RELAYS)
    assert pod is not None
    assert pod["metadata"]["annotations"][names.ANNOTATION_DRAIN] == "a fan is loud"
    assert "deletionTimestamp" not in pod["metadata"]

    done = await command("undrain", f"relay/{relays[0]}")
    assert (done.code, done.err) == (0, "")
    assert "is in the answers again" in done.out
    assert states(operator) == {"Ready": 2}


async def test_a_drained_node_keeps_new_clients_off_a_relay_that_comes_later(
    operator: operators.Running, relays: list[str], command: Command
) -> None:
    done = await command("drain", "node-2", "--json")
    told = json.loads(done.out)
    assert (told["target"], told["drained"]) == ("node/node-2", True)
    assert [(one["name"], one["state"]) for one in told["relays"]] == [(relays[1], "Closed")]
    assert told["relays"][0]["seconds"] < 1

    await operator.cluster.remove(kinds.POD, relays[1], namespace=operators.RELAYS)
    again = await operator.cluster.run_pod("turn-eu", namespace=operators.RELAYS, node="node-2")
    await operator.until(lambda: states(operator) == {"Ready": 1, "Closed": 1})
    assert again["metadata"]["annotations"].get(names.ANNOTATION_DRAIN) is None
    assert (await command("undrain", "node-2")).code == 0
    assert states(operator) == {"Ready": 2}


async def test_a_node_is_drained_as_a_whole_and_says_whose_relays_were_not_looked_at(
    relays: list[str], command: Command
) -> None:
    done = await command("drain", "node-2", namespace="elsewhere")
    assert done.code == 0
    undo = "turnfleet undrain node/node-2 --namespace elsewhere"
    assert done.out.splitlines() == [
        f"node/node-2 is drained as a whole; undo that with: {undo}",
        "Relays of other namespaces on it drain, too; --all-namespaces shows them.",
        "No relay of elsewhere runs there now; one that comes is treated likewise.",
    ]
    seen = await command("drain", "node-2", namespace=None)
    assert f"relay {relays[1]} of relays/eu is out of the answers" in seen.out
    assert "other namespaces" not in seen.out
    assert "turnfleet undrain node/node-2 --all-namespaces\n" in seen.out
    done = await command("undrain", "node-2", namespace="elsewhere")
    assert "Relays of other namespaces on it are not drained any more, either" in done.out


async def test_waiting_shows_what_is_left_until_nothing_is(
    relays: list[str], command: Command, agent: Agent
) -> None:
    agent.left = [*[3] * 3, *[1] * 3, 0]  # the operator asks now and then, too
    done = await command("drain", relays[0], "--wait")
    assert (done.code, done.err) == (0, "")
    left = [line.rpartition(": ")[2] for line in done.out.splitlines() if "live" in line]
    assert left == [f"{number} live allocations" for number in (3, 1, 0)]
    assert KEY not in done.out


async def test_who_may_not_read_the_key_is_told_that_nobody_can_see(
    cluster: writing.Cluster, relays: list[str], command: Command
) -> None:
    def forbidden(asked: apiservers.Asked) -> web.Response | None:
        if asked.path.endswith("/secrets/eu-auth") and asked.verb == "get":
            return apiservers.status(403, "Forbidden")
        return None

    cluster.fault = forbidden
    done = await command("drain", relays[0], "--wait")
    assert done.code == 1
    assert "its key cannot be read; its metric turnrelay_allocations tells" in done.err


async def test_an_agent_that_does_not_answer_ends_the_waiting(
    operator: operators.Running, relays: list[str], command: Command
) -> None:
    secret = operator.cluster.find(kinds.SECRET, "eu-auth", namespace=operators.RELAYS)
    assert secret is not None
    data = secret["data"] | {"agent-key": base64.b64encode(KEY.encode()).decode()}
    await operator.cluster.put(kinds.SECRET, secret | {"data": data})
    for name in relays:
        pod = operator.cluster.find(kinds.POD, name, namespace=operators.RELAYS)
        assert pod is not None
        status = pod["status"] | {"podIPs": [{"ip": "127.0.0.77"}]}
        await operator.cluster.put(kinds.POD, pod | {"status": status})
    await operator.until(
        lambda: all(one["agent"]["address"] == "127.0.0.77" for one in entries(operator))
    )
    done = await command("drain", relays[0], "--wait")
    assert done.code == 1
    assert "its agent does not answer from here" in done.err


async def test_without_an_operator_it_says_that_nobody_has_acted(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    await cluster.put(kinds.TURN_REGION, {"metadata": {"namespace": "relays", "name": "eu"}})
    labels = {names.LABEL_COMPONENT: names.COMPONENT_RELAY, names.LABEL_REGION: "eu"}
    about = {"namespace": operators.RELAYS, "name": "turn-eu-1", "labels": labels}
    await cluster.put(kinds.POD, {"metadata": about, "spec": {"nodeName": "node-1"}})
    passed = [0.0]

    async def sleep(seconds: float) -> None:
        passed.append(passed[-1] + seconds)

    async def ask(*_: object) -> None:
        raise AssertionError("nobody waits for the last allocation")

    err = io.StringIO()
    console = output.Console(out=io.StringIO(), err=err, as_json=False, color=False)
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as api:
        target = await targets.find(api, "turn-eu-1", namespaces=None)
        drained = draining.Draining(
            api, target, ask=ask, console=console, clock=lambda: passed[-1], sleep=sleep
        )
        assert await drained.run(reason="test", wait=False) == 1
    assert passed[-1] >= draining.ACTED_WITHIN
    assert "still not in the status of its region; does the operator run?" in err.getvalue()


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("nothing", "there is no node nothing, and no relay nothing in relays"),
        ("node/nothing", "there is no node nothing"),
        ("pool/a", "'pool/a' is not like NAME, node/NAME or relay/NAME"),
        ("node/", "'node/' is not like NAME, node/NAME or relay/NAME"),
    ],
)
async def test_a_name_that_nobody_has_is_refused(
    command: Command, named: str, sentence: str
) -> None:
    done = await command("drain", named)
    assert done.code == 2
    assert sentence in done.err


async def test_a_name_of_two_things_has_to_be_told_apart(
    cluster: writing.Cluster, relays: list[str], command: Command
) -> None:
    await cluster.put(kinds.NODE, {"metadata": {"name": relays[0]}})
    done = await command("drain", relays[0])
    assert done.code == 2
    assert f"may be each of relay/{relays[0]} in relays, node/{relays[0]}" in done.err
    assert (await command("drain", f"relay/{relays[0]}")).code == 0
