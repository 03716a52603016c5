"""Drafts of answers: all but the token, made a few at a time for clients who want nothing special.

Most requests give no user and no ttl. What they get depends on place, profile, connection type and
second alone, and on chance. One by one, between the other work of a server, such answers cost twice
what they cost in a row, when what they need is at hand; so they are made in a row, each for one
client. A batch is at most as large as all before it, so at least half of what is made is used.
"""

from collections.abc import Callable, Iterator
from typing import Final

from turnfleet.api import strangers
from turnfleet.ice import formats, profiles
from turnfleet.steer import choosing, ranking

BATCH: Final = 32
"""Drafts at once: a third of a millisecond."""


Draft = tuple[formats.Template, bytes, int, bytes]
"""The answer for one client, but for its token: template, nonce, expiry (Unix seconds), body."""


class Drafts:
    """Hands out drafts, none of them twice, and the templates that they are made of."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self.strangers = strangers.Strangers(entropy)
        self._templates = formats.Templates()
        self._second = 0
        self._made: dict[_Kind, Iterator[Draft]] = {}

    def take(
        self,
        ranked: ranking.Ranking,
        profile: profiles.Profile,
        connection: profiles.Connection,
        now: int,
    ) -> Draft:
        """Return what the next stranger gets at ``now`` (Unix seconds)."""
        if now != self._second:
            self._second = now
            self._made.clear()
        kind = (ranked, profile, connection)
        made = self._made.get(kind)
        if made is None:
            made = self._made[kind] = self._make(ranked, profile, connection, now)
        return next(made)

    def template(
        self,
        ranked: ranking.Ranking,
        slot: int,
        profile: profiles.Profile,
        connection: profiles.Connection,
    ) -> formats.Template:
        """Return the answer of a slot's users but for what differs between them."""
        marks = choosing.marks(ranked, slot)
        kept = self._templates.kept(marks, profile, connection)
        if kept is not None:
            return kept
        choices = choosing.choose(ranked, slot)
        return self._templates.make(marks, choices, profile, connection)

    def _make(
        self,
        ranked: ranking.Ranking,
        profile: profiles.Profile,
        connection: profiles.Connection,
        now: int,
    ) -> Iterator[Draft]:
        number = 1
        while True:
            batch = []
            for _ in range(number):
                user, slot, nonce = self.strangers.draw()
                template = self.template(ranked, slot, profile, connection)
                expires = now + template.ttl
                body = template.array(user=user, expires=expires)
                batch.append((template, nonce, expires, body))
            yield from batch
            number = min(2 * number, BATCH)


_Kind = tuple[ranking.Ranking, profiles.Profile, profiles.Connection]
