"""Measures how evenly answers are spread over relays of unequal capacity, by late reports.

    python -m tests.bench.balance [--seeds N] [--write FILE]

Time is only counted, so a run takes seconds and says the same each time. What polling the agents
costs is measured along with it, in real time.
"""

import argparse
import itertools
import random
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import crowd, polling, report

from turnfleet.steer import rendezvous

_CAPACITIES = (600, 600, 1000, 1000, 1500, 1500, 2000, 3000, 4000, 4000)
_ANSWERS = 10_000
_REGULARS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One situation."""

    name: str
    load: float = 0.5
    """Of relays at the start of a minute that is not measured."""
    rate: float = 75.0
    """Answers a second."""
    scale: int = 1
    """Of capacities."""
    joining: int | None = None
    """Which relay joins, empty, as the measured answers begin."""
    endpoints: int = 1
    every: tuple[float, float] = (2.0, 5.0)
    """Seconds between two reports of a relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What 10,000 answers came to."""

    worst: float
    """The highest share of answers as primary, relative to the relay's share of capacity."""
    joined: float | None
    """The same of the relay that joined."""
    fullest: float
    """The highest load of a relay at the end."""
    mean: float
    """The load of all relays together at the end."""
    same: float
    """Part of the users who came back that found the primary that they had before."""


_SCENES = (
    Scene(name="steady"),
    Scene(name="steady, three endpoints", endpoints=3),
    Scene(name="steady, reports every 10 s", every=(9.0, 11.0)),
    Scene(name="steady, on the ramp", load=0.6, rate=100),
    Scene(name="1,000 answers/s for 10 s", load=0.3, rate=1000, scale=5),
    Scene(name="a small relay joins", joining=0),
    Scene(name="a middle one joins", joining=6),
    Scene(name="a large one joins", joining=9),
    Scene(name="a middle one joins, three endpoints", joining=6, endpoints=3),
    Scene(name="a middle one joins, others on the ramp", load=0.6, rate=100, joining=6),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench.balance", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--write", type=Path, metavar="FILE", help="such as docs/bench-balance.md")
    args = parser.parse_args()
    machine = report.machine()
    text = _balance(args.seeds) + "\n\n" + _polling() + "\n"
    sys.stdout.write(text)
    if args.write is not None:
        document = _DOCUMENT.format(machine=machine, tables=text.rstrip(), seeds=args.seeds)
        args.write.write_text(document, encoding="utf-8")
    return 0


def play(scene: Scene, seed: int) -> Outcome:
    """Play a scene once."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    stage = crowd.Crowd(
        [scene.scale * capacity for capacity in _CAPACITIES],
        rng=rng,
        replicas=scene.endpoints,
        every=scene.every,
    )
    keys = tuple(stage.relays)
    late = () if scene.joining is None else (keys[scene.joining],)
    stage.join(*(key for key in keys if key not in late), load=scene.load)
    users = rng.sample(range(rendezvous.SLOTS), _REGULARS)
    stage.run(seconds=_ANSWERS / scene.rate / 2 if scene.scale > 1 else 60, rate=scene.rate)
    if late:
        stage.join(*late)
    answers = stage.run(seconds=_ANSWERS / scene.rate, rate=scene.rate, users=users)
    shares = _shares(answers, stage)
    live = sum(relay.live for relay in stage.relays.values())
    return Outcome(
        worst=max(shares),
        joined=None if scene.joining is None else shares[scene.joining],
        fullest=max(relay.live / relay.capacity for relay in stage.relays.values()),
        mean=live / sum(relay.capacity for relay in stage.relays.values()),
        same=_same(answers, users),
    )


def _shares(answers: Sequence[crowd.Answer], stage: crowd.Crowd) -> list[float]:
    counts = Counter(given.primary for given in answers)
    whole = sum(relay.capacity for relay in stage.relays.values())
    return [
        counts[key] / len(answers) / (relay.capacity / whole) for key, relay in stage.relays.items()
    ]


def _same(answers: Sequence[crowd.Answer], users: Sequence[int]) -> float:
    regulars, primaries = set(users), defaultdict(list)
    for given in answers:
        if given.slot in regulars:
            primaries[given.slot].append(given.primary)
    again = [pair for each in primaries.values() for pair in itertools.pairwise(each)]
    return sum(before == after for before, after in again) / len(again)


def _balance(seeds: int) -> str:
    rows = []
    for scene in _SCENES:
        outcomes = [play(scene, seed) for seed in range(seeds)]
        worst = [outcome.worst for outcome in outcomes]
        joined = [outcome.joined for outcome in outcomes if outcome.joined is not None]
        rows.append(
            (
                scene.name,
                f"{statistics.median(worst):.2f}",
                f"{max(worst):.2f}",
                f"{max(joined):.2f}" if joined else "",
                f"{statistics.mean(outcome.mean for outcome in outcomes):.0%}",
                f"{max(outcome.fullest for outcome in outcomes):.0%}",
                f"{statistics.mean(outcome.same for outcome in outcomes):.1%}",
            )
        )
    headings = (
        "10,000 answers, 10 relays", "highest share, median", "worst seed", "who joined, worst",
        "load at the end", "fullest relay", "came back to the same",
    )  # fmt: skip
    return report.table(headings, rows)


def _polling() -> str:
    cost = polling.measure(1000)
    rows = [
        ("each agent is asked every, s", f"{cost.every:.0f}"),
        ("processor time of a poll, ms", f"{cost.per_poll:.2f}"),
        ("of one core, all of it", f"{cost.share:.1%}"),
    ]
    return report.table((f"polling {cost.agents:,} agents", "measured"), rows)


_DOCUMENT = """# Balance of answers over relays

Written by `make bench-balance ARGS="--write docs/bench-balance.md"`; run that to repeat it.

Machine: {machine}. Only polling depends on it.

{tables}

How it is measured:

* Ten relays of one region, with room for 600 to 4,000 allocations (a spread of 6.7). *Highest
  share*: of all relays, the part of the answers that name it as primary, relative to its part of
  the capacity. 1.00 is perfect; chance alone gives 1.11 (1.20 at the worst), since users are
  few and the smallest relays get some 300 of 10,000 answers. {seeds} seeds.
* Answers come from the endpoint's own parts (board, selector, drafts, tally), once a second told
  what was handed out. Time is counted, not waited for.
* Each TURN URL becomes an allocation with a chance of 70 %, 0.1 to 1.5 s after its answer, which
  the endpoint has to learn; half of the primaries carry a call of 180 s on average, all others end
  after 30 s. Agents look once a second, their reports reach each endpoint every 2 to 5 s, unless
  said otherwise. Endpoints know nothing of each other.
* *Steady*: relays at half load for a minute, then 75 answers a second. *On the ramp*: 100 a second,
  so that relays are beyond 70 %, answers under way included. A relay that *joins* is empty as the
  10,000 answers begin.
* *Came back to the same*: half of the clients are among 2,000 users who come back now and then;
  the part of their answers with the primary of the one before. Joining moves users by itself, as
  few as rendezvous hashing can.
* Polling: 1,000 agents on as many loopback addresses, a new connection for each poll. The pace is
  limited, so larger fleets are asked more rarely and cost the same.
"""


if __name__ == "__main__":
    sys.exit(main())
