"""A renewed certificate is served at once, calls go on, and what is not fit replaces nothing."""

import asyncio
import contextlib
import datetime as dt
import hashlib
import os
import signal
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from tests.support import agents, coturn

from turnrelay import turn

TLS = {"udp": 3478, "tcp": 3478, "tls": 5349}
OWN = {"deny": [], "allow": ["127.30.0.0/16"]}
HANDSHAKES = 12
"""More than coturn has threads here: each of them has to have the new one."""


async def shown(agent: agents.Agent) -> str:
    """Return the fingerprint that a client's handshake shows."""
    context = agent.server("tls").context
    assert context is not None
    _, writer = await asyncio.open_connection(agent.address, 5349, ssl=context)
    held: ssl.SSLObject = writer.get_extra_info("ssl_object")
    leaf = held.getpeercert(binary_form=True)
    writer.close()
    assert leaf is not None
    return hashlib.sha256(leaf).hexdigest()


async def served(agent: agents.Agent) -> str:
    """Return the fingerprint that the agent says is served, once it says so."""
    status = await agent.until(lambda s: s["certificate"])
    fingerprint: str = status["certificate"]["fingerprint"]
    return fingerprint


async def renewed(agent: agents.Agent, authority: coturn.Authority) -> str:
    """Renew, and return what is served within five seconds of that."""
    before = await shown(agent)
    began = time.monotonic()
    agent.certify(authority)
    while (now := await shown(agent)) == before:
        assert time.monotonic() - began < 5, agent.log
        await asyncio.sleep(0.02)
    return now


class Call:
    """A client by TLS that sends to another one all the time, and refreshes."""

    def __init__(self, mine: turn.Allocation, theirs: turn.Allocation) -> None:
        self._mine = mine
        self._theirs = theirs
        self.sent = 0

    async def talk(self, until: asyncio.Event) -> None:
        await self._mine.permit(self._theirs.relayed.ip)
        await self._theirs.permit(self._mine.relayed.ip)
        while not until.is_set():
            self.sent += 1
            words = f"packet {self.sent}".encode()
            await self._mine.send(self._theirs.relayed, words)
            assert await self._theirs.receive(1) == (self._mine.relayed, words)
            await self._theirs.send(self._mine.relayed, words)
            assert await self._mine.receive(1) == (self._theirs.relayed, words)
            if self.sent % 20 == 0:
                assert await self._mine.refresh(600) == 600
            await asyncio.sleep(0.01)


async def test_calls_by_tls_go_on_while_the_certificate_is_renewed_twice(tmp_path: Path) -> None:
    authority = coturn.authority()
    async with agents.prepared(tmp_path, listeners=TLS, live_peers=OWN) as agent:
        agent.certify(authority)
        await agent.start()
        await agent.ready()
        enough = asyncio.Event()
        async with agent.allocation("tls") as mine, agent.allocation("tls", user="bob") as theirs:
            call = Call(mine, theirs)
            talking = asyncio.create_task(call.talk(enough))
            for _ in range(2):
                fingerprint = await renewed(agent, authority)
                assert {await shown(agent) for _ in range(HANDSHAKES)} == {fingerprint}
                await agent.until(_serves(fingerprint))
                async with agent.allocation("tls", user="carol") as late:
                    await late.refresh(600)
            enough.set()
            await talking
        assert call.sent > 20
        status = await agent.status()
        assert (status["restarts"], status["complaints"]) == (0, [])


async def test_a_certificate_renewed_while_coturn_starts_ends_nothing(tmp_path: Path) -> None:
    """A signal would end a coturn that has not yet come to await it."""
    authority = coturn.authority()
    async with agents.prepared(tmp_path, listeners=TLS) as agent:
        agent.certify(authority)
        await agent.start()
        for _ in range(20):
            agent.certify(authority)
            await asyncio.sleep(0.1)
        await agent.ready()
        await agent.until(lambda s: s["certificate"] and not s["complaints"])
        last = x509.load_pem_x509_certificate((tmp_path / "tls" / "tls.crt").read_bytes())
        await agent.until(_serves(last.fingerprint(hashes.SHA256()).hex()))
        assert (await agent.status())["restarts"] == 0


async def test_a_pair_that_is_not_fit_leaves_the_one_before_in_force(tmp_path: Path) -> None:
    authority = coturn.authority()
    async with agents.prepared(tmp_path, listeners=TLS) as agent:
        agent.certify(authority)
        await agent.start()
        await agent.ready()
        before = await served(agent)
        good = {name: (tmp_path / "tls" / name).read_text() for name in ("tls.crt", "tls.key")}
        for changed, sentence in (
            ({"tls.key": _another_key(tmp_path)}, "do not fit together"),
            ({"tls.crt": ""}, "has no tls.crt"),
            (_dated(tmp_path, authority, agent.address, days=-10), "the one before stays in force"),
            (_dated(tmp_path, authority, "turn.elsewhere.example", days=0), "is not for"),
        ):
            for name, content in (good | changed).items():
                agent.put(f"tls/{name}", content)
            status = await agent.until(_complains(sentence))
            assert status["certificate"]["fingerprint"] == before
            assert await shown(agent) == before
        agent.certify(authority)
        status = await agent.until(lambda s: not s["complaints"])
        assert status["restarts"] == 0
        assert "PRIVATE KEY" not in agent.log


