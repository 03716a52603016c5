"""What holds for the whole suite: which tests share a worker, and how patient properties are."""

from pathlib import Path

import hypothesis
import pytest

_HERE = Path(__file__).parent

hypothesis.settings.register_profile("suite", deadline=None)  # real programs share the machine
hypothesis.settings.load_profile("suite")


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares loopback addresses; leave the rest to whoever is free.

    Browser tests share one fleet and one Chromium, and a file that starts relays has its own
    addresses. Unit tests share nothing.
    """
    for item in items:
        folder, *_ = item.path.relative_to(_HERE).parts
        if folder == "browser":
            item.add_marker(pytest.mark.xdist_group(folder))
        elif folder in {"relay", "local"}:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
