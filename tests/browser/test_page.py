"""The page as a person meets it: on a phone, by keyboard, by ear, and when things are odd."""

import itertools
import json
import socket
from typing import Any

import pytest
from playwright import async_api
from tests.support import machine, visiting

from turnfleet.geo import atlas

pytestmark = pytest.mark.asyncio(loop_scope="session")

_WITHOUT_URLS = """
delete RTCIceCandidate.prototype.url;
delete RTCPeerConnectionIceEvent.prototype.url;
const getStats = RTCPeerConnection.prototype.getStats;
RTCPeerConnection.prototype.getStats = async function () {
  const entries = [...(await getStats.call(this))];
  return new Map(entries.map(([id, { url, ...others }]) => [id, others]));
};
"""
"""As Firefox is."""
_HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


async def test_nothing_scrolls_sideways_from_the_smallest_phone_to_a_desktop(
    page: visiting.Visit,
) -> None:
    await page.result()
    await page.tab.get_by_text("The same from your own code").click()
    for width in (320, 360, 768, 960, 1280):
        await page.tab.set_viewport_size({"width": width, "height": 740})
        assert await page.tab.evaluate("document.documentElement.scrollWidth") == width


async def test_the_browser_has_nothing_to_complain_about(page: visiting.Visit) -> None:
    await page.result()
    assert page.complaints == []


async def test_the_picker_moves_the_answer_to_the_other_side_of_the_world(
    page: visiting.Visit,
) -> None:
    berlin = await page.pick("Pretend to be in", "Berlin")
    sydney = await page.pick("Pretend to be in", "Sydney")
    assert _regions(berlin)["primary"] == "eu-central"
    assert _regions(sydney)["primary"] == "ap-southeast"
    assert sydney["path"]["near"]["region"] == "ap-southeast"
    where = page.tab.get_by_text("The client is taken to be at 33.9° S, 151.2° E (AU)")
    await where.wait_for()


async def test_a_time_zone_that_names_no_place_is_no_hint(
    chromium: async_api.Browser, fleet: machine.Machine
) -> None:
    sent, said = [], []
    for zone in ("UTC", "Etc/GMT+5", "America/New_York"):
        async with visiting.visit(chromium, fleet.url, zone=zone) as page:
            sent.append((await page.result())["request"])
            said.append(await page.tab.locator("#place-text").inner_text())

    assert [request.get("region") for request in sent] == [None, None, "America/New_York"]
    assert [text.startswith("No hint: ") for text in said] == [True, True, False]
    assert said[0].endswith("the default place.")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("place", ["", "Berlin", "New York", "Singapore", "Auckland"])
