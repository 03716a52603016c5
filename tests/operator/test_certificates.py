"""What an operator makes of the TLS Secrets that regions name."""

import asyncio
import base64
import gc
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import prometheus_client.parser
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.support import coturn, operators

from turnfleet.kube import certificates, holding, kinds
from turnfleet.plan.cluster import observed
from turnrelay import contract

RELAYS = operators.RELAYS
KEY = holding.Key(RELAYS, "turn-tls")
HOST = "127.20.8.1"
TLS: dict[str, Any] = {
    "listeners": {"udp": {"port": 3478}, "tls": {"port": 443, "secretName": KEY.name}},
    "addresses": {"hostname": "{node}.turn.test"},
}


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, bytes]:
    """Return a new certificate and its key."""
    names = ["*.TURN.test", "2001:db8::1", "192.0.2.1"]
    certificate, key = coturn.authority().issue(tmp_path / "pair", names)
    return {"tls.crt": certificate.read_bytes(), "tls.key": key.read_bytes()}


def secret(data: dict[str, bytes], *, version: str = "7") -> dict[str, Any]:
    """Return a Secret as the API server has it, applied by kubectl."""
    encoded = {name: base64.b64encode(value).decode() for name, value in data.items()}
    return {
        "metadata": {
            "namespace": RELAYS,
            "name": KEY.name,
            "resourceVersion": version,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": str(encoded)},
        },
        "type": "kubernetes.io/tls",
        "data": encoded,
    }


def read(data: dict[str, bytes]) -> observed.Certificate:
    return certificates.read(KEY, secret(data))


def test_a_pair_is_read_with_its_names_dates_and_version(pair: dict[str, bytes]) -> None:
    found = read(pair)
    assert found.present
    assert not found.problem
    assert found.version == "7"
    assert found.names == ("*.turn.test", "2001:db8::1", "192.0.2.1")
    assert len(found.fingerprint) == 64
    assert found.not_after - found.not_before == 2 * 86400


def test_a_chain_is_known_by_its_first_certificate(pair: dict[str, bytes]) -> None:
    chain = pair["tls.crt"] + coturn.authority().pem.encode()
    assert read(pair | {"tls.crt": chain}) == read(pair)


def test_a_pair_that_relays_would_refuse_says_why(pair: dict[str, bytes], tmp_path: Path) -> None:
    _, other = coturn.authority().issue(tmp_path / "other", ["192.0.2.1"])
    opened = serialization.load_pem_private_key(pair["tls.key"], None)
    encrypted = opened.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"a password"),
    )
    cut = pair["tls.crt"][: len(pair["tls.crt"]) // 2]
    for changed, sentence in (
        ({"tls.key": other.read_bytes()}, "its tls.key is not the key of its certificate"),
        ({"tls.key": encrypted}, "its tls.key is encrypted"),
        ({"tls.key": b"garbage"}, "its tls.key holds no private key"),
        ({"tls.key": b" "}, "it has no tls.key"),
        ({"tls.crt": b""}, "it has no tls.crt"),
        ({"tls.crt": cut}, "its tls.crt holds no certificate"),
        ({"tls.crt": pair["tls.key"]}, "its tls.crt holds no certificate"),
        ({"tls.crt": coturn.of_no_version(pair["tls.crt"])}, "its tls.crt holds no certificate"),
    ):
        found = read(pair | changed)
        assert found.problem.startswith(f"the Secret turn-tls cannot be used: {sentence}"), changed
        assert found.version == "7"
        assert "PRIVATE" not in repr(found)


def test_a_certificate_whose_own_key_is_nonsense_is_not_blamed_on_the_other(
    pair: dict[str, bytes],
) -> None:
    whole = x509.load_pem_x509_certificate(pair["tls.crt"])
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    key = whole.public_key().public_bytes(serialization.Encoding.DER, info)
    der = whole.public_bytes(serialization.Encoding.DER).replace(key[-32:], b"\x01" * 32)
    found = read(pair | {"tls.crt": ssl.DER_cert_to_PEM_cert(der).encode()})
    assert "its tls.crt holds no certificate" in found.problem


def test_an_address_written_as_a_name_is_none(tmp_path: Path) -> None:
    names = [x509.DNSName("192.0.2.1"), x509.DNSName("a.test")]
    chain, key = (path.read_bytes() for path in coturn.authority().issue(tmp_path, names))
    assert read({"tls.crt": chain, "tls.key": key}).names == ("a.test",)


@pytest.mark.parametrize(
    "data", [None, [], "x", {"tls.crt": 1, "tls.key": []}, {"tls.crt": "%%", "tls.key": "=="}]
)
def test_a_secret_of_any_shape_is_a_problem_and_no_failure(data: object) -> None:
    assert certificates.read(KEY, {"data": data}).problem


async def test_a_region_tells_what_becomes_of_its_certificate(
    operator: operators.Running, pair: dict[str, bytes], tmp_path: Path
) -> None:
    def told() -> tuple[str, str]:
        found = operator.conditions().get("CertificateValid", {"status": "", "reason": ""})
        return found["status"], found["reason"]

    async def put(data: dict[str, bytes]) -> None:
        await operator.cluster.put(kinds.SECRET, secret(data, version=""))

    await operator.declare(**TLS)
    await operator.until(lambda: told() == ("False", "Missing"))
    await put(pair)
    await operator.until(lambda: told() == ("True", "Valid"))
    await put(pair | {"tls.key": b"garbage"})
    await operator.until(lambda: told() == ("False", "Unusable"))
    names = ["*.elsewhere.test"]
    certificate, key = coturn.authority().issue(tmp_path / "elsewhere", names)
    await put({"tls.crt": certificate.read_bytes(), "tls.key": key.read_bytes()})
    await operator.until(lambda: told() == ("False", "NameMismatch"))
    await operator.declare(listeners={"udp": {"port": 3478}})
    await operator.until(lambda: told() == ("", ""))
    watches = {f"watch Secret {KEY}"}
    await operator.until(lambda: watches.isdisjoint(t.get_name() for t in asyncio.all_tasks()))


class Agent:
    """The agent of a relay, which says what it serves."""

    def __init__(self) -> None:
        self.instance = ""
        self.served = ""
        self.port = 0

    async def status(self, _request: web.Request) -> web.StreamResponse:
        certificate = {"notAfter": 2e9, "fingerprint": self.served}
        return web.json_response(
            {
                "instance": self.instance,
                "state": "Ready",
                "ready": True,
                "certificate": certificate,
                "complaints": ["the certificate begins only at noon"],
            }
        )


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Agent]:
    made = Agent()
    application = web.Application()
    application.router.add_get(contract.PATH_STATUS, made.status)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


