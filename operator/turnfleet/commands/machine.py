"""A whole fleet in one process: binds source, relays, probes and endpoint, and ends them together.

When one part ends by itself, all end, with a sentence: half a machine would look like a whole one.
"""

import asyncio
import dataclasses
import errno
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from turnfleet.api import app, board, options, serving
from turnfleet.commands import learning, output, together, welcome
from turnfleet.geo import atlas
from turnfleet.local import blueprints, certificates, host, relays, secrets
from turnfleet.model import fleet, geo
from turnfleet.plan import placement, ports
from turnfleet.probe import prober
from turnfleet.sources import folder
from turnfleet.steer.backbone import estimating

_GRACE: Final = 1.0
"""Seconds that open requests have when the program ends."""
_REFRESH: Final = 60.0
"""Seconds between two looks for newer geo databases."""

_log = logging.getLogger("turnfleet.run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for, already checked."""

    state: Path
    listen: tuple[str, int]
    address: str | None
    ground: placement.Ground
    turnserver: str
    databases: Path
    """Folder of geo databases."""
    networks: Path | None
    default_place: geo.Place | None
    page: bool

    @property
    def sites(self) -> tuple[tuple[str, int], ...]:
        """Return where the endpoint listens."""
        if self.address is None:
            return (self.listen,)
        return (self.listen, (self.address, self.listen[1]))

    def options(self) -> options.Options:
        """Return the endpoint's options."""
        whole = options.loopback() if self.address is None else options.at_address(self.address)
        whole = dataclasses.replace(whole, page=self.page)
        if self.default_place is None:
            return whole
        return dataclasses.replace(whole, default_place=self.default_place)


async def serve(
    wishes: Wishes,
    *,
    source: folder.Folder,
    console: output.Console,
    clock: Callable[[], float],
    ticks: Callable[[], float],
    token: Callable[[int], bytes],
) -> None:
    """Run everything until a signal asks for the end; leave no process behind."""
    asked = together.on_signals(asyncio.get_running_loop())
    try:
        machine = Machine(wishes, source=source, clock=clock, ticks=ticks, token=token)
    except OSError as error:
        raise output.Failure(unwritable(wishes.state, error)) from None
    except secrets.Unavailable as problem:
        raise output.Failure(f"this fleet {problem}.") from None
    async with machine.learned.kept():
        await machine.listen()
        parts = [asyncio.create_task(part, name=name) for name, part in machine.parts().items()]
        greeting = asyncio.create_task(machine.greet(console), name="greeting")
        ending = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({*parts, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                raise together.failure(parts)
            console.say("\nEnding.")
        finally:
            tasks = (*parts, greeting, ending)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, machine.close(), return_exceptions=True)


class Machine:
    """The parts, wired."""

    def __init__(
        self,
        wishes: Wishes,
        *,
        source: folder.Folder,
        clock: Callable[[], float],
        ticks: Callable[[], float],
        token: Callable[[int], bytes],
    ) -> None:
        self._wishes = wishes
        self._source = source
        self._folder_news = together.News(_log)
        self._relays_news = together.News(_log)
        self._transports_news = together.News(_log)
        self.board = board.Board()
        vault = secrets.Vault(wishes.state / "secrets", token=token)
        self.relays = relays.LocalRelays(
            wishes.state / "relays",
            machine=blueprints.Machine(
                ground=wishes.ground,
                turnserver=wishes.turnserver,
                lowest_port=host.lowest_port(),
                taken=tuple(_claim(*site) for site in wishes.sites if site[1]),
            ),
            vault=vault,
            authority=certificates.Authority(wishes.state / "tls", clock=clock),
            changed=self._take,
            clock=clock,
            ticks=ticks,
            token=token,
        )
        self.prober = prober.Prober(
            published=lambda: self.board.published,
            publish=self._judge,
            heard=lambda key, usage: self.board.heard(key, usage, at=clock()),
            agent_key=vault.agent_key,
            clock=ticks,
            wall=clock,
            rng=random.Random(token(16)),  # noqa: S311 - spreads probes, guards nothing
        )
        self.board.on_publish(self.prober.source_changed)
        self.learned = learning.Learned(state=wishes.state / "learned", clock=clock, ticks=ticks)
        self.learned.rekey(vault.fleet_key)
        self._atlas = atlas.open(wishes.databases, wishes.networks, _log.warning)
        self._runner = serving.Runner(
            app.create(
                current=self.board,
                atlas=self._atlas,
                estimator=estimating.Backbone(),
                fleet_key=vault.fleet_key,
                opts=wishes.options(),
                clock=clock,
                entropy=token,
                prober=self.prober,
                attributions=lambda: [str(found) for found in self._atlas.attributions],
                learned=self.learned.sources,
                more=self.learned.measured,
            ),
            grace=_GRACE,
        )

    def parts(self) -> dict[str, Coroutine[None, None, None]]:
        """Return what has to go on for as long as the program does, by name."""
        return {
            "folder": self._follow(),
            "relays": self.relays.run(),
            "prober": self.prober.run(),
            "atlas": self._refresh(),
        }

    async def greet(self, console: output.Console) -> None:
        """Print what there is, once it is ready."""
        await welcome.say(
            console,
            url=_url(*self._runner.addresses[-1][:2]),
            running=self.relays.running,
            current=self.board,
            prober=self.prober,
            page=self._wishes.page,
        )

    async def listen(self) -> None:
        """Open the endpoint's ports, before any relay starts."""
        await self._runner.setup()
        try:
            for address, port in self._wishes.sites:
                await web.TCPSite(self._runner, address, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise output.Failure(_unbound(address, port, error)) from None
        for name, port, *_ in self._runner.addresses:
            _log.info("The endpoint listens at %s", _url(name, port))

    async def close(self) -> None:
        """Close the endpoint."""
        await self._runner.cleanup()

    async def _follow(self) -> None:
        async for snapshot in self._source.watch():
            self._folder_news.tell(snapshot.complaints)
            self.relays.apply(snapshot.specs, held=snapshot.held)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH)
            await asyncio.to_thread(self._atlas.refresh)

    def _judge(self, health: Mapping[fleet.RelayKey, fleet.Health]) -> None:
        self.board.publish_health(health)
        self._transports_news.tell(
            [
                f"{key.relay} is offered without {transport}: {reason.sentence}"
                for key, found in health.items()
                if found.reason is None
                for transport, reason in found.failing
            ]
        )

    def _take(self) -> None:
        self.board.publish_regions(self.relays.published())
        self._relays_news.tell(self.relays.problems)


def unwritable(state: Path, error: OSError) -> str:
    """Return the sentence for a state folder that does not work."""
    return (
        f"{error.filename or state} cannot be used ({error.strerror}); "
        "give a folder that can be written with --state."
    )


def _claim(address: str, port: int) -> ports.Claim:
    return ports.Claim(
        owner="the endpoint",
        purpose="port",
        protocol="tcp",
        address=address,
        first=port,
        last=port,
    )


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _unbound(address: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            other = port + 1 if port < ports.LAST else port - 1
            return (
                f"port {port} of {address} is in use by another program; "
                f"choose another one, e.g. --listen 127.0.0.1:{other}."
            )
        case errno.EACCES:
            return f"port {port} needs root; choose one from 1024 on, e.g. --listen 127.0.0.1:8080."
        case _:
            return f"cannot listen on {address}, port {port}: {error.strerror}."
