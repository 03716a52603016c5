"""turnfleet explain: why one client gets the relays it gets, asked of a running endpoint."""

import argparse
import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final

from turnfleet import settings
from turnfleet.commands import access, asking, output
from turnfleet.ice import profiles

NAME: Final = "explain"
HELP: Final = "Show how an endpoint decides for one client: every region, every reason."

_PARAMETERS: Final = {
    "region": "a region to pin to, a residency group, or a hint such as DE or Europe/Berlin",
    "residency": "a residency group that no relay may be outside of",
    "client_ip": "the client's address",
    "latitude": "the client's latitude in degrees; with --longitude",
    "longitude": "the client's longitude in degrees; with --latitude",
    "country": "the client's country, two letters",
    "connection_type": f"what the client is connected by: {', '.join(profiles.CONNECTIONS)}",
    "profile": f"which URLs: {', '.join(profiles.Profile)}",
    "user": "the client's user name, which decides between equal relays",
}
_METAVARS: Final = {
    "region": "NAME",
    "residency": "GROUP",
    "client_ip": "IP",
    "latitude": "DEGREES",
    "longitude": "DEGREES",
    "country": "CODE",
    "connection_type": "TYPE",
    "profile": "NAME",
    "user": "NAME",
}
_COLUMNS: Final = (
    "region",
    "prior ms",
    "rtt ms",
    "measured",
    "penalty ms",
    "cost ms",
    "load",
    "relays",
    "weight",
    "residency",
    "verdict",
    "why",
)
_LEAVES_ANYWAY: Final = 0.25
"""Part of a relay's users that may leave it for an empty one before it has much load."""
_TONES: Final = {
    "primary": output.Tone.GOOD,
    "backup": output.Tone.GOOD,
    "fallback": output.Tone.GOOD,
    "excluded": output.Tone.QUIET,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--endpoint",
        default=asking.DEFAULT_URL,
        metavar="URL",
        help="the endpoint to ask (default: %(default)s)",
    )
    access.configure(parser)
    for name, meaning in _PARAMETERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=_METAVARS[name], help=meaning)


def execute(
    args: argparse.Namespace, console: output.Console, environment: settings.Settings
) -> int:
    """Print what the endpoint's debug view says; 1 if the client would get nothing."""
    del environment
    given = {_camel(name): getattr(args, name) for name in _PARAMETERS}
    query = {name: value for name, value in given.items() if value is not None}
    key = access.read_key(args.key_file)
    context = access.trust(args.ca, insecure=args.insecure)
    answer = asyncio.run(_ask(args.endpoint, query, context, key))
    if console.as_json:
        console.json(answer)
    try:
        return _print(answer, console)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise output.Failure(
            f"{args.endpoint} gave an explanation of another shape; is it another version?"
        ) from error


async def _ask(
    url: str, query: Mapping[str, str], context: ssl.SSLContext, key: str | None
) -> object:
    async with asking.session(context=context, key=key) as session:
        return await asking.Asker(session, url).explain(query)


def _print(answer: Any, console: output.Console) -> int:
    _print_client(answer["located"], console)
    # Endpoints of an earlier version say nothing of it.
    _print_transports(answer.get("transports"), console)
    for note in answer["notes"]:
        console.say(console.tone(f"{note['reason']}: {note['sentence']}", output.Tone.DOUBT))
    # Endpoints of an earlier version say neither of these.
    if held := answer.get("held"):
        console.say(f"its network was sent to {held} before, and {_leaving(held, answer)}")
    if answer.get("explored"):
        console.say("the fallback is one to learn from: it may be better than is known")
    console.say()
    console.table(
        _COLUMNS,
        [_region(row) for row in answer["regions"]],
        tones=[_TONES.get(row["verdict"]) for row in answer["regions"]],
    )
    console.say()
    if answer["choices"]:
        console.table(
            ("role", "relay", "node", "zone", "load", "pending", "urls"),
            [_choice(choice) for choice in answer["choices"]],
        )
    else:
        console.say(console.tone("no relay can be offered to this client", output.Tone.BAD))
    _print_failing(answer["choices"], console)
    _print_busy(answer["regions"], console)
    _print_doubted(answer["regions"], console)
    _print_relays(answer["excluded"], console)
    return 0 if answer["choices"] else 1


def _leaving(held: str, answer: Mapping[str, Any]) -> str:
    """Return what becomes of a client that was in the region ``held``."""
    if any(choice["region"] == held for choice in answer["choices"][:1]):
        return "stays for want of a clearly better one"
    verdicts = {row["region"]: row["verdict"] for row in answer["regions"]}
    if verdicts.get(held, "excluded") == "excluded":
        return "cannot be sent there now"
    if next(iter(verdicts)) == held:
        return "some of its users get another one that is as good"
    return "leaves it for a better one"


