"""Runs a program to its end; a failure is one error that says what the program complained of."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SHOWN: Final = 2000
"""Characters of a failed program's last words."""


class Failed(Exception):  # noqa: N818 - the outcome of a command; the message is a sentence
    """A program ended with another code than 0."""

    def __init__(self, program: str, code: int, words: str) -> None:
        super().__init__(f"{program} failed with code {code}: {words.strip()[-_SHOWN:]}")
        self.words = words


def run(
    *command: str | Path,
    given: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> str:
    """Return what a program printed; ``given`` is its standard input, ``timeout`` seconds."""
    done = subprocess.run(
        [str(part) for part in command],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        cwd=folder,
        env=environment,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        shown = " ".join(Path(part).name if "/" in str(part) else str(part) for part in command[:3])
        raise Failed(shown, done.returncode, done.stderr or done.stdout)
    return done.stdout


def attempt(*command: str | Path) -> bool:
    """Run a program whose failure is no matter (it undoes what may not be there)."""
    try:
        run(*command)
    except (Failed, FileNotFoundError):
        return False
    return True
