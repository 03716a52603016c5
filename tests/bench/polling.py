"""What polling a thousand agents costs an endpoint, in processor time.

    python -m tests.bench.polling [--agents N]

The agents are one HTTP server on as many loopback addresses, in a process of its own; each poll of
a round opens a connection, as it does where a round takes longer than connections are kept.
"""

import argparse
import asyncio
import dataclasses
import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import uvloop
from aiohttp import web

from turnfleet.model import fleet
from turnfleet.probe import agents, cadence, findings
from turnrelay import contract

_FIRST = ipaddress.IPv4Address("127.41.0.1")
_STATUS = {
    "region": "eu-central", "name": "eu-central-0", "instance": "first", "state": "Ready",
    "reason": "Ready", "sentence": "it takes new clients", "since": 1_700_000_000.0,
    "ready": True, "coturnVersion": "4.18.0", "agentVersion": "0.1.0", "generation": 3,
    "allocations": 4711, "begun": 123_456, "bitrate": 250_000_000, "bitrateSource": "interface",
    "ports": {"used": 4711, "available": 16384}, "load": 0.4711,
    "certificate": {"notAfter": 1_800_000_000, "fingerprint": "ab" * 32}, "restarts": 0,
    "configHash": "cd" * 32, "complaints": [],
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What was measured."""

    agents: int
    per_poll: float
    """Processor time of a poll, ms."""
    every: float
    """Seconds between two polls of an agent."""
    share: float
    """Part of a core that the polling takes."""


def measure(count: int) -> Cost:
    """Poll ``count`` agents, and say what that costs at the prober's own pace."""
    command = (sys.executable, "-m", "tests.bench.polling", "--serve")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline()) if process.stdout else 0
            return uvloop.run(_measure(count, port))
        finally:
            process.terminate()


async def _measure(count: int, port: int) -> Cost:
    rhythm = cadence.Cadence()
    asked = [fleet.AgentAddress(address=str(_FIRST + number), port=port) for number in range(count)]
    async with agents.Agents(
        key="k" * 64, timeout=rhythm.status_timeout, at_once=rhythm.statuses_at_once
    ) as client:
        await _round(client, asked[:100], at_once=rhythm.statuses_at_once)
        before = time.process_time()
        await _round(client, asked, at_once=rhythm.statuses_at_once)
        per_poll = (time.process_time() - before) / count
    every = rhythm.stretched(
        rhythm.status_interval, count=count, per_second=rhythm.statuses_per_second
    )
    return Cost(agents=count, per_poll=1e3 * per_poll, every=every, share=per_poll * count / every)


async def _round(
    client: agents.Agents, asked: Sequence[fleet.AgentAddress], *, at_once: int
) -> None:
    left = iter(asked)

    async def work() -> None:
        for agent in left:
            report = await client.ask(agent)
            assert isinstance(report, findings.Report)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())


async def _serve() -> None:
    async def status(_: web.Request) -> web.Response:
        return web.json_response(_STATUS)

    application = web.Application()
    application.add_routes((web.get(contract.PATH_STATUS, status),))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()  # noqa: S104 - all of 127/8, for a moment
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench.polling", description=__doc__)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--serve", action="store_true", help="be the agents")
    args = parser.parse_args()
    if args.serve:
        uvloop.run(_serve())
        return 0
    cost = measure(args.agents)
    sys.stdout.write(
        f"{cost.agents} agents, each every {cost.every:.0f} s: {cost.per_poll:.2f} ms a poll, "
        f"{cost.share:.1%} of a core (load average {os.getloadavg()[0]:.1f})\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
