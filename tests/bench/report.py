"""Writes what was measured as Markdown: tables, the machine, and how to repeat it."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose source is aligned, too."""
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def machine() -> str:
    """Return what a reader needs to know to compare figures, and no name of the machine."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("aiohttp", "uvloop")
    )
    return (
        f"{_processor()}, {os.cpu_count()} cores; Linux {platform.release().split('-')[0]}; "
        f"Python {platform.python_version()}, {versions}; "
        f"load average at the start {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
