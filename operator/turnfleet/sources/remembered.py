"""The last known fleet on disk: an endpoint that starts while the API server is away has it.

Holds what TurnRegions say and no secret. Whatever is wrong with the file, it is as if there was
none; whatever is wrong with the disk, the endpoint goes on without.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from turnfleet.kube import fields, holding

FILE: Final = "fleet.json"
SIZE_MAX: Final = 24 << 20
"""Bytes: an old and a new file fit into a small volume, whose overflow would end the pod."""
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What was known."""

    heard: float
    """When the API server was last heard of, Unix seconds."""
    objects: Mapping[holding.Key, holding.Object]


class Unusable(Exception):  # noqa: N818 - a state of the disk, not a bug
    """The file cannot be read or written; the text says why."""


class Memory:
    """One folder's file. Blocks; made to be called from a thread, by one at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def load(self) -> Remembered | None:
        """Return what is remembered, if anything; raise Unusable where it makes no sense."""
        try:
            text = self._read()
            document = json.loads(text) if text is not None else None
        except (OSError, ValueError, RecursionError) as error:
            raise Unusable(f"{self._path} is not a fleet: {error}") from None
        if document is None:
            return None
        heard = fields.mapping(document).get("heard")
        regions = fields.mapping(document).get("regions")
        if (
            fields.whole(document, "format") != _FORMAT
            or not isinstance(heard, float)
            or not math.isfinite(heard)
            or not isinstance(regions, list)
        ):
            raise Unusable(f"{self._path} is of another version")
        keyed = ((holding.key(found), found) for found in regions)
        return Remembered(heard=heard, objects={key: found for key, found in keyed if key})

    def save(self, objects: Sequence[Mapping[str, Any]], *, heard: float) -> None:
        """Replace the file at once: a crash leaves the old one or the new one. Raises Unusable."""
        document = {"format": _FORMAT, "heard": float(heard), "regions": objects}
        text = json.dumps(document, separators=(",", ":")).encode()
        if len(text) > SIZE_MAX:
            raise Unusable(f"the fleet needs more than the {SIZE_MAX} bytes that are kept of it")
        draft = self._path.with_name(f".{FILE}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise Unusable(f"{self._path} cannot be written: {error.strerror}") from None

    def _read(self) -> bytes | None:
        try:
            with self._path.open("rb") as file:
                text = file.read(SIZE_MAX + 1)
        except FileNotFoundError:
            return None
        if len(text) > SIZE_MAX:
            raise ValueError("it is too large")
        return text
