"""The way of a command to the API server, and what it says where that leads nowhere.

Imported where it is used: the client takes a while to load, and most commands do without it.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import turnfleet
from turnfleet.commands import output
from turnfleet.kube import client, failures


@contextlib.asynccontextmanager
async def cluster(
    kubeconfig: Path | None,
    *,
    verb: str,
    failed: str = "a request to the cluster failed",
    code: int = 2,
) -> AsyncIterator[client.Client]:
    """Yield a client for the command ``verb``.

    A request that does not work ends the command: with ``failed``, the reason, and ``code``.
    """
    program = f"turnfleet-{verb}/{turnfleet.__version__}"
    try:
        async with client.connected(kubeconfig, program=program) as api:
            yield api
    except client.Unconfigured as problem:
        raise output.Failure(f"{problem}; name a kubeconfig with --kubeconfig.") from None
    except failures.Failure as failure:
        raise output.Failure(f"{failed}: {failure}", code=code) from None
