"""A plan: what is to be done for one region, in the order in which it is to be done. Values only.

Executing a plan and planning again from what is then observed gives an empty plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from turnfleet.plan.cluster import objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """Annotations of one pod; ``None`` takes one away. Void when the pod is another one by now."""

    pod: str
    uid: str
    annotations: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """An object that has to go. Void when another object has its name by now."""

    key: objects.Key
    uid: str
    version: str | None = None
    """Void, too, when it is of another resource version by now; ``None``: of whichever."""
    grace: int | None = None
    """Seconds a pod has to drain; ``None``: as the object itself says."""


class EventType(StrEnum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A transition worth an Event on the TurnRegion."""

    type: EventType
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do for one region now: apply, write the status, annotate, delete."""

    apply: tuple[objects.Manifest, ...] = ()
    annotate: tuple[Annotate, ...] = ()
    delete: tuple[Delete, ...] = ()
    status: Mapping[str, object] | None = None
    """The whole status to write; ``None``: it is as it should be."""
    events: tuple[Event, ...] = ()
    requeue: float | None = None
    """Unix seconds at which to plan again though nothing changes; ``None``: never."""
    signing: bytes | None = field(default=None, repr=False)
    """What endpoints sign this region's credentials with; ``None``: not known yet, so nothing."""
    inquire: bool = False
    """Whether it waits for something that its relays tell: their agents are asked every second or
    two then, and otherwise seldom."""
    rolling: bool = False
    """Whether relays of this region are being replaced."""
    taking: bool = False
    """Whether relays of this region take new clients, as somebody vouches for."""

    def __bool__(self) -> bool:
        """Return whether anything is to be done."""
        return bool(
            self.apply or self.annotate or self.delete or self.events or self.status is not None
        )
