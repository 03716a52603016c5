"""A plan as a person reads it: what is new in full, what changes as changes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from turnfleet import names
from turnfleet.plan.cluster import objects, past, planned

_ABSENT: Final = "(absent)"


class _Dumper(yaml.SafeDumper):
    """Writes long text as it is, and no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


class _Line(dict[str, Any]):
    """A mapping that is written on one line."""


def _line(dumper: yaml.SafeDumper, line: _Line) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", line, flow_style=True)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Line, _line)


Bodies = Mapping[objects.Key, Mapping[str, Any]]


def shown(plan: planned.Plan, *, applied: Bodies) -> str:
    """Return a plan as YAML, next to what was applied before; what it does not do is left out."""
    told = {
        "apply": {str(each.key): _manifest(each, applied.get(each.key)) for each in plan.apply},
        "annotate": {each.pod: dict(each.annotations) for each in plan.annotate},
        "delete": [_deletion(each) for each in plan.delete],
        "status": None if plan.status is None else _status(plan.status),
        "events": [f"{event.type} {event.reason}: {event.message}" for event in plan.events],
        "requeue": None if plan.requeue is None else past.moment(plan.requeue),
        "rolling": plan.rolling,
        "signing": None if plan.signing is None else plan.signing.decode(),
    }
    return dump({name: value for name, value in told.items() if value})


def dump(value: object) -> str:
    """Return a value as YAML."""
    text: str = yaml.dump(_plain(value), Dumper=_Dumper, sort_keys=False, width=1000)
    return text


def _plain(value: object) -> object:
    match value:
        case _Line():
            return value
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case str():
            return str(value)
        case _:
            return value


def _status(status: Mapping[str, Any]) -> dict[str, object]:
    """Return a status with a line for each condition and each relay."""
    conditions = {
        each["type"]: f"{each['status']} since {each['lastTransitionTime']}, {each['reason']}:"
        f" {each['message']}"
        for each in status["conditions"]
    }
    relays = [_Line(relay) for relay in status["relays"]]
    return {**status, "conditions": conditions, "relays": relays}


def _deletion(step: planned.Delete) -> str:
    return str(step.key) if step.grace is None else f"{step.key} within {step.grace} s"


def _manifest(manifest: objects.Manifest, before: Mapping[str, Any] | None) -> object:
    body = _unsealed(manifest.body)
    if before is None:
        return body
    return {
        path: {"was": was, "is": now} for path, was, now in _changes(_unsealed(before), body, "")
    }


def _changes(was: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in [*was, *(name for name in now if name not in was)]:
            inner = f"{path}.{name}".lstrip(".")
            yield from _changes(was.get(name, _ABSENT), now.get(name, _ABSENT), inner)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for index, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _changes(one, other, f"{path}[{index}]")
    elif was != now:
        yield path, was, now


def _unsealed(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = dict(body["metadata"])
    annotations = {**metadata.get("annotations", {})}
    annotations.pop(names.ANNOTATION_APPLIED, None)
    metadata["annotations"] = annotations
    if not annotations:
        del metadata["annotations"]
    return {**body, "metadata": metadata}
