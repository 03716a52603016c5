"""One containerd on folders of its own: starting it, loading it, ending it."""

import time
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, processes

PAUSE_IMAGE: Final = "docker.io/turnfleet-e2e/pause:1"
_PLUGINS: Final = "/usr/lib/cni"
_SOCKET_WITHIN: Final = 30.0
_NAMESPACE: Final = "k8s.io"


def socket(run: Path) -> Path:
    """Return where the containerd of a folder of sockets is reached."""
    return run / "containerd.sock"


class Containerd:
    """Images and containers in ``root``, sockets and configuration in ``run``."""

    def __init__(
        self,
        *,
        name: str,
        root: Path,
        run: Path,
        running: processes.Processes,
        namespace: str | None = None,
        networks: Path | None = None,
    ) -> None:
        self._socket = socket(run)
        self._name = name
        self._root = root
        self._run = run
        self._running = running
        self._network_namespace = namespace
        self._networks = networks or run / "cni"

    def start(self) -> None:
        """Start it, again after ``kill``: the containers that live are found."""
        self._run.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        settings = self._run / "containerd.toml"
        settings.write_text(self._settings())
        self._running.start(
            self._name,
            "containerd",
            f"--config={settings}",
            namespace=self._network_namespace,
        )
        deadline = time.monotonic() + _SOCKET_WITHIN
        while not commands.attempt(*self._ctr("version")):
            if time.monotonic() > deadline or not self._running.alive(self._name):
                words = self._running.last_words(self._name)
                raise RuntimeError(f"{self._name} did not start: {words}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a crash would; containers live on, held by their shims."""
        self._running.kill(self._name)

    def end(self) -> None:
        """End it as it wants to be ended: its databases are whole."""
        self._running.end(self._name)

    def load(self, archive: Path) -> None:
        """Put the images of an archive where the kubelet finds them."""
        commands.run(*self._ctr("images", "import", str(archive)))

    def tag(self, image: str, other: str) -> None:
        """Give an image another name beside its own."""
        commands.run(*self._ctr("images", "tag", "--force", image, other))

    def _ctr(self, *arguments: str) -> tuple[str, ...]:
        return ("ctr", f"--address={self._socket}", f"--namespace={_NAMESPACE}", *arguments)

    def _settings(self) -> str:
        return f"""\
version = 2
root = "{self._root}"
state = "{self._run}/containerd"
[grpc]
  address = "{self._socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Inside a container a process may not lower its own score, and starting would fail.
  restrict_oom_score_adj = true
  # Pods' namespaces go with the folder instead of staying in /run/netns.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{_PLUGINS}"
    conf_dir = "{self._networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""
