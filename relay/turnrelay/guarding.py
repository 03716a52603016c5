"""``turnrelay guard``: keeps a node's rules in the kernel until it is told to end.

One for a node, in a pod of its own with NET_ADMIN, which no relay gets. The rules stand by
themselves: a guard that crashes leaves them, and only one that is told to end takes them away. It
takes none that another applied, so that a guard and its successor may overlap.
"""

import argparse
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from turnrelay import contract, fencing, ranges

_LOG: Final = logging.getLogger("turnrelay.guard")
_UNFIT: Final = 2
_PORT_MAX: Final = 65535
_LOOK_EVERY: Final = 10.0
"""Seconds between looks at the table: a firewall's reload flushes everybody's."""
_PATIENCE: Final = 30.0
"""Seconds that nft may take."""
_ENDS: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_EPILOG: Final = """\
Lets UDP that relays of this node send reach the node's own addresses, and the networks that coturn
denies, on the ports of relays alone. Other programs' packets are not looked at. Ends with SIGTERM,
which takes the rules away; killed, it leaves them.

exit codes: 0 ended as told; 2 the rules cannot be applied
"""


class Failed(Exception):  # noqa: N818 - what a person has to mend
    """nft could not do what it was asked; the text says why."""


def run(argv: Sequence[str]) -> int:
    """Guard this node and return the exit code."""
    told = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # From here on they are waited for, so that none comes between a look and what follows it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    guard = Guard(
        program=told.nft,
        fence=fencing.Fence(
            group=contract.RELAY_GROUP,
            owner=told.instance,
            listeners=told.listener,
            relay_ports=told.relay_ports,
            denied=(*ranges.built_in(), *told.deny),
            allowed=told.allow,
        ),
    )
    try:
        guard.apply()
    except Failed as failure:
        sys.stderr.write(f"turnrelay guard: {failure}\n")
        return _UNFIT
    _LOG.info("relayed packets are kept from the other ports of this node")
    if told.ready is not None:
        told.ready.touch()
    while signal.sigtimedwait(_ENDS, _LOOK_EVERY) is None:
        try:
            guard.look()
        except Failed as failure:
            _LOG.warning("%s; trying again in %g s", failure, _LOOK_EVERY)
    guard.leave()
    return 0


class Guard:
    """The rules of one guard, and what becomes of them in the kernel."""

    def __init__(self, *, program: str, fence: fencing.Fence) -> None:
        self._program = program
        self._fence = fence
        self._applied: str | None = None
        self._yielded = False

    def apply(self) -> None:
        """Put the rules in place of any that are there. Raises Failed."""
        self._nft("-f", "-", text=fencing.text(self._fence))
        self._applied = self._standing()

    def look(self) -> None:
        """Put the rules back if somebody took or changed them. Raises Failed."""
        standing = self._standing()
        if standing == self._applied:
            return
        if standing is not None and not fencing.is_owned(standing, self._fence.owner):
            if not self._yielded:
                _LOG.info("another guard has taken over this node")
            self._yielded = True
            return
        _LOG.warning("the rules were %s: applied again", "changed" if standing else "taken away")
        self.apply()

    def leave(self) -> None:
        """Take the rules away, if they are this guard's own."""
        try:
            standing = self._standing()
            if standing is not None and fencing.is_owned(standing, self._fence.owner):
                self._nft("-f", "-", text=fencing.DELETION)
                _LOG.info("the rules are taken away")
        except Failed as failure:
            _LOG.warning("the rules stay: %s", failure)

    def _standing(self) -> str | None:
        """Return the table as it is, without its counters; ``None`` where there is none."""
        tables = self._nft("list", "tables", "inet")
        if f"table {fencing.TABLE}" not in tables.splitlines():
            return None
        return self._nft("--stateless", "list", "table", *fencing.TABLE.split())

    def _nft(self, *words: str, text: str = "") -> str:
        try:
            done = subprocess.run(  # noqa: S603 - no word of it is anybody else's
                [self._program, *words],
                input=text,
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"{self._program} cannot be run: {error}") from error
        if done.returncode:
            raise Failed(f"nft {words[0]}: {' '.join(done.stderr.split()) or 'no reason given'}")
        return done.stdout


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"turnrelay {contract.GUARD}",
        description="Keeps relayed packets from the other ports of this node.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _several(parser, "--listener", _port, "PORT", "UDP port of relays' listeners")
    _several(parser, "--relay-ports", _ports, "MIN-MAX", "ports of allocations")
    closed = "a network closed but for these ports, on top of coturn's built-in list"
    _several(parser, "--deny", _network, "NETWORK", closed)
    opened = "a network inside of those that stays open, as media servers'"
    _several(parser, "--allow", _network, "NETWORK", opened)
    parser.add_argument(
        "--instance", required=True, help="changes with every new pod; marks the rules as its own"
    )
    parser.add_argument("--ready", type=Path, metavar="FILE", help="made once the rules stand")
    parser.add_argument(
        "--nft", default="nft", metavar="PATH", help="nftables' program (default: the one on PATH)"
    )
    return parser


def _several(
    parser: argparse.ArgumentParser,
    flag: str,
    read: Callable[[str], object],
    shown: str,
    meaning: str,
) -> None:
    """Add a flag that may be given several times, or not at all."""
    parser.add_argument(flag, type=read, metavar=shown, help=meaning, action="append", default=[])


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _ports(text: str) -> fencing.Ports:
    low, _, high = text.partition("-")
    found = fencing.Ports(_port(low), _port(high))
    if found.low > found.high:
        raise argparse.ArgumentTypeError(f"{text!r} ends before it begins")
    return found


def _network(text: str) -> ranges.Network:
    network = ranges.read(text)
    if network is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a network such as 10.0.0.0/8")
    return network
