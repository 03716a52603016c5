"""The images of every node, imported once: a containerd's root folder that nodes start with.

An import writes each image twice, and four nodes would do it eight times. What containerd has
unpacked it never changes, so a node's copy is made of hard links; only the databases are copied.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.e2e.cluster import containerd, making, places, processes

_DATABASE: Final = ".db"
_KEPT: Final = "larder-"


def stock(where: places.Places, archives: Sequence[Path]) -> Path:
    """Return a root folder that holds the images of some archives; others are thrown away."""
    names = "".join(sorted(archive.name for archive in archives))
    name = f"{_KEPT}{hashlib.sha256(names.encode()).hexdigest()[:12]}"
    for outdated in where.images.glob(f"{_KEPT}*"):
        if outdated.name != name:
            shutil.rmtree(outdated)
    return making.once(where.images / name, lambda root: _import(where, root, archives))


def give(larder: Path, root: Path) -> None:
    """Make a node's root folder out of the larder; both are on one file system."""
    shutil.copytree(larder, root, symlinks=True, copy_function=_copy_or_link)


def _copy_or_link(source: str, target: str) -> None:
    if source.endswith(_DATABASE):
        shutil.copy2(source, target)
    else:
        os.link(source, target, follow_symlinks=False)


def _import(where: places.Places, root: Path, archives: Sequence[Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="turnfleet-e2e-") as folder:
        run = Path(folder)
        running = processes.Processes(folder=run / "pids", logs=where.logs)
        runtime = containerd.Containerd(name="larder", root=root, run=run, running=running)
        try:
            runtime.start()
            for archive in archives:
                runtime.load(archive)
        finally:
            runtime.end()
