"""The Secret that relays of a region mount: what they accept, and the key of their status pages."""

import base64

from turnfleet.plan.cluster import naming, objects, observed
from turnrelay import contract


def manifest(identity: observed.Identity, auth: observed.AuthSecret) -> objects.Manifest:
    """Return the Secret. An absent file means the same to an agent as an empty one."""
    key, body = naming.header(objects.Kind.SECRET, identity)
    files = {
        contract.AUTH_CURRENT: auth.current,
        contract.AUTH_PREVIOUS: auth.previous or b"",
        contract.AUTH_GENERATION: str(auth.generation).encode(),
        contract.AUTH_RETIRE_AFTER: b""
        if auth.retire_after is None
        else str(int(auth.retire_after)).encode(),
        contract.AGENT_KEY: auth.agent_key.encode(),
    }
    data = {name: base64.b64encode(content).decode() for name, content in files.items() if content}
    return objects.Manifest(key=key, body=body | {"type": "Opaque", "data": data})