async def test_no_name_on_the_map_hides_another(
    chromium: async_api.Browser, fleet: machine.Machine, width: int, place: str
) -> None:
    async with visiting.visit(chromium, f"{fleet.url}#place={place}", width=width) as page:
        await page.tab.locator("#map text").first.wait_for()
        boxes = [await name.bounding_box() for name in await page.tab.locator("#map text").all()]
        frame = await page.tab.locator("#map").bounding_box()

    assert len(boxes) == 3
    assert frame is not None
    for box in boxes:
        assert box is not None
        assert box["x"] >= frame["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    assert not [pair for pair in itertools.combinations(boxes, 2) if _overlap(*pair)]


async def test_a_pinned_region_wins_over_the_place(page: visiting.Visit) -> None:
    await page.pick("Pretend to be in", "Sydney")
    pinned = await page.pick("Pinned region", "us-east")
    assert _regions(pinned)["primary"] == "us-east"
    assert _regions(pinned)["backup"] == "us-east"
    assert _regions(pinned)["fallback"] != "us-east"


async def test_a_shared_link_asks_the_same(
    chromium: async_api.Browser, fleet: machine.Machine
) -> None:
    link = f"{fleet.url}#place=Tokyo&region=us-east&profile=full"
    async with visiting.visit(chromium, link) as page:
        run = await page.result()
        assert await page.tab.get_by_label("Pinned region").input_value() == "us-east"
    assert run["request"]["region"] == "us-east"
    assert run["request"]["country"] == "JP"
    assert run["request"]["profile"] == "full"


async def test_a_keyboard_is_enough(page: visiting.Visit) -> None:
    await page.result()
    await page.tab.keyboard.press("Tab")
    assert await _focused(page) == "Skip to the result"
    await page.tab.keyboard.press("Enter")
    await page.tab.keyboard.press("Tab")
    assert await _focused(page) == "Run again"
    await page.tab.keyboard.press("Enter")
    assert (await page.result())["problem"] is None
    assert await _focused(page) == "Run again"
    await page.tab.keyboard.press("Tab")
    await page.tab.keyboard.press("Tab")
    assert await page.tab.evaluate("document.activeElement.id") == "place"


async def test_every_control_has_a_name_and_the_result_is_announced(page: visiting.Visit) -> None:
    await page.result()
    for name in ("Pretend to be in", "Pinned region", "Residency group", "Connection", "Profile"):
        assert await page.tab.get_by_role("combobox", name=name).count() == 1, name
    assert await page.tab.get_by_role("checkbox", name="every 5 s").count() == 1
    said = await page.tab.get_by_role("status").text_content()
    assert said is not None
    assert said.startswith("Relayed through the primary. 50 of 50 messages")
    shown = await page.tab.get_by_role("img", name="World map.").get_attribute("aria-label")
    assert shown is not None
    assert "(primary)" in shown


async def test_an_odd_endpoint_cannot_put_markup_into_the_page(
    chromium: async_api.Browser, fleet: machine.Machine
) -> None:
    async def hostile(tab: async_api.Page) -> None:
        await tab.route("**/api/regions", _poison_regions)
        await tab.route("**/api/get-ice-servers*", _poison_reasons)

    async with visiting.visit(chromium, fleet.url, width=360, prepare=hostile) as page:
        await page.result()
        shown = await page.tab.locator("main").inner_text()
        hacked = await page.tab.evaluate("window.hacked")
        images = await page.tab.locator("main img, main script").count()
        width = await page.tab.evaluate("document.documentElement.scrollWidth")
    assert _HOSTILE in shown
    assert hacked is None
    assert images == 0
    assert width == 360
    assert page.complaints == []


async def test_a_browser_that_hides_which_url_a_candidate_is_from_still_relays(
    chromium: async_api.Browser, fleet: machine.Machine
) -> None:
    async def discreet(tab: async_api.Page) -> None:
        await tab.add_init_script(_WITHOUT_URLS)

    async with visiting.visit(chromium, fleet.url, prepare=discreet) as page:
        run = await page.result()
    assert run["problem"] is None
    assert run["data"]["received"] == 50
    assert run["path"]["near"]["url"] is None
    assert run["path"]["near"]["role"] == "primary"
    assert {url["state"] for url in run["urls"]} == {"untold"}


async def test_a_database_is_credited_with_a_link(
    chromium: async_api.Browser, fleet: machine.Machine
) -> None:
    async def credited(tab: async_api.Page) -> None:
        await tab.route("**/api/regions", _credit)

    async with visiting.visit(chromium, fleet.url, prepare=credited) as page:
        await page.result()
        link = page.tab.get_by_role("link", name="IP Geolocation by DB-IP")
        assert await link.get_attribute("href") == "https://db-ip.com/"
        assert await page.tab.locator("#attributions a").count() == 1


async def test_a_relay_that_never_answers_is_shown_as_silent_in_the_end(
    page: visiting.Visit,
) -> None:
    await page.result()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        url = f"turn:127.0.0.1:{mute.getsockname()[1]}?transport=udp"

        async def mislead(route: async_api.Route) -> None:
            response = await route.fetch()
            answer = await response.json()
            answer["iceServers"] = [{**answer["iceServers"][0], "urls": [url]}]
            answer["selection"]["choices"][0]["urls"] = [url]
            await route.fulfill(response=response, json=answer)

        await page.tab.route("**/api/get-ice-servers*", mislead)
        await page.tab.clock.install()
        await page.tab.get_by_role("button", name="Run again").click()
        await page.tab.locator("[data-state=waiting]").wait_for()
        while await page.tab.locator("html[data-run=running]").count():
            await page.tab.clock.fast_forward(20_000)
        run = await page.result()

    assert run["problem"]["title"] == "No relay carried data"
    assert [(url["state"], url["role"]) for url in run["urls"]] == [("silent", "primary")]
    assert await page.tab.locator("[data-state=silent]").count() == 1


async def test_a_problem_is_told_as_the_endpoint_tells_it(
    chromium: async_api.Browser, fleet: machine.Machine
) -> None:
    async def busy(tab: async_api.Page) -> None:
        problem = {"title": "Too Many Requests", "status": 429, "detail": "Ask less often."}
        await tab.route(
            "**/api/get-ice-servers*",
            lambda route: route.fulfill(
                status=429,
                body=json.dumps(problem),
                headers={"Content-Type": "application/problem+json", "Retry-After": "7"},
            ),
        )

    async with visiting.visit(chromium, fleet.url, prepare=busy) as page:
        run = await page.result()
        said = await page.tab.get_by_role("status").text_content()
    assert run["problem"]["status"] == 429
    assert said == "Too Many Requests. Ask less often. Ask again in 7 s."


async def test_an_endpoint_that_is_gone_is_said_so(page: visiting.Visit) -> None:
    await page.tab.route("**/api/**", lambda route: route.abort())
    run = await page.run()
    assert run["problem"]["title"] == "The endpoint does not answer"
    assert await page.tab.get_by_role("heading", name="The endpoint does not answer").count() == 1


def _overlap(one: Any, other: Any) -> bool:
    # A text's box is twice as high as what is written in it.
    return bool(
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and abs(one["y"] - other["y"]) < (one["height"] + other["height"]) / 4
    )


def _regions(run: dict[str, Any]) -> dict[str, str]:
    return {choice["role"]: choice["region"] for choice in run["choices"]}


async def _focused(page: visiting.Visit) -> str:
    text: str = await page.tab.evaluate("document.activeElement.textContent.trim()")
    return text


async def _poison_regions(route: async_api.Route) -> None:
    response = await route.fetch()
    world = await response.json()
    world["regions"][0]["name"] = _HOSTILE
    world["attributions"] = [_HOSTILE]
    await route.fulfill(response=response, json=world)


async def _credit(route: async_api.Route) -> None:
    response = await route.fetch()
    world = await response.json()
    world["attributions"] = [str(atlas.DB_IP), "Another (javascript:alert(1))"]
    await route.fulfill(response=response, json=world)


async def _poison_reasons(route: async_api.Route) -> None:
    response = await route.fetch()
    answer = await response.json()
    selection = answer["selection"]
    selection["choices"][0]["relay"] = _HOSTILE
    selection["located"]["ignored"] = [_HOSTILE]
    selection["notes"] = [{"reason": _HOSTILE, "sentence": _HOSTILE}]
    selection["excluded"] = [{"region": _HOSTILE, "relay": None, "reason": _HOSTILE}]
    await route.fulfill(response=response, json=answer)
