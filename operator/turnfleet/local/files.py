"""Files that another process reads while they are written: replaced whole, never half there."""

import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


def write(path: Path, text: str, *, mode: int) -> None:
    """Replace a file at once; one that already says ``text`` is left alone."""
    if _says(path, text):
        return
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    # The mode is there from the first byte: a secret is never readable for a moment.
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    draft.replace(path)


def _says(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False
