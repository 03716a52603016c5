"""Takes away whatever a cluster left on this machine, so that the next one finds it as it was.

Works from what is there and not from what ought to be, and so also clears up after a run that was
killed half-way. Everything is recognised by the test bed's own folders and names.
"""

from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, network, places, processes, remains, shape

_NAMESPACES: Final = Path("/run/netns")
_LINKS: Final = Path("/sys/class/net")


def clear(where: places.Places, running: processes.Processes) -> None:
    """End and remove everything of the cluster in ``where``; the cache and the logs stay."""
    first = [name for name in running.names() if name.startswith("kubelet")]  # they restart pods
    for name in (*first, *running.names()):
        running.kill(name)
    remains.remove((where.run, where.state))
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
    remains.remove(tuple(folder / f"node-{node.name}" for folder in (where.run, where.state)))
    network.unplug(node)


def found(where: places.Places) -> tuple[str, ...]:
    """Return in words what of a cluster is on this machine."""
    folders = (where.run, where.state)
    links = (*_links(), *((shape.BRIDGE,) if (_LINKS / shape.BRIDGE).exists() else ()))
    return (
        *(f"process {pid}" for pid in remains.processes(folders)),
        *(f"mount {point}" for point in remains.mounts(folders)),
        *(f"network namespace {name}" for name in _namespaces()),
        *(f"link {name}" for name in links),
        *(f"folder {path}" for path in folders if path.exists()),
    )


def _namespaces() -> tuple[str, ...]:
    if not _NAMESPACES.is_dir():
        return ()
    return tuple(path.name for path in _NAMESPACES.iterdir() if path.name.startswith("turnfleet-"))


def _links() -> tuple[str, ...]:
    return tuple(path.name for path in _LINKS.iterdir() if path.name.startswith("tf-"))