def _print_client(located: Mapping[str, Any], console: output.Console) -> None:
    country = f" ({located['country']})" if located["country"] else ""
    place = f"{float(located['latitude']):.2f}, {float(located['longitude']):.2f}{country}"
    console.say(f"the client counts as being at {place}, known by: {located['rung']}")
    for sentence in located["ignored"]:
        console.say(console.tone(f"did not count: {sentence}", output.Tone.DOUBT))


def _print_transports(transports: Mapping[str, Any] | None, console: output.Console) -> None:
    """Print that URLs by TLS come first, where reports are the reason."""
    if transports is not None and transports["sentence"] is not None:
        console.say(console.tone(f"gets TLS first: {transports['sentence']}", output.Tone.DOUBT))


def _print_failing(choices: Sequence[Mapping[str, Any]], console: output.Console) -> None:
    """Print why a relay that is offered is not by every transport, once for each."""
    rows = {
        (f"{choice['region']}/{choice['relay']}", found["transport"]): (
            found["reason"],
            found["sentence"],
        )
        for choice in choices
        # Endpoints of an earlier version say nothing of it.
        for found in choice.get("failing", ())
    }
    if not rows:
        return
    console.say()
    console.table(
        ("offered in part", "fails", "reason", "why"), [(*key, *why) for key, why in rows.items()]
    )


def _print_busy(regions: Sequence[Mapping[str, Any]], console: output.Console) -> None:
    """Print which relays give users away, or take none, for their load."""
    rows = [
        (
            f"{region['region']}/{taken['relay']}",
            _percent(taken["load"]),
            _percent(taken["pending"]),
            _percent(taken["held"]),
            "nobody new while another has room"
            if taken["full"]
            else f"{taken['leaves']:.0%} of its users would leave it for an empty one",
        )
        for region in regions
        # Endpoints of an earlier version say nothing of it.
        for taken in region.get("taken", ())
        if taken["full"] or (taken["leaves"] > _LEAVES_ANYWAY and not taken.get("doubted"))
    ]
    if not rows:
        return
    console.say()
    console.table(("relay with much load", "load", "pending", "counts as", "what follows"), rows)


def _print_doubted(regions: Sequence[Mapping[str, Any]], console: output.Console) -> None:
    """Print which relays give users away since clients complain of them."""
    rows = [
        (
            f"{region['region']}/{taken['relay']}",
            "several networks report that it fails, where others do not; probes decide",
            f"{taken['leaves']:.0%} of its users would leave it for an empty one",
        )
        for region in regions
        # Endpoints of an earlier version say nothing of it.
        for taken in region.get("taken", ())
        if taken.get("doubted")
    ]
    if not rows:
        return
    console.say()
    console.table(("relay doubted", "why", "what follows"), rows)


def _print_relays(excluded: Sequence[Mapping[str, Any]], console: output.Console) -> None:
    relays = [out for out in excluded if out["relay"] is not None]
    if not relays:
        return
    console.say()
    console.table(
        ("relay not offered", "reason", "why"),
        [(f"{out['region']}/{out['relay']}", out["reason"], out["sentence"]) for out in relays],
    )


def _region(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["region"],
        _figure(row.get("prior")),
        _estimate(row),
        _measured(row),
        _penalty(row),
        _figure(row["cost"]),
        _percent(row["load"]),
        f"{row['usable']}/{row['relays']}",
        str(row["weight"]),
        row["residency"] or "-",
        row["verdict"],
        _why(row),
    )


def _estimate(row: Mapping[str, Any]) -> str:
    # Endpoints of an earlier version do not say how sure they are.
    deviation = f" ± {row['deviation']:.0f}" if "deviation" in row else ""
    return _figure(row["estimate"]) + deviation


def _measured(row: Mapping[str, Any]) -> str:
    """Return how often the client's network measured, and how many others near it agree."""
    own, others = row.get("samples", 0), row.get("sources", 0)
    parts = (f"{own}x itself" if own else "", f"{others} near it" if others else "")
    return ", ".join(filter(None, parts)) or "-"


def _penalty(row: Mapping[str, Any]) -> str:
    load, weight = row.get("loadPenalty"), row.get("weightPenalty")
    return "-" if load is None or weight is None else f"{load + weight:+.1f}"


def _why(row: Mapping[str, Any]) -> str:
    if row["reason"]:
        return f"{row['reason']}: {row['sentence']}"
    return "usable, but others are nearer" if row["verdict"] == "candidate" else ""


def _choice(choice: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        choice["role"],
        f"{choice['region']}/{choice['relay']}",
        choice["node"],
        choice["zone"] or "-",
        _percent(choice["load"]),
        _percent(choice.get("pending")),
        " ".join(choice["urls"]),
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)
