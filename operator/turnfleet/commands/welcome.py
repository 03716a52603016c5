"""What ``turnfleet run`` prints once its fleet is ready: relays, a sample answer, what to try."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp

from turnfleet.api import board, endpoint, probes
from turnfleet.commands import output
from turnfleet.local import relay
from turnfleet.model import fleet, region
from turnfleet.steer import census

PATIENCE: Final = 30.0
"""Seconds to wait for relays that do not become ready before printing what there is."""
_SURPRISE: Final = 10.0
"""Seconds after which a start takes longer than its user expects."""
_LOOK_EVERY: Final = 0.1
_ASKED: Final = {"region": "Europe/Berlin", "connectionType": "wifi"}
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


async def say(
    console: output.Console,
    *,
    url: str,
    running: Callable[[], Sequence[relay.Relay]],
    current: board.Board,
    prober: probes.Prober,
    page: bool,
) -> None:
    """Wait until every relay can be offered, or long enough; then print."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    told = False
    while not _ready(current.fleet, prober) and loop.time() < began + PATIENCE:
        if not told and loop.time() > began + _SURPRISE:
            told = True
            console.complain(f"Still waiting for: {_missing(running(), current.fleet)}")
        # A Fleet is a value: nothing signals that it has become ready.
        await asyncio.sleep(_LOOK_EVERY)
    answer = await _sample(url)
    if console.as_json:
        console.json(_document(url, running(), current.fleet, answer))
        return
    _print_relays(console, running(), current.fleet)
    _print_sample(console, url, answer)
    if page:
        console.say(f"\nOpen {url}/ to try it in a browser. Ctrl-C ends everything.")


def _ready(current: fleet.Fleet, prober: probes.Prober) -> bool:
    members = [member for each in current.regions.values() for member in each.members]
    return (
        prober.settled.is_set()
        and bool(members)
        and all(census.unusable(member) is None for member in members)
    )


def _missing(running: Sequence[relay.Relay], current: fleet.Fleet) -> str:
    verdicts = {each.key.relay: _verdict(each, current) for each in running}
    missing = [f"{name} ({verdict})" for name, verdict in verdicts.items() if verdict != _WELL]
    return "; ".join(missing) or "the first round of probes"


async def _sample(url: str) -> object:
    """Return what the endpoint answers now, or what keeps it from answering."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session,
            session.post(url + endpoint.PATH, json=_ASKED) as response,
        ):
            answer: object = await response.json(content_type=None)
            return answer
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return {"detail": f"the endpoint does not answer: {error!r}"}


def _print_relays(
    console: output.Console, running: Sequence[relay.Relay], current: fleet.Fleet
) -> None:
    rows = []
    tones: list[output.Tone | None] = []
    for each in running:
        shown = each.published()
        verdict = _verdict(each, current)
        rows.append(
            (
                shown.region,
                shown.name,
                f"{shown.node} / {shown.zone}",
                shown.addresses[0],
                _ports(shown.listeners),
                verdict,
            )
        )
        tones.append(output.Tone.GOOD if verdict == _WELL else output.Tone.BAD)
    console.say()
    console.table(
        ("region", "relay", "node / zone", "address", "ports", "state"), rows, tones=tones
    )
    versions = sorted({each.published().version for each in running} - {""})
    if versions:
        console.say(console.tone(f"coturn {', '.join(versions)}", output.Tone.QUIET))


_WELL: Final = "ready"


def _verdict(each: relay.Relay, current: fleet.Fleet) -> str:
    """Return one word when all is well, else why the relay is not offered."""
    known = current.regions.get(each.key.region)
    member = next((m for m in known.members if m.relay.key == each.key), None) if known else None
    reason = census.unusable(member) if member is not None else fleet.Reason.STARTING
    if reason is None:
        return _WELL
    return f"{reason}: {each.obstacle or reason.sentence}"


def _ports(listeners: region.Listeners) -> str:
    ports = ((transport, listeners.port(transport)) for transport in region.Transport)
    return " ".join(f"{transport}:{port}" for transport, port in ports if port is not None)


def _print_sample(console: output.Console, url: str, answer: object) -> None:
    asked = json.dumps(_ASKED)
    console.say(f"\ncurl -s {url}{endpoint.PATH} -H 'Content-Type: application/json' -d '{asked}'")
    console.say(json.dumps(_shown(answer), indent=2, ensure_ascii=False))


def _shown(answer: object) -> object:
    """Return an answer without its credentials: what is printed may end up in a log."""
    match answer:
        case list():
            return [
                {name: "…" if name == "credential" else value for name, value in server.items()}
                if isinstance(server, dict)
                else server
                for server in answer
            ]
        case _:
            return answer


def _document(
    url: str, running: Sequence[relay.Relay], current: fleet.Fleet, answer: object
) -> dict[str, object]:
    return {
        "url": url,
        "relays": [
            {
                "region": shown.region,
                "name": shown.name,
                "node": shown.node,
                "zone": shown.zone,
                "address": shown.addresses[0],
                "listeners": {
                    transport.value: port
                    for transport in region.Transport
                    if (port := shown.listeners.port(transport)) is not None
                },
                "agent": f"{shown.agent.address}:{shown.agent.port}" if shown.agent else None,
                "pid": each.process.pid,
                "state": _verdict(each, current),
            }
            for each in running
            for shown in (each.published(),)
        ],
        "sample": _shown(answer),
    }
