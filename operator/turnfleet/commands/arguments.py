"""Values on command lines, for argparse: each refuses with what it should have looked like."""

import argparse
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from turnfleet import settings
from turnfleet.learned import peers
from turnfleet.model import geo

_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]+)?")
_PORT_MAX: Final = 65535

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


_AS_POD: Final = "as this pod's service account"
_AS_KUBECTL: Final = "as kubectl: $KUBECONFIG, then ~/.kube/config"


def cluster(parser: argparse.ArgumentParser, *, by_hand: bool = False) -> None:
    """Declare which cluster, and where in it: ``namespaces`` reads the latter.

    ``by_hand``: a person does it, in the cluster that kubectl would take (``kubeconfig``).
    """
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--namespace",
        type=namespace,
        action="append",
        metavar="NS",
        help="where TurnRegions are; may be given again",
    )
    where.add_argument(
        "--all-namespaces", action="store_true", help="TurnRegions are in any namespace"
    )
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help=f"how to reach the API server (default: {_AS_KUBECTL if by_hand else _AS_POD})",
    )


def kubeconfig(args: argparse.Namespace, environment: settings.Settings) -> Path | None:
    """Return how a person's command reaches the API server; ``None``: as its pod does."""
    given: Path | None = args.kubeconfig
    return given or environment.kubeconfig


def namespaces(args: argparse.Namespace) -> tuple[str, ...] | None:
    """Return the namespaces that were asked for, each once; ``None``: all."""
    return None if args.all_namespaces else tuple(dict.fromkeys(args.namespace))


def place(text: str) -> geo.Place:
    """Read LAT,LON."""
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 50.11,8.68") from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # noqa: PLR2004 - degrees
        raise argparse.ArgumentTypeError(f"{text!r} is not on Earth")
    return geo.Place(latitude=latitude, longitude=longitude)


def site(text: str) -> tuple[str | None, int]:
    """Read ADDRESS:PORT; no address (``:8080``) is every address of both families."""
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    try:
        parsed = str(ipaddress.ip_address(address)) if address else None
        number = int(port)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 0.0.0.0:8080") from None
    if not 0 <= number <= _PORT_MAX:
        raise argparse.ArgumentTypeError(f"{number} is not a port")
    return parsed, number


def network(text: str) -> Network:
    """Read CIDR."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 10.0.0.0/8: {error}") from None


def origin(text: str) -> str:
    """Read a web origin, as browsers send it."""
    if not _ORIGIN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like https://app.example.com")
    return text


def replicas(text: str) -> peers.Peers:
    """Read HOST:PORT or an https URL, where other replicas of the fleet are."""
    found = peers.parse(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither like turnfleet-api-peers:9642 nor like https://ice.example.com"
        )
    return found


def namespace(text: str) -> str:
    """Read the name of a namespace."""
    if not _NAMESPACE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a namespace")
    return text


def name(text: str) -> str:
    """Read the name of an object."""
    if not _OBJECT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of an object")
    return text


def namespaced(text: str) -> tuple[str, str]:
    """Read NAMESPACE/NAME."""
    where, _, name = text.partition("/")
    if not (_NAMESPACE.fullmatch(where) and _OBJECT.fullmatch(name)):
        raise argparse.ArgumentTypeError(f"{text!r} is not like turnfleet/turnfleet-signing")
    return where, name


def seconds(text: str) -> float:
    """Read a number of seconds, up to an hour."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 3600:  # noqa: PLR2004 - an hour
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 3600")
    return number


def whole(most: int) -> Callable[[str], int]:
    """Return what reads a whole number from nought to ``most``."""

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else -1
        if not 0 <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {most}")
        return number

    return read


def share(most: float) -> Callable[[str], float]:
    """Return what reads a number from nought to ``most``."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {most:g}")
        return number

    return read
