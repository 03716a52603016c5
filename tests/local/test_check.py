"""turnfleet check: green on relays that work, a sentence for everything that does not."""

import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from tests.support import checking, coturn

from turnfleet.commands import asking

RELAY = "127.20.4.1"
ENDPOINT = "127.20.4.9"
AUTHORITY = coturn.authority()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def relay(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[coturn.Coturn]:
    folder = tmp_path_factory.mktemp("coturn")
    certificate = AUTHORITY.issue(folder, [RELAY])
    async with coturn.running(folder, RELAY, certificate=certificate) as running:
        yield running


@pytest.fixture
def ca(tmp_path: Path) -> str:
    path = tmp_path / "ca.crt"
    path.write_text(AUTHORITY.pem)
    return str(path)


@contextlib.asynccontextmanager
async def endpoint(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_post("/api/get-ice-servers", answer)
    application.router.add_get("/api/regions", regions)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, ENDPOINT, 0).start()
    try:
        yield f"http://{ENDPOINT}:{runner.addresses[0][1]}/api/get-ice-servers"
    finally:
        await runner.cleanup()


async def regions(_: web.Request) -> web.Response:
    return web.json_response({"regions": [{"name": "eu"}, {"name": "us"}]})


def offering(*urls: str, secret: bytes = coturn.SECRET, bare: bool = False) -> object:
    username, password = coturn.credential(secret=secret, user="check")
    servers = [{"urls": list(urls), "username": username, "credential": password}]
    if bare:
        return servers
    choices = [{"role": "primary", "urls": list(urls)}]
    return {"iceServers": servers, "selection": {"choices": choices}}


def saying(document: object) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(document)

    return answer


URLS = (
    f"stun:{RELAY}:3478",
    f"turn:{RELAY}:3478?transport=udp",
    f"turn:{RELAY}:3478?transport=tcp",
    f"turns:{RELAY}:5349?transport=tcp",
)


@pytest.mark.usefixtures("relay")
async def test_every_url_of_a_good_answer_is_green(ca: str) -> None:
    async with endpoint(saying(offering(*URLS))) as url:
        done = await checking.checking(url, "--ca", ca, "--count", "5")
    assert done.code == 0, done.out
    assert "4 of 4 URLs work" in done.out
    assert "primary" in done.out


@pytest.mark.usefixtures("relay")
async def test_json_has_the_figures_of_every_url(ca: str) -> None:
    async with endpoint(saying(offering(URLS[1], bare=True))) as url:
        done = await checking.checking(url, "--ca", ca, "--count", "5", as_json=True)
    assert done.code == 0
    (row,) = done.document["urls"]
    assert row["loss"] == 0
    assert 0 < row["rttMs"] < 1000
    assert 0 < row["allocateMs"] < 1000
    assert row["problem"] is None


@pytest.mark.usefixtures("relay")
async def test_all_regions_are_asked_for_by_name(ca: str) -> None:
    asked = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append((await request.json())["region"])
        return web.json_response(offering(URLS[1]))

    async with endpoint(answer) as url:
        done = await checking.checking(url, "--all-regions", "--ca", ca, "--count", "3")
    assert done.code == 0
    assert asked == ["eu", "us"]


async def test_a_region_that_is_not_there_is_refused_with_those_that_are() -> None:
    async with endpoint(saying(offering(URLS[1]))) as url:
        done = await checking.checking(url, "--region", "nonsense", "--count", "3")
    assert done.code == 2
    assert "nonsense is no region of this endpoint; it has eu, us" in done.err


@pytest.mark.usefixtures("relay")
async def test_a_private_ca_that_was_not_named_gets_a_hint() -> None:
    async with endpoint(saying(offering(URLS[3]))) as url:
        done = await checking.checking(url, "--count", "3")
        trusting = await checking.checking(url, "--count", "3", "--insecure")
    assert done.code == 1
    assert "--ca FILE" in done.err
    assert trusting.code == 0


@pytest.mark.usefixtures("relay")
@pytest.mark.parametrize(
    ("url", "secret", "sentence"),
    [
        (f"turn:{RELAY}:3478", b"another", "refuses the credential (401)"),
        (f"turn:{RELAY}:3999?transport=tcp", coturn.SECRET, "refused"),
        ("turn:no.such.host.invalid:3478", coturn.SECRET, "does not resolve"),
        ("javascript:alert(1)", coturn.SECRET, "not a STUN or TURN URL"),
        ("turns:127.20.4.1:5349?transport=udp", coturn.SECRET, "not a STUN or TURN URL"),
        ("turn:[::1]:1?transport=tcp", coturn.SECRET, ""),
    ],
)
async def test_a_url_that_fails_says_why(url: str, secret: bytes, sentence: str) -> None:
    async with endpoint(saying(offering(url, secret=secret))) as asked:
        done = await checking.checking(asked, "--count", "3")
    assert done.code == 1
    assert sentence in done.out
    assert "0 of 1 URLs work" in done.out


async def test_packets_that_do_not_come_through_are_a_failure(tmp_path: Path) -> None:
    options = ["--denied-peer-ip=127.0.0.0-127.255.255.255"]
    async with (
        coturn.running(tmp_path, "127.20.4.2", options=options),
        endpoint(saying(offering("turn:127.20.4.2:3478"))) as url,
    ):
        done = await checking.checking(url, "--count", "3")
    assert done.code == 1
    assert "403" in done.out


async def text(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>hello</html>", content_type="text/html")


async def huge(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"[" + b" " * 3_000_000 + b"]")


async def packed(_: web.Request) -> web.StreamResponse:
    headers = {"Content-Encoding": "gzip"}
    return web.Response(body=gzip.compress(b"[" + b" " * 3_000_000 + b"]"), headers=headers)


async def problem(_: web.Request) -> web.StreamResponse:
    return web.json_response({"detail": "no relay\x1b[31m left"}, status=503)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (text, "not with JSON"),
        (huge, "not an endpoint"),
        (packed, "not with JSON"),
        (problem, "503: no relay\N{REPLACEMENT CHARACTER}[31m left"),
        (saying([]), "offers no server"),
        (saying({}), "no iceServers"),
        (saying("x"), "no iceServers"),
        (saying([{}]), "without urls"),
        (saying([7]), "without urls"),
        (saying([{"urls": [None]}]), "wrong shape"),
        (saying([{"urls": "turn:a", "username": 7}]), "wrong shape"),
        (saying([{"urls": "turn:a", "username": "a\x1b[2J"}]), "wrong shape"),
        (saying([{"urls": "turn:a", "username": "\ud800"}]), "wrong shape"),
        (saying([{"urls": ["turn:a"] * 65}]), "over 64"),
        (saying({"iceServers": [{"urls": "x" * 2000}]}), "wrong shape"),
    ],
)
async def test_an_answer_that_is_none_ends_with_a_sentence(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], sentence: str
) -> None:
    async with endpoint(answer) as url:
        done = await checking.checking(url)
    assert done.code == 2
    assert sentence in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            f"http://{ENDPOINT}:1/api/get-ice-servers",
            "connection refused; is the endpoint running?",
        ),
        ("ftp://x/", "not an HTTP URL"),
        ("http://[/", "not an HTTP URL"),
        ("", "not an HTTP URL"),
        ("http://no.such.host.invalid/", "no answer from http://no.such.host.invalid/"),
    ],
)
async def test_an_endpoint_that_cannot_be_asked_ends_with_a_sentence(
    url: str, sentence: str
) -> None:
    done = await checking.checking(url)
    assert (done.code, sentence in done.err) == (2, True), done.err


