"""Takes away whatever a cluster left on this machine: processes, mounts, cgroups, links, folders.

Works from what is there and not from what ought to be, so that it also clears up after a run that
was killed half-way. Everything is recognised by the test bed's own folders and names; nothing else
is touched.
"""

import contextlib
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, network, node_files, places, processes, shape

_SHIM: Final = "containerd-shim-runc-v2"
_GONE_WITHIN: Final = 10.0
_PROC: Final = Path("/proc")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_NETNS: Final = Path("/run/netns")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remains:
    """By what the remains of a cluster, or of one node, are recognised."""

    folders: tuple[Path, ...]
    cgroup: str


def clear(where: places.Places, running: processes.Processes) -> None:
    """End and remove everything of the cluster in ``where``; the cache and the logs stay."""
    first = [name for name in running.names() if name.startswith("kubelet")]  # they restart pods
    for name in (*first, *running.names()):
        running.kill(name)
    _remove(_everything(where))
    for name in _namespaces():
        commands.attempt("ip", "netns", "del", name)
    for link in _links():
        commands.attempt("ip", "link", "del", link)
    network.close_bridge()


def clear_node(where: places.Places, running: processes.Processes, node: shape.NodeShape) -> None:
    """End and remove one node, as if its machine had been taken away."""
    network.cut(node)
    for program in ("kubelet", "kube-proxy", "containerd"):
        running.kill(f"{program}-{node.name}")
    folders = tuple(place / f"node-{node.name}" for place in (where.run, where.state))
    _remove(_Remains(folders=folders, cgroup=f"{node_files.CGROUP}/{node.name}"))
    network.unplug(node)


def found(where: places.Places) -> tuple[str, ...]:
    """Return in words what of a cluster is on this machine."""
    remains = _everything(where)
    return (
        *(f"process {pid}" for pid in _processes(remains)),
        *(f"mount {point}" for point in _mounts(remains.folders)),
        *(f"namespace {name}" for name in _namespaces()),
        *(f"link {name}" for name in (*_links(), shape.BRIDGE) if _link_exists(name)),
        *(f"cgroup {path}" for path in _cgroups(remains)),
        *(f"folder {path}" for path in remains.folders if path.exists()),
    )


def unmount(*folders: Path) -> None:
    """Take away every mount below some folders."""
    for point in _mounts(folders):
        commands.attempt("umount", "--lazy", point)


def _everything(where: places.Places) -> _Remains:
    return _Remains(folders=(where.run, where.state), cgroup=node_files.CGROUP)


def _remove(remains: _Remains) -> None:
    sockets = _shim_sockets(remains)
    _kill_until_none(remains)
    unmount(*remains.folders)
    _remove_cgroups(remains)
    for socket in sockets:
        socket.unlink(missing_ok=True)
    for folder in remains.folders:
        if folder.exists():
            shutil.rmtree(folder)


def _kill_until_none(remains: _Remains) -> None:
    deadline = time.monotonic() + _GONE_WITHIN
    while (pids := _processes(remains)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _processes(remains: _Remains) -> frozenset[int]:
    """Return everything inside the nodes' containers, and the shims that hold them."""
    seen: set[int] = set()
    for group in _cgroups(remains):
        with contextlib.suppress(OSError):
            seen |= {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and _shim_of(entry, remains):
            seen.add(int(entry.name))
    return frozenset(seen)


def _shim_of(process: Path, remains: _Remains) -> bool:
    address = _shim_address(process)
    return address is not None and any(Path(address).is_relative_to(f) for f in remains.folders)


def _shim_address(process: Path) -> str | None:
    """Return the containerd that a shim belongs to; ``None`` for any other process."""
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    if Path(words[0]).name != _SHIM or "-address" not in words:
        return None
    return words[words.index("-address") + 1]


def _shim_sockets(remains: _Remains) -> tuple[Path, ...]:
    """Return the sockets that killed shims leave in containerd's folder of the whole machine."""
    return tuple(
        Path(file.read_text().removeprefix("unix://"))
        for folder in remains.folders
        for file in folder.glob("**/io.containerd.runtime.v2.task/*/*/address")
    )


def _mounts(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the mount points below our folders, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return tuple(
        point
        for point in reversed(points)
        if any(Path(point).is_relative_to(folder) for folder in folders)
    )


def _cgroups(remains: _Remains) -> tuple[Path, ...]:
    """Return our cgroups, the innermost first: in each hierarchy of version 1, or the one of 2."""
    roots = (*_CGROUPS.glob(f"*/{remains.cgroup}"), _CGROUPS / remains.cgroup)
    return tuple(Path(folder) for root in roots for folder, _, _ in os.walk(root, topdown=False))


def _remove_cgroups(remains: _Remains) -> None:
    deadline = time.monotonic() + _GONE_WITHIN
    while (groups := _cgroups(remains)) and time.monotonic() < deadline:
        for group in groups:
            with contextlib.suppress(OSError):  # busy while its last process ends
                group.rmdir()
        time.sleep(0.05)


def _namespaces() -> tuple[str, ...]:
    if not _NETNS.is_dir():
        return ()
    return tuple(path.name for path in _NETNS.iterdir() if path.name.startswith("turnfleet-"))


def _links() -> tuple[str, ...]:
    names = (path.name for path in Path("/sys/class/net").iterdir())
    return tuple(name for name in names if name.startswith("tf-"))


def _link_exists(name: str) -> bool:
    return (Path("/sys/class/net") / name).exists()
