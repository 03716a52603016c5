"""turnfleet check: asks an endpoint, then does with every URL what a client would.

Exit code 0: every URL works; 1: one does not, or a region that was asked for has none; 2: there is
no answer to check.
"""

import argparse
import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from turnfleet import settings
from turnfleet.commands import access, asking, exercising, output
from turnfleet.ice import profiles

NAME: Final = "check"
HELP: Final = "Ask an endpoint for servers and prove that every URL of the answer relays."

_AT_ONCE: Final = 4
"""URLs exercised together; more would blur the times."""
_PACKETS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One URL of one answer, exercised. ``pinned`` is the region that was asked for.

    Whose it is the offer says: fallbacks are of another region, and of a region that is down all.
    """

    pinned: str | None
    offer: asking.Offer
    done: exercising.Exercise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What was found out."""

    rows: Sequence[_Row]
    elsewhere: Mapping[str, str | None]
    """The regions that were asked for and have nothing to offer, and which ones stand in."""

    @property
    def works(self) -> int:
        """Return how many URLs work."""
        return sum(row.done.problem is None for row in self.rows)

    @property
    def good(self) -> bool:
        """Return whether clients get what they ask for, and all of it works."""
        return self.works == len(self.rows) and not self.elsewhere


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "url",
        nargs="?",
        default=asking.DEFAULT_URL,
        metavar="URL",
        help="endpoint (default: %(default)s)",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--region", metavar="NAME", help="pin the answer to a region")
    where.add_argument(
        "--all-regions", action="store_true", help="ask once per region, pinned to it"
    )
    parser.add_argument("--residency", metavar="GROUP", help="keep the answer in a group")
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help=f"which URLs: {', '.join(profiles.Profile)} (default: balanced)",
    )
    access.configure(parser)
    parser.add_argument(
        "--count",
        type=_count,
        default=25,
        metavar="N",
        help="packets per URL (default: %(default)s)",
    )


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Check, print a table or JSON, return the exit code."""
    del environment
    context = access.trust(args.ca, insecure=args.insecure)
    key = access.read_key(args.key_file)
    checked = asyncio.run(_check(args, context, key))
    _print(checked, console, url=args.url)
    for pinned, other in checked.elsewhere.items():
        name = asking.printable(pinned)
        console.complain(
            f"{name} has no usable relay: clients are sent to {other or 'another region'}; "
            f"turnfleet explain --region {name} says why"
        )
    if any(row.done.untrusted for row in checked.rows):
        console.complain(
            "A certificate did not verify. If it is signed by a CA of your own, name it with "
            "--ca FILE (turnfleet run keeps its CA in .run/tls/ca.crt)."
        )
    return 0 if checked.good else 1


async def _check(args: argparse.Namespace, context: ssl.SSLContext, key: str | None) -> _Checked:
    rows: list[_Row] = []
    elsewhere: dict[str, str | None] = {}
    async with asking.session(context=context, key=key) as session:
        asker = asking.Asker(session, args.url)
        pins: Sequence[str | None] = [args.region]
        if args.all_regions:
            pins = await asker.regions()
        elif args.region is not None:
            await _look_up(args.region, asker)
        for pin in pins:
            question = asking.Question(region=pin, residency=args.residency, profile=args.profile)
            answer = await asker.ask(question)
            if pin is not None and answer.elsewhere:
                elsewhere[pin] = answer.offers[0].region
            rows += await _exercised(answer.offers, pin, args.count, context)
    return _Checked(rows=rows, elsewhere=elsewhere)


async def _look_up(name: str, asker: asking.Asker) -> None:
    """Refuse a region that the endpoint does not have, where it tells which ones it has."""
    try:
        known = await asker.regions()
    except output.Failure:
        return  # Not every endpoint has a list; its answer decides.
    if name not in known:
        raise output.Failure(
            f"{asking.printable(name)} is no region of this endpoint; it has "
            f"{', '.join(map(asking.printable, known))}. What is only near a client, such as DE, "
            "is for turnfleet explain --region."
        )


async def _exercised(
    offers: Sequence[asking.Offer], pin: str | None, count: int, context: ssl.SSLContext
) -> list[_Row]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(offer: asking.Offer) -> _Row:
        async with turns:
            done = await exercising.exercise(offer, context=context, packets=count)
        return _Row(pinned=pin, offer=offer, done=done)

    return list(await asyncio.gather(*map(one, offers)))


def _print(checked: _Checked, console: output.Console, *, url: str) -> None:
    rows = checked.rows
    if console.as_json:
        document = {"endpoint": url, "ok": checked.good, "elsewhere": checked.elsewhere}
        console.json({**document, "urls": _documents(rows)})
        return
    console.table(
        ["region", "role", "url", "stun", "allocate", "rtt", "loss", "verdict"],
        [
            [
                row.offer.region or "-",
                row.offer.role,
                row.offer.url,
                _ms(row.done.binding),
                _ms(row.done.allocate),
                _ms(row.done.rtt),
                "-" if row.done.loss is None else f"{row.done.loss:.0%}",
                row.done.problem or "ok",
            ]
            for row in rows
        ],
        tones=[output.Tone.BAD if row.done.problem else output.Tone.GOOD for row in rows],
    )
    console.say(f"{checked.works} of {len(rows)} URLs work")


def _documents(rows: Sequence[_Row]) -> list[dict[str, object]]:
    return [
        {
            "pinned": row.pinned,
            "region": row.offer.region,
            "role": row.offer.role,
            "url": row.offer.url,
            "bindingMs": _rounded(row.done.binding),
            "allocateMs": _rounded(row.done.allocate),
            "rttMs": _rounded(row.done.rtt),
            "loss": _rounded(row.done.loss),
            "problem": row.done.problem,
        }
        for row in rows
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _PACKETS_MAX:
        raise argparse.ArgumentTypeError(f"a number from 1 to {_PACKETS_MAX}")
    return int(text)
