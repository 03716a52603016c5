"""Names that others rely on: the API group, labels, headers. Constants only."""

from typing import Final

GROUP: Final = "turnfleet.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "TurnRegion"

HEADER_RID: Final = "X-Turnfleet-Rid"
HEADER_EXPIRES: Final = "X-Turnfleet-Expires"

LABEL_REGION: Final = f"{GROUP}/region"
"""On every object that a region consists of: the region's name."""
LABEL_COMPONENT: Final = f"{GROUP}/component"
LABEL_PLACEMENT: Final = f"{GROUP}/placement"
"""On a relay's pod: the placement it was made for, so that no workload adopts another one's pod."""
COMPONENT_RELAY: Final = "relay"
"""Value of LABEL_COMPONENT on the pods of relays."""
LABEL_SOURCE: Final = f"{GROUP}/source"
SOURCE_VALUES: Final = "values"
"""Value of LABEL_SOURCE on TurnRegions that the chart's ``values.regions`` declares."""

ANNOTATION_ADDRESSES: Final = f"{GROUP}/addresses"
"""On a Node, by people: public addresses. On a relay's pod, by the operator: those it got."""
ANNOTATION_CLOSED: Final = f"{GROUP}/closed"
"""On a relay's pod: why it takes no new clients."""
ANNOTATION_REVISION: Final = f"{GROUP}/revision"
"""On a relay's pod: what it was started with."""
ANNOTATION_ADDRESS_SOURCES: Final = f"{GROUP}/address-sources"
"""On a relay's pod: which rung of the ladder each of its addresses came from, in the same order."""
ANNOTATION_APPLIED: Final = f"{GROUP}/applied"
"""On every object that a region consists of: a hash of what was applied, to notice removals."""
ANNOTATION_DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
"""Kubernetes' own: a ReplicaSet that shrinks takes the cheapest of its ready pods first."""

FIELD_MANAGER: Final = "turnfleet"
FIELD_MANAGER_VALUES: Final = "turnfleet-values"
"""Of TurnRegions that the chart's ``values.regions`` declares."""
