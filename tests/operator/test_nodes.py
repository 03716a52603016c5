import asyncio

from turnfleet.handlers import nodes
from turnfleet.kube import resolving
from turnfleet.plan.cluster import observed


def test_a_sign_of_life_of_a_node_is_no_change() -> None:
    changes: list[object] = []
    known = nodes.Nodes(changed=lambda before, after: changes.append((before, after)))

    def node(version: int, heartbeat: str, status: str = "True") -> dict[str, object]:
        ready = {"type": "Ready", "status": status, "lastHeartbeatTime": heartbeat}
        return {
            "metadata": {"name": "n1", "resourceVersion": str(version)},
            "status": {"conditions": [ready]},
        }

    known.roster.told(None, node(1, "2026-01-01T00:00:00Z"))
    known.roster.told("MODIFIED", node(2, "2026-01-01T00:05:00Z"))
    assert len(changes) == 1
    known.roster.told("MODIFIED", node(3, "2026-01-01T00:06:00Z", "Unknown"))
    assert len(changes) == 2


async def test_names_of_nodes_are_resolved_once_a_region_wants_them() -> None:
    resolved = asyncio.Event()
    answers = {"n1.example.com": ["192.0.2.9", "192.0.2.1"]}

    def changed(_: observed.Node | None, after: observed.Node | None) -> None:
        if after is not None and after.dns:
            resolved.set()

    async def lookup(name: str) -> list[str]:
        if name not in answers:
            raise OSError("no such name")
        return answers[name]

    known = nodes.Nodes(changed=changed, lookup=lookup)
    addresses = [{"type": "ExternalDNS", "address": "n1.example.com"}]
    known.roster.told(None, {"metadata": {"name": "n1"}, "status": {"addresses": addresses}})
    task = asyncio.create_task(known.resolver.run())
    await asyncio.sleep(0.02)
    assert not known.by_name["n1"].dns
    known.resolve(wanted=True)
    await asyncio.wait_for(resolved.wait(), 60)
    task.cancel()
    assert known.by_name["n1"].dns == ("192.0.2.1", "192.0.2.9")


async def test_a_name_server_that_fails_takes_no_address_away() -> None:
    answers: list[list[str] | None] = [["192.0.2.1"], None, None]
    looked = asyncio.Event()

    async def lookup(_: str) -> list[str]:
        answer = answers.pop(0) if answers else None
        if len(answers) < 2:
            looked.set()
        if answer is None:
            raise OSError("servfail")
        return answer

    resolver = resolving.Resolver(
        changed=lambda _: None, lookup=lookup, sleep=lambda _: asyncio.sleep(0.01)
    )
    resolver.want({"n1"})
    task = asyncio.create_task(resolver.run())
    await asyncio.wait_for(looked.wait(), 60)
    task.cancel()
    assert resolver.addresses("n1") == ("192.0.2.1",)
