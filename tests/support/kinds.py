"""Whether an object is one of its kind, by Kubernetes' own schema of that kind; offline.

The schemas are made from the API server's OpenAPI document, and here unknown fields are refused.
Kinds that are no part of Kubernetes have a file beside the tests with what the chart uses of them.
"""

import functools
import importlib.resources
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import referencing

VERSION: Final = "1.34.0"
_OURS: Final = Path(__file__).parents[1] / "helm" / "schemas"
_THEIRS: Final = importlib.resources.files("kubernetes_validate").joinpath(
    "kubernetes-json-schema", f"v{VERSION}-local-strict"
)


def problems(found: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an object, each with where; raises KeyError for an unknown kind."""
    errors = _validator(found["apiVersion"], found["kind"]).iter_errors(found)
    nulls = (f"{path}: null" for path in _nulls(found, ""))
    return [*(f"{error.json_path}: {error.message}" for error in errors), *nulls]


def _nulls(found: object, path: str) -> Iterator[str]:
    """Yield where nothing is written, which the schemas allow and an apply takes for a deletion."""
    match found:
        case None:
            yield path
        case dict():
            for key, value in found.items():
                yield from _nulls(value, f"{path}.{key}")
        case list():
            for index, value in enumerate(found):
                yield from _nulls(value, f"{path}[{index}]")


@functools.cache
def _validator(api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    group, _, version = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.partition(".")[0], version) if part)
    ours = _OURS / f"{name}.json"
    theirs = _THEIRS.joinpath(f"{name}.json")
    if ours.is_file():
        schema = json.loads(ours.read_text(encoding="utf-8"))
        schema["$id"] = f"https://kubernetes.io/api/ours/{name}"
    elif theirs.is_file():
        schema = json.loads(theirs.read_text(encoding="utf-8"))
    else:
        raise KeyError(f"{api_version} {kind}")
    return jsonschema.Draft202012Validator(schema, registry=_registry())


@functools.cache
def _registry() -> "referencing.Registry[Any]":
    text = _THEIRS.joinpath("_definitions.json").read_text(encoding="utf-8")
    return referencing.Resource.from_contents(json.loads(text)) @ referencing.Registry()
