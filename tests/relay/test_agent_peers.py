"""Every built-in range is denied by a real coturn, in both address families."""

from pathlib import Path

from tests.support import agents

from turnrelay import ranges, turn

PORTS = {"min": 20000, "max": 20200}


def samples(family: int) -> list[str]:
    """Return the first, a middle and the last address of each range of a family."""
    found = []
    for network in ranges.built_in():
        if network.version == family:
            size = network.num_addresses
            found += [str(network[at]) for at in (0, 1, size // 3, size // 2, size - 1)]
    return [address for address in found if address not in {"::", "0.0.0.0"}]  # noqa: S104


async def test_no_address_of_the_built_in_list_is_a_peer(tmp_path: Path) -> None:
    async with agents.prepared(
        tmp_path, bind="::1", families=["IPv4", "IPv6"], relayPorts=PORTS,
        listeners={"udp": 20300, "tcp": 20300},
    ) as agent:  # fmt: skip
        await agent.start()
        await agent.ready()
        four = turn.Server(address=agent.address, port=20300, transport=turn.Transport.UDP)
        async with agent.allocation(server=four) as allocation:
            assert {
                peer: await agents.permission(allocation, peer) for peer in samples(4)
            } == dict.fromkeys(samples(4), 403)
            for public in ("1.1.1.1", "9.255.255.255", "11.0.0.0", "172.32.0.0", "223.255.255.255"):
                assert await agents.permission(allocation, public) == 0
        six = turn.Server(address="::1", port=20300, transport=turn.Transport.UDP)
        async with agent.allocation(server=six, family="IPv6") as allocation:
            assert {
                peer: await agents.permission(allocation, peer) for peer in samples(6)
            } == dict.fromkeys(samples(6), 403)
            for public in ("2606:4700::1111", "2a00::1", "2003::"):
                assert await agents.permission(allocation, public) == 0


async def test_a_mapped_relay_tells_its_public_address_and_keeps_its_own_denied(
    tmp_path: Path,
) -> None:
    public = "198.51.100.7"
    async with agents.prepared(tmp_path) as agent:
        agent.put("addresses", public)
        await agent.start()
        await agent.ready()
        async with agent.allocation() as allocation:
            assert allocation.relayed.ip == public
            assert await agents.permission(allocation, agent.address) == 403
            # coturn takes the public address for the own one, so it is denied with that.
            assert await agents.permission(allocation, public) == 403


async def test_allowing_nothing_in_particular_does_not_allow_everything(tmp_path: Path) -> None:
    nothing = ["0.0.0.0/32", "::/128", "::/127"]
    async with (
        agents.running(tmp_path, live_peers={"allow": nothing}) as agent,
        agent.allocation() as allocation,
    ):
        assert await agents.permission(allocation, "127.0.0.1") == 403
        assert await agents.permission(allocation, "10.0.0.1") == 403
