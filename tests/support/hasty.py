"""Asks servers over TLS as fast as they answer, by the programs' own event loop.

``python -m tests.support.hasty SECONDS PORT`` prints how many connections failed.
"""

import asyncio
import sys
import time

import aiohttp

from turnfleet.commands import together

_AT_ONCE = 20
_PATIENCE = aiohttp.ClientTimeout(total=0.5)


async def _ask(session: aiohttp.ClientSession, port: int, until: float) -> int:
    failed = 0
    while time.monotonic() < until:
        try:
            async with session.get(f"https://127.0.0.1:{port}/", timeout=_PATIENCE):
                pass
        except (aiohttp.ClientError, TimeoutError):
            failed += 1
    return failed


async def _main(seconds: float, port: int) -> int:
    until = time.monotonic() + seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return sum(await asyncio.gather(*(_ask(session, port, until) for _ in range(_AT_ONCE))))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=together.loop_factory()) as runner:
        sys.stdout.write(f"{runner.run(_main(float(sys.argv[1]), int(sys.argv[2])))}\n")
