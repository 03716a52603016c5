"""``turnfleet simulate`` run in a folder of its own, and what it leaves behind."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from turnfleet import cli

REGIONS: Final = "region,lat,lon,country\neu,50.1,8.7,DE\nme,25.2,55.3,AE\nsg,1.3,103.8,SG\n"
CLIENTS: Final = (
    "client_id,ip,country,lat,lon\n"
    "amman,,JO,31.9,35.9\n"
    "berlin,192.0.2.1,de,52.5,13.4\n"
    "unmeasured,,GB,,\n"
    "jakarta,,ID,,\n"
)
HEADS: Final = {
    "regions": "region,lat,lon,country\n",
    "clients": "client_id,ip,country,lat,lon\n",
    "rtt": "client_id,region,rtt_ms\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str


Simulate = Callable[..., Outcome]


def runner(capsys: pytest.CaptureFixture[str]) -> Simulate:
    """Return what runs the command with tables, by the names of their arguments, in this folder."""

    def run(*args: str, **tables: str | bytes) -> Outcome:
        texts = {"regions": REGIONS, "clients": CLIENTS, **tables}
        for name, text in texts.items():
            raw = text if isinstance(text, bytes) else text.encode()
            Path(f"{name}.csv").write_bytes(raw)
        files = [word for name in texts for word in (f"--{name}", f"{name}.csv")]
        code = cli.main(["simulate", *files, *args])
        captured = capsys.readouterr()
        return Outcome(code=code, out=captured.out, err=captured.err)

    return run


def choices() -> list[list[str]]:
    """Return the rows of choices.csv, the first line among them."""
    with Path("choices.csv").open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text))
