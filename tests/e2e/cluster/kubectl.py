"""kubectl, bound to one cluster: its kubeconfig is always given, so KUBECONFIG never counts."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cluster import commands

Document = Mapping[str, Any]
"""A Kubernetes object as the API server has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl:
    """The program and the cluster that it talks to."""

    program: Path
    kubeconfig: Path

    def run(self, *arguments: str | Path, given: str | None = None, timeout: float = 60) -> str:
        """Return what kubectl printed; raises ``commands.Failed`` with what it complained of."""
        return commands.run(*self.command(*arguments), given=given, timeout=timeout)

    def command(self, *arguments: str | Path) -> tuple[str | Path, ...]:
        """Return the words that run kubectl for this cluster."""
        return (
            self.program,
            f"--kubeconfig={self.kubeconfig}",
            f"--cache-dir={self.kubeconfig.parent / 'kubectl-cache'}",
            *arguments,
        )

    def get(self, kind: str, name: str, *, namespace: str = "default") -> Document | None:
        """Return an object; ``None`` if there is none of this name."""
        text = self.run(
            "get", kind, name, f"--namespace={namespace}", "--output=json", "--ignore-not-found"
        )
        return self._document(text) if text.strip() else None

    def items(
        self, kind: str, *, namespace: str | None = "default", selector: str = ""
    ) -> Sequence[Document]:
        """Return the objects of a kind, of every namespace if ``namespace`` is ``None``."""
        where = "--all-namespaces" if namespace is None else f"--namespace={namespace}"
        text = self.run("get", kind, where, f"--selector={selector}", "--output=json")
        items: Sequence[Document] = self._document(text)["items"]
        return items

    def apply(self, *documents: Document) -> None:
        """Apply objects, as ``kubectl apply -f`` does."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.run("apply", "--filename=-", given=json.dumps(whole))

    def patch(self, kind: str, name: str, change: Document, *, namespace: str = "default") -> None:
        """Merge a change into an object."""
        self.run(
            "patch", kind, name, f"--namespace={namespace}", "--type=merge",
            f"--patch={json.dumps(change)}",
        )  # fmt: skip

    def delete(
        self, kind: str, name: str, *, namespace: str = "default", wait: bool = False
    ) -> None:
        """Delete an object, if it is there; ``wait`` returns only when it is gone."""
        self.run(
            "delete", kind, name, f"--namespace={namespace}", "--ignore-not-found",
            f"--wait={str(wait).lower()}", timeout=180,
        )  # fmt: skip

    @staticmethod
    def _document(text: str) -> Document:
        document: Document = json.loads(text)
        return document


def wait_until(
    holds: Callable[[], bool], *, what: str, within: float = 30, every: float = 0.2
) -> float:
    """Return the seconds until ``holds`` did; fails with ``what`` was awaited after ``within``."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within:
            raise TimeoutError(f"waited {within:g} s in vain for {what}")
        time.sleep(every)
    return time.monotonic() - began
