"""The values: each has a comment, a schema and an effect, and the chart's copies are in step."""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import admission, chart_schema, charts

_EVERYTHING = charts.CHART / "ci" / "everything-values.yaml"
_OPEN = ("nodeSelector", "podAnnotations", "podLabels", "annotations", "labels", "resources")
_OPEN_TOO = ("hashes", "volume", "regions")
"""Maps whose keys are the user's: they count as one value."""


def _leaves(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(found, dict) and found and path[-1:] not in {(key,) for key in _OPEN + _OPEN_TOO}:
        for key, value in found.items():
            yield from _leaves(value, (*path, key))
    else:
        yield path


_LEAVES = tuple(_leaves(charts.values()))
_SCHEMA: Any = json.loads(charts.SCHEMA.read_text(encoding="utf-8"))


def test_the_copy_of_the_crd_is_the_crd() -> None:
    assert charts.CRD_COPY.read_bytes() == admission.CRD.read_bytes()


def test_the_rendered_crd_is_the_crd_with_labels(chart: charts.Chart) -> None:
    crd = dict(chart.rendered().one("CustomResourceDefinition", "turnregions.turnfleet.io"))
    assert crd.pop("metadata")["annotations"] == {"helm.sh/resource-policy": "keep"}
    source = dict(admission.DEFINITION)
    assert source.pop("metadata") == {"name": "turnregions.turnfleet.io"}
    assert crd == source


def test_the_schema_of_regions_is_that_of_the_crd() -> None:
    assert chart_schema.values_schema() == _SCHEMA, "run: python -m tests.support.chart_schema"


@pytest.mark.parametrize("path", _LEAVES, ids=".".join)
def test_every_value_is_in_the_schema_with_a_description(path: tuple[str, ...]) -> None:
    schema = _SCHEMA
    for key in path:
        schema = schema["properties"][key]
        assert schema["description"].endswith("."), path


def test_the_schema_knows_no_value_that_is_not_written_down() -> None:
    known = {path for path in _schema_leaves(_SCHEMA) if path != ("global",)}
    assert known == set(_LEAVES)


def test_the_chart_refuses_unknown_values_at_every_level() -> None:
    assert all(part.get("additionalProperties") is False for part in _objects(_SCHEMA))


def test_every_value_has_a_comment_above_it() -> None:
    lines = (charts.CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r" *[A-Za-z]+:", line)
        and not line.endswith(":")
        and not before.strip().startswith("#")
        and not re.match(r"    (requests|limits):", line)
    ]
    assert bare == []


def test_a_file_of_values_sets_every_value_to_something_else() -> None:
    ours, theirs = charts.values(), charts.values(_EVERYTHING)
    same = [
        ".".join(path)
        for path in _LEAVES
        if _at(ours, path) == _at(theirs, path) and path not in _SHOWN_ELSEWHERE
    ]
    assert same == []


_SHOWN_ELSEWHERE = {
    # Their own files of values show them: digests win over tags, and so on.
    ("image", "digest"),
    ("relays", "image", "digest"),
    ("guard", "image", "digest"),
    ("relays", "priorityClass", "create"),
    ("crds", "enabled"),
    ("watchAllNamespaces",),
    ("api", "keys", "generate"),
    ("api", "keys", "existingSecret"),
}


@pytest.fixture(scope="module")
def everything(chart: charts.Chart) -> str:
    return chart.outcome(_steady(charts.values(_EVERYTHING)))


@pytest.mark.parametrize(
    "path", [path for path in _LEAVES if path not in _SHOWN_ELSEWHERE], ids=".".join
)
def test_a_value_does_something(
    chart: charts.Chart, everything: str, path: tuple[str, ...]
) -> None:
    given = _steady(charts.values(_EVERYTHING))
    if path == ("api", "replicas"):
        given["api"]["autoscaling"]["enabled"] = False
        everything = chart.outcome(given)
    _set(given, path, _at(charts.values(), path))
    assert chart.outcome(given) != everything


def _steady(given: dict[str, Any]) -> dict[str, Any]:
    """Return values of which every rendering is the same: a made key is another one each time."""
    given["api"]["keys"]["generate"] = False
    return given


def test_lint_finds_nothing(chart: charts.Chart) -> None:
    del chart  # skipped where there is no helm
    for file in charts.EXAMPLES:
        done = subprocess.run(
            [charts.helm(), "lint", "--strict", charts.CHART, f"--values={file}"],
            capture_output=True, text=True, check=False, env=charts.ENVIRONMENT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def _at(found: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _set(found: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *way, last = path
    for key in way:
        found = found.setdefault(key, {})
    if isinstance(value, dict) and not value:
        # Helm merges maps: only a null takes the keys of the one below away, which there are none.
        found.pop(last, None)
    else:
        found[last] = value


def _schema_leaves(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if "properties" in schema:
        for key, child in schema["properties"].items():
            yield from _schema_leaves(child, (*path, key))
    else:
        yield path


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema and "type" in schema:
            yield schema
        for child in schema.values():
            yield from _objects(child)
    elif isinstance(schema, list):
        for child in schema:
            yield from _objects(child)
