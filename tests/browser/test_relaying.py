"""Real data from a real browser through the fleet's real relays."""

import pytest
from playwright import async_api
from tests.support import machine, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SEED_CLIENT = """async () => {
  const detected = { region: 'US', connectionType: 'wifi' };
  const response = await fetch('/api/get-ice-servers', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(detected),
  });
  const iceServers = await response.json();
  const connection = new RTCPeerConnection({ iceServers });
  const known = connection.getConfiguration().iceServers.length;
  connection.close();
  return { iceServers, known };
}"""


async def test_the_page_relays_data_through_the_primary(page: visiting.Visit) -> None:
    run = await page.result()
    assert run["problem"] is None
    assert run["data"]["received"] == run["data"]["sent"] == 50
    assert run["data"]["medianMs"] > 0
    for side in (run["path"]["near"], run["path"]["far"]):
        assert side["type"] == "relay"
        assert side["role"] == "primary"
        assert side["protocol"] == "udp"
    assert run["path"]["near"]["bytesSent"] > 50 * 200


async def test_every_url_works_once_the_authority_is_trusted(page: visiting.Visit) -> None:
    run = await page.pick("Profile", "full")
    assert {url["url"].partition(":")[0] for url in run["urls"]} >= {"turn", "turns"}
    states = {url["url"]: url["state"] for url in run["urls"] if url["state"] != "unused"}
    assert set(states.values()) == {"candidate"}, states
    assert all(url["ms"] > 0 for url in run["urls"] if url["state"] == "candidate")


async def test_a_strange_certificate_is_explained_and_does_not_stop_the_rest(
    distrustful: async_api.Browser, fleet: machine.Machine
) -> None:
    async with visiting.visit(distrustful, fleet.url) as page:
        run = await page.result()
        rows = page.tab.locator(".url.untrusted .result")
        told = set(await rows.all_inner_texts())
        how = await page.tab.locator("#servers .notice").inner_text()
    secure = [url for url in run["urls"] if url["url"].startswith("turns:")]
    assert secure
    assert {(url["state"], url["code"]) for url in secure} == {("error", 701)}
    assert all("does not trust the certificate" in url["sentence"] for url in secure)
    assert run["path"]["near"]["role"] == "primary"
    assert told == {"not trusted here"}
    assert "ca.crt in the folder tls" in how


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
async def test_data_goes_over(page: visiting.Visit, transport: str) -> None:
    await page.tab.get_by_label("Profile").select_option("full")
    run = await page.pick("Use only", f"URLs over {transport}")
    assert run["problem"] is None
    assert run["path"]["near"]["protocol"] == transport.lower()
    assert run["data"]["received"] == 50


async def test_a_network_without_udp_is_asked_for_and_gets_tls(page: visiting.Visit) -> None:
    run = await page.pick("Connection", "UDP blocked")
    assert run["servers"][0]["urls"][0].startswith("turns:")


async def test_the_seed_clients_call_feeds_a_peer_connection(page: visiting.Visit) -> None:
    answer = await page.tab.evaluate(_SEED_CLIENT)
    assert answer["known"] == len(answer["iceServers"]) == 3
    assert all(isinstance(server["urls"], list) for server in answer["iceServers"])


async def test_the_page_repeats_itself_when_asked_to(page: visiting.Visit) -> None:
    await page.result()
    await page.tab.clock.install()
    await page.tab.get_by_label("every 5 s").check()
    await page.result()
    await page.tab.clock.fast_forward(6000)
    await page.tab.locator("#history li").nth(2).wait_for()
