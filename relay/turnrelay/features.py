"""What a given coturn can do: its version, and a table of features by version.

Decides from the version alone; running the program to learn it is ``detecting``'s business.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

_VERSION: Final = re.compile(
    r"^(?:.*\bCoturn-)?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?\b", re.MULTILINE
)
"""Alone on a line; other programs have versions too, after their names."""


class Version(NamedTuple):
    """A coturn version; later ones compare greater."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST: Final = Version(4, 6)
"""Older releases lack options that every rendering relies on."""
RECOMMENDED: Final = Version(4, 17)
"""Older releases have published vulnerabilities; fit for a developer's own machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What one version can do, and which options it must (or must not) be given.

    An option that a version does not know is only a warning there, so a needless one would hide
    the mistakes that ``supervising`` looks for.
    """

    version: Version
    drains: bool
    """SIGUSR1 refuses new allocations and counts the live ones right."""
    tls_1_3: bool
    needs_legacy_hardening: bool
    """TLS 1.0/1.1, the SOFTWARE attribute, RFC 5780 and RFC 3489 answers are on by default."""
    needs_no_cli: bool
    """The telnet interface is on by default."""
    needs_no_dtls: bool
    """DTLS listeners come with the TLS ones."""
    aborts_on_bad_range: bool
    """A wrong peer range ends it; before, the range was dropped and the peer let through."""

    @property
    def caveats(self) -> tuple[str, ...]:
        """Return one sentence for each thing this version lacks."""
        lacking = (
            (self.version >= RECOMMENDED, f"it is older than {RECOMMENDED} and has known flaws"),
            (self.drains, "it cannot drain by itself, so the agent refuses new allocations"),
            (self.tls_1_3, "it speaks TLS 1.2 at most"),
            (self.aborts_on_bad_range, "it ignores a peer range that it cannot read"),
        )
        return tuple(sentence for has, sentence in lacking if not has)


def parse(text: str) -> Version | None:
    """Return the version that ``turnserver --version`` printed, or ``None``."""
    found = _VERSION.search(text)
    if found is None:
        return None
    return Version(int(found[1]), int(found[2]), int(found[3] or 0))


def of(version: Version) -> Features:
    """Return what ``version`` can do. The thresholds are those of coturn's own releases."""
    return Features(
        version=version,
        drains=version >= Version(4, 8),
        tls_1_3=version >= Version(4, 7),
        needs_legacy_hardening=version < Version(4, 7),
        needs_no_cli=version < Version(4, 10),
        needs_no_dtls=version < Version(4, 17),
        aborts_on_bad_range=version >= Version(4, 11),
    )