async def test_an_agent_that_starts_again_goes_on_with_the_certificate_of_the_one_before(
    tmp_path: Path,
) -> None:
    authority = coturn.authority()
    async with agents.prepared(tmp_path, listeners=TLS) as agent:
        agent.certify(authority)
        await agent.start()
        await agent.ready()
        before = await served(agent)
        foreign = _dated(tmp_path, authority, "turn.elsewhere.example", days=0)
        for name, content in foreign.items():
            agent.put(f"tls/{name}", content)
        await agent.until(_complains("is not for"))
        assert agent.process is not None
        agent.process.kill()
        await agent.ended()
        await agent.start()
        await agent.until(_complains("is not for"))
        await agent.ready()
        assert await served(agent) == before
        assert await shown(agent) == before


async def test_another_chain_below_the_same_leaf_is_served(tmp_path: Path) -> None:
    root, between = coturn.authority(), coturn.authority()
    client = ssl.create_default_context(cadata=root.pem)
    async with agents.prepared(tmp_path, listeners=TLS) as agent:
        agent.certify(between)
        await agent.start()
        await agent.ready()
        before = await served(agent)
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(agent.address, 5349, ssl=client)
        leaf = (tmp_path / "tls" / "tls.crt").read_text()
        agent.put("tls/tls.crt", leaf + _vouched(between, by=root))
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(ssl.SSLCertVerificationError):
                    _, writer = await asyncio.open_connection(agent.address, 5349, ssl=client)
                    break
                await asyncio.sleep(0.1)
        writer.close()
        assert await served(agent) == before


@pytest.mark.parametrize(("days", "sentence"), [(-10, "ended at"), (10, "begins only at")])
async def test_a_relay_that_has_no_better_certificate_starts_with_one_out_of_its_dates(
    tmp_path: Path, days: int, sentence: str
) -> None:
    authority = coturn.authority()
    async with agents.prepared(tmp_path, listeners=TLS) as agent:
        for name, content in _dated(tmp_path, authority, agent.address, days=days).items():
            agent.put(f"tls/{name}", content)
        await agent.start()
        status = await agent.until(lambda s: s["ready"] and s["certificate"])
        assert f"the certificate {sentence}" in status["complaints"][0]
        assert await agent.refusal() == 0, "UDP asks for no certificate"
        agent.certify(authority)
        await agent.until(lambda s: not s["complaints"])


async def test_a_coturn_that_is_deaf_to_the_signal_is_complained_of(tmp_path: Path) -> None:
    authority = coturn.authority()
    async with agents.prepared(tmp_path, listeners=TLS) as agent:
        agent.certify(authority)
        await agent.start("--turnserver", _deaf(tmp_path))
        await agent.ready()
        before = await served(agent)
        agent.certify(authority)
        status = await agent.until(_complains("goes on serving another certificate"))
        assert status["certificate"]["fingerprint"] == before
        relay = agent.coturn()
        assert relay is not None
        os.kill(relay, signal.SIGKILL)
        status = await agent.until(lambda s: s["restarts"] == 1 and s["certificate"])
        assert status["certificate"]["fingerprint"] != before
        await agent.until(lambda s: not s["complaints"])


def _complains(sentence: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda status: any(sentence in each for each in status["complaints"])


def _serves(fingerprint: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda status: status["certificate"]["fingerprint"] == fingerprint


def _vouched(authority: coturn.Authority, *, by: coturn.Authority) -> str:
    """Return a certificate of an authority that another one has signed, in PEM."""
    own = authority.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(own.subject)
        .issuer_name(by.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(own.not_valid_before_utc)
        .not_valid_after(own.not_valid_after_utc)
    )
    for extension in own.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    signed = builder.add_extension(issuer, critical=False).sign(by.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _another_key(folder: Path) -> str:
    _, key = coturn.authority().issue(folder / "another", ["127.0.0.1"])
    return key.read_text()


def _dated(folder: Path, authority: coturn.Authority, name: str, *, days: int) -> dict[str, str]:
    begins = dt.timedelta(days=days)
    certificate, key = authority.issue(folder / "dated", [name], begins=begins)
    return {"tls.crt": certificate.read_text(), "tls.key": key.read_text()}


def _deaf(folder: Path) -> str:
    """Return a coturn that goes on with the pair it started with, as with one it cannot load."""
    program, own = folder / "turnserver", folder / "own"
    program.write_text(f"""#!/bin/sh
if [ "$1" = -c ]; then
    for file in cert pkey; do cp "$(sed -n "s/^$file=//p" "$2")" {own}.$file; done
    sed -E 's#^(cert|pkey)=.*#\\1={own}.\\1#' "$2" >{own}.conf
    exec /usr/bin/turnserver -c {own}.conf
fi
exec /usr/bin/turnserver "$@"
""")
    program.chmod(0o755)
    return str(program)
