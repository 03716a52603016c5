"""What holds for the whole suite."""

import gc
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest
from tests.support import apiservers

_WAITING: Final = frozenset({"browser", "local", "relay"})
"""Folders whose tests mostly wait for programs that they have started."""
_BY_THEN: Final = 0.75
"""Part of the suite by which these have begun: what is left in the end should be short."""

hypothesis.settings.register_profile("suite", deadline=None)  # real programs share the machine
hypothesis.settings.load_profile("suite")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files that have no test of the kind asked for: importing all takes long."""
    if config.option.markexpr != "alone" or not collection_path.name.startswith("test_"):
        return None
    return True if "mark.alone" not in collection_path.read_text(encoding="utf-8") else None


@pytest.hookimpl(tryfirst=True)  # an order that a folder has of its own wins
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix files that wait with files that compute, so that no processor waits for the other.

    And leave properties out of the coverage: what a random example reaches is covered by chance.
    They are also what tracing slows most: each runs hundreds of times.
    """
    place: dict[Path, float] = {}
    files = dict.fromkeys(item.path for item in items)
    waiting = [file for file in files if file.parent.name in _WAITING]
    for group, end in ((waiting, _BY_THEN), (files.keys() - set(waiting), 1.0)):
        ordered = sorted(group)
        place |= {file: end * at / len(ordered) for at, file in enumerate(ordered)}
    items.sort(key=lambda item: place[item.path])
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Fail a test that leaves the log chattier or mute: another one would, which looks at it."""
    logger = logging.getLogger("turnfleet")
    before = logger.level, logger.propagate
    yield
    assert (logger.level, logger.propagate) == before


def pytest_collection_finish() -> None:
    """Keep what was imported out of the garbage collector's sight: it stays, and is a lot."""
    gc.freeze()


@pytest.fixture
async def server() -> AsyncIterator[apiservers.ApiServer]:
    """Run an API server on loopback that holds what a test puts there and fails as it says."""
    async with apiservers.serving() as running:
        yield running
