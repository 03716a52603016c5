"""What annotations of a relay's pod mean to the operator, as it reads them back."""

from collections.abc import Mapping
from dataclasses import replace

from turnfleet import names
from turnfleet.model import region
from turnfleet.plan.cluster import observed


def annotated(pod: observed.Pod, annotations: Mapping[str, str | None]) -> observed.Pod:
    """Return a pod with annotations changed."""
    for name, value in annotations.items():
        parts = tuple((value or "").split(",")) if value else ()
        match name:
            case names.ANNOTATION_ADDRESSES:
                pod = replace(pod, addresses=parts)
            case names.ANNOTATION_ADDRESS_SOURCES:
                sources = tuple(region.AddressSource(part) for part in parts)
                pod = replace(pod, address_sources=sources)
            case names.ANNOTATION_MOUNTED:
                pod = replace(pod, mounted=value or "")
            case names.ANNOTATION_CLOSED:
                pod = replace(pod, closed=value)
            case names.ANNOTATION_DELETION_COST:
                pod = replace(pod, deletion_cost=None if value is None else int(value))
            case _:
                raise AssertionError(name)
    return pod
