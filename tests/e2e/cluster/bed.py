"""The whole test bed in its order: programs, images, a cluster with them, and its end."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.cluster import (
    builder,
    cluster,
    larder,
    leftovers,
    making,
    places,
    programs,
    shape,
    steps,
)

RELAY_IMAGE: Final = "docker.io/turnfleet/relay:e2e"
OPERATOR_IMAGE: Final = "docker.io/turnfleet/operator:e2e"
_DOCKERFILES: Final = {
    RELAY_IMAGE: places.CHECKOUT / "relay" / "Dockerfile",
    OPERATOR_IMAGE: places.CHECKOUT / "operator" / "Dockerfile",
}


def build_programs(where: places.Places, told: steps.Steps) -> Path:
    """Return the folder of the programs of Kubernetes, of CoreDNS and of Helm."""
    with told.step("build Kubernetes, CoreDNS and Helm, or find them in the cache"):
        return programs.build(where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Pause, and the project's own: as archives, and unpacked once for nodes to start with."""

    archives: tuple[Path, ...]
    larder: Path


def build_images(where: places.Places, told: steps.Steps) -> Images:
    """Return the images that nodes have."""
    with builder.Builder(where).opened() as images:
        with told.step("make the base images, or find them in the cache"):
            archives = [images.pause()]
            images.debian()
        for image, dockerfile in _DOCKERFILES.items():
            with told.step(f"build {image}"):
                archives.append(images.build(dockerfile, image))
    with told.step("unpack the images for the nodes, or find them in the cache"):
        stocked = larder.stock(where, archives)
    return Images(archives=tuple(archives), larder=stocked)


def boot(
    where: places.Places, told: steps.Steps, *, binaries: Path, images: Images
) -> cluster.Cluster:
    """Return a running cluster, or leave nothing of it behind."""
    booted = cluster.Cluster(where, programs=binaries)
    if leftovers.found(where):
        with told.step("clear up after a run that was killed"):
            booted.shut_down()
    try:
        with told.step(f"boot Kubernetes with {len(shape.NODES)} nodes"):
            booted.boot(shape.NODES, larder=images.larder)
    except BaseException:  # Ctrl-C, too
        booted.shut_down()
        raise
    return booted


@contextlib.contextmanager
def running(where: places.Places, told: steps.Steps) -> Iterator[cluster.Cluster]:
    """Give a cluster that ends with the block, however the block ends; or the one that was given.

    Raises ``making.Busy`` while another run has one.
    """
    with making.alone(where.lock, wait=False):
        binaries = build_programs(where, told)
        if where.given_kubeconfig is not None:
            yield _given(where, told, binaries=binaries, kubeconfig=where.given_kubeconfig)
            return
        images = build_images(where, told)
        booted = boot(where, told, binaries=binaries, images=images)
        try:
            yield booted
        finally:
            with told.step("take everything away; the logs stay"):
                booted.keep_traces()
                booted.shut_down()


def _given(
    where: places.Places, told: steps.Steps, *, binaries: Path, kubeconfig: Path
) -> cluster.Cluster:
    """Return a cluster that is there and stays: the kept one with its nodes, or a stranger's.

    A stranger's has to have the images already, and none of its nodes can be broken.
    """
    used = cluster.Cluster(where, programs=binaries, kubeconfig=kubeconfig)
    if kubeconfig == where.kubeconfig:
        images = build_images(where, told)
        used.attach((*shape.NODES, shape.EXTRA_NODE))
        with told.step("put the images into the nodes that run"):
            used.load(images.archives, larder=images.larder)
    return used
