"""What an API server does with a TurnRegion, from the CRD alone: prune, default, validate, CEL.

A second reading of the schema that shares no code with the parser. Kubernetes' own functions that
the CEL rules use are made here; where they differ from Python's, Kubernetes counts.
"""

import copy
import functools
import ipaddress
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jsonschema
from tests.support import yamls

CRD: Final = Path(__file__).parents[2] / "crds" / "turnregions.yaml"
DEFINITION: Final = yamls.load(CRD.read_text(encoding="utf-8"))
SCHEMA: Final[dict[str, Any]] = DEFINITION["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A CEL rule. ``path`` is where in a manifest, with ``[]`` for any item of a list."""

    path: str
    message: str
    expression: str


def refusal(document: object) -> str | None:
    """Return the first reason why an API server refuses a manifest; ``None`` where it takes it."""
    stored = _received(document)
    if stored is None:
        return "this is no TurnRegion with a name, in JSON"
    stored = _pruned(stored, SCHEMA)
    _default(stored, SCHEMA)
    errors = (str(error.message) for error in _VALIDATOR.iter_errors(stored))
    broken = (rule.message for rule in _broken_rules(stored, SCHEMA))
    reasons = itertools.chain(errors, _repeats(stored, SCHEMA), broken)
    return next(reasons, None)


def violations(document: dict[str, Any]) -> tuple[Rule, ...]:
    """Return the CEL rules that a manifest of sound shape breaks."""
    stored = _pruned(copy.deepcopy(document), SCHEMA)
    _default(stored, SCHEMA)
    return tuple(_broken_rules(stored, SCHEMA))


def rules(schema: dict[str, Any] = SCHEMA, path: str = "") -> Iterator[Rule]:
    """Return every CEL rule of the schema."""
    yield from _rules_at(schema, path)
    for step, child in _children(schema):
        yield from rules(child, _joined(path, step))


def _received(document: object) -> dict[str, Any] | None:
    """Return what of a manifest reaches the schema, if the server takes it for a TurnRegion."""
    try:
        sent = json.loads(json.dumps(document, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return None
    if sent != document:  # A key was not text.
        return None
    match sent:
        case {
            "apiVersion": "turnfleet.io/v1alpha1",
            "kind": "TurnRegion",
            "metadata": {"name": name},
        } if name is not None:
            # Other metadata has a schema of its own, and the status is not the owner's to write.
            return {**sent, "metadata": {"name": name}, "status": {}}
        case _:
            return None


def _rules_at(schema: dict[str, Any], path: str) -> Iterator[Rule]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield Rule(path=path, message=rule["message"], expression=rule["rule"])


def _joined(path: str, step: str) -> str:
    return f"{path}.{step}".removeprefix(".") if step != "[]" else f"{path}[]"


def _children(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema.get("properties", {}).items()
    yield from (("[]", schema[key]) for key in ("items", "additionalProperties") if key in schema)


def _below(value: Any, schema: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Return each value below another with its step and its schema."""
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if name in value:
                yield name, value[name], child
        if "additionalProperties" in schema:
            child = schema["additionalProperties"]
            yield from (("[]", entry, child) for entry in value.values())
    if isinstance(value, list) and "items" in schema:
        yield from (("[]", item, schema["items"]) for item in value)


def _pruned(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, dict) and "additionalProperties" not in schema:
        known = schema.get("properties", {})
        return {name: _pruned(value[name], known[name]) for name in value if name in known}
    if isinstance(value, dict):
        return {name: _pruned(v, schema["additionalProperties"]) for name, v in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [_pruned(item, schema["items"]) for item in value]
    # A whole number stays one however it is written: YAML's 3478.0 reaches the server as 3478.
    whole = schema.get("type") == "integer" or "x-kubernetes-int-or-string" in schema
    if whole and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _default(value: Any, schema: dict[str, Any]) -> None:
    for name, child in schema.get("properties", {}).items():
        if isinstance(value, dict) and name not in value and "default" in child:
            value[name] = copy.deepcopy(child["default"])
    for _, child_value, child in _below(value, schema):
        _default(child_value, child)


def _repeats(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    kind = schema.get("x-kubernetes-list-type")
    if isinstance(value, list) and kind in {"set", "map"}:
        keys = schema.get("x-kubernetes-list-map-keys", ())
        seen = [
            [item.get(key) for key in keys] if keys and isinstance(item, dict) else item
            for item in value
        ]
        if any(item in seen[:index] for index, item in enumerate(seen)):
            yield "a list has an item twice"
    for _, child_value, child in _below(value, schema):
        yield from _repeats(child_value, child)


def _broken_rules(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[Rule]:
    for rule in _rules_at(schema, path):
        if not _holds(rule.expression, json.dumps(value)):
            yield rule
    for step, child_value, child in _below(value, schema):
        yield from _broken_rules(child_value, child, _joined(path, step))


@functools.cache  # Trials differ in one place, so that nearly every part was seen before.
def _holds(rule: str, value: str) -> bool:
    # Not at the top: every worker imports this module, few judge by it, and CEL takes its time.
    import cel  # noqa: PLC0415 - see above

    context = cel.Context(variables={"self": json.loads(value)}, functions=_FUNCTIONS)
    return _program(rule).execute(context) is True


@functools.cache
def _program(rule: str) -> Any:
    import cel  # noqa: PLC0415 - see above

    return cel.compile(rule)


def _pattern(
    _: Any, pattern: str, instance: object, __: Any
) -> Iterator[jsonschema.ValidationError]:
    # As RE2 reads it: $ is the end of the text, where Python also takes a newline before it.
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _properties(
    validator: Any, properties: dict[str, Any], instance: object, __: Any
) -> Iterator[jsonschema.ValidationError]:
    if validator.is_type(instance, "object") and isinstance(instance, dict):
        for name in (each for each in properties if each in instance):
            yield from _errors(_Part(validator, properties[name]), json.dumps(instance[name]))


class _Part:
    """A part of the schema, the same wherever it is looked up; only one schema is ever read."""

    def __init__(self, validator: Any, schema: dict[str, Any]) -> None:
        self.validator, self.schema = validator, schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Part) and self.schema is other.schema


@functools.cache  # As with the rules: checking every part anew took most of the time.
def _errors(part: _Part, value: str) -> tuple[jsonschema.ValidationError, ...]:
    return tuple(part.validator.descend(json.loads(value), part.schema))


_VALIDATOR: Final = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _pattern, "properties": _properties}
)(SCHEMA)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return what Go's netip.ParsePrefix makes of a text, less what Kubernetes refuses."""
    address, slash, length = text.partition("/")
    if not slash or not re.fullmatch(r"0|[1-9][0-9]*", length) or _address(address) is None:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    is_mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return None if is_mapped or "%" in text else address


def _is_global_unicast(value: dict[str, str]) -> bool:
    address = ipaddress.ip_address(value["text"])
    excluded = (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
    )
    return not excluded and value["text"] != "255.255.255.255"


_FUNCTIONS: Final = {
    "isCIDR": lambda text: _network(text) is not None,
    "cidr": lambda text: {"text": text},
    "masked": lambda value: {"text": str(_network(value["text"]))},
    "prefixLength": lambda value: int(value["text"].partition("/")[2]),
    "isIP": lambda text: _address(text) is not None,
    "ip": lambda text: {"text": str(_address(text))},
    "isGlobalUnicast": _is_global_unicast,
    "isLoopback": lambda value: ipaddress.ip_address(value["text"]).is_loopback,
    "string": lambda value: value["text"],
}
