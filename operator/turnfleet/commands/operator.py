"""``turnfleet operator``: reconciles TurnRegions of a cluster, for as long as it holds the lease.

Reads flags; ``handlers.operating`` does the rest. Ends with 1 when it lost the lease or a part
failed: whoever runs it starts it again.
"""

import argparse
import asyncio
import gc
import logging
import random
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Final

from turnfleet import settings
from turnfleet.api import observing
from turnfleet.commands import arguments, output, together
from turnfleet.plan.cluster import observed

NAME: Final = "operator"
HELP: Final = "Turn the TurnRegions of a Kubernetes cluster into relays, until interrupted."
_PORT: Final = 9642
_MOST_ROLLING: Final = 1000
_COLLECT_AFTER: Final = 50_000
"""Objects made before Python looks for cycles: thousands of watched objects make that dear."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    arguments.cluster(parser)
    parser.add_argument(
        "--relay-image", required=True, metavar="IMAGE", help="what relays run unless they say"
    )
    parser.add_argument(
        "--allow-image",
        action="append",
        default=[],
        metavar="PATTERN",
        help="images that a region may name in relays.image, such as registry.example.com/turn:*; "
        "give it once for each (default: only --relay-image)",
    )
    parser.add_argument(
        "--signing-secret",
        required=True,
        type=arguments.namespaced,
        metavar="NAMESPACE/NAME",
        help="the Secret that endpoints sign credentials with",
    )
    parser.add_argument(
        "--lease",
        required=True,
        type=arguments.namespaced,
        metavar="NAMESPACE/NAME",
        help="the Lease that says which replica acts",
    )
    parser.add_argument(
        "--deny-peers",
        action="append",
        default=[],
        type=arguments.network,
        metavar="CIDR",
        help="what clients never reach through a relay, beyond the built-in list: the cluster's "
        "pods and services; give it once for each",
    )
    parser.add_argument(
        "--priority-class", metavar="NAME", help="priority class of relays (default: none)"
    )
    parser.add_argument(
        "--image-pull-secret",
        action="append",
        default=[],
        metavar="NAME",
        help="a Secret in the regions' namespaces to pull images with; give it once for each",
    )
    parser.add_argument(
        "--max-rolling-regions",
        type=_count,
        default=1,
        metavar="N",
        help="regions that may replace relays at the same time (default: 1)",
    )
    parser.add_argument(
        "--regions",
        type=Path,
        metavar="DIR",
        help="TurnRegion manifests to apply; those it applied and no longer finds it deletes",
    )
    parser.add_argument(
        "--listen",
        type=arguments.site,
        default=("0.0.0.0", _PORT),  # noqa: S104 - a pod's own address
        metavar="ADDRESS:PORT",
        help="where /healthz, /readyz and /metrics are; :PORT is every address, IPv6 too "
        f"(default: 0.0.0.0:{_PORT})",
    )
    parser.add_argument("--verbose", action="store_true", help="log more")


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Run until SIGINT or SIGTERM; return 0."""
    del console, environment
    with output.needing("kubernetes"):
        # Not above: other commands run where the kubernetes extra is not installed, and sooner.
        from turnfleet.handlers import (  # noqa: PLC0415
            operating,
            options,
            starting,
        )
        from turnfleet.kube import client  # noqa: PLC0415
    chosen = options.Options(
        namespaces=arguments.namespaces(args),
        signing=args.signing_secret,
        lease=args.lease,
        policy=observed.Policy(
            relay_image=args.relay_image,
            allowed_images=tuple(args.allow_image),
            denied_peers=tuple(dict.fromkeys(map(str, args.deny_peers))),
            priority_class=args.priority_class,
            image_pull_secrets=tuple(args.image_pull_secret),
        ),
        most_rolling=args.max_rolling_regions,
        regions=args.regions,
        listen=args.listen,
        kubeconfig=args.kubeconfig,
    )
    around = options.Around(
        clock=time.monotonic,
        wall=time.time,
        entropy=secrets.token_bytes,
        rng=random.Random(secrets.token_bytes(16)),  # noqa: S311 - spreads retries
        instance=f"{socket.gethostname()}_{secrets.token_hex(4)}",
    )
    handler = observing.to(sys.stderr, level=logging.DEBUG if args.verbose else logging.INFO)
    logging.getLogger("kopf").addHandler(handler)
    gc.set_threshold(_COLLECT_AFTER)
    try:
        with asyncio.Runner(loop_factory=together.loop_factory()) as runner:
            runner.run(starting.serve(chosen, around))
    except (operating.Ended, client.Unconfigured) as error:
        raise output.Failure(str(error), code=1) from None
    except OSError as error:
        raise output.Failure(
            f"--listen {args.listen[0] or ''}:{args.listen[1]} cannot be had: {error.strerror}."
        ) from None
    return 0


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= _MOST_ROLLING:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_ROLLING}")
