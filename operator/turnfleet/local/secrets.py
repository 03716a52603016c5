"""Secrets of one machine: made at the first start, kept in files, never shown.

fleet-key            what answers are signed with and agent keys derive from
REGION-auth/         what an agent mounts: contract.AUTH_* and contract.AGENT_KEY
NAME                 the owner's own secret, for ``auth.secretName: NAME``
NAME/                the owner's own certificate, for ``tls.secretName: NAME``
"""

import hashlib
import hmac
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from turnfleet.local import files
from turnfleet.model import fleet, region
from turnrelay import contract

_STRENGTH: Final = 32
"""Bytes of randomness in a generated secret."""


class Unavailable(Exception):  # noqa: N818 - a state of the machine, not a bug
    """A secret that a region names cannot be read; the text says what to do."""


class Vault:
    """The folder of secrets. ``token`` returns that many random bytes."""

    def __init__(self, folder: Path, *, token: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._token = token
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.fleet_key = self._made(folder / "fleet-key").encode()
        self.agent_key = hmac.new(
            self.fleet_key, contract.AGENT_KEY_PURPOSE.encode(), hashlib.sha256
        ).hexdigest()

    def auth_folder(self, spec: region.RegionSpec) -> Path:
        """Return the folder that the region's agents mount, brought up to date."""
        folder = self._folder / f"{spec.name}-auth"
        if spec.auth.secret_name is not None:
            secret = self._named(spec.auth.secret_name)
            folder.mkdir(mode=0o700, exist_ok=True)
            files.write(folder / contract.AUTH_CURRENT, secret, mode=files.PRIVATE)
        else:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._made(folder / contract.AUTH_CURRENT)
        files.write(folder / contract.AGENT_KEY, self.agent_key, mode=files.PRIVATE)
        if not (folder / contract.AUTH_GENERATION).exists():
            files.write(folder / contract.AUTH_GENERATION, "1", mode=files.PRIVATE)
        return folder

    def secret(self, name: str) -> fleet.Secret | None:
        """Return what a region's credentials are signed with; ``None`` where it cannot be read."""
        try:
            text = (self._folder / f"{name}-auth" / contract.AUTH_CURRENT).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None
        return fleet.Secret(text.encode()) if text else None

    def own_certificate(self, name: str) -> Path | None:
        """Return the folder of a certificate that the owner put there, if there is one."""
        folder = self._folder / name
        return folder if (folder / contract.TLS_CERTIFICATE).exists() else None

    def _made(self, path: Path) -> str:
        """Return a generated secret, the same at every start."""
        try:
            known = path.read_text().strip()
        except FileNotFoundError:
            known = ""
        if not known:
            known = self._token(_STRENGTH).hex()
            files.write(path, known, mode=files.PRIVATE)
        return known

    def _named(self, name: str) -> str:
        path = self._folder / name
        try:
            status = path.stat()
            secret = path.read_text().strip()
        except FileNotFoundError:
            raise Unavailable(f"names the secret {name}, but there is no file {path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(
                f"names the secret {name}, but {path} is unreadable: {error}"
            ) from None
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise Unavailable(f"names the secret {name}, which others can read: chmod 600 {path}")
        if not secret:
            raise Unavailable(f"names the secret {name}, but {path} is empty")
        return secret
