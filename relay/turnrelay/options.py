"""What the agent is told on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import turnrelay
from turnrelay import contract, placing

_EPILOG = """\
The agent starts one coturn, keeps its secrets, quotas, peer rules and certificate up to date while
it runs, proves it with an Allocate every few seconds, and serves /healthz, /readyz, /status and
/metrics. Secrets are read from files and never appear in arguments, environment or logs.

SIGTERM drains: new allocations are refused, live ones go on, and the agent ends with the last one
or after the configuration's drainTimeout. A second SIGTERM, or SIGINT, ends at once.

exit codes: 0 ended as told; 2 the configuration or the machine does not allow it
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where the agent's files are, and how it is named."""

    config: Path
    auth: Path
    tls: Path | None
    addresses: Path
    state: Path
    bind: tuple[str, ...]
    agent_address: str
    turnserver: str
    instance: str
    name: str
    exit_with_parent: bool
    verbose: bool
    termination_log: Path


def parse(argv: Sequence[str] | None) -> Options:
    """Return the options; ends the program with code 2 and a sentence when they are wrong."""
    args = _parser().parse_args(argv)
    return Options(
        config=args.config,
        auth=args.auth,
        tls=args.tls,
        addresses=args.addresses,
        # coturn runs inside the state folder, where a relative path would mean another file.
        state=args.state.absolute(),
        bind=args.bind,
        agent_address=args.agent_address,
        turnserver=args.turnserver,
        instance=args.instance,
        name=args.name,
        exit_with_parent=args.exit_with_parent,
        verbose=args.verbose,
        termination_log=args.termination_log,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="turnrelay",
        description="Runs one TURN relay: an agent beside coturn.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=turnrelay.__version__)
    _add_files(parser)
    _add_network(parser)
    _add_process(parser)
    return parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    files.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the region's config.json"
    )
    files.add_argument(
        "--auth",
        type=Path,
        required=True,
        metavar="DIR",
        help="secrets: current, previous, generation, retireAfter, agent-key",
    )
    files.add_argument(
        "--tls", type=Path, metavar="DIR", help="tls.crt and tls.key; needed where TLS is on"
    )
    files.add_argument(
        "--addresses",
        type=Path,
        required=True,
        metavar="FILE",
        help="public addresses, comma-separated; may appear later",
    )
    files.add_argument(
        "--state",
        type=Path,
        required=True,
        metavar="DIR",
        help="a writable folder of this agent alone",
    )


def _add_network(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network")
    network.add_argument(
        "--bind",
        type=_addresses,
        required=True,
        metavar="ADDRESS[,ADDRESS]",
        help="own address for listening and relaying, one per family; not used for a family "
        "whose public address this machine has itself",
    )
    network.add_argument(
        "--agent-address",
        type=_address,
        required=True,
        metavar="ADDRESS",
        help="where /status and the others are served; the port is in the configuration",
    )


def _add_process(parser: argparse.ArgumentParser) -> None:
    process = parser.add_argument_group("process")
    process.add_argument(
        "--turnserver",
        default="turnserver",
        metavar="PATH",
        help="coturn's program (default: the one on PATH)",
    )
    process.add_argument("--instance", default="", help="changes with every new pod or process")
    process.add_argument("--name", default="", help="the relay's name in its region")
    process.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end at once when standard input reaches its end",
    )
    process.add_argument(
        "--termination-log",
        type=Path,
        default=Path(contract.TERMINATION_LOG),
        metavar="FILE",
        help="where the allocations that the end cut are told, if the file is there "
        "(default: %(default)s)",
    )
    process.add_argument("--verbose", action="store_true", help="log all that coturn logs")


def _address(text: str) -> str:
    address = placing.read_address(text)
    if address is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IP address")
    return str(address)


def _addresses(text: str) -> tuple[str, ...]:
    addresses = tuple(_address(part.strip()) for part in text.split(","))
    if len({":" in address for address in addresses}) < len(addresses):
        raise argparse.ArgumentTypeError(f"{text!r} has two addresses of one family")
    return addresses
