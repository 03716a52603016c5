"""Builds images without a container engine and without a registry: buildah on storage of our own.

What a Dockerfile starts from is made here, under the name that a registry has it by: Debian from
its packages. This machine's ways out (package indexes, their authorities) are lent to a build as
secrets and mounts, and are in no image.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.e2e.cluster import commands, containerd, making, outlets, places, remains

BASE_IMAGE: Final = "docker.io/library/debian:forky-slim"
_SUITE: Final = "forky"
_RECIPE: Final = "turnfleet.e2e/recipe=2"
"""A label of the base image; another number makes it anew."""
_OLD_MIRROR: Final = 'Acquire::Check-Valid-Until "false";\n'
"""The mirror that a test machine reaches may be a copy that is older than its clock likes."""
_AUTHORITIES: Final = "/etc/ssl/certs"
_NOT_IN_SLIM: Final = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
                       "var/lib/apt/lists", "var/cache/apt")  # fmt: skip
_LAYERS_KEPT: Final = 24
"""Images without a name: the stages of the last few builds, whose layers the next one takes."""
_BUILD_TIMEOUT: Final = 1800


class Builder:
    """Images in the cache of ``where``. Use inside ``opened``, which leaves no mount behind."""

    def __init__(self, where: places.Places) -> None:
        self._where = where
        self._storage = where.cache / "containers"

    @contextmanager
    def opened(self) -> Iterator["Builder"]:
        """Keep other builds out of the storage; take its mounts away at the end."""
        with making.alone(self._where.cache / ".containers.lock"):
            try:
                yield self
                self._forget_old_layers()
            finally:
                remains.unmount((self._storage,))

    def pause(self) -> Path:
        """Return the archive of the image that every pod of every node needs."""
        source = Path(__file__).parent / "pause" / "main.go"
        wanted = self._where.images / f"pause-{making.digest(source)}.tar"

        def make(archive: Path) -> None:
            program = archive.with_suffix(".program")
            commands.run(
                "go", "build", "-trimpath", "-ldflags=-s -w", f"-o={program}", source,
                environment={**os.environ, "CGO_ENABLED": "0"},
            )  # fmt: skip
            self._commit_files(program, "/pause", containerd.PAUSE_IMAGE, command="/pause")
            program.unlink()
            self._push(containerd.PAUSE_IMAGE, archive)

        return making.once(wanted, make)

    def debian(self) -> None:
        """Make sure of the base image: a Debian of packages only, without what slim ones leave."""
        if self._id(BASE_IMAGE, f"label={_RECIPE}") is not None:
            return
        rootfs = self._where.cache / f"{_SUITE}-rootfs"
        making.once(rootfs, _bootstrap)
        self._commit_files(rootfs, "/", BASE_IMAGE, command="/bin/bash")
        shutil.rmtree(rootfs)

    def build(self, dockerfile: Path, image: str) -> Path:
        """Build a Dockerfile of this checkout and return the archive that nodes load.

        Layers are kept, so that an unchanged one costs nothing.
        """
        with outlets.lent() as secrets:
            self._buildah(
                "build", "--layers", "--isolation=chroot", "--network=host", "--pull-never",
                f"--volume={_AUTHORITIES}:{_AUTHORITIES}:ro",
                *(f"--secret=id={name},src={path}" for name, path in secrets.items()),
                f"--file={dockerfile}", f"--tag={image}", str(places.CHECKOUT),
            )  # fmt: skip
        identity = self._id(image)
        name = f"{dockerfile.parent.name}-{identity}.tar"
        for outdated in self._where.images.glob(f"{dockerfile.parent.name}-*.tar"):
            if outdated.name != name:
                outdated.unlink()
        return making.once(self._where.images / name, lambda archive: self._push(image, archive))

    def _forget_old_layers(self) -> None:
        """Throw the layers away that builds of long ago left, or they would fill the disk."""
        listed = self._buildah("images", "--filter=dangling=true", "--json")
        images = sorted(json.loads(listed or "[]"), key=lambda image: image["createdatraw"])
        for outdated in images[:-_LAYERS_KEPT]:
            self._attempt("rmi", outdated["id"])

    def _commit_files(self, source: Path, target: str, image: str, *, command: str) -> None:
        """Make an image of nothing but a file or a folder, put at ``target`` in it."""
        container = "turnfleet-e2e-making"
        self._attempt("rm", container)  # of a run that was killed
        self._buildah("from", f"--name={container}", "scratch")
        self._buildah("copy", "--quiet", container, str(source), target)
        self._buildah("config", f"--cmd={json.dumps([command])}", f"--label={_RECIPE}", container)
        self._buildah("commit", "--quiet", "--rm", container, image)

    def _push(self, image: str, archive: Path) -> None:
        self._buildah("push", "--quiet", image, f"docker-archive:{archive}:{image}")

    def _id(self, image: str, *filters: str) -> str | None:
        wanted = (f"--filter={each}" for each in (f"reference={image}", *filters))
        found = self._buildah("images", "--quiet", *wanted).split()
        return found[0] if found else None

    def _attempt(self, *arguments: str) -> None:
        commands.attempt(*self._command(arguments))

    def _buildah(self, *arguments: str) -> str:
        return commands.run(*self._command(arguments), timeout=_BUILD_TIMEOUT)

    def _command(self, arguments: Sequence[str]) -> tuple[str, ...]:
        return (
            "nice", "buildah", f"--root={self._storage / 'root'}",
            f"--runroot={self._storage / 'run'}", *arguments,
        )  # fmt: skip


def _bootstrap(rootfs: Path) -> None:
    # The script of sid is that of every testing release, which an older debootstrap does not know.
    script = "/usr/share/debootstrap/scripts/sid"
    try:
        commands.run(
            "nice", "debootstrap", "--variant=minbase", "--include=ca-certificates", _SUITE,
            rootfs, "", script, timeout=_BUILD_TIMEOUT,
        )  # fmt: skip
    finally:
        remains.unmount((rootfs,))
    for name in _NOT_IN_SLIM:
        making.clear(rootfs / name)
    for name in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial"):
        (rootfs / name).mkdir(parents=True)
    (rootfs / "etc/apt/apt.conf.d/old-mirror").write_text(_OLD_MIRROR)
