"""``turnfleet api``: one endpoint of a fleet that an operator runs in a cluster.

Reads flags and checks them; ``replica`` does the rest.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final

from turnfleet import settings
from turnfleet.api import observing, options
from turnfleet.commands import arguments, output, together

NAME: Final = "api"
HELP: Final = "Answer clients from the TurnRegions of a cluster, until told to end."
_GEO: Final = Path("/usr/share/turnfleet/geo")
"""Where the image has its country database."""
_SHUTDOWN_DELAY: Final = 5.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    _configure_cluster(parser)
    _configure_access(parser)
    parser.add_argument(
        "--listen",
        type=arguments.site,
        default=("0.0.0.0", 8080),  # noqa: S104 - a pod's own address is not known before
        metavar="ADDRESS:PORT",
        help="where clients are answered; :PORT is every address, IPv6 too (default: 0.0.0.0:8080)",
    )
    parser.add_argument(
        "--metrics-listen",
        type=arguments.site,
        default=("0.0.0.0", 9642),  # noqa: S104 - see above
        metavar="ADDRESS:PORT",
        help="where /metrics is, which is nobody's business outside (default: 0.0.0.0:9642)",
    )
    parser.add_argument(
        "--geo",
        type=Path,
        default=_GEO,
        metavar="DIR",
        help="geo databases (*.mmdb; default: %(default)s)",
    )
    parser.add_argument(
        "--networks", type=Path, metavar="FILE", help="your own table of networks and their places"
    )
    parser.add_argument(
        "--default-place",
        type=arguments.place,
        metavar="LAT,LON",
        help="where clients count as being when nothing is known of them "
        "(default: 50.11,8.68, Frankfurt)",
    )
    parser.add_argument(
        "--shutdown-delay",
        type=arguments.seconds,
        default=_SHUTDOWN_DELAY,
        metavar="SECONDS",
        help="how long to go on answering, unready, once told to end: load balancers need a while "
        "to send nobody here any more (default: %(default)g)",
    )


def _configure_cluster(parser: argparse.ArgumentParser) -> None:
    arguments.cluster(parser)
    parser.add_argument(
        "--signing",
        type=Path,
        metavar="DIR",
        help="the mounted Secret turnfleet-signing, for as long as the API server is away",
    )
    parser.add_argument(
        "--signing-secret",
        type=arguments.namespaced,
        metavar="NAMESPACE/NAME",
        help="the same Secret, watched: what is signed with follows at once",
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keeps the last known fleet, without secrets, for a start without the API server, and "
        "what clients taught",
    )
    parser.add_argument(
        "--peers",
        type=arguments.replicas,
        action="append",
        default=[],
        metavar="HOST:PORT|URL",
        help="other endpoints of the fleet, to hear from what clients taught them: a name whose "
        "addresses are those of replicas, with the port of their metrics; or the URL of another "
        "cluster's endpoint (https), which has to name this one's, too; may be given again",
    )
    parser.add_argument(
        "--ca",
        type=Path,
        metavar="FILE",
        help="more CAs, in PEM, that the certificates of relays may be signed by",
    )


def _configure_access(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--access",
        type=options.Access,
        choices=(options.Access.KEY, options.Access.OPEN),
        default=options.Access.KEY,
        help="who is answered: who shows an API key, or also pages of the origins without one "
        "(default: key)",
    )
    parser.add_argument(
        "--api-keys",
        type=Path,
        metavar="DIR",
        help="the mounted Secret of API keys: files NAME that hold sha256:HEX; followed",
    )
    parser.add_argument(
        "--origin",
        type=arguments.origin,
        action="append",
        default=[],
        metavar="URL",
        help="a web origin whose pages may read answers; may be given again",
    )
    parser.add_argument(
        "--trusted-proxy",
        type=arguments.network,
        action="append",
        default=[],
        metavar="CIDR",
        help="proxies in front, whose X-Forwarded-For and geo headers count; may be given again",
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Serve until SIGINT or SIGTERM; return 0."""
    del console, environment
    _check(args)
    with output.needing("kubernetes"):
        # The client of the API server takes a while to load, and one machine does without it.
        from turnfleet.commands import replica  # noqa: PLC0415 - see above
    observing.to(sys.stderr)
    with asyncio.Runner(loop_factory=together.loop_factory()) as runner:
        runner.run(
            replica.serve(
                replica.wishes(args), clock=time.time, ticks=time.monotonic, token=os.urandom
            )
        )
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.signing is None and args.signing_secret is None:
        raise output.Failure("there is nothing to sign with: give --signing, --signing-secret.")
    if args.access is options.Access.KEY and args.api_keys is None:
        raise output.Failure("--access key needs --api-keys DIR.")
    if args.access is options.Access.OPEN and not args.origin:
        raise output.Failure("--access open needs the origins of your pages: --origin URL.")
