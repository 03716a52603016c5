"""How replicas of a fleet know each other: requests and answers signed by a key of the fleet's key.

A request is signed over method, path, query, time and a nonce, and is good for a minute and once;
one with a body has the body's digest for a query, so that nobody else's is even read.
An answer is signed together with the signature of its request, so that it answers no other one;
and if it did, it would tell what was true once, which merging takes as what it knows already. The
key is never sent. What is told is not encrypted: there is no secret in it.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

PATH: Final = "/api/learned"
"""Where replicas tell what they know. Signed as such, whatever path a proxy in front has."""
ANSWER: Final = "X-Turnfleet-Signature"
"""Header of an answer."""
SKEW: Final = 60
"""Seconds that two replicas' clocks may be apart."""
NONCE_SIZE: Final = 16

_PURPOSE: Final = b"turnfleet/learned"
_FORM = re.compile(r"Turnfleet ([0-9]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)


class Flaw(StrEnum):
    """Why a request is refused."""

    UNSIGNED = "Unsigned"
    """There is no signature of this kind."""
    FORGED = "Forged"
    """It was signed with another key, or changed since."""
    UNTIMELY = "Untimely"
    """It is over a minute old, or from the future."""
    REPLAYED = "Replayed"
    """It came before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A signed request."""

    header: str = field(repr=False)
    """``Authorization``."""
    nonce: bytes
    signature: bytes = field(repr=False)


class Voucher:
    """Signs and verifies for one fleet's key."""

    def __init__(self, fleet_key: bytes) -> None:
        self._key = hmac.digest(fleet_key, _PURPOSE, "sha256")

    def ask(self, query: str, *, now: float, nonce: bytes, method: str = "GET") -> Asked:
        """Return a request of ``PATH`` with a query, signed. ``now`` in Unix seconds."""
        time = int(now)
        signature = self._request(method, query, str(time), nonce)
        header = f"Turnfleet {time}.{nonce.hex()}.{signature.hex()}"
        return Asked(header=header, nonce=nonce, signature=signature)

    def admit(
        self, header: str | None, query: str, *, now: float, method: str = "GET"
    ) -> Asked | Flaw:
        """Return the request that a header signs, or why it signs none. Total: takes any text."""
        found = _FORM.fullmatch(header or "")
        if found is None:
            return Flaw.UNSIGNED
        nonce, shown = bytes.fromhex(found[2]), bytes.fromhex(found[3])
        if not hmac.compare_digest(shown, self._request(method, query, found[1], nonce)):
            return Flaw.FORGED
        if abs(now - int(found[1])) > SKEW:
            return Flaw.UNTIMELY
        return Asked(header=found[0], nonce=nonce, signature=shown)

    def answer(self, asked: Asked, body: bytes) -> str:
        """Return ``ANSWER`` of the answer to a request."""
        return hmac.digest(self._key, b"answer\n" + asked.signature + body, "sha256").hex()

    def answers(self, shown: str | None, asked: Asked, body: bytes) -> bool:
        """Tell whether ``ANSWER`` is that of a body that answers this request."""
        right = self.answer(asked, body).encode()
        return hmac.compare_digest((shown or "").encode("utf-8", "replace"), right)

    def _request(self, method: str, query: str, time: str, nonce: bytes) -> bytes:
        said = f"request\n{method}\n{PATH}?{query}\n{time}\n{nonce.hex()}"
        return hmac.digest(self._key, said.encode("utf-8", "replace"), "sha256")


def query_of(body: bytes) -> str:
    """Return the query of a request with a body, which makes its signature the body's, too."""
    return f"sha256={hashlib.sha256(body).hexdigest()}"
