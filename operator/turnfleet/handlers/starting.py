"""Starts an operator where it may act: waits for the lease, listens, gives the lease back."""

import asyncio
import signal
from collections.abc import Coroutine

from turnfleet.handlers import metrics, operating, options, serving
from turnfleet.kube import client, leading


async def serve(chosen: options.Options, around: options.Around) -> None:
    """Run until a signal asks for the end.

    Raises operating.Ended, client.Unconfigured or OSError.
    """
    counted = metrics.Metrics()
    asked = _on_signals(asyncio.get_running_loop())
    async with client.connected(
        chosen.kubeconfig, program=operating.PROGRAM, counted=counted.requested
    ) as api:
        lead = leading.Leading(
            api,
            namespace=chosen.lease[0],
            name=chosen.lease[1],
            identity=around.instance,
            clock=around.clock,
            wall=around.wall,
        )
        whole = operating.Operator(api, chosen, around, counted=counted, lead=lead)
        async with serving.at(*chosen.listen, unready=whole.unready, counted=counted):
            try:
                if await _unless(asked, lead.acquire()):
                    await whole.run(asked)
            finally:
                await lead.release()


def _on_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    return asked


async def _unless(asked: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Return whether ``work`` was done before ``asked`` was set, which ends it."""
    tasks = asyncio.create_task(work), asyncio.create_task(asked.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            await tasks[0]
        return tasks[0].done()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
