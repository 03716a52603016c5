import asyncio
from pathlib import Path

from tests.support import writing

from turnfleet.kube import announcing, client, kinds
from turnfleet.plan.cluster import observed, planned


async def test_events_are_posted_once_and_never_without_bounds(
    cluster: writing.Cluster, tmp_path: Path
) -> None:
    now = 1_700_000_000.0
    identity = observed.Identity(namespace="relays", name="eu", uid="u", generation=1, created=0)
    async with client.connected(cluster.kubeconfig(tmp_path), program="test") as api:
        announcer = announcing.Announcer(api, instance="test", clock=lambda: now)
        same = planned.Event(type=planned.EventType.NORMAL, reason="Same", message="same")
        for _ in range(10):
            announcer.announce(identity, same)
        for number in range(1000):
            event = planned.Event(
                type=planned.EventType.WARNING, reason="Many", message=f"number {number} " * 200
            )
            announcer.announce(identity, event)
        task = asyncio.create_task(announcer.run())
        await cluster.until(lambda: len(cluster.all(kinds.EVENT)) == announcing.BURST)
        task.cancel()
    assert announcer.dropped == 1001 - announcing.BURST
    posted = list(cluster.all(kinds.EVENT).values())
    assert [event["reason"] for event in posted].count("Same") == 1
    assert all(len(event["note"].encode()) <= 1024 for event in posted)
