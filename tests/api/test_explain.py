"""turnfleet explain, asked of a running endpoint: every region and reason, or one sentence."""

import argparse
import asyncio
import io
import json
import time
from pathlib import Path

import pytest
from tests.support import complainers, endpoints, worlds

from turnfleet import settings
from turnfleet.api import board, options
from turnfleet.commands import explain, output
from turnfleet.model import fleet, region


async def run(*argv: str, as_json: bool = False) -> tuple[int, str]:
    """Return exit code and output of the command."""
    parser = argparse.ArgumentParser()
    explain.configure(parser)
    out = io.StringIO()
    console = output.Console(out=out, err=out, as_json=as_json, color=False)
    args = parser.parse_args(argv)
    code = await asyncio.to_thread(explain.execute, args, console, settings.Settings())
    return code, out.getvalue()


async def test_every_region_is_shown_with_its_verdict_and_reason(
    current: board.Board, start: endpoints.Start
) -> None:
    regions = worlds.three_regions()
    current.publish_regions((*regions, worlds.a_region("sealed", at=(0.0, 0.0), secret=None)))
    current.publish_health(worlds.all_well(regions))
    async with start(options.loopback()) as endpoint:
        code, shown = await run(
            "--endpoint", f"http://127.0.0.1:{endpoint.port}", "--latitude", "51", "--longitude=-1"
        )
    rows = {line.split()[0]: line for line in shown.splitlines() if line}
    assert code == 0
    assert "known by: request" in shown
    assert " primary" in rows["eu-central"]
    assert " fallback" in rows["us-east"]
    assert " candidate" in rows["ap-southeast"]
    assert "NoSecret: this endpoint cannot read the secret" in rows["sealed"]
    assert "turns:203.0.2." in rows["fallback"]


async def test_a_relay_that_is_not_offered_is_shown_with_its_reason(
    current: board.Board, start: endpoints.Start
) -> None:
    health = dict(worlds.all_well(worlds.three_regions()))
    down, *_ = health
    del health[down]
    current.publish_health(health)
    async with start(options.loopback()) as endpoint:
        code, shown = await run("--endpoint", f"http://127.0.0.1:{endpoint.port}/")
    assert code == 0
    assert f"{down}  Unproven  no probe has passed through it yet" in shown


async def test_a_missing_turns_url_is_shown_with_its_reason(
    current: board.Board, start: endpoints.Start
) -> None:
    well = worlds.all_well(worlds.three_regions())
    expired = fleet.Health(
        working=worlds.EVERY_TRANSPORT - {region.Transport.TLS},
        failing=((region.Transport.TLS, fleet.Reason.CERTIFICATE_EXPIRED),),
        reason=None,
    )
    current.publish_health(dict.fromkeys(well, expired))
    async with start(options.loopback()) as endpoint:
        code, shown = await run("--endpoint", f"http://127.0.0.1:{endpoint.port}")
    assert code == 0
    assert "turns:" not in shown
    table = shown[shown.index("OFFERED IN PART") :].splitlines()
    assert len(table) == 1 + 3, "primary, backup and fallback"
    assert "tls    CertificateExpired  its certificate has ended" in table[1]


async def test_load_and_what_answers_will_add_are_shown_with_what_follows(
    current: board.Board, start: endpoints.Start
) -> None:
    regions = worlds.three_regions()
    (full, ramp), (idle, *_) = (published.relays for published in regions[:2])
    for relay, load in (
        (full, 0.97),
        (ramp, 0.8),
        (idle, 0.2),
        *((r, 0.96) for r in regions[2].relays),
    ):
        current.heard(relay.key, fleet.Usage(load=load), at=time.time())
    async with start(options.loopback()) as endpoint:
        current.handed_out({ramp.key: 200}, second=int(time.time()))
        url = f"http://127.0.0.1:{endpoint.port}"
        code, shown = await run("--endpoint", url, "--latitude", "51", "--longitude=-1")
    words = " ".join(shown.split())
    assert code == 0
    assert f"primary {ramp.key} node-2 a 80% 2% turn:" in words
    assert f"{full.key} 97% 0% 97% nobody new while another has room" in words
    assert f"{ramp.key} 80% 2% 82% 61% of its users would leave it" in words
    assert "candidate NearlyFull: what room it has left" in words
    assert f"{full.key} NearlyFull what room it has left" in words


