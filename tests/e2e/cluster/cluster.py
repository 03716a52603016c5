"""A real Kubernetes on this machine: boots it, changes it, breaks it, and takes it away.

Nothing here knows what is tested with it. The programs and images are made elsewhere; a cluster
only takes them.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from pathlib import Path

from tests.e2e.cluster import (
    api_server,
    commands,
    control_plane,
    kubectl,
    leftovers,
    network,
    node,
    node_files,
    places,
    processes,
    shape,
)


class Cluster:
    """The control plane and its nodes by name. ``programs`` is the folder of the binaries."""

    def __init__(
        self, where: places.Places, *, programs: Path, kubeconfig: Path | None = None
    ) -> None:
        self._where = where
        self.kubeconfig = kubeconfig or where.kubeconfig
        """The file with which others reach the cluster."""
        self._programs = programs
        self._running = processes.Processes(folder=where.pids, logs=where.logs)
        self.kubectl = kubectl.Kubectl(program=programs / "kubectl", kubeconfig=self.kubeconfig)
        self.control_plane = control_plane.ControlPlane(
            programs=programs,
            state=where.state / "control-plane",
            kubeconfig=where.kubeconfig,
            running=self._running,
        )
        self._nodes: dict[str, node.Node] = {}
        self._larder: Path | None = None
        self._loaded = where.run / "larder"
        """Holds the name of the larder whose images the nodes have."""

    @property
    def nodes(self) -> Mapping[str, node.Node]:
        """Return the nodes by name."""
        return self._nodes

    # --- coming and going -----------------------------------------------------------------------

    def boot(self, shapes: Sequence[shape.NodeShape], *, larder: Path) -> None:
        """Start everything; ``larder`` holds the images, which no node could pull."""
        for folder in (self._where.run, self._where.state):
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        shutil.rmtree(self._where.logs, ignore_errors=True)
        self._larder = larder
        self._loaded.write_text(str(self._larder))
        network.open_bridge()
        for number, each in enumerate(shapes):
            network.plug(each, shapes[:number])
            self._nodes[each.name] = self._node(each)
        network.route_services(shapes[-1])
        with futures.ThreadPoolExecutor() as pool:
            preparing = [
                pool.submit(each.start_containerd, larder=self._larder)
                for each in self._nodes.values()
            ]
            self.control_plane.start()
            _finish(preparing)
            _finish([pool.submit(_join, each) for each in self._nodes.values()])

    def attach(self, shapes: Sequence[shape.NodeShape]) -> None:
        """Take over a cluster that another program booted, with the nodes that it has of these."""
        there = {found["metadata"]["name"] for found in self.kubectl.items("nodes", namespace=None)}
        self._nodes = {each.name: self._node(each) for each in shapes if each.name in there}
        if self._loaded.exists():
            self._larder = Path(self._loaded.read_text())

    def is_up(self) -> bool:
        """Return whether a cluster booted here runs."""
        return self._running.alive(api_server.NAME)

    def shut_down(self) -> None:
        """End everything and leave nothing behind but the logs."""
        leftovers.clear(self._where, self._running)
        self._nodes.clear()

    def add_node(self, added: shape.NodeShape) -> node.Node:
        """Let another node join, with the images of the others."""
        network.plug(added, [each.shape for each in self._nodes.values()])
        self._nodes[added.name] = self._node(added)
        self._nodes[added.name].start_containerd(larder=self._larder)
        _join(self._nodes[added.name])
        return self._nodes[added.name]

    @contextlib.contextmanager
    def another_node(self, added: shape.NodeShape) -> Iterator[node.Node]:
        """Let a node join for the block; it is gone afterwards in any case."""
        try:
            yield self.add_node(added)
        finally:
            if added.name in self._nodes:
                self.remove_node(added.name)

    def remove_node(self, name: str) -> None:
        """Take a node away for good, as a cloud does: the machine first, then the object."""
        gone = self._nodes.pop(name)
        leftovers.clear_node(self._where, self._running, gone.shape)
        self.kubectl.delete("node", name)

    def keep_traces(self) -> None:
        """Put what pods said, and what the API server knew, beside the logs."""
        for folder in self._where.state.glob("node-*/pod-logs"):
            shutil.copytree(folder, self._where.logs / folder.parent.name, dirs_exist_ok=True)
        for kinds in ("pods", "events", "turnregions", "replicasets"):
            with contextlib.suppress(commands.Failed):
                told = self.kubectl.run("get", kinds, "--all-namespaces", "--output=yaml")
                (self._where.logs / f"{kinds}.yaml").write_text(told)

    # --- what may happen to it ------------------------------------------------------------------

    @contextlib.contextmanager
    def without_api_server(self) -> Iterator[None]:
        """Kill the API server for as long as the block lasts."""
        self.control_plane.kill_api_server()
        try:
            yield
        finally:
            self.control_plane.recover()

    def without_api_server_for(self, seconds: float) -> None:
        """Kill the API server and start it again after some seconds."""
        with self.without_api_server():
            time.sleep(seconds)

    def await_ready(self) -> None:
        """Return when every node is Ready: after an outage kubelets take their time."""
        for each in self._nodes.values():
            kubectl.wait_until(each.is_ready, what=f"{each.name} to be Ready", within=150)

    def cut_zone(self, zone: str) -> None:
        """Pull the cables of every node of a zone."""
        for each in self._of_zone(zone):
            network.cut(each.shape)

    def mend_zone(self, zone: str) -> None:
        """Undo ``cut_zone``."""
        for each in self._of_zone(zone):
            others = [other.shape for other in self._nodes.values() if other is not each]
            network.mend(each.shape, others)

    def load(self, archives: Sequence[Path], *, larder: Path) -> None:
        """Put images into every node, and into those that are still to join."""
        if self._larder == larder:
            return
        self._larder = larder
        with futures.ThreadPoolExecutor() as pool:
            _finish(
                [
                    pool.submit(each.load, archive)
                    for each in self._nodes.values()
                    for archive in archives
                ]
            )
        self._loaded.write_text(str(larder))

    def tag(self, image: str, other: str) -> None:
        """Give an image another name beside its own, on every node."""
        for each in self._nodes.values():
            each.tag(image, other)

    def helm(self, *arguments: str | Path, timeout: float = 300) -> str:
        """Return what helm printed; raises ``commands.Failed`` with what it complained of."""
        # Without a HOME it would keep what it learns of the cluster in the present folder.
        homes = ("HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        return commands.run(
            self._programs / "helm",
            f"--kubeconfig={self.kubeconfig}",
            *arguments,
            # Nothing of the user's own: neither plugins nor a HELM_KUBECONTEXT.
            environment={"PATH": os.environ["PATH"]}
            | {home: str(self._where.run / "helm") for home in homes},
            timeout=timeout,
        )

    def _of_zone(self, zone: str) -> Sequence[node.Node]:
        found = [each for each in self._nodes.values() if each.shape.zone == zone]
        if not found:
            raise KeyError(f"no node is in the zone {zone}")
        return found

    def _node(self, wanted: shape.NodeShape) -> node.Node:
        name = f"node-{wanted.name}"
        return node.Node(
            wanted,
            folders=node_files.Folders(disk=self._where.state / name, run=self._where.run / name),
            programs=self._programs,
            client=self.kubectl,
            running=self._running,
        )


def _join(joining: node.Node) -> None:
    joining.start_kubelet()
    joining.start_proxy()
    joining.await_ready()


def _finish(work: Sequence[futures.Future[None]]) -> None:
    """Wait for all, and raise the first failure."""
    for each in futures.as_completed(work):
        each.result()