async def test_a_connection_that_is_refused_is_told_in_plain_words() -> None:
    url = f"http://{ENDPOINT}:1/api/explain"
    for done in (await checking.explaining(f"http://{ENDPOINT}:1"), await checking.checking(url)):
        assert done.code == 2
        assert done.err == f"no answer from {url}: connection refused; is the endpoint running?\n"


async def test_tls_where_there_is_none_is_told_in_plain_words() -> None:
    async with endpoint(text) as url:
        secure = url.replace("http:", "https:")
        done = await checking.checking(secure)
    assert done.err.startswith(f"no answer from {secure}: TLS: ")
    assert "ssl:" not in done.err


async def test_who_needs_a_key_is_told_by_which_option() -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"detail": "Send an API key."}, status=401)

    async with endpoint(refuse) as url:
        done = await checking.checking(url)
    assert done.err.endswith(
        "401: Send an API key. This command reads it from a file: --key-file FILE.\n"
    )


async def test_the_key_is_sent_from_its_file_and_never_shown(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("very-secret\n")
    seen = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return web.json_response({"detail": "no"}, status=401)

    async with endpoint(answer) as url:
        done = await checking.checking(url, "--key-file", str(key))
    assert seen == ["Bearer very-secret"]
    assert "very-secret" not in done.out + done.err


@pytest.mark.parametrize(
    ("url", "destination"),
    [
        ("stun:[2001:db8::1]", ("udp", "2001:db8::1", 3478)),
        ("turn:a.example", ("udp", "a.example", 3478)),
        ("turn:a.example?transport=tcp", ("tcp", "a.example", 3478)),
        ("turns:192.0.2.1:443?transport=tcp", ("tls", "192.0.2.1", 443)),
        ("turns:192.0.2.1", ("tls", "192.0.2.1", 5349)),
        ("stun:a.example?transport=udp", None),
        ("turn:[::zz]:1", None),
        ("turn:a.example:0", None),
        ("turn:a.example:70000", None),
        ("turn://a.example", None),
        ("turn:a b", None),
    ],
)
def test_urls_are_read_as_browsers_read_them(
    url: str, destination: tuple[str, str, int] | None
) -> None:
    read = asking.read_url(url)
    assert (read and (read.transport, read.host, read.port)) == destination
