"""``turnfleet run``: a whole fleet on this machine, from a folder of manifests.

Reads flags and checks that the machine allows what they ask; ``machine`` does the rest.
"""

import argparse
import asyncio
import contextlib
import ipaddress
import logging
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from turnfleet import settings
from turnfleet.api import observing
from turnfleet.commands import arguments, machine, output, together
from turnfleet.local import host
from turnfleet.model import region
from turnfleet.plan import placement
from turnfleet.sources import folder

NAME: Final = "run"
HELP: Final = "Run the regions of a folder on this machine, with an endpoint, until interrupted."
_PORT: Final = 8080
_BLOCK_MAX: Final = 254


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="TurnRegion manifests (*.yaml, *.yml, *.json)"
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(".run"),
        metavar="DIR",
        help="secrets, certificates, what relays write and what clients taught (default: .run)",
    )
    parser.add_argument(
        "--listen",
        type=_listen,
        default=("127.0.0.1", _PORT),
        metavar="ADDRESS:PORT",
        help=f"where the endpoint listens, on loopback (default: 127.0.0.1:{_PORT})",
    )
    parser.add_argument(
        "--address",
        metavar="IP",
        help="serve other devices, too: relays and endpoint on this address of the machine; "
        "relay R of a region gets its region's ports + 10 x (R - 1) and its share of relayPorts. "
        "Who has a credential can then send UDP through a relay to every port of this address, "
        "past rules that trust the machine itself: run nothing else there that answers to UDP",
    )
    parser.add_argument("--turnserver", metavar="PATH", help="coturn's program (default: on PATH)")
    parser.add_argument(
        "--geo", type=Path, metavar="DIR", help="geo databases (*.mmdb; default: geo in --state)"
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
    parser.add_argument("--verbose", action="store_true", help="log all that relays log")
    parser.add_argument("--no-page", action="store_true", help="serve no page at /")
    parser.add_argument(
        "--block",
        type=_block,
        default=100,
        metavar="N",
        help="loopback addresses of relays are 127.N.x.y (default: 100)",
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Run until SIGINT or SIGTERM; return 0."""
    del environment
    _check_folder(args.folder)
    if args.address is not None and (why := host.refusal(args.address)):
        raise output.Failure(f"--address {args.address} {why}.")
    wishes = machine.Wishes(
        state=args.state,
        listen=args.listen,
        address=args.address,
        ground=(
            placement.Shared(address=args.address, block=args.block)
            if args.address is not None
            else placement.Loopback(block=args.block)
        ),
        turnserver=_turnserver(args.turnserver),
        databases=args.geo or args.state / "geo",
        networks=args.networks,
        default_place=args.default_place,
        page=not args.no_page,
    )
    source = folder.Folder(args.folder)
    specs = _declared(source, args.folder)
    with _alone(args.state), asyncio.Runner(loop_factory=together.loop_factory()) as runner:
        _check_addresses(specs, wishes.ground)
        _log_to_stderr(as_json=args.json, level=logging.DEBUG if args.verbose else logging.INFO)
        runner.run(
            machine.serve(
                wishes,
                source=source,
                console=console,
                clock=time.time,
                ticks=time.monotonic,
                token=secrets.token_bytes,
            )
        )
    return 0


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(host.alone(state))
        except host.Taken as other:
            raise output.Failure(
                f"{state} is in use by another turnfleet (process {other}); "
                "end that one, or give this one another folder with --state."
            ) from None
        except OSError as error:
            raise output.Failure(machine.unwritable(state, error)) from None
        yield


def _check_folder(path: Path) -> None:
    try:
        next(path.iterdir(), None)
    except FileNotFoundError:
        raise output.Failure(f"there is no folder {path}.") from None
    except NotADirectoryError:
        raise output.Failure(f"{path} is a file; give the folder that it is in.") from None
    except OSError as error:
        raise output.Failure(f"the folder {path} cannot be read: {error.strerror}.") from None


def _declared(source: folder.Folder, path: Path) -> tuple[region.RegionSpec, ...]:
    first = source.look()
    if not first.specs:
        complaints = "".join(f"\n  {complaint}" for complaint in first.complaints)
        raise output.Failure(
            f"no valid TurnRegion in {path}; put a *.yaml there, "
            f"crds/examples/minimal.yaml is one.{complaints}"
        )
    return first.specs


def _check_addresses(specs: Sequence[region.RegionSpec], ground: placement.Ground) -> None:
    """Refuse addresses of another fleet: its relays would answer in place of this one's."""
    placed = placement.place(specs=specs, ground=ground)
    taken = host.occupied([place.agent for place in placed.places])
    if taken is not None:
        other = ground.block % _BLOCK_MAX + 1
        raise output.Failure(
            f"{taken.address} port {taken.port} is used by another turnfleet (or another "
            f"program); choose other loopback addresses, e.g. --block {other}."
        )


def _turnserver(given: str | None) -> str:
    found = shutil.which(given or "turnserver")
    if found is not None:
        if why := host.unfit(found):
            raise output.Failure(f"{found} {why}; name coturn's program with --turnserver PATH.")
        return str(Path(found).absolute())
    if given is not None:
        raise output.Failure(f"--turnserver {given} is not a program.")
    raise output.Failure(
        "coturn is not installed: there is no turnserver on PATH. On Debian or Ubuntu: "
        "sudo apt-get install coturn. Or say where it is with --turnserver PATH."
    )


def _log_to_stderr(*, as_json: bool, level: int) -> None:
    if as_json:
        observing.to(sys.stderr, level=level)
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    for name, least in (("turnfleet", level), ("aiohttp.server", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(least)
        logger.addHandler(handler)
        logger.propagate = False


def _listen(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]") or "127.0.0.1"
    try:
        parsed = ipaddress.ip_address("127.0.0.1" if address == "localhost" else address)
        number = int(port)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 127.0.0.1:{_PORT}") from None
    if not parsed.is_loopback:
        raise argparse.ArgumentTypeError(
            f"{address} is not loopback; --address IP lets other devices in, relays included"
        )
    if not 0 <= number <= 65535:  # noqa: PLR2004 - ports
        raise argparse.ArgumentTypeError(f"{number} is not a port")
    return str(parsed), number


def _block(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= _BLOCK_MAX:  # 127.0 is the system's own
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 254")
