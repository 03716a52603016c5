"""Learning, by HTTP alone: reports move the answers they ought to move, and no others.

Clients are in Brazil, say that Virginia is bad, and are sent to Frankfurt once they are believed.
"""

import dataclasses
import ipaddress
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import pytest
from tests.support import atlas, beacons, endpoints

from turnfleet.api import options

HOME = "191.252.1.7"
NEIGHBOURS = [f"191.252.{third}.7" for third in range(2, 12)]
TRUTH: Mapping[str, float] = {"us-east": 420.0, "eu-central": 190.0, "ap-southeast": 330.0}
"""ms from these clients; the map expects some 120 to Virginia, and 210 to Frankfurt."""
BRAZIL: Mapping[str, object] = {"country": "BR", "latitude": -23.5, "longitude": -46.6}
NOWHERE: Mapping[str, Any] = dict.fromkeys(BRAZIL)
EXPLAINED = "/api/explain?" + "&".join(f"{name}={value}" for name, value in BRAZIL.items())
PROXIED = dataclasses.replace(
    options.loopback(), trusted_proxies=(ipaddress.ip_network("127.0.0.0/8"),)
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Clients that ask, measure and report."""

    endpoint: endpoints.Running

    async def ask(self, address: str, **fields: object) -> endpoints.Reply:
        reply = await self.endpoint.ask(
            {"format": "config", **BRAZIL, **fields}, X_Forwarded_For=address
        )
        assert reply.status == 200
        return reply

    async def regions(self, address: str, **fields: object) -> list[str]:
        """Return the regions of an answer: the primary's first, the fallback's last."""
        reply = await self.ask(address, **fields)
        return [choice["region"] for choice in reply.json["selection"]["choices"]]

    async def report(
        self,
        address: str,
        *,
        truth: Mapping[str, float] = TRUTH,
        reporter: str | None = None,
        **fields: object,
    ) -> None:
        """Ask, measure every URL of the answer, report, and let two seconds pass."""
        reply = await self.ask(address, **fields)
        times = _times(reply.json, truth)
        body = {"rid": reply.headers["X-Turnfleet-Rid"], "engine": "firefox", "times": times}
        told = await self.endpoint.report(body, X_Forwarded_For=reporter or address)
        assert told.status == 204
        self.endpoint.clock.now += 2

    async def report_all(self, addresses: Iterable[str], *, rounds: int = 1, **how: Any) -> None:
        for _ in range(rounds):
            for address in addresses:
                await self.report(address, **how)

    async def explain(self, address: str, **fields: object) -> dict[str, dict[str, Any]]:
        """Return what is explained of each region."""
        query = "&".join(f"{name}={value}" for name, value in {**BRAZIL, **fields}.items())
        reply = await self.endpoint.get(f"/api/explain?{query}", X_Forwarded_For=address)
        return {row["region"]: row for row in reply.json["regions"]}


def _times(answer: Any, truth: Mapping[str, float]) -> list[dict[str, object]]:
    region = {
        url: choice["region"] for choice in answer["selection"]["choices"] for url in choice["urls"]
    }
    return [
        {"url": url, "ms": (4.5 if url.startswith("turns") else 2) * truth[name], "cold": False}
        for url, name in region.items()
    ]


@pytest.fixture
async def clients(start: endpoints.Start) -> AsyncIterator[Clients]:
    """Give clients of an endpoint that has heard nothing."""
    async with start(PROXIED) as endpoint:
        yield Clients(endpoint=endpoint)


async def test_what_a_network_measured_moves_its_own_answers_at_once(clients: Clients) -> None:
    assert (await clients.regions(HOME))[0] == "us-east"
    await clients.report(HOME, truth={**TRUTH, "eu-central": 100.0})
    assert (await clients.regions(HOME))[0] == "eu-central"


async def test_two_networks_move_nobody_elses_answers_and_three_do(clients: Clients) -> None:
    await clients.report_all(NEIGHBOURS[:2], rounds=4)
    assert (await clients.regions(HOME))[0] == "us-east"
    await clients.report_all(NEIGHBOURS, rounds=2)
    assert (await clients.regions(HOME))[0] == "eu-central"
    elsewhere = {"country": "US", "latitude": 40.7, "longitude": -74.0}
    assert (await clients.regions("8.8.8.8", **elsewhere))[0] == "us-east"


async def test_a_network_of_a_hundred_addresses_moves_nobody_elses_answers(
    clients: Clients,
) -> None:
    await clients.report_all(f"191.252.9.{last}" for last in range(100))
    assert (await clients.regions(HOME))[0] == "us-east"


async def test_an_autonomous_system_has_a_word_of_its_own(start: endpoints.Start) -> None:
    known = atlas.WrittenAtlas(systems={"191.252.0.0/16": 27715, "177.0.0.0/8": 18881})
    async with start(PROXIED, known=known) as endpoint:
        clients = Clients(endpoint=endpoint)
        others = [address.replace("191.252", "177.1") for address in NEIGHBOURS]
        await clients.report_all(NEIGHBOURS, rounds=3)
        await clients.report_all(others, rounds=3, truth={**TRUTH, "us-east": 130.0})
        recife = {"latitude": -8.0, "longitude": -35.0}
        inside = await clients.explain(HOME, **recife)
        outside = await clients.explain("177.1.99.1", **recife)
    assert inside["us-east"]["estimate"] > outside["us-east"]["estimate"] + 50


async def test_until_somebody_reports_the_fallback_is_the_next_best(clients: Clients) -> None:
    before = await clients.explain(HOME)
    ranked = sorted(before, key=lambda name: before[name]["cost"])
    assert [(await clients.regions(HOME))[at] for at in (0, -1)] == ranked[:2]
    answered = await beacons.counted(clients.endpoint, "turnfleet_answers_total")
    assert answered == {'{explored="false",rung="request"}': 2}


async def test_on_one_machine_private_addresses_are_clients(clients: Clients) -> None:
    await clients.report("10.1.2.3")
    assert await beacons.counted(clients.endpoint, "turnfleet_learned_sources") == {"": 1}


async def test_a_load_balancers_address_is_nobodys(start: endpoints.Start) -> None:
    opts = options.Options(
        access=options.Access.KEY,
        key_hashes=(options.key_hash("the-key"),),
        trusted_proxies=PROXIED.trusted_proxies,
    )
    key = {"Authorization": "Bearer the-key"}
    async with start(opts) as endpoint:
        for reporter, known in (("10.1.2.3", 0), (HOME, 1)):
            reply = await endpoint.ask({"format": "config", **BRAZIL}, **key)
            url = reply.json["iceServers"][0]["urls"][0]
            body = {
                "rid": reply.headers["X-Turnfleet-Rid"],
                "engine": "firefox",
                "times": [{"url": url, "ms": 300, "cold": False}],
            }
            await endpoint.report(body, X_Forwarded_For=reporter)
            endpoint.clock.now += 2
            explained = await endpoint.send("GET", f"{EXPLAINED}&clientIp={HOME}", headers=key)
            samples = [row["samples"] for row in explained.json["regions"]]
            assert sum(samples) == known


async def test_a_client_that_is_pinned_teaches_nothing_of_where_it_is(clients: Clients) -> None:
    await clients.report_all(NEIGHBOURS, rounds=2, region="us-east")
    assert await beacons.counted(clients.endpoint, "turnfleet_learned_sources") == {}


async def test_clients_of_whom_nothing_is_known_teach_each_other_and_no_country(
    clients: Clients,
) -> None:
    lost = {"us-east": 90.0, "eu-central": 230.0, "ap-southeast": 200.0}
    for number, address in enumerate([*NEIGHBOURS, *NEIGHBOURS]):
        await clients.report(address, truth=lost, user=str(number), **NOWHERE)
    assert (await clients.regions(HOME, **NOWHERE))[0] == "us-east"
    near = {"country": "DE", "latitude": 50.1, "longitude": 8.7}
    assert (await clients.regions(HOME, **near))[0] == "eu-central"


async def test_what_is_explained_is_what_is_answered(clients: Clients) -> None:
    before = (await clients.explain(HOME))["us-east"]
    assert (before["samples"], before["sources"], before["estimate"]) == (0, 0, before["prior"])
    await clients.report_all(NEIGHBOURS, rounds=2)
    await clients.report(HOME)
    after = await clients.explain(HOME)
    assert after["us-east"]["prior"] == before["prior"]
    assert after["us-east"]["estimate"] > 300
    assert sum(row["samples"] for row in after.values()) == 2
    assert after["us-east"]["sources"] >= 3
    for row in after.values():
        terms = row["estimate"] + row["loadPenalty"] + row["weightPenalty"]
        assert row["cost"] == pytest.approx(terms, abs=0.2)


async def test_to_explain_holds_nobody_anywhere(clients: Clients) -> None:
    await clients.explain(HOME)
    explained = await clients.endpoint.get(EXPLAINED, X_Forwarded_For=HOME)
    assert explained.json["held"] is None
    await clients.ask(HOME)
    clients.endpoint.clock.now += 1
    explained = await clients.endpoint.get(EXPLAINED, X_Forwarded_For=HOME)
    assert explained.json["held"] == "us-east"


async def test_what_was_estimated_is_counted_beside_what_was_reported(clients: Clients) -> None:
    await clients.report(HOME)
    label = '{region="us-east"}'
    reported = await beacons.counted(clients.endpoint, "turnfleet_reported_rtt_seconds_sum")
    estimated = await beacons.counted(clients.endpoint, "turnfleet_estimated_rtt_seconds_sum")
    off = await beacons.counted(clients.endpoint, "turnfleet_estimate_error_seconds_sum")
    lost = await beacons.counted(clients.endpoint, "turnfleet_regret_seconds_sum")
    assert reported[label] == pytest.approx(0.42)
    assert off[label] == pytest.approx(0.42 - estimated[label])
    assert lost[""] == pytest.approx(0.42 - 0.19)


async def test_a_network_with_clients_in_two_places_sends_each_to_the_region_near_it(
    clients: Clients,
) -> None:
    for _ in range(2):
        assert (await clients.regions(HOME))[0] == "us-east"
        near = {"country": "DE", "latitude": 50.1, "longitude": 8.7}
        assert (await clients.regions(HOME, **near))[0] == "eu-central"
        clients.endpoint.clock.now += 2


async def test_a_clock_that_was_years_behind_when_clients_reported_fails_nobody(
    clients: Clients,
) -> None:
    right = clients.endpoint.clock.now
    clients.endpoint.clock.now = 1000
    await clients.report_all(NEIGHBOURS)
    clients.endpoint.clock.now = right
    await clients.report_all((HOME, *NEIGHBOURS))
    assert (await clients.explain(HOME))["us-east"]["samples"] == 1


async def test_what_was_measured_while_a_clock_was_ahead_gives_way_to_what_is_measured_now(
    clients: Clients,
) -> None:
    clients.endpoint.clock.now += 30 * 86400
    await clients.report_all([HOME], rounds=5, truth={**TRUTH, "eu-central": 100.0})
    clients.endpoint.clock.now -= 30 * 86400
    assert (await clients.regions(HOME))[0] == "eu-central"
    await clients.report_all([HOME], rounds=2, truth={**TRUTH, "us-east": 120.0})
    assert (await clients.regions(HOME))[0] == "us-east"
