"""What the agent's mounted files say: the last usable version of each, and what is wrong with them.

A file that turns into something unusable changes nothing but ``complaints``.
"""

import logging
from dataclasses import replace
from pathlib import Path

from turnrelay import auth, certificate, config, mounts, naming, options, placing, ports, rendering

_LOG = logging.getLogger(__name__)


class Intake:
    """Reads the files again on every ``poll``; they are small, and few."""

    def __init__(
        self, *, told: options.Options, files: rendering.Files, settings: config.Config
    ) -> None:
        self._told = told
        self._files = files
        self._complaints: dict[str, str] = {}
        self._seen_config: bytes | None = None
        self._installed: certificate.Pair | None = None
        self._addresses = b""
        """Empty until the file has once had content."""
        self.settings = settings
        """As read at the start, with ``live`` and the drain timeout of the last good version."""
        self.auth: auth.Auth | None = None
        self.agent_key: str | None = None
        self.certificate: certificate.Certificate | None = None
        """The one installed in the state folder."""

    def place(self) -> placing.Placing | tuple[config.Problem, ...]:
        """Return where the relay has to serve by what is known now, or why it cannot."""
        return self._place(self._addresses)

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return a sentence for each file that cannot be used now."""
        return tuple(self._complaints.values())

    def poll(self) -> None:
        """Take over what changed."""
        self._poll_config()
        self._poll_auth()
        self._poll_addresses()

    def poll_certificate(self, now: float) -> None:
        """Install the mounted certificate if it is new and fit; ``now`` in Unix seconds.

        The state folder has to be this agent's: what an earlier one left there is in force.
        """
        if self._told.tls is None or self.settings.listeners.tls is None:
            return
        if self._installed is None and (left := certificate.recall(self._files)) is not None:
            self._installed, self.certificate = left
        found = certificate.read(self._told.tls)
        outcome: certificate.Certificate | str | None = self.certificate
        if isinstance(found, str):
            outcome = found
        elif found != self._installed:
            # Failing is not remembered: it may be the disk that is full for a while.
            outcome = certificate.install(
                found, self._files, now=now, before=self.certificate, sought=self._sought()
            )
            if isinstance(outcome, certificate.Certificate):
                self._installed, self.certificate = found, outcome
        if isinstance(outcome, certificate.Certificate):
            outcome = outcome.fault(now)
        self.complain("tls", outcome)

    def complain(self, source: str, sentence: str | None) -> None:
        """Note what is wrong with a source, once; ``None`` when it is well again."""
        if sentence is None:
            self._complaints.pop(source, None)
        elif self._complaints.get(source) != sentence:
            self._complaints[source] = sentence
            _LOG.warning("%s", sentence)

    def complaint(self, source: str) -> str | None:
        """Return what is wrong with a source."""
        return self._complaints.get(source)

    def _sought(self) -> naming.Sought:
        placed = self.place()
        return naming.Sought(
            hostname=self.settings.live.hostname,
            addresses=placed.public if isinstance(placed, placing.Placing) else (),
        )

    def _place(self, addresses: bytes) -> placing.Placing | tuple[config.Problem, ...]:
        return placing.place(
            settings=self.settings,
            bind=self._told.bind,
            addresses=addresses,
            is_own=ports.is_own,
        )

    def _poll_config(self) -> None:
        content = self._read("config", self._told.config)
        if content is None:
            self._seen_config = None
            return  # absent in the instant of being replaced, perhaps
        if content == self._seen_config:
            return
        self._seen_config = content
        found = config.parse(content)
        if not isinstance(found, config.Config):
            listed = "; ".join(map(str, found))
            self.complain("config", f"the configuration changed and cannot be used: {listed}")
            return
        # The deadline of a drain is whatever is declared when it begins: whoever deletes a relay
        # gives it that time too.
        self.settings = replace(self.settings, live=found.live, drain_timeout=found.drain_timeout)
        lasting = found.digest == self.settings.digest
        sentence = "the configuration changed in what only a new relay can follow"
        self.complain("config", None if lasting else sentence)

    def _poll_auth(self) -> None:
        self.agent_key = auth.read_agent_key(self._told.auth) or self.agent_key
        found = auth.read(self._told.auth)
        if isinstance(found, str):
            self.complain("auth", found)
            return
        self.complain("auth", None)
        self.auth = found

    def _poll_addresses(self) -> None:
        content = self._read("addresses", self._told.addresses)
        if content is None:
            return
        sentence = None
        if content.strip() and content != self._addresses:
            found = self._place(content)
            if isinstance(found, placing.Placing) or not isinstance(self.place(), placing.Placing):
                self._addresses = content
            else:
                listed = "; ".join(map(str, found))
                sentence = f"the addresses changed and cannot be used: {listed}"
        self.complain("addresses", sentence)

    def _read(self, source: str, path: Path) -> bytes | None:
        try:
            content = mounts.read_file(path)
        except mounts.Unreadable as error:
            self.complain(source, error.sentence)
            return None
        return content
