"""A real browser tells how far relays are, and what became of its connection."""

import asyncio
import contextlib
import json
import ssl
import statistics
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from aiohttp import web
from playwright import async_api
from tests.support import coturn, distant, endpoints, machine, visiting, worlds

from turnfleet.api import board, reporting
from turnfleet.learn import convert, report
from turnfleet.model import region

pytestmark = pytest.mark.asyncio(loop_scope="session")

RTTS: Final[Mapping[str, float]] = {"near": 150.0, "middle": 250.0, "far": 350.0}
"""ms. What the machine adds, 5 to 10 ms and more while other tests run, should not count."""
WITHIN: Final = 0.15
GATHERINGS: Final = 3
"""That a median is of."""

_OBSERVE = """async ({ endpoint, region, until }) => {
  const { observe } = await import(`${endpoint}/api/ice-report.js`);
  const answer = await fetch(`${endpoint}/api/get-ice-servers`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ region, profile: "full" }),
  });
  const near = (window.near = new RTCPeerConnection({ iceServers: await answer.json() }));
  const observed = observe(near, {
    rid: answer.headers.get("X-Turnfleet-Rid"),
    connectionType: "wifi",
  });
  const relayed = new Promise((done) => {
    near.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate?.type === "relay") done();
    });
  });
  const gathered = new Promise((done) => {
    near.addEventListener("icegatheringstatechange", () => {
      if (near.iceGatheringState === "complete") done();
    });
  });
  near.createDataChannel("x");
  await near.setLocalDescription();
  if (until === "connected") {
    const far = (window.far = new RTCPeerConnection());
    near.addEventListener("icecandidate", ({ candidate }) => far.addIceCandidate(candidate));
    far.addEventListener("icecandidate", ({ candidate }) => near.addIceCandidate(candidate));
    await far.setRemoteDescription(near.localDescription);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription);
  } else if (until === "left") {
    await relayed;
  } else {
    await gathered;
    observed.send();
    near.close();
  }
}"""

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


@dataclass(slots=True, kw_only=True)
class Told:
    """Hands on what counts, one by one."""

    queue: asyncio.Queue[reporting.Accepted] = field(default_factory=asyncio.Queue)

    def take(self, accepted: reporting.Accepted, /, *, now: float) -> None:  # noqa: ARG002
        self.queue.put_nowait(accepted)

    async def next(self) -> reporting.Accepted:
        async with asyncio.timeout(15):
            return await self.queue.get()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A page of another origin than the endpoint it asks, and what that is told."""

    tab: async_api.Page
    endpoint: str
    told: Told

    async def observe(self, name: str, *, until: str) -> None:
        """Ask for servers of a region and gather by all of their URLs, until something is so."""
        asked = {"endpoint": self.endpoint, "region": name, "until": until}
        await self.tab.evaluate(_OBSERVE, asked)


@contextlib.asynccontextmanager
async def site(folder: Path, *, block: int, trusting: bool = True) -> AsyncIterator[Site]:
    """Open a page of an application whose relays are far away."""
    told = Told()
    async with contextlib.AsyncExitStack() as stack:
        away = await stack.enter_async_context(distant.running(folder, block=block, rtts=RTTS))
        current = board.Board()
        current.publish_regions(away.regions)
        current.publish_health(worlds.all_well(away.regions))
        endpoint = await stack.enter_async_context(endpoints.running(current, sink=told))
        page = await stack.enter_async_context(_page())
        chromium = await stack.enter_async_context(
            visiting.browser(trusted=[away.certificate] if trusting else [])
        )
        visit = await stack.enter_async_context(visiting.visit(chromium, page))
        yield Site(tab=visit.tab, endpoint=f"http://127.0.0.1:{endpoint.port}", told=told)
        assert visit.complaints == []


async def test_what_chromium_reports_comes_to_the_round_trips_there_are(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    found: dict[tuple[str, str], list[float]] = {}
    async with site(tmp_path, block=blocks[1]) as here:
        for name in RTTS:
            for _ in range(GATHERINGS):
                await here.observe(name, until="gathered")
                for key, rtt in _readings(await here.told.next(), name):
                    found.setdefault(key, []).append(rtt)

    off = {key: statistics.median(rtts) / RTTS[key[0]] - 1 for key, rtts in found.items()}
    assert off.keys() >= {(name, way) for name in RTTS for way in ("all", "udp", "tcp")}
    assert len([way for _, way in off if way == "tls by ratio"]) > 1
    assert all(abs(share) <= WITHIN for share in off.values()), off


async def test_a_connection_is_reported_when_it_is_made_with_its_pair(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    async with site(tmp_path, block=blocks[1]) as here:
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


async def test_a_page_that_goes_reports_what_is_known_by_then(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    async with site(tmp_path, block=blocks[1]) as here:
        await here.observe("near", until="left")
        await here.tab.goto("about:blank")
        accepted = await here.told.next()

    assert accepted.told.outcome is report.Outcome.GATHERED
    assert 1 <= len(accepted.times) < len(accepted.routes)


async def test_a_certificate_that_is_not_trusted_is_an_error_of_its_urls_alone(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    async with site(tmp_path, block=blocks[1], trusting=False) as here:
        await here.observe("near", until="gathered")
        accepted = await here.told.next()

    failed = {failure.url: failure.code for failure in accepted.told.failures}
    secure = {url for url in accepted.routes if url.startswith("turns:")}
    assert failed == dict.fromkeys(secure, 701)
    assert {time.url for time in accepted.times} == accepted.routes.keys() - secure


async def test_a_report_that_would_be_too_long_says_less(
    tmp_path: Path, blocks: tuple[int, int]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*coturn.authority().issue(tmp_path / "strange", ["a.localhost"]))
    strange = await asyncio.start_server(lambda _, way: way.close(), "127.0.0.1", 0, ssl=context)
    port = strange.sockets[0].getsockname()[1]
    async with strange, site(tmp_path, block=blocks[1]) as here:
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
    async with asyncio.timeout(10):
        while not await _has(fleet, 'turnfleet_paths_total{connection_type="",path="relay"'):  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.1)

    assert told["outcome"] == "connected"
    assert told["pair"]["url"] == run["path"]["near"]["url"]
    assert {time["url"] for time in told["times"]} == {
        url["url"] for url in run["urls"] if url["state"] == "candidate"
    }


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


@contextlib.asynccontextmanager
async def _page() -> AsyncIterator[str]:
    """Serve an empty page."""

    async def empty(_: web.Request) -> web.Response:
        return web.Response(
            text="<!doctype html><link rel=icon href=data:>", content_type="text/html"
        )

    application = web.Application()
    application.add_routes((web.get("/", empty),))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _has(fleet: machine.Machine, sample: str) -> bool:
    """Tell whether a metric of a running fleet has a sample that begins like this."""
    async with aiohttp.ClientSession() as session, session.get(f"{fleet.url}/metrics") as reply:
        return f"\n{sample}" in await reply.text()
