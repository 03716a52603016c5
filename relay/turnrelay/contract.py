"""What the relay agent and the rest of turnfleet agree on: file names, keys, paths, words.

Depends on nothing, so that both sides can import it. A name here is an interface between two
programs of possibly different versions: add, never change.
"""

from enum import StrEnum
from typing import Final

# --- files, each relative to the folder that the agent is given -------------------------------
CONFIG_FILE: Final = "config.json"
"""The region's configuration, rendered from its spec (a ConfigMap in a cluster)."""

AUTH_CURRENT: Final = "current"
"""In the auth folder: the secret that endpoints sign with; text, outer white space ignored."""
AUTH_PREVIOUS: Final = "previous"
"""In the auth folder: a secret still accepted after a rotation. Absent or empty: none."""
AUTH_GENERATION: Final = "generation"
"""In the auth folder: a decimal number, raised by every rotation."""
AUTH_RETIRE_AFTER: Final = "retireAfter"
"""In the auth folder: Unix seconds after which ``previous`` is refused. Absent or empty: never."""
SECRET_MIN: Final = 16
"""Bytes; a shorter secret can be found from one captured credential (HMAC-SHA1, offline)."""
SECRET_MAX: Final = 128
AGENT_KEY: Final = "agent-key"
"""In the auth folder: the bearer key of /status and /metrics, hex (see AGENT_KEY_PURPOSE)."""

TLS_CERTIFICATE: Final = "tls.crt"
TLS_KEY: Final = "tls.key"
TLS_CA: Final = "ca.crt"
"""In the TLS folder, as in a kubernetes.io/tls Secret made by cert-manager."""

ADDRESSES_FILE: Final = "addresses"
"""Comma-separated public addresses, one per family (a downward-API volume in a cluster)."""

# --- last words -------------------------------------------------------------------------------
TERMINATION_LOG: Final = "/dev/termination-log"
"""Where a container leaves its last words, a JSON object, unless its pod says otherwise."""
PARTING_CUT: Final = "allocationsCut"
"""In the last words: how many live allocations the end of the relay cut."""
PARTING_REASON: Final = "reason"
"""In the last words: why it ended, as a sentence."""

# --- on a node -----------------------------------------------------------------------------------
RELAY_GROUP: Final = 53478
"""Group of every relay's processes in a cluster, and of nothing else: the guard of a node knows
relayed packets by it. Above the numbers that distributions give to services."""
GUARD: Final = "guard"
"""First word of the command line that guards a node, in place of running a relay."""

# --- HTTP ---------------------------------------------------------------------------------------
PATH_HEALTHZ: Final = "/healthz"
PATH_READYZ: Final = "/readyz"
PATH_STATUS: Final = "/status"
PATH_METRICS: Final = "/metrics"

AGENT_KEY_PURPOSE: Final = "turnfleet/agent"
"""The agent key is hex(HMAC-SHA256(fleet key, this)): an agent never holds the fleet key."""

# --- words --------------------------------------------------------------------------------------
PROBE_USER: Final = "_probe"
"""User part of probe credentials; stays out of quotas, counts and drain-empty."""


class State(StrEnum):
    """What a relay does with clients."""

    STARTING = "Starting"
    """Not yet proven by an Allocate of its own."""
    READY = "Ready"
    """Takes new clients."""
    CLOSED = "Closed"
    """Out of the answers, still serving; undone at once (a soft drain)."""
    DRAINING = "Draining"
    """Refuses new allocations and ends with the last live one (a final drain)."""
    UNREACHABLE = "Unreachable"
    """Nothing answers where it should be."""
