"""Debian's Chromium at the page: starting it, running the page's test, reading what came of it."""

import asyncio
import base64
import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright import async_api

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Tests stay on loopback; without these it looks for updates at every start.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
RUN_TIMEOUT: Final = 60_000
"""Milliseconds that a run of the page may take."""


def chromium() -> str:
    """Return the path of a Chromium, or fail with what to install."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    raise RuntimeError("The browser tests need Chromium: apt-get install chromium")


@contextlib.asynccontextmanager
async def browser(*, trusted: Iterable[x509.Certificate] = ()) -> AsyncIterator[async_api.Browser]:
    """Run a headless Chromium that trusts, beyond the system's, chains with these certificates."""
    pins = ",".join(_spki(certificate) for certificate in trusted)
    flags = [*_FLAGS, *([f"--ignore-certificate-errors-spki-list={pins}"] if pins else [])]
    async with async_api.async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=flags)
        try:
            yield running
        finally:
            await running.close()


def _spki(certificate: x509.Certificate) -> str:
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One tab at the page. ``complaints`` is what the browser held against the page meanwhile."""

    tab: async_api.Page
    complaints: list[str] = field(default_factory=list)

    async def run(self) -> dict[str, Any]:
        """Press the button, wait for the end, return what the page says of the run."""
        await self.tab.get_by_role("button", name="Run again").click()
        return await self.result()

    async def result(self) -> dict[str, Any]:
        """Wait for the end of the run that is going on and return what the page says of it."""
        ended = self.tab.locator("html[data-run=done], html[data-run=failed]")
        await ended.wait_for(state="attached", timeout=RUN_TIMEOUT)
        last: dict[str, Any] = await self.tab.evaluate("turnfleet.lastRun")
        return last

    async def pick(self, label: str, choice: str) -> dict[str, Any]:
        """Choose an option of the picker by its label and wait for the run that follows."""
        await self.tab.get_by_label(label).select_option(label=choice)
        return await self.result()


@contextlib.asynccontextmanager
async def visit(
    running: async_api.Browser,
    url: str,
    *,
    width: int = 1280,
    height: int = 900,
    zone: str | None = None,
    prepare: Callable[[async_api.Page], Any] | None = None,
) -> AsyncIterator[Visit]:
    """Open ``url`` in a fresh profile; ``prepare`` may change the tab before it goes anywhere.

    ``zone`` is the browser's time zone, the machine's own if ``None``.
    """
    context = await running.new_context(
        viewport={"width": width, "height": height}, timezone_id=zone
    )
    try:
        tab = await context.new_page()
        visiting = Visit(tab=tab)
        tab.on("console", lambda message: _note(visiting.complaints, message))
        tab.on("pageerror", lambda error: visiting.complaints.append(str(error)))
        if prepare is not None:
            await prepare(tab)
        async with asyncio.timeout(RUN_TIMEOUT / 1000):
            await tab.goto(url)
        yield visiting
    finally:
        await context.close()


def _note(complaints: list[str], message: async_api.ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        complaints.append(f"{message.type}: {message.text}")
