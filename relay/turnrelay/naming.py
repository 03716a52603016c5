"""Whether a certificate is for a relay: clients look for its name, or else for its address.

An agent knows the template of its region's names, not what became of the template's fields for its
own node. Any one label does for those: to tell a certificate for something else is enough, and what
clients really meet is what endpoints verify (RFC 9525).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_FIELD: Final = re.compile(r"\\\{[a-z]+\\\}")
_LABEL_PART: Final = "[a-z0-9-]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What clients look for in the certificate of a relay."""

    hostname: str | None = None
    """The template of its region's names, e.g. ``{node}.turn.example.com``."""
    addresses: tuple[str, ...] = ()
    """In canonical form; what counts without a template."""

    @property
    def known(self) -> bool:
        """Tell whether it is known what that is."""
        return self.hostname is not None or bool(self.addresses)

    def among(self, names: Iterable[str]) -> bool:
        """Tell whether any of it is among a certificate's names, in lower case."""
        if self.hostname is None:
            return not set(self.addresses).isdisjoint(names)
        template = self.hostname.lower()
        _, _, parent = template.partition(".")
        fits = re.compile(_FIELD.sub(_LABEL_PART, re.escape(template)))
        return any(name == f"*.{parent}" or fits.fullmatch(name) for name in names)

    def __str__(self) -> str:
        return self.hostname or ", ".join(self.addresses)
