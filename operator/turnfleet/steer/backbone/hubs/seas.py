"""Turns at sea: where cables round a cape or take a strait. Nobody lands there."""

from typing import Final

# fmt: off
# Geography: the ends of land and the shipping straits that cable maps show systems to follow.
TURNS: Final = (
    # around Europe
    ("off Cornwall", 49.8, -6.5), ("off Ireland", 51.0, -11.0), ("off Brittany", 48.5, -6.0),
    ("off Finisterre", 43.3, -10.2), ("off Algarve", 36.6, -9.5), ("Gibraltar Strait", 35.9, -5.7),
    ("off Algeria", 37.6, 4.0), ("off Sardinia", 38.3, 8.3), ("Sicily Strait", 37.2, 11.3),
    ("off Malta", 35.5, 14.5), ("off Crete", 34.3, 24.5), ("off the Nile", 31.9, 30.8),
    ("off Peloponnese", 36.1, 22.7), ("Otranto Strait", 39.8, 18.9), ("off Scotland", 59.5, -4.0),
    ("off Skagen", 57.9, 10.8),
    # around Africa and Arabia
    ("off Cape Blanc", 20.8, -18.5), ("off Cape Verde", 14.6, -18.2),
    ("off Cape Palmas", 3.8, -8.0), ("off Gabon", -1.0, 7.0), ("off Angola", -9.0, 11.5),
    ("off the Cape", -35.5, 18.0), ("off Natal", -31.0, 31.5), ("off Madagascar", -26.8, 47.0),
    ("Mozambique Channel", -15.5, 42.0), ("Suez Gulf", 28.0, 33.5), ("Red Sea", 20.5, 38.2),
    ("Bab el Mandeb", 12.5, 43.4), ("Gulf of Aden", 12.6, 48.0), ("off Socotra", 13.6, 54.5),
    ("off Ras al Hadd", 22.7, 60.3), ("Hormuz", 26.4, 56.6), ("off Somalia", 2.0, 49.0),
    # around Asia
    ("off Cape Comorin", 7.2, 77.0), ("Dondra Head", 5.6, 80.6), ("off Aceh", 6.1, 95.0),
    ("Malacca Strait", 3.2, 100.6), ("off Ca Mau", 7.8, 105.5), ("off Vung Tau", 9.0, 108.8),
    ("South China Sea", 14.0, 111.5), ("off Hainan", 18.0, 111.2), ("Luzon Strait", 20.5, 121.0),
    ("off Taiwan", 24.5, 122.8), ("East China Sea", 29.5, 126.0), ("off Kyushu", 31.0, 131.5),
    ("Karimata Strait", -2.0, 108.3), ("Sunda Strait", -6.5, 104.8),
    ("Makassar Strait", -2.0, 118.2), ("off Mindanao", 5.0, 126.5), ("off Boso", 34.7, 140.8),
    # around the Americas and Australia
    ("Grand Banks", 44.0, -50.0), ("off Brazil", -7.5, -33.8), ("off Cabo Frio", -23.5, -41.3),
    ("off Amapa", 5.5, -48.5), ("off Puerto Rico", 19.5, -65.0), ("Windward Passage", 20.0, -74.0),
    ("Yucatan Channel", 21.8, -85.3), ("off Talara", -4.6, -81.8), ("off Leeuwin", -34.8, 114.3),
    ("off Otway", -39.3, 143.0), ("off Gabo", -37.8, 150.6), ("Coral Sea", -13.0, 150.0),
    ("Solomon Sea", -5.5, 154.5), ("off Java", -9.5, 108.0),
)
