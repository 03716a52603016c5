"""Whether what was declared may be followed. If not, nothing is applied and nothing is deleted."""

import fnmatch
from dataclasses import dataclass
from enum import StrEnum

from turnfleet.plan.cluster import observed

_PROBLEMS_MAX = 8


class Reason(StrEnum):
    """Reasons of the condition Accepted."""

    VALID = "Valid"
    INVALID = "Invalid"
    """The spec has problems that the schema could not see."""
    NAME_TAKEN = "NameTaken"
    """An older region has its name."""
    IMAGE_NOT_ALLOWED = "ImageNotAllowed"
    """``relays.image`` is not one that the operator may run on the host network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The condition Accepted."""

    reason: Reason
    sentence: str

    @property
    def accepted(self) -> bool:
        """Return whether the spec is followed."""
        return self.reason is Reason.VALID


def judge(
    wanted: observed.Wanted, surroundings: observed.Surroundings, policy: observed.Policy
) -> Verdict:
    """Return whether a region may be followed, by the first reason against it."""
    spec = wanted.spec
    if spec is None or wanted.problems:
        shown = [str(problem) for problem in wanted.problems[:_PROBLEMS_MAX]]
        more = len(wanted.problems) - len(shown)
        listed = "; ".join([*shown, *([f"and {more} more"] if more else [])])
        return Verdict(
            reason=Reason.INVALID,
            sentence=f"nothing is changed until this is corrected: {listed or 'it has no spec'}",
        )
    if surroundings.name_taken_by is not None:
        return Verdict(
            reason=Reason.NAME_TAKEN,
            sentence=f"the older region {spec.name} in namespace {surroundings.name_taken_by} has"
            " this name, and names are unique in a fleet; give this one another name",
        )
    image = spec.relays.image
    if image is not None and not _allowed(image, policy):
        patterns = ", ".join(policy.allowed_images) or "none but the operator's own"
        return Verdict(
            reason=Reason.IMAGE_NOT_ALLOWED,
            sentence=f"relays.image {image} is not among the allowed images ({patterns}); nothing"
            " is changed until it is, or the operator is started with --allow-image for it"
            " (relays.allowImages in the chart)",
        )
    return Verdict(reason=Reason.VALID, sentence="the spec is in force")


def _allowed(image: str, policy: observed.Policy) -> bool:
    return image == policy.relay_image or any(
        fnmatch.fnmatchcase(image, pattern) for pattern in policy.allowed_images
    )
