"""The client of the Kubernetes API: what it sends, and what it makes of what comes back."""

import asyncio
import base64
import contextlib
import gc
import socket
import ssl
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, strategies
from tests.support import apiservers, coturn

from turnfleet.kube import client, failures, kinds

POD = {"metadata": {"name": "turn-eu-1", "namespace": "media"}}
OF_POD = "/api/v1/namespaces/media/pods/turn-eu-1"


@pytest.fixture
async def api(server: apiservers.ApiServer, tmp_path: Path) -> AsyncIterator[client.Client]:
    async with client.connected(server.kubeconfig(tmp_path), program="tests") as made:
        yield made


async def test_apply_sends_a_manifest_under_its_managers_name(
    server: apiservers.ApiServer, api: client.Client
) -> None:
    region = {"metadata": {"name": "eu", "namespace": "media", "uid": "7"}, "spec": {}}
    await api.apply(kinds.TURN_REGION, region, manager="turnfleet", dry_run=True)

    asked = server.asked[-1]
    assert asked.path == "/apis/turnfleet.io/v1alpha1/namespaces/media/turnregions/eu"
    assert asked.query == {
        "fieldManager": "turnfleet", "force": "true", "dryRun": "All", "fieldValidation": "Ignore",
    }  # fmt: skip
    assert asked.headers["Content-Type"] == "application/apply-patch+yaml"
    assert asked.body == {
        "apiVersion": "turnfleet.io/v1alpha1", "kind": "TurnRegion", **region,
    }  # fmt: skip


async def test_who_is_terse_asks_for_metadata_and_takes_refusals_as_they_are(
    server: apiservers.ApiServer, api: client.Client
) -> None:
    region = {"metadata": {"name": "eu", "namespace": "media"}, "spec": {}}
    for one in (api, api.terse()):
        await one.apply(kinds.TURN_REGION, region, manager="turnfleet")

    whole, terse = (asked.headers["Accept"].split(",") for asked in server.asked)
    assert whole == ["application/json"]
    assert terse == ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", *whole]


async def test_a_patch_and_a_delete_can_be_held_to_what_was_read(
    server: apiservers.ApiServer, api: client.Client
) -> None:
    annotated = {"metadata": {"annotations": {"a": "b"}}}
    await api.merge_patch(
        kinds.POD, "turn-eu-1", annotated, namespace="media", uid="7", resource_version="12"
    )
    await api.delete(kinds.POD, "turn-eu-1", namespace="media", uid="7", grace_seconds=3660)

    patched, deleted = server.asked
    assert patched.path == deleted.path == OF_POD
    assert patched.body["metadata"] == {
        "annotations": {"a": "b"}, "uid": "7", "resourceVersion": "12",
    }  # fmt: skip
    assert deleted.body["preconditions"] == {"uid": "7"}
    assert deleted.body["gracePeriodSeconds"] == 3660


async def test_a_status_is_written_where_specs_are_not(
    server: apiservers.ApiServer, api: client.Client
) -> None:
    await api.merge_patch(
        kinds.TURN_REGION,
        "eu",
        {"status": {"replicas": 2}},
        namespace="media",
        subresource="status",
    )

    assert server.asked[-1].path.endswith("/turnregions/eu/status")
    assert server.asked[-1].body == {"status": {"replicas": 2}}


async def test_one_object_needs_its_namespace(api: client.Client) -> None:
    with pytest.raises(ValueError, match="is in a namespace"):
        await api.get(kinds.POD, "turn-eu-1")
    with pytest.raises(ValueError, match="is in no namespace"):
        await api.get(kinds.NODE, "one", namespace="media")


@pytest.mark.parametrize(
    ("code", "reason", "failure"),
    [
        (401, "Unauthorized", failures.Unauthorized),
        (403, "Forbidden", failures.Forbidden),
        (404, "NotFound", failures.NotFound),
        (409, "Conflict", failures.Conflict),
        (409, "AlreadyExists", failures.AlreadyExists),
        (410, "Expired", failures.Gone),
        (422, "Invalid", failures.Invalid),
        (429, "TooManyRequests", failures.Throttled),
        (400, "BadRequest", failures.Refused),
        (500, "InternalError", failures.Unavailable),
        (504, "Timeout", failures.Unavailable),
    ],
)
async def test_each_way_to_fail_has_its_name(
    server: apiservers.ApiServer,
    api: client.Client,
    code: int,
    reason: str,
    failure: type[failures.Failure],
) -> None:
    server.fault = lambda _: apiservers.status(code, reason, "because", Retry_After="3")
    with pytest.raises(failures.Failure) as raised:
        await api.create(kinds.POD, POD)

    assert type(raised.value) is failure
    assert raised.value.sentence.endswith(f"{code} because")
    assert raised.value.retry_after == 3


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(text="<html>sign in</html>"),
        lambda: web.Response(text="[1]"),
        lambda: web.Response(text="[" * 100_000),
        lambda: web.Response(status=502, text="<html>bad gateway</html>"),
        lambda: web.Response(text="{}", headers={"Content-Encoding": "deflate"}),
    ],
)
async def test_what_a_proxy_says_in_place_of_the_server_is_no_answer(
    server: apiservers.ApiServer, api: client.Client, answer: Callable[[], web.Response]
) -> None:
    server.fault = lambda _: answer()
    with pytest.raises(failures.Unavailable):
        await api.get(kinds.POD, "turn-eu-1", namespace="media")


