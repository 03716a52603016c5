"""API keys: a folder with an entry NAME for each, which holds ``sha256:HEX`` of the key.

Several are valid at once, so that one can be replaced without a gap. Looked at again and again: a
key that is taken out is refused from then on. Keys themselves are never here.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from turnfleet.sources import mounted

LOOK_EVERY: Final = 2.0
"""Seconds between two looks; the kubelet brings a change within a minute."""
_HASH: Final = re.compile(r"sha256:([0-9A-Fa-f]{64})")


def read(entries: Mapping[str, bytes]) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """Return the digests that entries hold, and a sentence for each that holds none."""
    hashes = []
    complaints = []
    for name, content in sorted(entries.items()):
        found = _HASH.fullmatch(content.decode("ascii", "replace").strip())
        if found:
            hashes.append(bytes.fromhex(found[1]))
        else:
            complaints.append(f"The API key {name} counts for nothing: it is not like sha256:HEX")
    return tuple(hashes), tuple(complaints)


class KeyFolder:
    """The keys of a folder, as of the last look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hashes: tuple[bytes, ...] = ()
        self.complaints: tuple[str, ...] = ()

    def look(self) -> None:
        """Read the folder. Blocks. One that cannot be read leaves the keys as they were."""
        try:
            entries = mounted.entries(self._folder)
        except mounted.Unreadable as error:
            self.complaints = (f"{error.sentence}; the API keys stay as they were",)
        else:
            self.hashes, self.complaints = read(entries)
