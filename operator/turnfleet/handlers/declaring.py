"""Reads the folder of ``values.regions`` and has it brought about. Says what is wrong, once.

A bad file never looks like "delete these": an invalid manifest holds its region, a file that cannot
be read or holds nothing that can be named holds them all. A folder without manifests is a volume
that is not there yet, unless it has an index that names none. A file counts once it was the same
for two looks.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from turnfleet.kube import declaring, fields, holding
from turnfleet.sources import manifests

EVERY: Final = 1.0
"""Seconds between two looks."""
INDEX: Final = "index"
"""A file with the names of all manifests, without their suffix, apart by white space."""
_SUFFIXES: Final = frozenset({".yaml", ".yml"})

_log = logging.getLogger(__name__)
Files = Mapping[str, bytes]


class Declaring:
    """Follows one folder. ``may_act`` says whether to bring about what it holds now."""

    def __init__(
        self,
        folder: Path,
        *,
        namespaces: Sequence[str] | None,
        live: Callable[[], Mapping[holding.Key, fields.Object]],
        acting: declaring.Declaring,
        may_act: Callable[[], bool],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """``namespaces``: those that are reconciled; regions that name none go to the first."""
        self._folder = folder
        self._namespaces = namespaces
        self._live = live
        self._acting = acting
        self._may_act = may_act
        self._sleep = sleep
        self._files: Files | None = None
        self._told: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Look and act for ever."""
        while True:
            files = await asyncio.to_thread(_read, self._folder)
            steady, self._files = files == self._files, files
            if steady and self._may_act():
                declared, problems = declare(files, namespaces=self._namespaces)
                failed = await self._acting.bring_about(declared, self._live())
                self._tell((*problems, *failed))
            await self._sleep(EVERY)

    def _tell(self, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            if sentence not in self._told:
                _log.warning("%s", sentence)
        self._told = frozenset(sentences)


def declare(
    files: Files | None, *, namespaces: Sequence[str] | None
) -> tuple[declaring.Declared, tuple[str, ...]]:
    """Return what files declare, and a sentence for all that is wrong; ``None``: unreadable."""
    if not files:
        what = "cannot be read" if files is None else "is empty"
        return declaring.Declared(), (f"The folder of values.regions {what}; nothing changes",)
    listed = None if INDEX not in files else set(files[INDEX].decode(errors="replace").split())
    if listed is not None and listed != {Path(name).stem for name in files.keys() - {INDEX}}:
        sentence = "The folder of values.regions is not what its index says; nothing changes"
        return declaring.Declared(), (sentence,)
    documents = manifests.refuse_repeats(
        document
        for name, data in sorted(files.items())
        if name != INDEX
        for document in manifests.read_bytes(data, name)
    )
    bodies: dict[holding.Key, fields.Object] = {}
    held: set[holding.Key] = set()
    problems: list[str] = []
    complete = bool(documents) or listed == set()
    for document in documents:
        problems += document.complaints
        key = _key(document, namespaces)
        if key is None:
            problems.append(
                f"{document.file}:{document.line}: it is not said which region this is, or in "
                "which namespace that the operator watches; no region is deleted meanwhile"
            )
            complete = False
        elif document.spec is None or not _is_json(document.document):
            held.add(key)
        else:
            bodies[key] = document.document
    return (
        declaring.Declared(bodies=bodies, held=frozenset(held), complete=complete),
        tuple(problems),
    )


def _key(document: manifests.Manifest, namespaces: Sequence[str] | None) -> holding.Key | None:
    if document.name is None:
        return None
    namespace = fields.text(document.document, "metadata", "namespace")
    if not namespace and namespaces:
        namespace = namespaces[0]
    if not namespace or (namespaces is not None and namespace not in namespaces):
        return None
    return holding.Key(namespace, document.name)


def _is_json(document: fields.Object) -> bool:
    """Return whether JSON can say what YAML said: it has no bytes, sets or infinities."""
    try:
        json.dumps(document, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _read(folder: Path) -> Files | None:
    """Return the manifests' files; ``None`` where not all of them can be read."""
    try:
        return {
            path.name: path.read_bytes()
            for path in folder.iterdir()
            if (path.suffix.lower() in _SUFFIXES and not path.name.startswith("."))
            or path.name == INDEX
        }
    except OSError as error:
        _log.debug("%s: %s", folder, error)
        return None
