"""Closed-loop load from wrk: how many answers a second a server gives at its best."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CONNECTIONS = 64
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_ANSWERS = re.compile(r"^\s+(\d+) requests in", re.MULTILINE)
_REFUSED = re.compile(r"^\s+(Non-2xx or 3xx responses|Socket errors): .*", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One kind of request; ``bodies`` are sent in turn, none makes it a GET."""

    path: str
    bodies: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """What one run of wrk got."""

    rate: float
    """Answers a second."""
    answers: int


class Spoilt(Exception):  # noqa: N818 - the measurement does not count; the message says why
    """Some requests were not answered with 200."""


def installed() -> bool:
    """Say whether wrk can be run."""
    return shutil.which("wrk") is not None


def peak(port: int, ask: Ask, *, seconds: float, core: int | None) -> Peak:
    """Return what one wrk thread on ``core`` gets out of a server."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "ask.lua"
        script.write_text(_lua(ask), encoding="utf-8")
        pinned = () if core is None else ("taskset", "-c", str(core))
        done = subprocess.run(
            (
                *pinned, "wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "10s",
                "-s", str(script), f"http://127.0.0.1:{port}{ask.path}",
            ),
            capture_output=True, text=True, check=True, timeout=seconds + 30,
        )  # fmt: skip
    if refused := _REFUSED.search(done.stdout):
        raise Spoilt(refused.group(0).strip())
    rate = _RATE.search(done.stdout)
    answers = _ANSWERS.search(done.stdout)
    if rate is None or answers is None:
        raise Spoilt(f"wrk said: {done.stdout}{done.stderr}")
    return Peak(rate=float(rate.group(1)), answers=int(answers.group(1)))


def _lua(ask: Ask) -> str:
    """Return a script that has every request ready before the first is sent."""
    if not ask.bodies:
        return ""
    bodies = ", ".join(f"[==[{body}]==]" for body in ask.bodies)
    return f"""
local bodies, requests, at = {{ {bodies} }}, {{}}, 0
function init(args)
  for index, body in ipairs(bodies) do
    requests[index] = wrk.format("POST", nil, {{["Content-Type"] = "application/json"}}, body)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""
