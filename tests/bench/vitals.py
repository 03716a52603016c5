"""What a process takes from its machine over time, and whether that grows."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at a process."""

    at: float
    rss: float
    """MB."""
    descriptors: int
    threads: int
    children: int


def sample(pid: int, *, at: float) -> Sample:
    """Look at a process."""
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    )
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return Sample(
        at=at,
        rss=int(fields["VmRSS"].split()[0]) / 1024,
        descriptors=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        threads=int(fields["Threads"]),
        children=sum(len((task / "children").read_text().split()) for task in tasks),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How one figure went: medians of the first and last quarter, and the slope in between."""

    name: str
    first: float
    last: float
    per_hour: float
    """Slope of the second half, by the hour: warming up is no leak."""
    leaks: bool


def judge(samples: Sequence[Sample]) -> tuple[Growth, ...]:
    """Return how each figure went and whether it looks like a leak."""
    return (
        _growth("RSS, MB", samples, lambda s: s.rss, grown=lambda a, b: b > 1.15 * a + 5),
        _growth("descriptors", samples, lambda s: s.descriptors, grown=lambda a, b: b > a + 10),
        _growth("threads", samples, lambda s: s.threads, grown=lambda a, b: b > a + 2),
        _growth("children", samples, lambda s: s.children, grown=lambda a, b: b > a + 1),
    )


def _growth(
    name: str,
    samples: Sequence[Sample],
    read: Callable[[Sample], float],
    *,
    grown: Callable[[float, float], bool],
) -> Growth:
    quarter = max(1, len(samples) // 4)
    first = statistics.median(read(s) for s in samples[:quarter])
    last = statistics.median(read(s) for s in samples[-quarter:])
    half = samples[len(samples) // 2 :]
    slope = 0.0
    if len(half) > 1:
        times = [s.at for s in half]
        slope = statistics.linear_regression(times, [read(s) for s in half]).slope
    return Growth(
        name=name, first=first, last=last, per_hour=3600 * slope, leaks=grown(first, last)
    )
