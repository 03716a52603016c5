"""turnfleet check and turnfleet explain, run as the command line would."""

import argparse
import asyncio
import io
import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from turnfleet import settings
from turnfleet.commands import check, explain, output


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return what it printed with ``--json``."""
        return json.loads(self.out)


async def checking(url: str, *flags: str, as_json: bool = False) -> Outcome:
    """Run ``turnfleet check``."""
    return await _run(check, url, *flags, as_json=as_json)


async def explaining(url: str, *flags: str) -> Outcome:
    """Run ``turnfleet explain``."""
    return await _run(explain, "--endpoint", url, *flags, as_json=False)


async def _run(command: ModuleType, *given: str, as_json: bool) -> Outcome:
    """Run a command in a thread, with a loop of its own."""
    out, err = io.StringIO(), io.StringIO()
    console = output.Console(out=out, err=err, as_json=as_json, color=False)
    parser = argparse.ArgumentParser()
    command.configure(parser)
    args = parser.parse_args(given)

    def run() -> int:
        try:
            code: int = command.execute(args, console, settings.Settings())
        except output.Failure as failure:
            console.complain(failure.sentence)
            return failure.code
        return code

    code = await asyncio.to_thread(run)
    return Outcome(code, out.getvalue(), err.getvalue())
