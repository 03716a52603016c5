"""What a relay's files hold in ``fakecluster``, and what its agent says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from turnfleet.plan.cluster import observed
from turnrelay import config, contract

REFRESH: Final = 60.0
"""Seconds after which a kubelet looks at mounted Secrets and ConfigMaps by itself."""


@dataclass(frozen=True, kw_only=True)
class Mounted:
    """What the files of a relay hold, and its agent has in force."""

    auth: observed.AuthSecret
    live_hash: str
    at: float

    def accepts(self, now: float) -> set[bytes]:
        """Return the secrets that its coturn accepts."""
        auth = self.auth
        retired = auth.retire_after is not None and now >= auth.retire_after
        return {auth.current} | ({auth.previous} if auth.previous and not retired else set())


def mounted(told: Mapping[str, Any], auth: observed.AuthSecret, now: float) -> Mounted:
    """Return what a kubelet brings: a ConfigMap, and a Secret."""
    read = config.parse(told["data"][contract.CONFIG_FILE].encode())
    assert isinstance(read, config.Config)
    return Mounted(auth=auth, live_hash=read.live.digest, at=now)


def telling(pod: observed.Pod, files: Mounted, *, works: bool, now: float) -> observed.Pod:
    """Return a pod with what its agent says."""
    report = observed.Report(
        at=now,
        state=contract.State.READY if pod.ready else contract.State.CLOSED,
        generation=files.auth.generation,
        proven_generation=files.auth.generation if works else 0,
        live_hash=files.live_hash,
        allocations=0 if pod.report is None else pod.report.allocations,
    )
    return replace(pod, report=report)
