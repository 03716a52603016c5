"""Where to send a client: locate it, rank regions, choose relays. Pure, and every no has a reason."""
