"""Relays as processes of this machine: the infrastructure behind ``turnfleet run``."""
