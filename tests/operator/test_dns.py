"""``turnfleet dns`` next to a cluster whose operator has named its relays."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support import writing

from turnfleet.commands import verbs
from turnfleet.kube import kinds

Dns = Callable[..., Awaitable[tuple[int, str, str]]]
SPEC = {"location": {"latitude": 50, "longitude": 8}, "realm": "turn.test"}


def relay(name: str, hostname: str | None, *addresses: str, state: str = "Ready") -> dict[str, Any]:
    named = {} if hostname is None else {"hostname": hostname}
    return {"name": name, "state": state, "addresses": list(addresses), **named}


async def declare(cluster: writing.Cluster, name: str, *relays: dict[str, Any]) -> None:
    about = {"name": name, "namespace": "relays"}
    found = {"metadata": about, "spec": SPEC, "status": {"relays": list(relays)}}
    await cluster.put(kinds.TURN_REGION, found)


@pytest.fixture
def dns(cluster: writing.Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Dns:
    async def run(*options: str) -> tuple[int, str, str]:
        leads = str(cluster.kubeconfig(tmp_path))
        asked = ["dns", "--namespace", "relays", "--kubeconfig", leads, *options]
        code = await asyncio.to_thread(verbs.run_one, asked)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


async def test_every_name_gets_the_addresses_of_its_relays_by_family(
    cluster: writing.Cluster, dns: Dns
) -> None:
    await declare(cluster, "eu", relay("b", "b.turn.test", "192.0.2.2", "2001:db8::2"))
    await declare(cluster, "us", relay("a", "a.turn.test", "192.0.2.1"))
    code, out, err = await dns("--ttl", "30")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "b.turn.test. 30 IN A 192.0.2.2",
        "b.turn.test. 30 IN AAAA 2001:db8::2",
        "a.turn.test. 30 IN A 192.0.2.1",
    ]


async def test_without_a_flag_it_is_the_cluster_that_kubectl_would_take(
    cluster: writing.Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await declare(cluster, "eu", relay("a", "a.turn.test", "192.0.2.1"))
    home = tmp_path / ".kube"
    home.mkdir()
    cluster.kubeconfig(home).rename(home / "config")
    monkeypatch.setenv("HOME", str(tmp_path))
    for named, code in (("", 0), (str(home / "config"), 0), (str(tmp_path / "none"), 2)):
        monkeypatch.setenv("KUBECONFIG", named)
        assert await asyncio.to_thread(verbs.run_one, ["dns", "--all-namespaces"]) == code
    printed = capsys.readouterr()
    assert printed.out == 2 * "a.turn.test. 60 IN A 192.0.2.1\n"
    assert "does not lead to a cluster" in printed.err


async def test_a_draining_relay_and_its_successor_on_the_node_share_one_record(
    cluster: writing.Cluster, dns: Dns
) -> None:
    old = relay("old", "a.turn.test", "192.0.2.1", state="Draining")
    await declare(cluster, "eu", old, relay("new", "a.turn.test", "192.0.2.1", state="Starting"))
    assert (await dns())[1] == "a.turn.test. 60 IN A 192.0.2.1\n"


async def test_a_dnsendpoint_for_each_region_is_what_external_dns_takes(
    cluster: writing.Cluster, dns: Dns
) -> None:
    await declare(cluster, "eu", relay("a", "a.turn.test", "192.0.2.1"))
    await declare(cluster, "us", relay("b", None, "192.0.2.2"))
    code, out, _ = await dns("--dnsendpoint")
    assert code == 0
    assert list(yaml.safe_load_all(out)) == [
        {
            "apiVersion": "externaldns.k8s.io/v1alpha1",
            "kind": "DNSEndpoint",
            "metadata": {"name": "turn-eu", "namespace": "relays"},
            "spec": {
                "endpoints": [
                    {
                        "dnsName": "a.turn.test",
                        "recordType": "A",
                        "recordTTL": 60,
                        "targets": ["192.0.2.1"],
                    }
                ]
            },
        }
    ]


async def test_without_names_it_says_what_gives_relays_one(
    cluster: writing.Cluster, dns: Dns
) -> None:
    await declare(cluster, "eu", relay("a", None, "192.0.2.1"))
    code, out, err = await dns("--json")
    assert (code, json.loads(out)) == (1, [])
    assert "addresses.hostname" in err


async def test_a_relay_that_is_none_is_left_out_with_a_sentence(
    cluster: writing.Cluster, dns: Dns
) -> None:
    odd = relay("odd", "not a name", "192.0.2.9")
    await declare(cluster, "eu", relay("a", "a.turn.test", "192.0.2.1"), odd)
    code, out, err = await dns()
    assert (code, out) == (0, "a.turn.test. 60 IN A 192.0.2.1\n")
    assert "relay 'odd' is left out" in err
