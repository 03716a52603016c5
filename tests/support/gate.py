"""Stands at an API server's gate, sees every write of one account, and holds some of them back.

A validating webhook of the tests' own. What it was not told to hold it lets pass at once, and what
it holds it lets pass in the end.
"""

import base64
import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.support import coturn

_LONGEST: Final = 20.0
"""Seconds for which a write is held at most; the API server waits for 30."""
_REGION: Final = "turnfleet.io/region"


class Step(NamedTuple):
    """A kind of write, such as the creation of a ConfigMap."""

    operation: str
    resource: str
    """The plural, and the subresource after a slash."""


class Write(NamedTuple):
    """A write, and the region that it is for."""

    step: Step
    region: str


class Gate:
    """What has passed, and what is to be held. Used by the threads of the server and of a test."""

    def __init__(self) -> None:
        self._writes: list[Write] = []
        self._opened = threading.Event()
        self._held: dict[Write, threading.Event] = {}

    def steps(self, region: str) -> Sequence[Step]:
        """Return the different writes for a region so far, in their order."""
        return tuple(dict.fromkeys(write.step for write in self._writes if write.region == region))

    def hold(self, step: Step, region: str) -> None:
        """Hold the next write of a kind for a region until the gate is opened."""
        self._held[Write(step, region)] = threading.Event()

    def holding(self) -> Sequence[Write]:
        """Return the writes that are being held now."""
        return tuple(write for write, arrived in self._held.items() if arrived.is_set())

    def open(self) -> None:
        """Let everything pass."""
        self._opened.set()

    def pass_through(self, write: Write) -> None:
        """Return when a write may pass."""
        self._writes.append(write)
        if (arrived := self._held.get(write)) is not None:
            arrived.set()
            self._opened.wait(_LONGEST)


@contextlib.contextmanager
def at(address: str, *, authority: coturn.Authority, folder: Path) -> Iterator[tuple[Gate, str]]:
    """Give a gate, and its URL at an address of this machine, for the time of the block."""
    gate = Gate()
    certificate, key = authority.issue(folder, [address])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.ThreadingHTTPServer((address, 0), _answering(gate)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield gate, f"https://{address}:{server.server_port}/"
        finally:
            gate.open()
            server.shutdown()
            thread.join()


def webhook(
    name: str, url: str, *, authority: coturn.Authority, namespace: str, account: str
) -> Mapping[str, Any]:
    """Return the object that has the writes of an account in a namespace pass a gate."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": f"{name}.turnfleet.io",
                "clientConfig": {
                    "url": url,
                    "caBundle": base64.b64encode(authority.pem.encode()).decode(),
                },
                "rules": [
                    {
                        "apiGroups": ["*"],
                        "apiVersions": ["*"],
                        "operations": ["*"],
                        "resources": ["*/*"],
                    }
                ],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "matchConditions": [
                    {"name": "account", "expression": f"request.userInfo.username == '{account}'"}
                ],
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 30,
                "failurePolicy": "Ignore",
            }
        ],
    }


def _answering(gate: Gate) -> type[http.server.BaseHTTPRequestHandler]:
    class Answering(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            request = json.loads(self.rfile.read(length))["request"]
            gate.pass_through(_write(request))
            review = {
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "response": {"uid": request["uid"], "allowed": True},
            }
            body = json.dumps(review).encode()
            # Whoever asked may have been killed meanwhile.
            with contextlib.suppress(OSError):
                self.send_response(http.HTTPStatus.OK)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    return Answering


def _write(request: Mapping[str, Any]) -> Write:
    parts = (request["resource"]["resource"], request.get("subResource", ""))
    about = (request["object"] or request["oldObject"])["metadata"]
    if parts[0] == "turnregions":
        region = about["name"]
    else:
        region = about.get("labels", {}).get(_REGION, "")
    step = Step(request["operation"], "/".join(part for part in parts if part))
    return Write(step, region)
