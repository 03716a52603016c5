"""How good choices were, against what was measured: hits and lost milliseconds. Chooses nothing.

The regret of a choice is the RTT of the region chosen minus that of the best region, of those that
were measured for the client.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Outcome(NamedTuple):
    """What a choice cost one client, ms."""

    regret: float
    country: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Outcomes of many clients. Times in ms."""

    clients: int
    hit_rate: float
    """Share of the clients that lost nothing."""
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    country_mean: float
    """Mean of the countries' means: every country counts the same."""


def outcome(
    ranked: Sequence[str], measured: Mapping[str, float], *, country: str | None
) -> Outcome | None:
    """Return what it costs to take the first of ``ranked`` that was measured; ``None``: none was.

    ``measured`` is RTT by region, ms.
    """
    chosen = next((region for region in ranked if region in measured), None)
    if chosen is None:
        return None
    return Outcome(regret=measured[chosen] - min(measured.values()), country=country)


def summarise(outcomes: Iterable[Outcome]) -> Summary | None:
    """Return the figures of all outcomes; ``None`` where there are none."""
    by_country: dict[str | None, list[float]] = {}
    for found in outcomes:
        by_country.setdefault(found.country, []).append(found.regret)
    regrets = sorted(regret for group in by_country.values() for regret in group)
    if not regrets:
        return None
    return Summary(
        clients=len(regrets),
        hit_rate=sum(regret <= 0 for regret in regrets) / len(regrets),
        mean=statistics.fmean(regrets),
        p50=quantile(regrets, 0.50),
        p90=quantile(regrets, 0.90),
        p95=quantile(regrets, 0.95),
        p99=quantile(regrets, 0.99),
        country_mean=statistics.fmean(statistics.fmean(group) for group in by_country.values()),
    )


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the least value that at least ``share`` of the values do not exceed."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]
