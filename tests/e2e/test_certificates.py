"""The region's TLS Secret changes under calls: to a good pair, and to others that are not."""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.calls import certificates
from tests.e2e.cluster import kubectl, shape
from tests.support import (
    cluster_asking,
    cluster_fleet,
    cluster_regions,
    cluster_scene,
    coturn,
)

_PORT: Final = 443
_VALID: Final = "CertificateValid"
_SERVED_WITHIN: Final = 5.0
_WITHIN: Final = 60
_LOOK: Final = "turnfleet.io/look"
"""An annotation that nobody reads; a change makes a kubelet bring what a pod mounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bad:
    """A pair that no relay should serve: what conditions and relays say of it."""

    kind: str
    pair: Callable[[cluster_fleet.Fleet, Sequence[str]], tuple[Path, Path]]
    verdict: str
    why: str
    refusal: str
    """In the relays' logs."""


def _of_two(fleet: cluster_fleet.Fleet, names: Sequence[str]) -> tuple[Path, Path]:
    certificate, _ = fleet.authority.issue(fleet.folder / "one", names)
    _, key = fleet.authority.issue(fleet.folder / "other", names)
    return certificate, key


def _expired(fleet: cluster_fleet.Fleet, names: Sequence[str]) -> tuple[Path, Path]:
    began = -3 * coturn.DAY
    return fleet.authority.issue(fleet.folder / "expired", names, begins=began)


def _misnamed(fleet: cluster_fleet.Fleet, _: Sequence[str]) -> tuple[Path, Path]:
    return fleet.authority.issue(fleet.folder / "misnamed", ["turn.elsewhere.example"])


_OF_TWO: Final = _Bad(
    kind="of two keys",
    pair=_of_two,
    verdict="Unusable",
    why="is not the key of its certificate",
    refusal="do not fit together",
)
_EXPIRED: Final = _Bad(
    kind="expired",
    pair=_expired,
    verdict="Expired",
    why="so relays that run keep the one before",
    refusal="the one before stays in force",
)


_MISNAMED: Final = _Bad(
    kind="for another name",
    pair=_misnamed,
    verdict="NameMismatch",
    why="so relays go on with one that is",
    refusal="the one before stays in force",
)


async def test_a_renewed_certificate_is_served_within_seconds_under_calls(
    scene: cluster_scene.Scene,
) -> None:
    offers = await _over_tls(scene)
    async with scene.calls(offers):
        seconds = await _renew(scene)
        scene.told.measured(f"a renewed certificate served by every relay after {seconds:.1f} s")
        assert seconds <= _SERVED_WITHIN
        await asyncio.to_thread(_await_verdict, scene, "Valid", "")
        assert await scene.back_end.complaints(offers) == ()
    scene.assert_kept()


@pytest.mark.parametrize("bad", [_OF_TWO, _EXPIRED, _MISNAMED], ids=lambda bad: bad.kind)
async def test_relays_go_on_with_the_old_certificate_where_the_new_pair_is(
    bad: _Bad,
    scene: cluster_scene.Scene,
) -> None:
    fleet, back_end, region = scene.fleet, scene.back_end, scene.region
    offers = await _over_tls(scene)
    shown = await _shown(region)
    assert len(set(shown)) == 1
    async with scene.calls(offers):
        await asyncio.to_thread(fleet.hand_out, *bad.pair(fleet, _names(region)))
        said = await asyncio.to_thread(_await_verdict, scene, bad.verdict, bad.why)
        scene.told.measured(f"{_VALID}: {said.reason}: {said.message}")
        await asyncio.to_thread(_await_refusal, scene, bad.refusal)
        assert await _shown(region) == shown
        assert await back_end.complaints(await back_end.ask(profile="tcp443")) == ()
        seconds = await _renew(scene)
        scene.told.measured(f"the next good one served after {seconds:.1f} s")
        await asyncio.to_thread(_await_verdict, scene, "Valid", "")
    scene.assert_kept()


async def _over_tls(scene: cluster_scene.Scene) -> cluster_asking.Offers:
    """Return the TLS URLs of every relay of the region."""
    offers = await scene.back_end.ask(profile="tcp443")
    over_tls = tuple(each for each in offers if each.url.startswith("turns:"))
    assert scene.region.is_complete(over_tls)
    return over_tls


def _names(region: cluster_regions.Region) -> tuple[str, ...]:
    return (*region.addresses, shape.EXTRA_NODE.address)


async def _renew(scene: cluster_scene.Scene) -> float:
    """Put a good certificate into the Secret; return the seconds until all relays serve it."""
    fleet, region = scene.fleet, scene.region
    began = time.monotonic()
    certificate = await asyncio.to_thread(fleet.certify, _names(region))
    pem = certificate.read_bytes()
    async with asyncio.timeout(_WITHIN):
        for address in region.addresses:
            await certificates.served(address, _PORT, pem, trusted=_anything())
    return time.monotonic() - began


async def _shown(region: cluster_regions.Region) -> tuple[bytes | None, ...]:
    trusted = _anything()
    return tuple(
        [await certificates.shown_by(each, _PORT, trusted=trusted) for each in region.addresses]
    )


def _anything() -> ssl.SSLContext:
    """Return what makes a client look at a certificate that it would refuse."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _await_verdict(scene: cluster_scene.Scene, reason: str, why: str) -> cluster_fleet.Condition:
    """Return the condition once it says something, and why."""

    def is_said() -> bool:
        said = scene.fleet.condition(scene.region.name, _VALID)
        return said.reason == reason and why in said.message

    kubectl.wait_until(is_said, what=f"{_VALID} to say {reason}: {why}")
    said = scene.fleet.condition(scene.region.name, _VALID)
    assert said.status == str(reason == "Valid")
    return said


def _await_refusal(scene: cluster_scene.Scene, why: str) -> None:
    """Have the kubelets bring the pair, and wait until every relay has said what it thinks of it.

    The operator makes no haste with a pair that it would not serve itself.
    """
    client = scene.fleet.kubernetes.kubectl
    pods = [pod["metadata"]["name"] for pod in scene.fleet.pods(scene.region.name)]
    for name in pods:
        look = {"metadata": {"annotations": {_LOOK: f"{time.time()}"}}}
        client.patch("pod", name, look, namespace=cluster_fleet.RELAYS)
    kubectl.wait_until(
        lambda: all(
            why in client.run("logs", name, f"--namespace={cluster_fleet.RELAYS}", "--tail=20")
            for name in pods
        ),
        what=f"every relay to say: {why}",
        within=_WITHIN,
    )
