"""CAs besides the system's, for relays whose certificates a private one signed: a file, followed.

Blocks; a file that becomes unfit leaves what was there in force.
"""

import ssl
from pathlib import Path
from typing import Final

from turnrelay import mounts

LOOK_EVERY: Final = 10.0
"""Seconds between two looks: a certificate authority is replaced long before it ends."""
_NOTHING: Final = "no certificate"


class Bundle:
    """One file of certificates in PEM."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.pem: str | None = None
        self.complaint: str | None = None

    def look(self) -> bool:
        """Read the file; return whether there are other certificates now."""
        before = self.pem
        try:
            content = mounts.read_file(self._path)
            text = (content or b"").decode()
            # Without any, the system's own would be loaded.
            ssl.create_default_context(cadata=text or _NOTHING)
        except mounts.Unreadable as error:
            self.complaint = error.sentence
        except (ssl.SSLError, ValueError):
            self.complaint = f"{self._path} holds no certificates in PEM"
        else:
            self.pem, self.complaint = text, None
        return self.pem != before
