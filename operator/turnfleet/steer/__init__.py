"""Where to send a client: locate it, rank regions, choose relays.

Rule: pure, and every no has a reason.
"""
