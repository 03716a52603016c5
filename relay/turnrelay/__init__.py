"""turnrelay: the agent beside one coturn. It renders, starts, probes, counts and drains it.

The agent runs alone (PID 1 of a relay pod, or a local process): it reads mounted files, never the
Kubernetes API, and never imports ``turnfleet``.
"""

__version__ = "0.1.0"
