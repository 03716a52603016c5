"""Who may ask, under which name and from which page. Decides; the limit per client is elsewhere.

Host is checked first: on one machine, a page elsewhere that points its own name here (DNS
rebinding) must not become "same origin".
"""

import functools
import hmac
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Final, assert_never

from turnfleet.api import options, problems

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_ORIGIN = re.compile(rf"https?://({_HOST.pattern})")

UNKNOWN_HOST: Final = problems.Problem(
    status=HTTPStatus.FORBIDDEN,
    detail="This endpoint does not go by that Host; use the address it printed at its start.",
)
_FOREIGN_PAGE: Final = problems.Problem(
    status=HTTPStatus.FORBIDDEN,
    detail="Pages of this origin may not ask here; the endpoint's operator can list the origin.",
)
_PAGE_ELSEWHERE: Final = problems.Problem(
    status=HTTPStatus.FORBIDDEN,
    detail="On one machine only pages of this machine may read answers.",
)
_NOT_OUR_PAGE: Final = problems.Problem(
    status=HTTPStatus.FORBIDDEN,
    detail="On one machine only the page of this endpoint may read answers.",
)


class Standing(StrEnum):
    """What a caller has shown."""

    KEYED = "keyed"
    """An API key: a back end that speaks for its clients."""
    LOCAL = "local"
    """A place on this machine or its network, in one-machine mode."""
    ANONYMOUS = "anonymous"
    """Nothing: a browser in open access."""


class Gate:
    """Admits callers by the rules of one endpoint's options."""

    def __init__(
        self, opts: options.Options, *, key_hashes: Callable[[], Sequence[bytes]] | None = None
    ) -> None:
        """``key_hashes`` gives the hashes of the keys valid now, where they can change."""
        self._options = opts
        self._key_hashes = key_hashes or (lambda: opts.key_hashes)
        self._keyless = _keyless(opts.access)
        self._takes_keys = opts.access is not options.Access.LOCAL
        self._hosts = None if opts.hosts is None else frozenset(h.lower() for h in opts.hosts)
        self._origins = frozenset(opts.origins)
        # The same few values come with every request, so the text is taken apart once.
        self.knows_host = functools.lru_cache(maxsize=64)(self._knows_host)
        self.allows_origin = functools.lru_cache(maxsize=256)(self._allows_origin)

    def admit(
        self, *, host: str | None, origin: str | None, authorization: str | None
    ) -> Standing | problems.Problem:
        """Return what a caller with these headers counts as, or why it gets nothing."""
        if not self.knows_host(host):
            return UNKNOWN_HOST
        if self._keyless is None or (authorization is not None and self._takes_keys):
            return self._keyed(authorization)
        if origin is None or self.allows_origin(origin, host):
            return self._keyless
        if self._keyless is not Standing.LOCAL:
            return _FOREIGN_PAGE
        return _PAGE_ELSEWHERE if self._options.loopback_origins else _NOT_OUR_PAGE

    def _keyed(self, authorization: str | None) -> Standing | problems.Problem:
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return _unauthorized("Send an API key: Authorization: Bearer KEY.")
        shown = options.key_hash(key.strip())
        # All are compared, so that the time taken does not tell which one was close.
        matches = [hmac.compare_digest(shown, known) for known in self._key_hashes()]
        return Standing.KEYED if any(matches) else _unauthorized("This API key is not valid here.")

    def _knows_host(self, host: str | None) -> bool:
        if self._hosts is None:
            return True
        return host is not None and _host_name(host) in self._hosts

    def _allows_origin(self, origin: str, host: str | None) -> bool:
        if origin in self._origins:
            return True
        page = _ORIGIN.fullmatch(origin)
        if page is None:
            return False
        if self._options.loopback_origins and _host_name(page[1]) in _LOOPBACK:
            return True
        # "The same origin" means something only among names that are known to be the endpoint's.
        return self._hosts is not None and host is not None and page[1].lower() == host.lower()


def _keyless(granted: options.Access) -> Standing | None:
    """Return what a caller without a key counts as, or ``None`` where one is needed."""
    match granted:
        case options.Access.LOCAL:
            return Standing.LOCAL
        case options.Access.OPEN:
            return Standing.ANONYMOUS
        case options.Access.KEY:
            return None
        case _:
            assert_never(granted)


def _host_name(host: str) -> str | None:
    """Return a Host header's name without its port; ``None`` if it is not a Host header's."""
    found = _HOST.fullmatch(host)
    return found[1].lower() if found else None


def _unauthorized(detail: str) -> problems.Problem:
    return problems.Problem(status=HTTPStatus.UNAUTHORIZED, detail=detail)
