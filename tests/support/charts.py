"""The chart as Helm renders it: real helm, and what came out as values.

Never asks a cluster but one given to it, whatever KUBECONFIG names.
"""

import copy
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support import yamls

CHECKOUT: Final = Path(__file__).parents[2]
CHART: Final = CHECKOUT / "helm" / "turnfleet"
SCHEMA: Final = CHART / "values.schema.json"
CRD_COPY: Final = CHART / "files" / "crds" / "turnregions.yaml"
EXAMPLES: Final = tuple(sorted((CHART / "ci").glob("*.yaml")))
NAMESPACE: Final = "fleet-programs"
"""Neither the chart's name nor the release's, so that nothing passes by taking one for another."""
RELEASE: Final = "prod"
KUBERNETES: Final = "1.34.0"
ENVIRONMENT: Final = {**os.environ, "GOGC": "off"}
"""Of helm, which ends before collecting garbage is worth it: half its time goes there otherwise."""

Object = Mapping[str, Any]


class Missing(Exception):  # noqa: N818 - what a person has to mend
    """There is no helm here; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What one file of values makes."""

    objects: tuple[Object, ...]
    """Hooks included."""
    notes: str

    def of(self, kind: str) -> tuple[Object, ...]:
        """Return the objects of a kind."""
        return tuple(one for one in self.objects if one["kind"] == kind)

    def one(self, kind: str, name: str, *, namespace: str | None = None) -> Object:
        """Return the object of a name."""
        (found,) = (
            one
            for one in self.of(kind)
            if one["metadata"]["name"] == name
            and namespace in (None, one["metadata"].get("namespace"))
        )
        return found


@functools.cache
def helm() -> str:
    """Return the path of the pinned helm. Raises Missing."""
    found = subprocess.run(
        [CHECKOUT / "scripts" / "helm"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise Missing(found.stderr.strip())
    return found.stdout.strip()


def values(file: Path | None = None) -> dict[str, Any]:
    """Return the values of a file; of the chart itself without one."""
    return copy.deepcopy(_read(file or CHART / "values.yaml"))


@functools.cache  # Every value has tests of its own, and each of them begins with all.
def _read(file: Path) -> dict[str, Any]:
    return yamls.load(file.read_text(encoding="utf-8")) or {}


class Chart:
    """A copy of the chart that also renders its notes, which ``helm template`` leaves out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.copytree(CHART, folder, dirs_exist_ok=True)
        notes = (folder / "templates" / "NOTES.txt").rename(folder / "notes.txt")
        (folder / "templates" / "notes.yaml").write_text(
            f'{{kind: Notes, text: {{{{ tpl (.Files.Get "{notes.name}") . | toJson }}}}}}\n',
            encoding="utf-8",
        )
        self.example = functools.cache(self._example)
        """Return what a file of ``EXAMPLES`` makes."""

    def rendered(
        self, given: Mapping[str, Any] | None = None, *, cluster: Path | None = None
    ) -> Rendering:
        """Return what Helm makes of values on top of the chart's own.

        ``cluster`` is a kubeconfig; without one, ``lookup`` finds nothing, as at a first install.
        """
        done = self._template(given or {}, cluster)
        assert done.returncode == 0, done.stderr
        objects = tuple(one for one in yamls.load_all(done.stdout) if one)
        (notes,) = (one["text"] for one in objects if one["kind"] == "Notes")
        return Rendering(
            objects=tuple(one for one in objects if one["kind"] != "Notes"), notes=notes
        )

    def refusal(self, given: Mapping[str, Any]) -> str:
        """Return why Helm does not render these values."""
        done = self._template(given)
        assert done.returncode != 0, "rendered"
        return " ".join(done.stderr.split())

    def outcome(self, given: Mapping[str, Any]) -> str:
        """Return all that Helm prints of values, be it objects or a refusal."""
        done = self._template(given)
        return done.stdout + done.stderr

    def _example(self, file: Path) -> Rendering:
        return self.rendered(values(file))

    def _template(
        self, given: Mapping[str, Any], cluster: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        asked = () if cluster is None else ("--dry-run=server", f"--kubeconfig={cluster}")
        return subprocess.run(
            [
                helm(), "template", RELEASE, self._folder, f"--namespace={NAMESPACE}",
                f"--kube-version={KUBERNETES}", "--values=-", *asked,
            ],
            input=json.dumps(given), capture_output=True, text=True, check=False, env=ENVIRONMENT,
        )  # fmt: skip
