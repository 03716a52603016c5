"""Keeps what coturn reads as the mounted files say, and says when that is not possible.

A relay that cannot follow its files goes on with what it has, out of the answers: it would miss a
secret that was revoked, a peer that was denied, and could not be started again. Ends nothing.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from turnrelay import auth, database, intake, lifecycle, rendering, state, tables, timekeeping

_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY: Final = 1.0


class Upkeep:
    """Owns the state folder's lock and the database. ``changed`` hears that coturn reads news."""

    def __init__(
        self,
        *,
        files: rendering.Files,
        taken_in: intake.Intake,
        time: timekeeping.Timekeeper,
        changed: Callable[[], None],
    ) -> None:
        self._folder = Path(files.database).parent
        self._in = taken_in
        self._time = time
        self._changed = changed
        self._lock = state.Lock()
        self._database = database.Database(Path(files.database))
        self._written: tables.Content | None = None
        self._looked = 0.0
        self._refuse_all = False
        self.full = False
        """Whether the relay carries all that it may, so that new allocations are refused."""
        self.in_force: auth.Auth | None = None
        """The secrets that coturn has."""
        self.live_hash = ""
        """Of the live configuration that coturn has."""
        self.fault: lifecycle.Obstacle | None = None
        """Why coturn cannot be kept up to date."""

    def take(self) -> None:
        """Take the state folder for this agent. Raises ``state.Unusable``."""
        self._lock.take(self._folder)

    def prepare(self) -> None:
        """Make everything right before coturn starts.

        Raises ``database.Failed`` and ``state.Unusable``.
        """
        self.take()
        state.prove_writable(self._folder)
        self._database.close()
        self._database.open()
        self._written = None
        self._write()
        self._note(None)

    def keep(self) -> None:
        """Bring what coturn reads up to date, and look after it once a second."""
        now = self._time.steady()
        try:
            if now - self._looked >= _LOOK_EVERY:
                self._looked = now
                self._look_after()
            self._write()
        except state.Unusable as unusable:
            self._fail(lifecycle.Reason.STATE_UNWRITABLE, unusable.sentence)
        except database.Failed as failure:
            self._fail(lifecycle.Reason.DATABASE_UNUSABLE, failure.sentence)

    def refuse_new(self) -> None:
        """Have coturn refuse every new allocation, from now on."""
        self._refuse_all = True
        self.keep()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _look_after(self) -> None:
        state.prove_writable(self._folder)
        if self._written is not None:
            if self._database.confirm(self._written):
                _LOG.warning("the database was changed or damaged by others, and is right again")
                self._changed()
            # Changes nothing, and fails where a change would: the lock may be another's.
            self._database.apply(self._written)
        self._note(None)

    def _write(self) -> None:
        known = self._in.auth
        if known is None:
            return
        wanted = tables.content(
            settings=self._in.settings,
            secrets=known.secrets(self._time.retiring()),
            refuse_all=self._refuse_all or self.full,
        )
        if wanted != self._written:
            changes = self._database.apply(wanted)
            if self._written is not None:
                _LOG.info("changed %d rows that coturn reads", changes)
            self._written = wanted
            self._changed()
        # Also where no row differs: another generation may hold the same secrets.
        self.in_force = known
        self.live_hash = self._in.settings.live.digest

    def _fail(self, reason: lifecycle.Reason, sentence: str) -> None:
        self._note(lifecycle.Obstacle(reason=reason, sentence=sentence))

    def _note(self, fault: lifecycle.Obstacle | None) -> None:
        self.fault = fault
        self._in.complain("state", None if fault is None else fault.sentence)
