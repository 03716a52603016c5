"""The relays of this machine: turns what is declared into running relays, and publishes them.

Decides nothing that ``plan`` can decide: it looks, asks for the changes, executes them. A region
that cannot be served as declared stays as it is, with a sentence in ``problems``.
"""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

import aiohttp

from turnfleet.local import blueprints, certificates, relay, secrets
from turnfleet.model import fleet, region
from turnfleet.plan import placement
from turnfleet.plan import relays as plan
from turnrelay import contract

LOOK_EVERY: Final = 1.0
"""Seconds between two looks when nothing happens: some changes come with time alone."""
_DRAIN_GRACE: Final = 60.0
"""Seconds beyond ``drain.timeout`` before a draining agent is ended by force."""

_log = logging.getLogger("turnfleet.local")


class LocalRelays:
    """Runs relays, each in a folder of its own under ``folder``.

    ``changed`` is called when ``published`` or ``problems`` have changed; ``clock`` gives Unix
    seconds, ``ticks`` monotonic ones; ``token`` returns that many random bytes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        machine: blueprints.Machine,
        vault: secrets.Vault,
        authority: certificates.Authority,
        changed: Callable[[], None],
        clock: Callable[[], float],
        ticks: Callable[[], float],
        token: Callable[[int], bytes],
    ) -> None:
        self._folder = folder
        self._machine = machine
        self._vault = vault
        self._authority = authority
        self._changed = changed
        self._clock = clock
        self._ticks = ticks
        self._token = token
        self._specs: tuple[region.RegionSpec, ...] = ()
        self._held: frozenset[str] = frozenset()
        self._accepted: dict[str, region.RegionSpec] = {}
        self._draft = blueprints.Draft(blueprints={}, refused={}, unheeded=())
        self._relays: dict[fleet.RelayKey, relay.Relay] = {}
        self._published: tuple[fleet.Published, ...] = ()
        self._problems: tuple[str, ...] = ()
        self._poked = asyncio.Event()

    def apply(self, specs: Sequence[region.RegionSpec], *, held: Collection[str] = ()) -> None:
        """Take what is declared now; relays of ``held`` regions go on, whatever it says."""
        self._specs = tuple(specs)
        self._held = frozenset(held)
        self._poked.set()

    def published(self) -> tuple[fleet.Published, ...]:
        """Return every declared region with its relays, as endpoints see them."""
        return self._published

    @property
    def problems(self) -> tuple[str, ...]:
        """Return a sentence for everything that keeps a region from being as declared."""
        return self._problems

    def running(self) -> tuple[relay.Relay, ...]:
        """Return the relays of this machine, also those that only drain, sorted by name."""
        return tuple(self._relays[key] for key in sorted(self._relays))

    async def run(self) -> None:
        """Keep relays as declared until cancelled; then end all of them at once."""
        # Left by a program that was killed: its relays ended with it.
        shutil.rmtree(self._folder, ignore_errors=True)
        try:
            async with (
                aiohttp.ClientSession(trust_env=False) as session,
                asyncio.TaskGroup() as group,
            ):
                while True:
                    self._poked.clear()
                    self._reconcile(group, session)
                    with contextlib.suppress(TimeoutError):
                        # Not wait_for, which before Python 3.12 drops a cancellation that meets
                        # the end of its wait: this loop would go on for ever.
                        async with asyncio.timeout(LOOK_EVERY):
                            await self._poked.wait()
        finally:
            self._relays.clear()

    def _reconcile(self, group: asyncio.TaskGroup, session: aiohttp.ClientSession) -> None:
        """Look, plan, execute, publish. A machine that fails leaves everything as it is."""
        problems: tuple[str, ...]
        try:
            self._draft = blueprints.draft(
                specs=self._specs,
                occupied=self._occupied(),
                machine=self._machine,
                vault=self._vault,
                authority=self._authority,
            )
            self._execute(group, session)
            refused = self._draft.refused
            problems = (*(refused[name] for name in sorted(refused)), *self._draft.unheeded)
        except OSError as error:
            problems = (f"Every relay stays as it is, because {error}.",)
        self._publish(problems)

    def _occupied(self) -> tuple[placement.Place, ...]:
        """Return the places of what runs, and of what is about to run again where it was."""
        declared = {spec.name for spec in self._specs}
        planned = {
            key: blueprint.place
            for key, blueprint in self._draft.blueprints.items()
            if key.region in declared
        }
        running = {key: each.blueprint.place for key, each in self._relays.items()}
        return tuple({**planned, **running}.values())

    def _execute(self, group: asyncio.TaskGroup, session: aiohttp.ClientSession) -> None:
        drafted = self._draft.blueprints
        changes = plan.changes(
            desired=[blueprint.desired() for blueprint in drafted.values()],
            running=[each.running() for each in self._relays.values()],
            now=self._clock(),
            held=self._held | self._draft.refused.keys(),
        )
        for key in changes.start:
            self._relays[key] = started = self._made(drafted[key])
            group.create_task(self._keep(started, session), name=f"relay {key.relay}")
        for key in changes.update:
            _log.debug("%s is told of an edit", key.relay)
            self._relays[key].update(drafted[key])
        for key in changes.drain:
            why = "is replaced" if key in drafted else "is no longer declared"
            _log.info("%s %s and drains", key.relay, why)
            leaving = self._relays[key]
            blueprint = drafted.get(key, leaving.blueprint)
            leaving.drain(timeout=blueprint.drain_timeout + _DRAIN_GRACE)

    def _made(self, blueprint: relay.Blueprint) -> relay.Relay:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._folder / blueprint.place.key.relay
        shutil.rmtree(folder, ignore_errors=True)
        return relay.Relay(
            blueprint,
            folder=folder,
            token=lambda: self._token(3).hex(),
            changed=self._poked.set,
            clock=self._clock,
            ticks=self._ticks,
        )

    async def _keep(self, kept: relay.Relay, session: aiohttp.ClientSession) -> None:
        try:
            await kept.run(session, key=self._vault.agent_key)
            _log.info("%s has ended", kept.key.relay)
        finally:
            self._relays.pop(kept.key, None)
            self._poked.set()

    def _publish(self, problems: tuple[str, ...]) -> None:
        declared = {spec.name: spec for spec in self._specs}
        refused = self._draft.refused
        self._accepted = {
            # A region that is held or refused goes on as it was accepted last.
            name: self._accepted.get(name, spec) if name in refused else spec
            for name, spec in declared.items()
        }
        published = tuple(self._region(spec) for _, spec in sorted(self._accepted.items()))
        if (published, problems) != (self._published, self._problems):
            self._published = published
            self._problems = problems
            self._changed()

    def _region(self, spec: region.RegionSpec) -> fleet.Published:
        members = [each for each in self.running() if each.key.region == spec.name]
        tls = next((each.blueprint.tls for each in members if each.blueprint.tls), None)
        return fleet.Published(
            spec=spec,
            relays=tuple(member.published() for member in members if member.instance),
            secret=self._vault.secret(spec.name),
            ca=_text(tls / contract.TLS_CA) if tls is not None else None,
        )


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
