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
        self._known: dict[str, fleet.Secret] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.fleet_key = self._made(folder / "fleet-key").encode()
        self.agent_key = hmac.new(
            self.fleet_key, contract.AGENT_KEY_PURPOSE.encode(), hashlib.sha256
        ).hexdigest()

    def auth_folder(self, spec: region.RegionSpec) -> Path:
        """Return the folder that the region's agents mount, brought up to date.

        Raises Unavailable or OSError, and then changes nothing that is in use.
        """
        folder = self._folder / f"{spec.name}-auth"
        named = self._named(spec.auth.secret_name) if spec.auth.secret_name is not None else None
        folder.mkdir(mode=0o700, exist_ok=True)
        current = folder / contract.AUTH_CURRENT
        if named is not None:
            files.write(current, named, mode=files.PRIVATE)
        secret = named or self._made(current)
        files.write(folder / contract.AGENT_KEY, self.agent_key, mode=files.PRIVATE)
        if not (folder / contract.AUTH_GENERATION).exists():
            files.write(folder / contract.AUTH_GENERATION, "1", mode=files.PRIVATE)
        self._known[spec.name] = fleet.Secret(secret.encode())
        return folder

    def secret(self, name: str) -> fleet.Secret | None:
        """Return what a region's relays were last given to verify credentials with, if anything."""
        return self._known.get(name)

    def own_certificate(self, name: str) -> Path | None:
        """Return the folder of a certificate that the owner put there, if there is one."""
        folder = self._folder / name
        return folder if (folder / contract.TLS_CERTIFICATE).exists() else None

    def _made(self, path: Path) -> str:
        """Return a generated secret, the same at every start."""
        try:
            known = _text(path)
        except FileNotFoundError:
            known = ""
        if not known:
            known = self._token(_STRENGTH).hex()
            files.write(path, known, mode=files.PRIVATE)
        if fault := _fault(known):
            raise Unavailable(f"has a secret that {fault}; delete {path} to have another one made")
        return known

    def _named(self, name: str) -> str:
        path = self._folder / name
        try:
            status = path.stat()
            secret = _text(path)
        except FileNotFoundError:
            raise Unavailable(f"names the secret {name}, but there is no file {path}") from None
        except OSError as error:
            raise Unavailable(
                f"names the secret {name}, but {path} cannot be read: {error.strerror}"
            ) from None
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise Unavailable(f"names the secret {name}, which others can read: chmod 600 {path}")
        if fault := _fault(secret):
            raise Unavailable(f"names the secret {name}, but {path} {fault}")
        return secret


def _text(path: Path) -> str:
    # What is not UTF-8 becomes unprintable, and thereby unfit.
    return path.read_bytes().decode("utf-8", "replace").replace("\ufffd", "\0").strip()


def _fault(secret: str) -> str | None:
    """Return why agents would refuse a secret, or ``None``."""
    if not secret:
        return "is empty"
    if not contract.SECRET_MIN <= len(secret.encode()) <= contract.SECRET_MAX:
        return f"needs {contract.SECRET_MIN} to {contract.SECRET_MAX} bytes"
    if not secret.isprintable():
        return "is not one line of text"
    return None
