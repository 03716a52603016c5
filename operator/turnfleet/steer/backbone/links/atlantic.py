"""Routes across the Atlantic and around Greenland."""

from typing import Final

# fmt: off
# Source: TeleGeography's public Submarine Cable Map.
LAND: Final = ()
SEA: Final = (
    ("AC-1, TAT-14, Apollo, FA-1, Yellow", "New York - Grand Banks - off Cornwall - London"),
    ("Hibernia Express, AEConnect", "Halifax - off Ireland - Bude"),
    ("AEConnect", "New York - Grand Banks - off Ireland"),
    ("Hibernia", "Halifax - off Ireland - Dublin"),
    ("AEConnect, EXA Express", "off Ireland - Cork"), ("EXA Express", "Cork - off Cornwall"),
    ("Apollo, TGN, EXA", "off Cornwall - Bude"),
    ("Apollo South, FA-1, AC-2", "Grand Banks - off Brittany - Rennes"),
    ("TAT-14, AC-1", "off Cornwall - off Scotland - Esbjerg"),
    ("Dunant", "Virginia Beach - Grand Banks"), ("MAREA", "Virginia Beach - Bilbao"),
    ("Havfrue", "New York - off Scotland - Esbjerg"), ("Havfrue", "Dublin - off Scotland"),
    ("Columbus-III", "Miami - Ponta Delgada - Lisbon"),
    ("Greenland Connect", "Reykjavik - Nuuk - Saint John's"), ("Hibernia", "Boston - Halifax"),
    ("AC-1, Apollo", "Rennes - Paris"),
    ("EIG, TGN Western Europe, SMW-3", "Bude - off Brittany - off Finisterre - off Algarve"),
    ("TGN Western Europe", "off Finisterre - Bilbao"),
    ("TGN Western Europe, Tagus", "off Finisterre - Porto"),
    ("Atlantis-2, EllaLink", "Fortaleza - Praia - Lisbon"),
    ("EllaLink", "Fortaleza - Funchal - Lisbon"),
)
THIN: Final = (
    ("SACS", "Luanda - Fortaleza"), ("SAIL", "Fortaleza - Douala"),
)
SKY: Final = ()
