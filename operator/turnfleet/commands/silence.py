"""How long a replica has not heard from the API server, and when that is worth a warning."""

import logging
from collections.abc import Callable
from typing import Final

WORTH: Final = 120.0
"""Seconds without a word of the API server that are worth a warning; told again as they double."""


class Silence:
    """The time since the API server was last heard of."""

    def __init__(
        self, *, heard: Callable[[], float | None], clock: Callable[[], float], log: logging.Logger
    ) -> None:
        """``heard`` gives when that was, in Unix seconds as ``clock`` does; none: never."""
        self._heard = heard
        self._clock = clock
        self._log = log
        self._warn_after = WORTH

    @property
    def seconds(self) -> float:
        """Return how long it has been; not a number where it never was."""
        heard = self._heard()
        return float("nan") if heard is None else max(0.0, self._clock() - heard)

    def mind(self, regions: int) -> None:
        """Warn if it is time to: so many regions go on as they were."""
        silence = self.seconds
        if not silence >= WORTH:
            self._warn_after = WORTH
        elif silence >= self._warn_after:
            self._log.warning(
                "The API server was last heard %.0f s ago; %d regions go on as they were",
                silence,
                regions,
            )
            self._warn_after = 2 * silence
