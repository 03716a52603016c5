"""What containers leave on this machine: found by the folders of the containerd that made them.

A container's processes are known by the file system that is their root, so that they are found
however the programs above them ended; nothing else on the machine is touched.
"""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from tests.e2e.cluster import commands

Folders = tuple[Path, ...]
_T = TypeVar("_T")

_SHIM: Final = "containerd-shim-runc-v2"
_TASKS: Final = "**/io.containerd.runtime.v2.task/k8s.io"
_GONE_WITHIN: Final = 10.0
_PROC: Final = Path("/proc")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_CGROUP: Final = "k8s.io"
"""Where containerd puts its containers; others of this machine may be in it, too."""


def remove(folders: Folders) -> None:
    """End the containers whose files are in some folders, and remove all they have, and these."""
    sockets, groups = _shim_sockets(folders), _cgroups(folders)
    _until_none(lambda: processes(folders), _kill)
    unmount(folders)
    _until_none(lambda: tuple(group for group in groups if group.exists()), _remove_directory)
    for parent in {group.parent for group in groups}:
        _remove_directory(parent)  # stays if another containerd uses it
    for socket in sockets:
        socket.unlink(missing_ok=True)
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)


def processes(folders: Folders) -> tuple[int, ...]:
    """Return what runs inside containers of these folders, and the shims that hold them."""
    pids = (entry for entry in _PROC.iterdir() if entry.name.isdecimal())
    return tuple(
        int(entry.name) for entry in pids if _is_shim(entry, folders) or _is_rooted(entry, folders)
    )


def mounts(folders: Folders) -> tuple[str, ...]:
    """Return the mount points below some folders, the innermost first."""
    points = [line[4].encode().decode("unicode_escape") for line in _mount_lines(_PROC / "self")]
    return tuple(
        point
        for point in reversed(points)
        if any(Path(point).is_relative_to(folder) for folder in folders)
    )


def unmount(folders: Folders) -> None:
    """Take away every mount below some folders."""
    for point in mounts(folders):
        commands.attempt("umount", "--lazy", point)


def _is_shim(process: Path, folders: Folders) -> bool:
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    if Path(words[0]).name != _SHIM or "-address" not in words:
        return False
    address = Path(words[words.index("-address") + 1])
    return any(address.is_relative_to(folder) for folder in folders)


def _is_rooted(process: Path, folders: Folders) -> bool:
    """Return whether a process' root is an overlay of layers in these folders."""
    roots = (line for line in _mount_lines(process) if line[4] == "/")
    return any(f"{folder}/" in line[-1] for line in roots for folder in folders)


def _mount_lines(process: Path) -> Iterator[list[str]]:
    with contextlib.suppress(OSError):
        for line in (process / "mountinfo").read_text().splitlines():
            yield line.split(" ")


def _shim_sockets(folders: Folders) -> Folders:
    """Return the sockets that killed shims leave in containerd's folder of the whole machine."""
    return tuple(
        Path(file.read_text().removeprefix("unix://"))
        for folder in folders
        for file in folder.glob(f"{_TASKS}/*/address")
    )


def _cgroups(folders: Folders) -> Folders:
    """Return the containers' cgroups, in each hierarchy of version 1 or the one of version 2."""
    names = [task.name for folder in folders for task in folder.glob(f"{_TASKS}/*")]
    parents = (*_CGROUPS.glob(f"*/{_CGROUP}"), _CGROUPS / _CGROUP)
    return tuple(parent / name for parent in parents for name in names)


def _until_none(found: Callable[[], tuple[_T, ...]], end: Callable[[_T], None]) -> None:
    deadline = time.monotonic() + _GONE_WITHIN
    while (those := found()) and time.monotonic() < deadline:
        for each in those:
            end(each)
        time.sleep(0.05)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _remove_directory(path: Path) -> None:
    with contextlib.suppress(OSError):  # busy while its last process ends
        path.rmdir()
