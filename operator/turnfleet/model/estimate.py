"""An estimated round trip, and how sure it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a round trip is expected to be; ms both."""

    rtt: float
    deviation: float
    """Standard deviation of the error, as far as the estimator knows itself."""
