"""What the chart holds of the CRD: a copy of it, and its schema among that of the values.

Helm refuses a region with a misspelt field before anything is installed, where an API server would
prune the field and say nothing. ``python -m tests.support.chart_schema`` brings both up to date.
"""

import json
import sys
from typing import Any, Final

from tests.support import admission, charts

_DROPPED: Final = frozenset({"default", "format"})
"""Helm would not act on a default, and has no int64."""


def region_spec() -> dict[str, Any]:
    """Return the JSON Schema of a region's spec: the CRD's, without what only Kubernetes knows."""
    spec: dict[str, Any] = _plain(admission.SCHEMA["properties"]["spec"])
    return spec


def values_schema() -> dict[str, Any]:
    """Return the chart's schema of its values as it should be."""
    schema: dict[str, Any] = json.loads(charts.SCHEMA.read_text(encoding="utf-8"))
    schema["definitions"]["regionSpec"] = region_spec()
    return schema


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        key: {name: _plain(child) for name, child in value.items()}
        if key == "properties"
        else _plain(value)
        for key, value in schema.items()
        if key not in _DROPPED and not key.startswith("x-kubernetes-")
    }
    if "properties" in plain:
        plain["additionalProperties"] = False
    return plain


def main() -> None:
    """Rewrite the two files."""
    text = json.dumps(values_schema(), indent=2) + "\n"
    charts.SCHEMA.write_text(text, encoding="utf-8")
    charts.CRD_COPY.write_bytes(admission.CRD.read_bytes())
    sys.stdout.write(f"wrote {charts.SCHEMA} and {charts.CRD_COPY}\n")


if __name__ == "__main__":
    main()
