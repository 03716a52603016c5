"""What an API server makes of a manifest: defaults added, amounts in their shortest form."""

import copy
from typing import Any, Final

_AMOUNTS: Final = {"1024Mi": "1Gi", "0.5": "500m", "1000m": "1", "2048Ki": "2Mi"}
"""Amounts that tests write, and how they come back."""


def stored(body: Any) -> dict[str, Any]:
    """Return an object as it is stored."""
    document: dict[str, Any] = copy.deepcopy(body)
    document["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    document["metadata"]["resourceVersion"] = "1"
    if "template" in document.get("spec", {}):
        document["spec"]["revisionHistoryLimit"] = 10
        document["status"] = {"observedGeneration": 1}
        _default_pod(document["spec"]["template"]["spec"])
    return document


def _default_pod(pod: dict[str, Any]) -> None:
    pod |= {"restartPolicy": "Always", "schedulerName": "default-scheduler"}
    pod["serviceAccount"] = pod["serviceAccountName"]
    for container in pod["containers"]:
        container |= {
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }
        container.setdefault("resources", {})
        for part in container["resources"].values():
            part |= {name: _AMOUNTS.get(amount, amount) for name, amount in part.items()}
        for probe in ("livenessProbe", "readinessProbe"):
            container[probe] |= {"successThreshold": 1}
            container[probe]["httpGet"] |= {"scheme": "HTTP"}
        for variable in container["env"]:
            variable["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
    for volume in pod["volumes"]:
        if "configMap" in volume:
            volume["configMap"]["defaultMode"] = 0o644
        for item in volume.get("downwardAPI", {}).get("items", ()):
            item["fieldRef"]["apiVersion"] = "v1"
