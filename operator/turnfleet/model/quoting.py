"""How a sentence quotes what others wrote: short, on one line, never raising."""

from typing import Final

_LENGTH_MAX: Final = 60
_WORD_MAX: Final = 40
_NUMBER_MAX: Final = 10**18


def shown(value: object) -> str:
    """Return what a person wrote, or what kind of thing it was."""
    match value:
        case None:
            quoted = "null"
        case bool():
            quoted = "true" if value else "false"
        case str():
            quoted = f'"{printable(value)}"'
        case int() if abs(value) > _NUMBER_MAX:
            quoted = "a number of many digits"  # Python refuses to print some of them.
        case int() | float():
            quoted = repr(value)
        case list():
            quoted = f"a list of {len(value)}"
        case dict():
            quoted = f"a mapping of {len(value)}"
        case _:
            quoted = f"a value of type {type(value).__name__}"
    return quoted


def printable(key: object) -> str:
    """Return a key or text, cut and without control characters."""
    written = key if isinstance(key, str) else shown(key)
    short = written if len(written) <= _LENGTH_MAX else f"{written[:_LENGTH_MAX]}…"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in short)


def word(text: str) -> str:
    """Return a text in quotes and in ASCII, cut: a name that somebody sent, or wrote in a table."""
    return ascii(text if len(text) <= _WORD_MAX else f"{text[:_WORD_MAX]}...")
