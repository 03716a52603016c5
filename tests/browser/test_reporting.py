"""A real browser tells how far relays are, and what became of its connection."""

import asyncio
import json
import ssl
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from tests.support import coturn, machine, observed, visiting

from turnfleet.api import reporting
from turnfleet.learn import convert, report
from turnfleet.model import region

pytestmark = pytest.mark.asyncio(loop_scope="session")

RTTS: Final[Mapping[str, float]] = {"near": 150.0, "middle": 250.0, "far": 350.0}
"""ms. What the machine adds, 5 to 10 ms, should not count."""
WITHIN: Final = 0.15
GATHERINGS: Final = 3
"""That a median is of."""
ROUNDS: Final = 3
"""Medians that may be tried: what a busy machine does to one of them is no test of a browser."""

_LONG = """async ({ endpoint, port }) => {
  const { observe } = await import(`${endpoint}/api/ice-report.js`);
  const answer = await fetch(`${endpoint}/api/get-ice-servers`, { method: "POST" });
  const urls = [...Array(8).keys()].map(
    (at) => `turns:${"far".repeat(20)}-${at}.of.the.${"end".repeat(20)}.localhost:${port}`,
  );
  const near = new RTCPeerConnection({ iceServers: [{ urls, username: "a", credential: "b" }] });
  const observed = observe(near, { rid: answer.headers.get("X-Turnfleet-Rid") });
  const gathered = new Promise((done) => {
    near.addEventListener("icegatheringstatechange", () => {
      if (near.iceGatheringState === "complete") done();
    });
  });
  near.createDataChannel("x");
  await near.setLocalDescription();
  await gathered;
  const seen = observed.report();
  observed.send();
  near.close();
  return seen;
}"""
"""Names below localhost are resolved by the browser alone."""


