"""The two servers that are compared, each a process of its own on one core.

    python -m tests.bench.servers endpoint|hello [--core N] [--regions N --relays N]

Prints its port when ready and serves until it is terminated. Both run on uvloop without an access
log. The endpoint is the real application, with a prober's part played by a timer: every second the
loads of the fleet change, as they do in life, and with them everything that was kept.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import time
import warnings

import uvloop
from aiohttp import web
from tests.bench import fleets

from turnfleet.api import app, board, options, serving
from turnfleet.geo import atlas
from turnfleet.model import fleet
from turnfleet.steer.backbone import estimating

SEED = 4711


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench.servers")
    parser.add_argument("which", choices=("endpoint", "hello"))
    parser.add_argument("--core", type=int)
    parser.add_argument("--regions", type=int, default=12)
    parser.add_argument("--relays", type=int, default=8, help="in each region")
    parser.add_argument("--churn", type=float, default=1.0, metavar="SECONDS", help="0: none")
    args = parser.parse_args()
    if args.core is not None:
        os.sched_setaffinity(0, {args.core})
    if args.which == "hello":
        uvloop.run(hello())
    else:
        uvloop.run(endpoint(args.regions, args.relays, churn=args.churn))
    return 0


async def hello() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="Hello, world")

    application = web.Application()
    application.add_routes((web.get("/", handler), web.post("/", handler)))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await _until_terminated(runner.addresses[0][1])
    await runner.cleanup()


async def endpoint(regions: int, relays: int, *, churn: float) -> None:
    current = board.Board()
    declared = fleets.regions(regions, relays=relays)
    rng = random.Random(SEED)  # noqa: S311 - loads, not secrets
    current.publish_regions(declared)
    current.publish_health(fleets.health(declared, rng=rng))
    application = app.create(
        current=current,
        atlas=atlas.open(None, None, warnings.warn),
        estimator=estimating.Backbone(),
        fleet_key=b"k" * 32,
        opts=options.loopback(),
        clock=time.time,
        entropy=os.urandom,
    )

    async def probe() -> None:
        while churn:
            await asyncio.sleep(churn)
            health = fleets.health(declared, rng=rng)
            for key, found in health.items():
                current.heard(key, fleet.Usage(load=found.load), at=time.time())
            current.publish_health(health)

    probing = asyncio.create_task(probe())
    async with serving.at(application, host="127.0.0.1", port=0) as port:
        await _until_terminated(port)
    probing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await probing


async def _until_terminated(port: int) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