async def test_a_doubted_relay_and_a_client_without_udp_are_shown_with_what_follows(
    start: endpoints.Start, current: board.Board
) -> None:
    current.publish_regions((worlds.a_region("eu-central", at=(50.11, 8.68), relays=4),))
    suspect = current.published[0].relays[0].key
    current.publish_health(worlds.all_well(current.published))
    async with start(complainers.behind_a_proxy()) as endpoint:
        current.suspect(lambda _: [suspect])
        for number in range(3):
            secure = [f"turns:203.0.1.{relay}:5349?transport=tcp" for relay in range(1, 5)]
            await complainers.tell(endpoint, complainers.address(number), works=secure)
        endpoint.clock.now += 1
        url = f"http://127.0.0.1:{endpoint.port}"
        code, shown = await run("--endpoint", url, "--country", "DE")
    words = " ".join(shown.split())
    assert code == 0
    assert f"{suspect} several networks report that it fails" in words
    assert "probes decide 50% of its users would leave it for an empty one" in words
    assert "RELAY WITH MUCH LOAD" not in words
    assert "gets TLS first: most networks around it that reported" in words


async def test_a_client_whose_region_fails_is_not_said_to_leave_it_for_a_better_one(
    start: endpoints.Start, current: board.Board
) -> None:
    here = {"latitude": 51, "longitude": -1}
    async with start(options.loopback()) as endpoint:
        asked = [f"--{name}={value}" for name, value in here.items()]
        argv = "--endpoint", f"http://127.0.0.1:{endpoint.port}", *asked
        await endpoint.ask(here)
        endpoint.clock.now += 1
        _, well = await run(*argv)
        current.publish_health(worlds.all_well(worlds.three_regions()[1:]))
        _, failed = await run(*argv)
    before = "its network was sent to eu-central before, and"
    assert f"{before} stays for want of a clearly better one" in well
    assert f"{before} cannot be sent there now" in failed


async def test_json_is_what_the_endpoint_said(start: endpoints.Start) -> None:
    async with start(options.loopback()) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}"
        code, shown = await run("--endpoint", url, "--region", "us-east", as_json=True)
    said = json.loads(shown)
    assert code == 0
    assert said["located"]["rung"] == "pinned"
    assert said["regions"][0]["region"] == "us-east"
    candidates = [row for row in said["regions"] if row["verdict"] == "candidate"]
    assert {row["reason"] for row in candidates} == {"NotPinned"}


async def test_a_client_who_would_get_nothing_is_exit_code_1(
    current: board.Board, start: endpoints.Start
) -> None:
    current.publish_health({})
    async with start(options.loopback()) as endpoint:
        code, shown = await run("--endpoint", f"http://127.0.0.1:{endpoint.port}")
    assert code == 1
    assert "no relay can be offered to this client" in shown


async def test_what_the_endpoint_refuses_is_passed_on_in_a_sentence(start: endpoints.Start) -> None:
    async with start(options.loopback()) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}"
        with pytest.raises(output.Failure, match="residency 'mars'; known groups: eu"):
            await run("--endpoint", url, "--residency", "mars")


@pytest.mark.parametrize(
    ("endpoint", "sentence"),
    [
        ("127.0.0.1:8080", "is not an HTTP URL"),
        ("ftp://127.0.0.1", "is not an HTTP URL"),
        ("http://127.0.0.1:99999", "is not an HTTP URL"),
        ("http://127.0.0.1:1", "is the endpoint running"),
        ("http://[::1", "is not an HTTP URL"),
        ("nonsense", "is not an HTTP URL"),
    ],
)
async def test_an_endpoint_that_cannot_be_asked_is_one_sentence(
    endpoint: str, sentence: str
) -> None:
    with pytest.raises(output.Failure, match=sentence):
        await run("--endpoint", endpoint)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"located": 1}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
)
async def test_something_else_on_the_port_is_one_sentence(answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(output.Failure):
            await run("--endpoint", f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("content", ["", "two words", "line\nline", "clé"])
async def test_a_key_file_without_a_key_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content, "utf-8")
    with pytest.raises(output.Failure, match="does not hold an API key"):
        await run("--key-file", str(path))


async def test_a_missing_key_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(output.Failure, match="cannot read"):
        await run("--key-file", str(tmp_path / "none"))
