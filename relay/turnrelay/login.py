"""Signs TURN requests with the long-term mechanism, once a server has challenged us. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from turnrelay import stun


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user, and the realm and nonce that the server challenged us with."""

    username: str
    password: str
    realm: str = ""
    nonce: bytes = b""

    @property
    def key(self) -> bytes:
        """Return what requests are signed with, and what successes must be."""
        return stun.long_term_key(username=self.username, realm=self.realm, password=self.password)

    def attributes(self) -> tuple[tuple[int, bytes], ...]:
        """Return what a signed request names."""
        return (
            (stun.Attribute.USERNAME, self.username.encode()),
            (stun.Attribute.REALM, self.realm.encode()),
            (stun.Attribute.NONCE, self.nonce),
        )

    def challenged(self, answer: stun.Message) -> "Login | None":
        """Return the login for asking again after a 401 or 438; ``None`` without a nonce."""
        nonce = answer.get(stun.Attribute.NONCE)
        if nonce is None:
            return None
        realm = answer.text(stun.Attribute.REALM)
        return Login(
            username=self.username,
            password=self.password,
            realm=self.realm if realm is None else realm,
            nonce=nonce,
        )


def request(
    method: stun.Method,
    attributes: Sequence[tuple[int, bytes]],
    *,
    transaction: bytes,
    signed_by: Login | None,
    peer: stun.Address | None = None,
) -> bytes:
    """Return the bytes of a request, signed where there is a login."""
    named = list(attributes)
    if peer is not None:
        packed = stun.pack_address(peer, transaction=transaction)
        named.append((stun.Attribute.XOR_PEER_ADDRESS, packed))
    if signed_by is not None:
        named += signed_by.attributes()
    message = stun.Message(
        method=method,
        kind=stun.Kind.REQUEST,
        transaction=transaction,
        attributes=tuple(named),
    )
    return stun.encode(message, key=signed_by.key if signed_by else None)