async def test_true_means_that_every_relay_serves_what_the_secret_holds(
    operator: operators.Running, pair: dict[str, bytes], agent: Agent, tmp_path: Path
) -> None:
    def told() -> dict[str, str]:
        return operator.conditions().get("CertificateValid", {"reason": "", "message": ""})

    cluster = operator.cluster
    await cluster.put(kinds.SECRET, secret(pair, version=""))
    await operator.declare(**TLS, agent={"port": agent.port})
    await operator.until(lambda: cluster.find(kinds.REPLICA_SET, "turn-eu", namespace=RELAYS))
    pod = await cluster.run_pod("turn-eu", namespace=RELAYS, node="node-1", host=HOST)
    agent.instance = pod["metadata"]["uid"]
    await operator.until(lambda: told()["reason"] == "NotServed")
    assert "turn-eu-1; they say: the certificate begins only at noon" in told()["message"]
    agent.served = read(pair).fingerprint
    await operator.until(lambda: told()["reason"] == "Valid")
    certificate, key = coturn.authority().issue(tmp_path / "next", ["*.turn.test"])
    renewal = {"tls.crt": certificate.read_bytes(), "tls.key": key.read_bytes()}
    await cluster.put(kinds.SECRET, secret(renewal, version=""))
    await operator.until(lambda: told()["reason"] == "NotServed")
    agent.served = read(renewal).fingerprint
    await operator.until(lambda: told()["reason"] == "Valid")


async def test_the_end_of_a_certificate_is_a_metric(
    operator: operators.Running, pair: dict[str, bytes]
) -> None:
    await operator.cluster.put(kinds.SECRET, secret(pair))
    await operator.declare(**TLS)
    await operator.until(lambda: "CertificateValid" in operator.conditions())
    exposed = operator.counted.expose().decode()
    samples = [
        sample
        for family in prometheus_client.parser.text_string_to_metric_families(exposed)
        for sample in family.samples
        if sample.name == "turnfleet_operator_certificate_not_after_seconds"
    ]
    (only,) = samples
    assert only.labels == {"namespace": RELAYS, "region": "eu"}
    assert only.value == read(pair).not_after


async def test_a_key_does_not_stay_in_memory_nor_get_anywhere(
    operator: operators.Running, pair: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    await operator.cluster.put(kinds.SECRET, secret(pair))
    await operator.declare(**TLS)
    await operator.until(lambda: operator.status().get("CertificateValid") == "True")
    encoded = base64.b64encode(pair["tls.key"]).decode()
    held = [
        found
        for found in gc.get_objects()
        if isinstance(found, holding.Holding)
        and any(encoded in str(one) for one in found.objects.values())
    ]
    assert held == []
    region = operator.cluster.find(kinds.TURN_REGION, "eu", namespace=RELAYS)
    shown = repr((region, operator.cluster.all(kinds.EVENT))) + caplog.text
    assert "PRIVATE" not in shown
    assert encoded[:40] not in shown
