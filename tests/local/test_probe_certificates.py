"""What a certificate that changes means for what endpoints offer, with a real agent and coturn."""

import datetime as dt
from pathlib import Path

from tests.support import agents, coturn, described, watching

from turnfleet.model import fleet
from turnfleet.model import region as declared
from turnfleet.model.region import Transport
from turnrelay import contract

EVERYTHING = frozenset(Transport)
LISTENERS = {"udp": 3478, "tcp": 3478, "tls": 5349}
OWN = {"deny": [], "allow": ["127.30.0.0/16"]}
A = fleet.RelayKey("here", "a")
TLS = Transport.TLS
SOON = 15.0
"""Seconds; a test without news comes every 30 s only."""


def relay(agent: agents.Agent) -> fleet.Relay:
    """Describe a relay as its source would."""
    return fleet.Relay(
        region="here",
        name="a",
        instance="one",
        node="a",
        zone=None,
        addresses=(agent.address,),
        hostname=None,
        listeners=declared.Listeners(udp=3478, tcp=3478, tls=5349),
        agent=fleet.AgentAddress(address=agent.address, port=9641),
        state=contract.State.READY,
        since=0.0,
    )


def put(agent: agents.Agent, pair: tuple[Path, Path]) -> None:
    certificate, key = pair
    agent.put("tls/tls.key", key.read_text())
    agent.put("tls/tls.crt", certificate.read_text())


async def test_a_renewed_certificate_is_tried_at_once_whether_it_is_better_or_worse(
    tmp_path: Path,
) -> None:
    authority = coturn.authority()
    async with agents.prepared(tmp_path, listeners=LISTENERS, live_peers=OWN) as agent:
        agent.certify(authority)
        await agent.start()
        await agent.ready()
        region = described.region([relay(agent)], secret=agents.SECRET.encode(), ca=authority.pem)
        async with watching.watching(region, agent_key=agents.KEY) as watch:
            await watch.until(lambda: watch.health[A].working == EVERYTHING, within=SOON)
            put(agent, coturn.authority().issue(tmp_path / "other", [agent.address]))
            await watch.until(lambda: TLS not in watch.health[A].working, within=SOON)
            assert watch.health[A].failing == ((TLS, fleet.Reason.CERTIFICATE_UNKNOWN),)
            assert watch.reason(A) is None, "the rest of the relay is well"
            agent.certify(authority)
            await watch.until(lambda: watch.health[A].working == EVERYTHING, within=SOON)


async def test_a_certificate_out_of_its_dates_takes_away_tls_alone_and_says_so(
    tmp_path: Path,
) -> None:
    authority = coturn.authority()
    for days in (-10, 10):
        folder = tmp_path / str(days)
        pair = authority.issue(folder, ["127.20.7.1"], begins=dt.timedelta(days=days))
        async with coturn.running(folder, "127.20.7.1", certificate=pair) as running:
            region = described.region([described.relay(running, "a")], ca=authority.pem)
            async with watching.watching(region) as watch:
                assert watch.health[A].working == EVERYTHING - {TLS}
                assert watch.health[A].failing == ((TLS, fleet.Reason.CERTIFICATE_EXPIRED),)


async def test_a_certificate_for_another_name_is_told_from_one_of_an_unknown_authority(
    tmp_path: Path,
) -> None:
    authority, other = coturn.authority(), coturn.authority()
    for signed_by, name, reason in (
        (authority, "192.0.2.7", fleet.Reason.CERTIFICATE_MISMATCH),
        (other, "127.20.7.1", fleet.Reason.CERTIFICATE_UNKNOWN),
    ):
        folder = tmp_path / reason
        pair = signed_by.issue(folder, [name])
        async with coturn.running(folder, "127.20.7.1", certificate=pair) as running:
            region = described.region([described.relay(running, "a")], ca=authority.pem)
            async with watching.watching(region) as watch:
                assert watch.health[A].failing == ((TLS, reason),)


async def test_a_certificate_that_browsers_take_is_taken(tmp_path: Path) -> None:
    """It has no authority key identifier, as many private authorities leave it out."""
    authority = coturn.authority()
    pair = authority.issue(tmp_path, ["127.20.7.2"], identified=False)
    async with coturn.running(tmp_path, "127.20.7.2", certificate=pair) as running:
        region = described.region([described.relay(running, "a")], ca=authority.pem)
        async with watching.watching(region) as watch:
            assert watch.health[A].working == EVERYTHING
