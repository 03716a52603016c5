"""Names for clients who gave none, and nonces: cheap randomness, drawn in bulk.

A name is 12 characters of base64url: 72 bits, so no two clients ever share a quota.
"""

import base64
from array import array
from collections.abc import Callable
from typing import Final

from turnfleet.steer import rendezvous

_NAME: Final = 12
"""Characters: 9 bytes."""
_NONCE: Final = 4
_DRAWN: Final = 256

Stranger = tuple[str, int, bytes]
"""What is random about one answer: a name, a slot, four bytes for the token.

The slot is drawn and not the name's: nobody comes back by such a name.
"""


class Strangers:
    """Hands out names and nonces; never the same twice."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        """``entropy`` gives that many random bytes: ``os.urandom``."""
        self._entropy = entropy
        self._drawn: list[Stranger] = []

    def draw(self) -> Stranger:
        """Return the next stranger."""
        if not self._drawn:
            self._drawn = self._draw()
        return self._drawn.pop()

    def _draw(self) -> list[Stranger]:
        # One call for many: a system call each would cost more than the rest of an answer.
        text = base64.urlsafe_b64encode(self._entropy(_DRAWN * 9)).decode()
        names = [text[at : at + _NAME] for at in range(0, len(text), _NAME)]
        slots = [number % rendezvous.SLOTS for number in array("H", self._entropy(_DRAWN * 2))]
        drawn = self._entropy(_DRAWN * _NONCE)
        nonces = [drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE)]
        return list(zip(names, slots, nonces, strict=True))
