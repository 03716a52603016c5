"""Cities where networks meet or cables land, and turns at sea. Facts; nothing is decided here.

A hub is a name, a country (ISO 3166-1 alpha-2), latitude and longitude in degrees, to one decimal.
"""

from typing import Final

from turnfleet.steer.backbone.hubs import africa, americas, asia, europe, oceania, seas

HUBS: Final = (*europe.HUBS, *africa.HUBS, *asia.HUBS, *americas.HUBS, *oceania.HUBS)
"""All hubs of the world: name, country, latitude, longitude."""
TURNS: Final = seas.TURNS
"""Name, latitude, longitude. Paths pass through; no client is attached to one."""
