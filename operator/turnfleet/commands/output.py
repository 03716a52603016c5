"""How commands print: tables for people, JSON for programs, one sentence for a failure."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TextIO


class Failure(Exception):  # noqa: N818 - it is the outcome of a command, not a bug
    """Ends a command: ``sentence`` says what is wrong and what to do, ``code`` is the exit code."""

    def __init__(self, sentence: str, *, code: int = 2) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


@contextlib.contextmanager
def needing(extra: str) -> Iterator[None]:
    """Say which extra of turnfleet has what the block finds not to be installed."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise Failure(
            f"{missing.name} is not installed; pip install '.[{extra}]' in a checkout installs it."
        ) from None


class Tone(Enum):
    """What a piece of text means; a terminal shows it as a colour."""

    GOOD = "32"
    BAD = "31"
    DOUBT = "33"
    QUIET = "2"


class Console:
    """Prints to ``out`` and complains to ``err``; ``as_json`` turns tables into one JSON value."""

    def __init__(self, *, out: TextIO, err: TextIO, as_json: bool, color: bool) -> None:
        self._out = out
        self._err = err
        self.as_json = as_json
        self._color = color

    def tone(self, text: str, tone: Tone) -> str:
        """Return ``text`` in a colour where the output is a terminal, else as it is."""
        return f"\x1b[{tone.value}m{text}\x1b[0m" if self._color else text

    def say(self, text: str = "") -> None:
        """Print a line for people; silent under ``--json``."""
        if not self.as_json:
            print(text, file=self._out, flush=True)

    def complain(self, sentence: str) -> None:
        """Print a warning or an error, whatever the format."""
        print(sentence, file=self._err, flush=True)

    def json(self, value: object) -> None:
        """Print one JSON value."""
        print(json.dumps(value, indent=2, ensure_ascii=False), file=self._out, flush=True)

    def table(
        self,
        headings: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        tones: Sequence[Tone | None] = (),
    ) -> None:
        """Print aligned columns; ``tones`` colours whole rows. Silent under ``--json``."""
        widths = [
            max([len(heading), *(len(row[column]) for row in rows)])
            for column, heading in enumerate(headings)
        ]

        def line(cells: Sequence[str]) -> str:
            padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            return "  ".join(padded).rstrip()

        self.say(self.tone(line([heading.upper() for heading in headings]), Tone.QUIET))
        for index, row in enumerate(rows):
            tone = tones[index] if index < len(tones) else None
            self.say(self.tone(line(row), tone) if tone else line(row))
