"""The page at ``/`` and its files: served as they are, under a policy that lets nothing else in.

One of them is for other pages too: the module that reports, which every endpoint serves. Only what
was in the folder at the start is served, so no path can climb out of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

FOLDER: Final = Path(__file__).with_name("static")
_INDEX: Final = "index.html"
SHARED: Final = "/api/ice-report.js"
"""The module that pages of any origin may import: beside where it reports to."""
# Not mimetypes, which asks the machine: scripts of a type that it has wrong are not run.
_KINDS: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
}

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # The files change with the program: a stale script against a new endpoint only confuses.
    hdrs.CACHE_CONTROL: "no-cache",
}
_FOR_ANY_PAGE: Final = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.VARY: "Accept-Encoding",  # what is said to any origin does not vary with it
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def routes(folder: Path = FOLDER) -> tuple[web.RouteDef, ...]:
    """Return one route for each file of the page in the folder, and ``/`` for its index."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in _KINDS)
    found = [_route(f"/static/{path.relative_to(folder).as_posix()}", path) for path in files]
    index = folder / _INDEX
    return (*found, _route("/", index)) if index in files else tuple(found)


def shared(folder: Path = FOLDER) -> web.RouteDef:
    """Return the route of the module that pages of any origin may import."""
    return _route(SHARED, folder / SHARED.rpartition("/")[2], {**_HEADERS, **_FOR_ANY_PAGE})


def _route(path: str, file: Path, headers: Mapping[str, str] = _HEADERS) -> web.RouteDef:
    kind, content = _KINDS[file.suffix], file.read_bytes()

    async def serve(_: web.Request) -> web.StreamResponse:
        return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)

    return web.get(path, serve)
