"""Starts a server to be measured, and reads what the kernel knows of it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    pid: int
    port: int

    @property
    def rss(self) -> float:
        """Return its resident memory, MB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    @property
    def cpu(self) -> float:
        """Return the processor time that it has used, seconds."""
        # The name in the second field may hold spaces and brackets of its own.
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        return sum(int(ticks) for ticks in fields.split()[11:13]) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def server(*arguments: str) -> Iterator[Server]:
    """Run ``tests.bench.servers`` with ``arguments`` for as long as the block lasts."""
    command = (sys.executable, "-m", "tests.bench.servers", *arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.strip().isdigit():
                raise RuntimeError(f"{' '.join(command)} did not start")
            yield Server(pid=process.pid, port=int(line))
        finally:
            process.terminate()
