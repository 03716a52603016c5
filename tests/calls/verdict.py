"""What the ledger's figures mean: which promises hold, and the tables that show it. Pure."""

import statistics
from collections.abc import Sequence
from typing import Final

from tests.bench import report
from tests.calls import ledger, scenario

_NOTES_SHOWN: Final = 12
ABSENT: Final = "from the decision until no replica names the relay"
GONE: Final = "from the relay's last allocation to the end of its pod"
_LIMITS: Final = {ABSENT: 1.0, GONE: 10.0}
"""Seconds, of the greatest."""


def complaints(told: ledger.Ledger, *, wanted: int, live: Sequence[int]) -> tuple[str, ...]:
    """Return a sentence for every promise that does not hold.

    ``live``: how many allocations there were, looked at over and over; ``wanted``: how many ought
    to have been.
    """
    found = [f"{p.name} failed: {p.failure}" for p in told.phases if p.failure]
    every, still = ledger.Tally(), ledger.Tally()
    for name, tally in told.tallies().items():
        every.add(tally)
        if name == scenario.BASELINE:
            still.add(tally)
    found += [f"{n} x {mishap}" for mishap, n in sorted(every.mishaps.items())]
    found += [f"{n} x {code}" for code, n in every.refusals.items() if code.startswith("401")]
    if every.lost > still.lost:
        found.append(f"{every.lost - still.lost} packets lost outside the baseline")
    if still.lost:
        found.append(f"{still.lost} packets lost in the baseline: this machine is too busy to say")
    for what, limit in _LIMITS.items():
        worst = max((f.seconds for f in told.figures if f.what == what), default=0.0)
        if worst > limit:
            found.append(f"{worst:.1f} s {what}; at most {limit:g} s were promised")
    if not live or statistics.mean(live) < 0.9 * wanted:
        found.append(f"too few live allocations for this to show anything: {wanted} were wanted")
    return tuple(found)


def written(told: ledger.Ledger, *, wanted: int, live: Sequence[int]) -> str:
    """Return the tables and the verdict as Markdown."""
    wrong = complaints(told, wanted=wanted, live=live)
    parts = [
        _summary(told, live),
        _by_phase(told),
        _times(told),
        _notes(told),
        "\n".join(f"* FAILED: {sentence}." for sentence in wrong) or "Every promise held.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(told: ledger.Ledger, live: Sequence[int]) -> str:
    every = ledger.Tally()
    for tally in told.tallies().values():
        every.add(tally)
    connections = " and ".join(f"{n:,} {kind}" for kind, n in sorted(every.connections.items()))
    return (
        f"{every.seconds:,.0f} s; {min(live, default=0)} to {max(live, default=0)} live "
        f"allocations, {statistics.mean(live or [0]):.0f} on average; {connections} connections; "
        f"{every.sent:,} packets, half of them in "
        f"{every.delay(0.5):.0f} ms, 99 % in {every.delay(0.99):.0f} ms."
    )


def _by_phase(told: ledger.Ledger) -> str:
    took = {p.name: sum(q.took for q in told.phases if q.name == p.name) for p in told.phases}
    return report.table(
        ("what was done", "s", "new", "restarts", "failed", "ended early", "packets", "lost",
         "99 % in, ms", "URLs that refused"),
        [
            (
                name,
                f"{took.get(name) or tally.seconds:.0f}",
                str(tally.connections[ledger.Kind.NEW]),
                str(tally.connections[ledger.Kind.RESTART]),
                str(
                    tally.mishaps[ledger.Mishap.NO_ANSWER]
                    + tally.mishaps[ledger.Mishap.NO_CONNECTION]
                ),
                str(tally.mishaps[ledger.Mishap.ENDED_EARLY]),
                f"{tally.sent:,}",
                str(tally.lost),
                f"{tally.delay(0.99):.0f}",
                ", ".join(f"{n} x {code}" for code, n in sorted(tally.refusals.items())) or "0",
            )
            for name, tally in told.tallies().items()
            if tally.sent or tally.seconds
        ],
    )  # fmt: skip


def _times(told: ledger.Ledger) -> str:
    if not told.figures:
        return ""
    kinds = dict.fromkeys((f.what, f.phase) for f in told.figures)
    return report.table(
        ("time", "within", "n", "median, s", "longest, s"),
        [
            (what, phase, str(len(taken)), f"{statistics.median(taken):.2f}", f"{max(taken):.2f}")
            for what, phase in kinds
            if (taken := [f.seconds for f in told.figures if (f.what, f.phase) == (what, phase)])
        ],
    )


def _notes(told: ledger.Ledger) -> str:
    """Return what went wrong, once for each cause, with when it began."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for note in told.notes:
        groups.setdefault((note.what, note.phase, note.why), []).append(note.at - told.began)
    lines = [
        f'* {what} in "{phase}", {len(times)} x, first after {times[0]:.0f} s: {why}'
        for (what, phase, why), times in groups.items()
    ]
    lines += [
        f"* {loss.packets} packets lost {loss.way}, sent {loss.first - told.began:.1f} to "
        f"{loss.last - told.began:.1f} s after the start"
        for loss in told.losses
    ]
    more = len(lines) - _NOTES_SHOWN
    return "\n".join((*lines[:_NOTES_SHOWN], *((f"* and {more} more",) if more > 0 else ())))
