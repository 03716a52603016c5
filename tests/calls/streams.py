"""Packets that went one way through a call's relays: when each was sent, and if it came. Pure.

Both ends of a call are in one process, so that a packet's way is timed by one clock.
"""

import struct
from array import array
from collections.abc import Iterator
from typing import Final

_PACKET: Final = struct.Struct("!II")
_PADDING: Final = bytes(152)
"""Makes a packet as long as 20 ms of speech are."""
_ON_ITS_WAY: Final = -1.0


class Stream:
    """One direction of a call; ``number`` tells it from every other of the run."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.strays = 0
        """Packets that came here and are none of this stream."""
        self._sent = array("d")
        self._delays = array("d")

    def next_packet(self, at: float) -> bytes:
        """Return the next packet's content; it is sent at ``at``, monotonic seconds."""
        self._sent.append(at)
        self._delays.append(_ON_ITS_WAY)
        return _PACKET.pack(self.number, len(self._sent) - 1) + _PADDING

    def took(self, data: bytes, at: float) -> None:
        """Take what came; a second copy of a packet changes nothing."""
        if len(data) < _PACKET.size:
            self.strays += 1
            return
        stream, packet = _PACKET.unpack_from(data)
        if stream != self.number or packet >= len(self._sent):
            self.strays += 1
        elif self._delays[packet] == _ON_ITS_WAY:
            self._delays[packet] = at - self._sent[packet]

    @property
    def sent(self) -> int:
        """Return how many packets were sent."""
        return len(self._sent)

    def has(self, count: int) -> bool:
        """Return whether all of the first ``count`` packets have come."""
        return _ON_ITS_WAY not in self._delays[:count]

    def packets(self) -> Iterator[tuple[float, float | None]]:
        """Return when each packet was sent and how many seconds it took; ``None``: it was lost."""
        for sent, delay in zip(self._sent, self._delays, strict=True):
            yield sent, None if delay == _ON_ITS_WAY else delay
