"""A machine without a browser fails these tests with a sentence, rather than skipping them."""

import pytest
from tests.support import visiting


def test_a_missing_chromium_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RuntimeError, match="apt-get install chromium"):
        visiting.chromium()