async def test_a_server_that_is_not_there_is_unavailable_and_counted(tmp_path: Path) -> None:
    async with apiservers.serving() as gone:
        pass
    counted: list[tuple[str, str, int]] = []
    async with client.connected(
        gone.kubeconfig(tmp_path),
        program="tests",
        counted=lambda verb, kind, status: counted.append((verb, kind.name, status)),
    ) as api:
        with pytest.raises(failures.Unavailable):
            await api.list(client.Query(kind=kinds.POD))

    assert counted == [("list", "Pod", 0)]


@pytest.mark.parametrize("text", ["", "nonsense", "clusters: 3", "[", "{}"])
async def test_a_kubeconfig_that_leads_nowhere_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(client.Unconfigured, match="does not lead to a cluster"):
        async with client.connected(path, program="tests"):
            pass


json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=8,
)
said = strategies.dictionaries(
    strategies.sampled_from(["code", "reason", "message", "details"]),
    json_values | strategies.just({"retryAfterSeconds": float("nan")}),
)


@given(said)
def test_whatever_a_status_holds_it_is_a_failure(status: dict[str, Any]) -> None:
    assert failures.of_status("watch pods", status).sentence


@given(strategies.binary(), strategies.integers(300, 599), strategies.text())
def test_whatever_an_answer_holds_it_is_a_failure(body: bytes, code: int, wait: str) -> None:
    failure = failures.of("get", status=code, body=body, headers={"Retry-After": wait})

    assert failure.sentence
    with contextlib.suppress(TypeError):
        assert 0 <= (failure.retry_after or 0) <= 300


@pytest.mark.parametrize("read", ["headers", "an event"])
def test_a_watch_is_left_without_waiting_for_a_server_that_says_nothing_more(
    read: str, tmp_path: Path
) -> None:
    async def look_and_leave(kubeconfig: Path) -> None:
        query = client.Query(kind=kinds.POD, namespace="media")
        async with (
            client.connected(kubeconfig, program="tests") as api,
            api.events(query, since="1", lasting=60, silence=60) as events,
        ):
            if read == "an event":
                await anext(events)

    assert _complaints(look_and_leave, tmp_path) == []


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
def test_an_answer_that_stops_halfway_is_left_at_once_with_whoever_wanted_it(
    status: str, tmp_path: Path
) -> None:
    async def look_and_give_up(kubeconfig: Path) -> None:
        async with client.connected(kubeconfig, program="tests") as api:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await api.get(kinds.POD, "relay", namespace="media")

    assert _complaints(look_and_give_up, tmp_path, status=status) == []


def _complaints(
    scene: Callable[[Path], Coroutine[None, None, None]], folder: Path, *, status: str = "200 OK"
) -> list[str]:
    """Return what Python says was left open by a scene whose server falls silent."""
    with (
        warnings.catch_warnings(record=True) as complaints,
        _falling_silent(folder, status=status) as there,
    ):
        warnings.simplefilter("always")
        asyncio.run(scene(there))
        gc.collect()
    return [str(complaint.message) for complaint in complaints]


@contextlib.contextmanager
def _falling_silent(folder: Path, *, status: str) -> Iterator[Path]:
    """Give the kubeconfig of a server that begins an answer over TLS, and no more than that."""
    authority = coturn.authority()
    certificate, key = authority.issue(folder, ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    event = b'{"type": "BOOKMARK", "object": {}}\n'
    over = threading.Event()

    def begin(listening: socket.socket) -> None:
        with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
            connection.recv(4096)
            head = f"HTTP/1.1 {status}\r\nContent-Length: 1000\r\n\r\n".encode()
            connection.sendall(head + event)
            over.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=begin, args=(listening,))
        thread.start()
        try:
            cluster = {
                "server": f"https://127.0.0.1:{listening.getsockname()[1]}",
                "certificate-authority-data": base64.b64encode(authority.pem.encode()).decode(),
            }
            yield apiservers.kubeconfig(folder, cluster)
        finally:
            over.set()
            thread.join()
