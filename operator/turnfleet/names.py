"""Names that others rely on: the API group, labels, headers. Constants only."""

from typing import Final

GROUP: Final = "turnfleet.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "TurnRegion"

HEADER_RID: Final = "X-Turnfleet-Rid"
HEADER_EXPIRES: Final = "X-Turnfleet-Expires"
