"""turnfleet: runs fleets of TURN relays and tells every WebRTC client which few to use.

Layers, top to bottom (checked by import-linter): ``cli`` and ``commands`` bind the parts; ``api``
answers clients; ``sources probe local geo`` do I/O; ``plan steer ice`` decide and are pure;
``model`` holds the values they exchange; ``names settings`` are constants and the environment.
"""

__version__ = "0.1.0"
