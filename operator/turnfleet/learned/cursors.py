"""How far a replica has heard each other one, and how it says so in a request.

A query is ``from=EPOCH&after=EPOCH.N_EPOCH.N``: who asks, and after which change of which run of a
replica. All cursors go with every request, since behind a load balancer nobody knows which replica
answers. Only letters, digits, ``.`` and ``_``, so that no proxy writes it another way.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MOST: Final = 128
"""Runs of replicas that are remembered: more than a fleet has, and some 4 kB of a request."""

_CURSOR: Final = r"[0-9a-f]{16}\.[0-9]{1,19}"
_FORM = re.compile(rf"from=([0-9a-f]{{16}})&after=(|{_CURSOR}(?:_{_CURSOR})*)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a request asks."""

    asker: bytes
    """The epoch of who asks."""
    cursors: Mapping[bytes, int]


class Cursors:
    """The cursors of one replica, the last used of them."""

    def __init__(self, own: bytes) -> None:
        self._own = own
        self._found: dict[bytes, int] = {}

    def get(self, epoch: bytes) -> int:
        """Return the last cursor of an epoch; 0 if there is none."""
        return self._found.get(epoch, 0)

    def move(self, epoch: bytes, cursor: int) -> None:
        """Remember that all up to a cursor was heard."""
        self._found.pop(epoch, None)
        self._found[epoch] = cursor
        if len(self._found) > MOST:
            del self._found[next(iter(self._found))]

    def forget(self) -> None:
        """Have others tell everything anew."""
        self._found.clear()

    def query(self) -> str:
        """Return the query of a request."""
        after = "_".join(f"{epoch.hex()}.{cursor}" for epoch, cursor in self._found.items())
        return f"from={self._own.hex()}&after={after}"


def parse(query: str) -> Question | None:
    """Return what a query asks; nothing if it is none. Total: takes any text."""
    found = _FORM.fullmatch(query)
    if found is None:
        return None
    pairs = (part.split(".") for part in found[2].split("_") if part)
    cursors = {bytes.fromhex(epoch): int(cursor) for epoch, cursor in pairs}
    return Question(asker=bytes.fromhex(found[1]), cursors=cursors)