@pytest.mark.alone
async def test_what_chromium_reports_comes_to_the_round_trips_there_are(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    off: dict[tuple[str, str], float] = {}
    async with observed.running(tmp_path, block=blocks[1], rtts=RTTS) as here:
        for name in RTTS:
            for _ in range(ROUNDS):
                found = await _off(here, name)
                if all(abs(share) <= WITHIN for share in found.values()):
                    break
            off |= found

    assert off.keys() >= {(name, way) for name in RTTS for way in ("all", "udp", "tcp")}
    assert len([way for _, way in off if way == "tls by ratio"]) > 1
    assert all(abs(share) <= WITHIN for share in off.values()), off


async def test_a_connection_is_reported_when_it_is_made_with_its_pair(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    async with observed.running(tmp_path, block=blocks[1], rtts=RTTS) as here:
        await here.observe("near", until="connected")
        told = (await here.told.next()).told

    assert told.outcome is report.Outcome.CONNECTED
    assert told.connection == "wifi"
    assert told.connect is not None
    assert told.connect < 5000
    assert told.pair is not None
    assert told.pair.protocol is report.Protocol.UDP
    assert report.Kind.RELAY not in {told.pair.local, told.pair.remote}
    assert told.pair.url is None


async def test_a_connection_that_is_not_made_in_time_has_failed(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    async with observed.running(tmp_path, block=blocks[1], rtts=RTTS) as here:
        await here.tab.clock.install()
        await here.observe("near", until="checking")
        await here.tab.clock.fast_forward(90_000)
        told = (await here.told.next()).told

    assert told.outcome is report.Outcome.FAILED
    assert told.connect is None
    assert told.pair is None


async def test_a_page_that_goes_reports_what_is_known_by_then(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    async with observed.running(tmp_path, block=blocks[1], rtts=RTTS) as here:
        await here.observe("near", until="left")
        await here.tab.goto("about:blank")
        accepted = await here.told.next()

    assert accepted.told.outcome is report.Outcome.GATHERED
    assert 1 <= len(accepted.times) < len(accepted.routes)


async def test_a_certificate_that_is_not_trusted_is_an_error_of_its_urls_alone(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    async with observed.running(tmp_path, block=blocks[1], rtts=RTTS, trusting=False) as here:
        await here.observe("near", until="gathered")
        accepted = await here.told.next()

    failed = {failure.url: failure.code for failure in accepted.told.failures}
    secure = {url for url in accepted.routes if url.startswith("turns:")}
    assert failed == dict.fromkeys(secure, 701)
    assert {time.url for time in accepted.times} == accepted.routes.keys() - secure


async def test_a_browser_whose_udp_fails_is_given_tls_first_from_then_on(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    async with observed.running(tmp_path, block=blocks[1], rtts=RTTS, udp=False) as here:
        before = await _schemes(here)
        await here.observe("near", until="relayed")
        accepted = await here.told.next()
        after = await _schemes(here)

    assert accepted.told.pair is not None
    assert accepted.told.pair.protocol is report.Protocol.TCP
    transports = {accepted.routes[time.url].transport for time in accepted.times}
    assert transports
    assert region.Transport.UDP not in transports
    assert before == ["turn", "turns", "turn", "turns"]
    assert after == ["turns", "turn", "turns", "turns"]


async def test_a_report_that_would_be_too_long_says_less(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*coturn.authority().issue(tmp_path / "strange", ["a.localhost"]))
    strange = await asyncio.start_server(lambda _, way: way.close(), "127.0.0.1", 0, ssl=context)
    port = strange.sockets[0].getsockname()[1]
    async with strange, observed.running(tmp_path, block=blocks[1], rtts=RTTS) as here:
        seen = await here.tab.evaluate(_LONG, {"endpoint": here.endpoint, "port": port})
        told = (await here.told.next()).told

    assert len(json.dumps(seen)) > report.SIZE_MAX
    assert 0 < len(told.failures) < len(seen["errors"]) == 8


async def test_the_page_of_the_endpoint_reports_what_its_test_came_to(
    page: visiting.Visit, fleet: machine.Machine
) -> None:
    run = await page.result()
    told = run["report"]
    await page.tab.goto("about:blank")
    async with asyncio.timeout(60):
        while not await _has(fleet, 'turnfleet_paths_total{connection_type="",path="relay"'):  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.1)

    assert told["outcome"] == "connected"
    assert told["pair"]["url"] == run["path"]["near"]["url"]
    assert {time["url"] for time in told["times"]} == {
        url["url"] for url in run["urls"] if url["state"] == "candidate"
    }


async def _schemes(here: observed.Site) -> list[str]:
    """Return what the URLs of an answer begin with."""
    url = f"{here.endpoint}/api/get-ice-servers"
    async with aiohttp.ClientSession() as session, session.post(url) as reply:
        return [one.partition(":")[0] for server in await reply.json() for one in server["urls"]]


async def _off(here: observed.Site, primary: str) -> dict[tuple[str, str], float]:
    """Return by what share readings are off, by region and way: 0.1 is a tenth too much."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(GATHERINGS):
        await here.observe(primary, until="gathered")
        for key, rtt in _readings(await here.told.next(), primary):
            found.setdefault(key, []).append(rtt)
    return {key: statistics.median(rtts) / RTTS[key[0]] - 1 for key, rtts in found.items()}


def _readings(
    accepted: reporting.Accepted, primary: str
) -> Iterable[tuple[tuple[str, str], float]]:
    """Yield what a report comes to: as it is, by one transport, and where the fallback has TLS."""
    assert accepted.told.engine is report.Engine.CHROMIUM
    transports = {url: route.transport for url, route in accepted.routes.items()}
    assert {time.url for time in accepted.times} == transports.keys()
    names = {url: route.region for url, route in accepted.routes.items()}
    for name, rtt in _converted(accepted, accepted.times).items():
        yield (name, "all"), rtt
    for transport in (region.Transport.UDP, region.Transport.TCP):
        times = [time for time in accepted.times if transports[time.url] is transport]
        yield (primary, transport.value), _converted(accepted, times)[primary]
    balanced = [
        time
        for time in accepted.times
        if names[time.url] == primary or transports[time.url] is region.Transport.TLS
    ]
    for name, rtt in _converted(accepted, balanced).items():
        if name != primary:
            yield (name, "tls by ratio"), rtt


def _converted(accepted: reporting.Accepted, times: Iterable[report.Time]) -> Mapping[str, float]:
    return convert.convert(times, routes=accepted.routes, prior=RTTS, estimates=RTTS).round_trips


async def _has(fleet: machine.Machine, sample: str) -> bool:
    """Tell whether a metric of a running fleet has a sample that begins like this."""
    async with aiohttp.ClientSession() as session, session.get(f"{fleet.url}/metrics") as reply:
        return f"\n{sample}" in await reply.text()
