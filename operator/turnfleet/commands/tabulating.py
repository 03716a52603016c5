"""What a simulation came to, as JSON and as a table for a person. Decides nothing."""

from collections import Counter
from dataclasses import asdict
from typing import Final

from turnfleet.commands import output, simulating

_FIGURES: Final = ("mean", "p50", "p90", "p95", "p99", "country_mean")


def document(
    scene: simulating.Scene, how: simulating.Play, played: simulating.Played
) -> dict[str, object]:
    """Return it as JSON has it."""
    return {
        "regions": len(scene.fleet.regions),
        "clients": len(scene.placed),
        "located": _rungs(scene),
        **asdict(how),
        "lying_clients": played.liars,
        "answers": played.answers,
        "explored": played.explored,
        "ignored_rtts": scene.strange,
        "results": {name: asdict(found) for name, found in played.results.items()},
    }


def show(
    scene: simulating.Scene,
    how: simulating.Play,
    played: simulating.Played,
    console: output.Console,
) -> None:
    """Print it."""
    rungs = ", ".join(f"{count} by {rung}" for rung, count in _rungs(scene).items())
    console.say(
        f"{len(scene.placed)} clients ({rungs}), {len(scene.fleet.regions)} regions, {_passes(how)}"
    )
    if scene.strange:
        sentence = f"{scene.strange} round trips are of clients or regions that are not listed"
        console.say(console.tone(sentence, output.Tone.DOUBT))
    if how.liars:
        console.say(f"{played.liars} clients are of sources that lie")
    if played.answers:
        share = played.explored / played.answers
        console.say(f"{played.answers} answers, {share:.1%} with a fallback to learn from")
    if not played.results:
        console.say("without measured round trips there is nothing to compare with (--rtt)")
        return
    clients = next(iter(played.results.values())).clients
    console.say(f"regret in ms, of {clients} clients with a measured round trip")
    console.say()
    console.table(
        ("estimates", "clients", "hits", *(name.replace("_", " ") for name in _FIGURES)),
        [
            (
                name,
                str(found.clients),
                f"{found.hit_rate:.1%}",
                *(f"{getattr(found, figure):.2f}" for figure in _FIGURES),
            )
            for name, found in played.results.items()
        ],
    )


def _passes(how: simulating.Play) -> str:
    match how.passes:
        case 0:
            return "no passes"
        case 1:
            return "one pass"
        case number:
            return f"{number} passes"


def _rungs(scene: simulating.Scene) -> dict[str, int]:
    return dict(Counter(str(one.located.rung) for one in scene.placed).most_common())
