"""The prober against real relays: what dies leaves, what lies is named, what returns waits."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support import coturn, described, watching

from turnfleet.model import fleet
from turnfleet.model.region import Transport
from turnfleet.probe import cadence
from turnrelay import turn

EVERYTHING = frozenset(Transport)
AUTHORITY = coturn.authority()
A = fleet.RelayKey("here", "a")
B = fleet.RelayKey("here", "b")
SOON = cadence.Cadence().trial_interval / 2
"""Seconds: of itself the prober would look later."""
HASTY = cadence.Cadence(packet_timeout=0.5, hold_first=1.0, trial_again=1.0)
"""As in production, only less patient, so that tests end."""


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[coturn.Coturn, coturn.Coturn]]:
    async with contextlib.AsyncExitStack() as stack:
        relays = [
            await stack.enter_async_context(
                coturn.running(
                    tmp_path / address,
                    address,
                    certificate=AUTHORITY.issue(tmp_path / address, [address]),
                )
            )
            for address in ("127.20.2.1", "127.20.2.2")
        ]
        yield relays[0], relays[1]


def pair_region(pair: tuple[coturn.Coturn, coturn.Coturn]) -> fleet.Published:
    relays = [described.relay(running, name) for running, name in zip(pair, "ab", strict=True)]
    return described.region(relays, ca=AUTHORITY.pem)


async def test_relays_that_pass_a_clients_test_are_offered_on_every_transport(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    async with watching.watching(pair_region(pair)) as watch:
        for key in (A, B):
            assert watch.health[key] == fleet.Health(working=EVERYTHING, reason=None)
        assert watch.prober.suspicion is None


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_relay_that_dies_or_hangs_leaves_within_three_seconds(
    pair: tuple[coturn.Coturn, coturn.Coturn], end: str
) -> None:
    async with watching.watching(pair_region(pair)) as watch:
        getattr(pair[0], end)()
        took = await watch.until(lambda: watch.reason(A) is not None, within=3.0)
        assert watch.reason(A) is fleet.Reason.UNREACHABLE
        assert watch.reason(B) is None
        assert took < 3.0


async def test_when_every_relay_dies_the_last_set_is_kept_and_the_prober_says_so(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    async with watching.watching(pair_region(pair)) as watch:
        for running in pair:
            running.kill()
        await watch.until(lambda: watch.prober.suspicion is not None)
        await asyncio.sleep(1.0)
        assert (watch.reason(A), watch.reason(B)) == (None, None)
        assert "keeping the last set" in str(watch.prober.suspicion)


async def test_a_relay_that_comes_back_is_held_back_for_a_while(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    async with watching.watching(pair_region(pair), rhythm=HASTY) as watch:
        pair[0].stop()
        await watch.until(lambda: watch.reason(A) is not None)
        pair[0].resume()
        await watch.until(lambda: watch.reason(A) is fleet.Reason.DAMPED)
        began = time.monotonic()
        await watch.until(lambda: watch.reason(A) is None)
        assert time.monotonic() - began > HASTY.hold_first / 2


async def test_a_wrong_secret_is_a_bad_credential_and_the_right_one_mends_it_at_once(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    wrong = described.region([described.relay(pair[0], "a")], secret=b"another", ca=AUTHORITY.pem)
    right = described.region([described.relay(pair[1], "b", region="there")], name="there")
    async with watching.watching(wrong, right) as watch:
        assert watch.reason(A) is fleet.Reason.BAD_CREDENTIAL
        mended = described.region([described.relay(pair[0], "a")], ca=AUTHORITY.pem)
        watch.republish(mended, right)
        await watch.until(lambda: watch.reason(A) is None, within=SOON)


async def test_a_certificate_of_an_unknown_authority_takes_away_tls_alone_and_says_so(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    relays = [described.relay(running, name) for running, name in zip(pair, "ab", strict=True)]
    async with watching.watching(
        described.region(relays, ca="-----not a certificate-----")
    ) as watch:
        for key in (A, B):
            assert watch.health[key] == fleet.Health(
                working=EVERYTHING - {Transport.TLS},
                failing=((Transport.TLS, fleet.Reason.CERTIFICATE_UNKNOWN),),
                reason=None,
            )


async def test_a_name_that_does_not_lead_to_the_relay_is_not_offered(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    named = described.region(
        [described.relay(pair[0], "a", hostname="localhost"), described.relay(pair[1], "b")],
        ca=AUTHORITY.pem,
    )
    async with watching.watching(named) as watch:
        assert watch.reason(A) is fleet.Reason.NAME_UNRESOLVED
        assert watch.reason(B) is None


@pytest.mark.parametrize(
    "options",
    [["--external-ip=127.20.66.6"], ["--denied-peer-ip=127.0.0.0-127.255.255.255"]],
    ids=["a black hole", "every peer denied"],
)
async def test_closed_relay_ports_are_blamed_on_the_right_relay(
    pair: tuple[coturn.Coturn, coturn.Coturn], tmp_path: Path, options: list[str]
) -> None:
    async with coturn.running(tmp_path / "c", "127.20.2.3", options=options) as closed:
        relays = [
            described.relay(running, name)
            for running, name in zip((*pair, closed), "abc", strict=True)
        ]
        async with watching.watching(
            described.region(relays, ca=AUTHORITY.pem), rhythm=HASTY
        ) as watch:
            blamed = fleet.Reason.RELAY_PORTS_CLOSED
            await watch.until(lambda: watch.reason(fleet.RelayKey("here", "c")) is blamed)
            assert (watch.reason(A), watch.reason(B)) == (None, None)


async def test_a_single_relay_proves_its_ports_with_itself(tmp_path: Path) -> None:
    async with coturn.running(tmp_path / "a", "127.20.2.4") as alone:
        region = described.region([described.relay(alone, "a")])
        async with watching.watching(region) as watch:
            assert watch.reason(A) is None
    options = ["--denied-peer-ip=127.0.0.0-127.255.255.255"]
    async with coturn.running(tmp_path / "b", "127.20.2.4", options=options) as closed:
        region = described.region([described.relay(closed, "a")])
        async with watching.watching(region, rhythm=HASTY) as watch:
            assert watch.reason(A) is fleet.Reason.RELAY_PORTS_CLOSED


async def test_a_full_relay_says_so(tmp_path: Path) -> None:
    options = ["--total-quota=1"]
    async with coturn.running(tmp_path, "127.20.2.5", udp=True, options=options) as full:
        username, password = coturn.credential()
        server = turn.Server(address=full.address, port=3478, transport=turn.Transport.TCP)
        async with turn.connect(server, timeout=2) as connection:
            await connection.allocate(username=username, password=password)
            async with watching.watching(described.region([described.relay(full, "a")])) as watch:
                assert watch.reason(A) is fleet.Reason.FULL


async def test_a_relay_without_udp_is_watched_over_tcp(tmp_path: Path) -> None:
    async with (
        coturn.running(tmp_path / "a", "127.20.2.6", udp=False) as streaming,
        coturn.running(tmp_path / "b", "127.20.2.7") as other,
    ):
        region = described.region([described.relay(streaming, "a"), described.relay(other, "b")])
        async with watching.watching(region) as watch:
            assert watch.health[A].working == {Transport.TCP}
            streaming.stop()
            await watch.until(lambda: watch.reason(A) is not None)
            streaming.resume()
            await watch.until(lambda: watch.reason(A) is None)


async def test_a_new_relay_is_offered_at_once_and_a_removed_one_forgotten(
    pair: tuple[coturn.Coturn, coturn.Coturn],
) -> None:
    first = described.region([described.relay(pair[0], "a")], ca=AUTHORITY.pem)
    async with watching.watching(first) as watch:
        watch.republish(pair_region(pair))
        await watch.until(lambda: B in watch.health and watch.health[B].reason is None, within=SOON)
        watch.republish(first)
        await watch.until(lambda: set(watch.health) == {A}, within=SOON)


async def test_a_prober_with_nothing_to_probe_is_settled_at_once() -> None:
    async with watching.watching() as watch:
        assert watch.health == {}
        assert watch.prober.suspicion is None
