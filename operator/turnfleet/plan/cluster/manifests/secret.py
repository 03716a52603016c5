"""The Secret that relays of a region mount: what they accept, and the key of their status pages.

The operator keeps in it, too, what a rotation has to remember; agents take no notice of that.
"""

import base64
from typing import Final

from turnfleet.plan.cluster import naming, objects, observed
from turnrelay import contract

ROTATED_AT: Final = "rotatedAt"
REQUEST: Final = "rotateRequest"
TTL: Final = "credentialTTL"
EXPIRES_BY: Final = "expiresBy"


def manifest(identity: observed.Identity, auth: observed.AuthSecret) -> objects.Manifest:
    """Return the Secret. An absent file means the same to an agent as an empty one."""
    key, body = naming.header(objects.Kind.SECRET, identity)
    files = {
        contract.AUTH_CURRENT: auth.current,
        contract.AUTH_PREVIOUS: auth.previous or b"",
        contract.AUTH_GENERATION: str(auth.generation).encode(),
        contract.AUTH_RETIRE_AFTER: _seconds(auth.retire_after),
        contract.AGENT_KEY: auth.agent_key.encode(),
        ROTATED_AT: _seconds(auth.rotated_at),
        REQUEST: auth.request.encode(),
        TTL: _seconds(auth.ttl or None),
        EXPIRES_BY: _seconds(auth.expires_by),
    }
    data = {name: base64.b64encode(content).decode() for name, content in files.items() if content}
    return objects.Manifest(key=key, body=body | {"type": "Opaque", "data": data})


def _seconds(time: float | None) -> bytes:
    return b"" if time is None else str(int(time)).encode()
