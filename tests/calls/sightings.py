"""Which relays the replicas of an endpoint named, and when for the last time. Pure."""

from collections.abc import Collection, Mapping


class Sightings:
    """Every replica's answers, each of which could have named any relay."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], float] = {}
        self._asked: dict[str, float] = {}

    def answered(self, replica: str, relays: Collection[str], *, asked: float) -> None:
        """Take what a replica named in an answer to a question of ``asked``."""
        self._asked[replica] = asked
        for relay in relays:
            self._last[replica, relay] = asked

    def named_for(self, relay: str, *, since: float) -> Mapping[str, float]:
        """Return, by replica asked after ``since``, for how many seconds it still named a relay."""
        return {
            replica: max(0.0, self._last.get((replica, relay), since) - since)
            for replica, asked in self._asked.items()
            if asked >= since
        }
