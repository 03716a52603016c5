"""How this machine reaches package indexes, lent to an image's build as files it does not keep.

Decides which settings are lent: where the index is, and how it is trusted. Nothing of it is written
into the checkout, an image or a layer.
"""

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands

_PIP: Final = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "timeout")
_NPM: Final = ("registry", "cafile", "proxy", "https-proxy", "strict-ssl")
_UNSET: Final = frozenset({"", "null", "undefined"})
_AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")


@contextlib.contextmanager
def lent() -> Iterator[Mapping[str, Path]]:
    """Give a file for each secret of the Dockerfiles, for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="turnfleet-e2e-") as folder:
        files = {"pip": Path(folder) / "pip.conf", "npm": Path(folder) / "npmrc"}
        files["pip"].write_text(_pip())
        files["npm"].write_text(_npm())
        yield files


def _pip() -> str:
    """Return pip's settings from its files and the environment alike; the environment wins."""
    listed = commands.run(sys.executable, "-m", "pip", "config", "list")
    found: dict[str, str] = {}
    for line in listed.splitlines():  # global.index-url='…', :env:.index-url='…'
        match = re.fullmatch(r"[^=]*\.([a-z-]+)='(.*)'", line)
        if match and match[1] in _PIP and (match[1] not in found or line.startswith(":env:")):
            found[match[1]] = match[2]
    return "\n".join(("[global]", *(f"{name} = {value}" for name, value in found.items()), ""))


def _npm() -> str:
    npm = shutil.which("npm")
    found = {name: _npm_setting(npm, name) for name in _NPM} if npm else {}
    if found.get("cafile", "") in _UNSET and _AUTHORITIES.exists():
        found["cafile"] = str(_AUTHORITIES)  # Node brings a list of its own otherwise
    lines = (f"{name}={value}" for name, value in found.items() if value not in _UNSET)
    return "\n".join((*lines, ""))


def _npm_setting(npm: str, name: str) -> str:
    return commands.run(npm, "config", "get", name).strip()
