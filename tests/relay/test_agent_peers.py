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
            places = {0, min(1, size - 1), size // 3, size // 2, size - 1}
            found += [str(network[at]) for at in sorted(places)]
    return [address for address in found if address not in {"::", "0.0.0.0"}]  # noqa: S104


SERVICES = {
    4: (
        "169.254.169.254",  # metadata of most clouds
        "169.254.170.2",  # credentials of containers (AWS)
        "100.100.100.200",  # metadata (Alibaba)
        "192.0.0.192",  # metadata (Oracle)
        "168.63.129.16",  # host services (Azure)
    ),
    6: (
        "fd00:ec2::254",  # metadata (AWS)
        "fd20:ce::254",  # metadata (Google)
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "2002:a9fe:a9fe::1",  # 6to4
        "2001:0:a9fe:a9fe::5601:5601",  # Teredo
    ),
}
"""What must not be reached through a relay, in the forms that may lead there."""


def taken(family: int) -> list[str]:
    """Return peers to be refused: samples of every range, and the services."""
    return [*samples(family), *SERVICES[family]]


async def refusals(allocation: turn.Allocation, peers: list[str]) -> dict[str, tuple[int, int]]:
    """Return what CreatePermission and ChannelBind meet for each peer; 0 is no refusal."""
    return {
        peer: (
            await agents.permission(allocation, peer),
            await agents.channel(allocation, 0x4000 + number, peer),
        )
        for number, peer in enumerate(peers)
    }


async def test_no_address_of_the_built_in_list_is_a_peer(tmp_path: Path) -> None:
    async with agents.prepared(
        tmp_path, bind="::1", families=["IPv4", "IPv6"], relayPorts=PORTS,
        listeners={"udp": 20300, "tcp": 20300},
    ) as agent:  # fmt: skip
        await agent.start()
        await agent.ready()
        four = turn.Server(address=agent.address, port=20300, transport=turn.Transport.UDP)
        async with agent.allocation(server=four) as allocation:
            assert await refusals(allocation, taken(4)) == dict.fromkeys(taken(4), (403, 403))
            for public in ("1.1.1.1", "9.255.255.255", "11.0.0.0", "172.32.0.0", "223.255.255.255"):
                assert await agents.permission(allocation, public) == 0
        six = turn.Server(address="::1", port=20300, transport=turn.Transport.UDP)
        async with agent.allocation(server=six, family="IPv6") as allocation:
            assert await refusals(allocation, taken(6)) == dict.fromkeys(taken(6), (403, 403))
            for public in ("2606:4700::1111", "2a00::1", "2003::"):
                assert await agents.permission(allocation, public) == 0


async def test_a_media_server_is_let_through_beside_denied_neighbours(tmp_path: Path) -> None:
    media, neighbour = "10.7.0.10", "10.7.0.11"
    rules = {"deny": ["9.9.9.0/24"], "allow": [media, "9.9.9.9"]}
    async with agents.running(tmp_path, live_peers=rules) as agent, agent.allocation() as call:
        allowed, denied = (media, "9.9.9.9"), (neighbour, "9.9.9.8", "169.254.169.254")
        assert await refusals(call, [*allowed, *denied]) == (
            dict.fromkeys(allowed, (0, 0)) | dict.fromkeys(denied, (403, 403))
        )


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
