"""Clients complain of a relay: the prober is asked at once, some users go elsewhere, few in all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from tests.support import beacons, complainers, endpoints, worlds

from turnfleet.api import board, options
from turnfleet.learn import complaints

REGIONS = (
    worlds.a_region("eu-central", at=(50.11, 8.68), relays=8, octet=1),
    worlds.a_region("us-east", at=(38.95, -77.45), relays=3, octet=2),
)
EVERY_UDP = tuple(
    f"turn:{relay.addresses[0]}:3478?transport=udp" for one in REGIONS for relay in one.relays
)
RELAYS = dict(zip(EVERY_UDP, [relay.key for one in REGIONS for relay in one.relays], strict=True))


@pytest.fixture
def current() -> board.Board:
    """Publish a region of eight relays and one of three, all well."""
    written = board.Board()
    written.publish_regions(REGIONS)
    written.publish_health(worlds.all_well(REGIONS))
    return written


@pytest.fixture
def prober() -> endpoints.WrittenProber:
    """Write down what is asked of a prober."""
    return endpoints.WrittenProber()


@pytest.fixture
async def endpoint(
    current: board.Board, prober: endpoints.WrittenProber
) -> AsyncIterator[endpoints.Running]:
    """Run an endpoint that believes a proxy."""
    opts = complainers.behind_a_proxy()
    async with endpoints.running(current, opts, prober=prober) as running:
        yield running


async def complain(endpoint: endpoints.Running, client: str, url: str, *, code: int = 701) -> None:
    """Have a client ask until it is offered a URL, and say that it fails where another works."""
    for _ in range(200):
        urls = await complainers.tell(
            endpoint, client, fails=[url], works=[each for each in EVERY_UDP if each != url],
            code=code,
        )  # fmt: skip
        if url in urls:
            return
    raise AssertionError(f"{url} was never offered")


async def doubted(endpoint: endpoints.Running) -> dict[str, float]:
    """Return the part of their users that doubted relays may lose, as ``explain`` says."""
    document = (await endpoint.get("/api/explain")).json
    return {
        taken["relay"]: taken["leaves"]
        for region in document["regions"]
        for taken in region["taken"]
        if taken["doubted"]
    }


async def test_three_networks_that_complain_have_the_relay_tested_and_doubted_until_then(
    endpoint: endpoints.Running, prober: endpoints.WrittenProber
) -> None:
    url = EVERY_UDP[0]
    for number in range(2):
        await complain(endpoint, complainers.address(number), url)
    assert prober.asked == []
    await complain(endpoint, complainers.address(2), url, code=486)
    assert prober.asked == [RELAYS[url]]

    endpoint.clock.now += 1
    assert await doubted(endpoint) == {"eu-central-1": 0.5}
    assert await beacons.counted(endpoint, "turnfleet_complaints_total") == {
        '{code="701"}': 2.0,
        '{code="486"}': 1.0,
    }
    assert await beacons.counted(endpoint, "turnfleet_relays_doubted") == {
        '{region="eu-central"}': 1.0
    }
    for listener in prober.tested:
        listener(RELAYS[url])
    endpoint.clock.now += complaints.LINGER
    for number in range(3):
        await complain(endpoint, complainers.address(number), url)
    endpoint.clock.now += 1
    assert await doubted(endpoint) == {}
    assert set(prober.asked) == {RELAYS[url]}
    assert len(prober.asked) > 1


@pytest.mark.parametrize("clients", ["one", "100 of one /24"])
async def test_one_network_brings_about_nothing_whatever_it_sends(
    endpoint: endpoints.Running, prober: endpoints.WrittenProber, clients: str
) -> None:
    before = await answers(endpoint)
    for number in range(300):
        client = complainers.address(7, 1 if clients == "one" else 1 + number % 100)
        await complainers.tell(endpoint, client, fails=EVERY_UDP, works=EVERY_UDP[:1])
        if not number % 50:
            endpoint.clock.now += 1
    endpoint.clock.now += 1

    assert prober.asked == []
    assert await doubted(endpoint) == {}
    assert set(await answers(endpoint)) == set(before)


async def test_a_crowd_that_complains_of_everybody_touches_a_quarter_of_large_regions(
    endpoint: endpoints.Running, prober: endpoints.WrittenProber, current: board.Board
) -> None:
    await asyncio.gather(*(flood(endpoint, number) for number in range(40)))
    endpoint.clock.now += 1
    found = await doubted(endpoint)
    after = await answers(endpoint)

    assert len(found) == len(REGIONS[0].relays) // 4
    assert all(name.startswith("eu-central") and part <= 0.5 for name, part in found.items())
    assert set(prober.asked) <= set(RELAYS.values())
    assert len(after) == len(REGIONS[0].relays)
    assert all(
        member.health.reason is None
        for region in current.fleet.regions.values()
        for member in region.members
    )


async def flood(endpoint: endpoints.Running, number: int) -> None:
    """Have a network say of eight answers that all failed but one, a different one each time."""
    for turn in range(8):
        token, urls = await beacons.answer(
            endpoint, X_Forwarded_For=complainers.address(number, 1 + turn)
        )
        [well, *others] = [url for url in urls if url in RELAYS]
        if turn % 2:
            [well, *others] = [*others, well]
        await endpoint.report({
            "rid": token,
            "times": [{"url": well, "ms": 80}],
            "errors": [{"url": url, "code": 701} for url in others],
        })  # fmt: skip


async def answers(endpoint: endpoints.Running) -> Counter[str]:
    """Return how often each relay is the primary of 200 answers."""
    found: Counter[str] = Counter()
    for _ in range(200):
        _, urls = await beacons.answer(endpoint, X_Forwarded_For="192.0.2.1")
        found[RELAYS[urls[0]].relay] += 1
    return found


async def test_a_client_whose_network_is_not_known_has_no_voice(
    current: board.Board, prober: endpoints.WrittenProber
) -> None:
    opts = complainers.behind_a_proxy()
    keyed = options.Options(
        key_hashes=(options.key_hash("k"),), trusted_proxies=opts.trusted_proxies
    )
    url, *others = EVERY_UDP
    body = {
        "times": [{"url": other, "ms": 80} for other in others],
        "errors": [{"url": url, "code": 701}],
    }

    async def complain_from(client: str, to: endpoints.Running) -> None:
        urls: list[str] = []
        while url not in urls:
            token, urls = await beacons.answer(to, Authorization="Bearer k")
        await to.report({"rid": token, **body}, X_Forwarded_For=client)

    async with endpoints.running(current, keyed, prober=prober) as endpoint:
        for client in ("8.8.8.8", "9.9.9.9", *(f"10.0.{n}.1" for n in range(20))):
            await complain_from(client, endpoint)
        assert prober.asked == []
        await complain_from("1.1.1.1", endpoint)
        assert prober.asked == [RELAYS[url]]
