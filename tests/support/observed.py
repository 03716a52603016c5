"""A page that observes its connections, its relays that are far away, and the endpoint it tells."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from playwright import async_api
from tests.support import distant, endpoints, visiting, worlds

from turnfleet.api import board, reporting

_OBSERVE = """async ({ endpoint, region, until }) => {
  const { observe } = await import(`${endpoint}/api/ice-report.js`);
  const answer = await fetch(`${endpoint}/api/get-ice-servers`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ region, profile: "full" }),
  });
  const servers = { iceServers: await answer.json() };
  const given = until === "relayed" ? { ...servers, iceTransportPolicy: "relay" } : servers;
  const near = (window.near = new RTCPeerConnection(given));
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
  const checking = new Promise((done) => {
    near.addEventListener("iceconnectionstatechange", () => {
      if (near.iceConnectionState === "checking") done();
    });
  });
  if (until === "checking") {
    const far = (window.far = new RTCPeerConnection());
    await far.setRemoteDescription(near.localDescription);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription);
    const nobody = "candidate:1 1 udp 2122260223 127.0.0.1 50999 typ host";
    await near.addIceCandidate({ candidate: nobody, sdpMid: "0" });
    await checking;
  } else if (until === "connected" || until === "relayed") {
    const far = (window.far = new RTCPeerConnection(until === "relayed" ? given : {}));
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


@dataclass(slots=True, kw_only=True)
class Told:
    """Hands on what counts, one by one."""

    queue: asyncio.Queue[reporting.Accepted] = field(default_factory=asyncio.Queue)

    def take(self, accepted: reporting.Accepted, /, *, now: float) -> None:  # noqa: ARG002
        self.queue.put_nowait(accepted)

    async def next(self) -> reporting.Accepted:
        async with asyncio.timeout(60):
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
async def running(
    folder: Path,
    *,
    block: int,
    rtts: Mapping[str, float],
    trusting: bool = True,
    udp: bool = True,
) -> AsyncIterator[Site]:
    """Open a page of an application whose relays are far away, and by UDP maybe out of reach."""
    told = Told()
    async with contextlib.AsyncExitStack() as stack:
        away = await stack.enter_async_context(
            distant.running(folder, block=block, rtts=rtts, udp=udp)
        )
        current = board.Board()
        current.publish_regions(away.regions)
        current.publish_health(worlds.all_well(away.regions))
        endpoint = await stack.enter_async_context(endpoints.running(current, sinks=(told,)))
        page = await stack.enter_async_context(_page())
        chromium = await stack.enter_async_context(
            visiting.browser(trusted=[away.certificate] if trusting else [])
        )
        visit = await stack.enter_async_context(visiting.visit(chromium, page))
        yield Site(tab=visit.tab, endpoint=f"http://127.0.0.1:{endpoint.port}", told=told)
        assert visit.complaints == []


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
