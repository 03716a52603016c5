"""Asks one peer for one page, or tells it one.

Takes nothing on trust that comes back: time, size, shape and signature are bounded. What a peer
sends never gets into a sentence, a label or the log.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, Self

import aiohttp

from turnfleet import calling
from turnfleet.learn import page
from turnfleet.learned import vouching

TIMEOUT: Final = 10.0
"""Seconds for a page of a quarter of a megabyte."""

_OK: Final = 200
_REFUSED: Final = (401, 403)
_KEYLESS: Final = 503


class Trouble(StrEnum):
    """Why a peer told nothing; the text ends a sentence."""

    AWAY = "cannot be reached"
    """No connection, or no answer in time."""
    UNVERIFIED = "shows a certificate that no CA of this system vouches for"
    """It may be anybody."""
    REFUSED = "refuses this fleet's signature: its fleet key is another one, or the clocks differ"
    """It does not believe this replica."""
    KEYLESS = "has no fleet key yet"
    """It has only just started."""
    ODD = "answers as no endpoint of a fleet does"
    """Another status, or a page that is none."""
    FORGED = "sends answers that this fleet did not sign"
    """Who answers does not have the key."""


class Puller:
    """One HTTP session for all peers."""

    def __init__(self, *, entropy: Callable[[int], bytes], timeout: float = TIMEOUT) -> None:
        """``entropy`` gives random bytes."""
        self._entropy = entropy
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = calling.session(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self, base: str, query: str, *, voucher: vouching.Voucher, now: float
    ) -> page.Page | Trouble:
        """Return the page that a peer tells, or why it tells none."""
        body = await self._exchange("GET", base, query, voucher=voucher, now=now)
        if isinstance(body, Trouble):
            return body
        told = page.unpack(body)
        return Trouble.ODD if isinstance(told, page.Unread) else told

    async def tell(
        self, base: str, told: page.Page, *, voucher: vouching.Voucher, now: float
    ) -> Trouble | None:
        """Tell a peer a page; return why it did not take it."""
        packed = page.pack(told)
        query = vouching.query_of(packed)
        found = await self._exchange("POST", base, query, packed, voucher=voucher, now=now)
        return found if isinstance(found, Trouble) else None

    async def _exchange(
        self,
        method: str,
        base: str,
        query: str,
        told: bytes | None = None,
        *,
        voucher: vouching.Voucher,
        now: float,
    ) -> bytes | Trouble:
        """Return the body of a signed answer to a signed request."""
        nonce = self._entropy(vouching.NONCE_SIZE)
        asked = voucher.ask(query, now=now, nonce=nonce, method=method)
        if self._session is None:
            return Trouble.AWAY
        try:
            async with self._session.request(
                method,
                f"{base}{vouching.PATH}?{query}",
                headers={"Authorization": asked.header},
                data=told,
                allow_redirects=False,
            ) as response:
                if response.status != _OK:
                    return _refusal(response.status)
                body = await calling.body(response, most=page.SIZE_MAX)
                shown = response.headers.get(vouching.ANSWER)
        except aiohttp.ClientSSLError:
            return Trouble.UNVERIFIED
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return Trouble.AWAY
        return body if voucher.answers(shown, asked, body) else Trouble.FORGED


def _refusal(status: int) -> Trouble:
    if status in _REFUSED:
        return Trouble.REFUSED
    return Trouble.KEYLESS if status == _KEYLESS else Trouble.ODD
