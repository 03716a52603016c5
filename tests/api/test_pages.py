"""The page at / and its files, under a policy; nothing outside their folder."""

from pathlib import Path

import pytest
from tests.support import endpoints

from turnfleet.api import options, pages


async def test_the_page_is_served_under_a_strict_policy(endpoint: endpoints.Running) -> None:
    page = await endpoint.get("/")

    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"


async def test_every_file_of_the_folder_has_its_type(endpoint: endpoints.Running) -> None:
    kinds = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
    for file in pages.FOLDER.rglob("*.*"):
        reply = await endpoint.get(f"/static/{file.relative_to(pages.FOLDER).as_posix()}")

        assert reply.status == 200
        assert reply.body == file.read_bytes()
        assert reply.headers["Content-Type"].startswith(kinds.get(file.suffix, ""))


@pytest.mark.parametrize(
    "path",
    [
        b"/static/../app.py", b"/static/..%2fapp.py", b"/static/%2e%2e/app.py",
        b"/static//etc/passwd", b"/static/....//app.py", b"/static/..\\app.py", b"/static/",
        b"/static", b"/static/index.html%00", b"/../../etc/passwd", b"//etc/passwd",
    ],
)  # fmt: skip
async def test_no_path_climbs_out_of_the_folder(endpoint: endpoints.Running, path: bytes) -> None:
    sent = b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path

    assert (await endpoint.raw(sent)).split()[1] in {b"404", b"400"}


async def test_there_is_no_page_where_none_is_wanted(start: endpoints.Start) -> None:
    async with start(options.Options()) as endpoint:
        assert (await endpoint.get("/")).status == 404
        assert (await endpoint.get("/static/index.html")).status == 404


async def test_a_missing_folder_is_no_page_and_no_error(tmp_path: Path) -> None:
    assert pages.routes(tmp_path / "nothing") == ()
