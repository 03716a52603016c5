"""A cluster to play with.

    python -m tests.e2e.cluster up|down|images

``up`` builds what is missing, boots and leaves it running, or puts newly built images into the
nodes of one that runs; ``down`` takes everything away; ``images`` only builds them.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from tests.e2e.cluster import (
    bed,
    cluster,
    leftovers,
    making,
    needs,
    places,
    processes,
    shape,
    steps,
)

_WELCOME = """
A Kubernetes of {count} nodes runs. This machine is {gateway}, and reaches nodes and pods directly.

  export KUBECONFIG={kubeconfig}
  export PATH={programs}:$PATH
  kubectl get nodes -o wide

Its nodes have {images}; `make cluster` again puts newly built ones into them.
Logs are in {logs}. `make cluster-down` takes everything away.
"""


def main(argv: Sequence[str]) -> int:
    """Do what is asked for and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.cluster", description=__doc__)
    parser.add_argument("verb", choices=("up", "down", "images"))
    verb = parser.parse_args(argv).verb
    where = places.read(os.environ)
    told = steps.Steps(say=_say)
    sentence = needs.lacking()
    if sentence is not None:
        _say(sentence)
        return 1
    signal.signal(signal.SIGTERM, _interrupt)  # ends like Ctrl-C: nothing stays half-made
    try:
        with making.alone(where.lock, wait=False):
            _do(verb, where, told)
    except making.Busy:
        _say("A run of the end-to-end suite has the cluster: wait for its end.")
        return 1
    return 0


def _do(verb: str, where: places.Places, told: steps.Steps) -> None:
    match verb:
        case "up":
            _up(where, told)
        case "down":
            _down(where, told)
        case "images":
            bed.build_images(where, told)


def _up(where: places.Places, told: steps.Steps) -> None:
    binaries = bed.build_programs(where, told)
    images = bed.build_images(where, told)
    running = cluster.Cluster(where, programs=binaries)
    if running.is_up():
        running.attach((*shape.NODES, shape.EXTRA_NODE))
        with told.step("put the images into the nodes that run"):
            running.load(images.archives, larder=images.larder)
    else:
        bed.boot(where, told, binaries=binaries, images=images)
        where.kept.touch()
    _say(
        _WELCOME.format(
            count=len(shape.NODES),
            gateway=shape.GATEWAY,
            kubeconfig=where.kubeconfig,
            programs=binaries,
            images=f"{bed.OPERATOR_IMAGE} and {bed.RELAY_IMAGE}",
            logs=where.logs,
        )
    )


def _down(where: places.Places, told: steps.Steps) -> None:
    with told.step("take everything away"):
        leftovers.clear(where, processes.Processes(folder=where.pids, logs=where.logs))
    for remaining in leftovers.found(where):
        _say(f"still there: {remaining}")


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
