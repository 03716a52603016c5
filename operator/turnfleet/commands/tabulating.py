"""What a simulation came to, as JSON and as a table for a person. Decides nothing."""

from collections import Counter
from dataclasses import asdict
from typing import Final

from turnfleet.commands import output, simulating, suggesting

_FIGURES: Final = ("mean", "p50", "p90", "p95", "p99", "country_mean")


def document(
    scene: simulating.Scene,
    how: simulating.Play,
    played: simulating.Played,
    advice: suggesting.Advice | None,
) -> dict[str, object]:
    """Return it as JSON has it."""
    found: dict[str, object] = {
        "regions": len(scene.fleet.regions),
        "clients": len(scene.placed),
        "located": _rungs(scene),
        **asdict(how),
        "lying_clients": played.liars,
        "answers": played.answers,
        "explored": played.explored,
        "ignored_rtts": scene.strange,
        "results": {name: asdict(summary) for name, summary in played.results.items()},
    }
    if advice is not None:
        found["suggested"] = {
            "before": advice.before._asdict(),
            "for_mean": list(map(_step, advice.for_mean)),
            "for_p95": list(map(_step, advice.for_p95)),
        }
    return found


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
        console.say(
            f"{played.answers} answers, {share:.1%} with another fallback than the next best, to"
            " learn from it"
        )
    if not played.results:
        none = "none of the round trips in --rtt is of a client and a region that are listed"
        without = "without measured round trips there is nothing to learn from or to compare with"
        console.say(f"{none if scene.strange else f'{without} (--rtt)'}")
        return
    clients = next(iter(played.results.values())).clients
    console.say(
        f"of {clients} clients with a measured round trip: hits are those who are sent to their"
        " fastest region, the rest is regret, ms lost against it"
    )
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


def advise(advice: suggesting.Advice, console: output.Console) -> None:
    """Print where regions would help."""
    console.say()
    console.say("round trips to the best region in ms; each place is beside those above it")
    for aim, steps in (("mean", advice.for_mean), ("p95", advice.for_p95)):
        console.say()
        rows = [("as it is", advice.before)]
        rows += [(f"{step.spot.name}, {step.spot.place.country}", step.after) for step in steps]
        console.table(
            (f"for the {aim}", "mean", "p95"),
            [(name, f"{found.mean:.1f}", f"{found.p95:.1f}") for name, found in rows],
        )


def _step(step: suggesting.Step) -> dict[str, object]:
    place = step.spot.place
    return {
        "place": step.spot.name,
        "country": place.country,
        "lat": place.latitude,
        "lon": place.longitude,
        **step.after._asdict(),
    }


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
