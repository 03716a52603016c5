"""Australia, New Zealand and the islands of the Pacific."""

from typing import Final

# fmt: off
# Sources: IX Australia, NZIX, TeleGeography's public Submarine Cable Map, the World Bank's Pacific
# Regional Connectivity programme. Islands without a cable are reached by satellite: see access.
HUBS: Final = (
    ("Sydney", "AU", -33.9, 151.2), ("Melbourne", "AU", -37.8, 145.0),
    ("Brisbane", "AU", -27.5, 153.0), ("Sunshine Coast", "AU", -26.7, 153.1),
    ("Adelaide", "AU", -34.9, 138.6), ("Perth", "AU", -32.0, 115.9), ("Darwin", "AU", -12.5, 130.8),
    ("Port Hedland", "AU", -20.3, 118.6), ("Canberra", "AU", -35.3, 149.1),
    ("Hobart", "AU", -42.9, 147.3), ("Cairns", "AU", -16.9, 145.8),
    ("Townsville", "AU", -19.3, 146.8), ("Alice Springs", "AU", -23.7, 133.9),
    ("Christmas Island", "CX", -10.5, 105.6), ("Norfolk Island", "NF", -29.0, 168.0),
    ("Auckland", "NZ", -36.8, 174.8), ("Wellington", "NZ", -41.3, 174.8),
    ("Christchurch", "NZ", -43.5, 172.6), ("Dunedin", "NZ", -45.9, 170.5),
    ("Port Moresby", "PG", -9.5, 147.2), ("Madang", "PG", -5.2, 145.8),
    ("Honiara", "SB", -9.4, 160.0), ("Port Vila", "VU", -17.7, 168.3),
    ("Noumea", "NC", -22.3, 166.4), ("Suva", "FJ", -18.1, 178.4),
    ("Nuku'alofa", "TO", -21.1, -175.2), ("Apia", "WS", -13.8, -171.8),
    ("Pago Pago", "AS", -14.3, -170.7), ("Mata-Utu", "WF", -13.3, -176.2),
    ("Funafuti", "TV", -8.5, 179.2), ("Tarawa", "KI", 1.4, 173.0), ("Yaren", "NR", -0.5, 166.9),
    ("Alofi", "NU", -19.1, -169.9), ("Rarotonga", "CK", -21.2, -159.8),
    ("Papeete", "PF", -17.5, -149.6), ("Atafu", "TK", -8.6, -172.5), ("Majuro", "MH", 7.1, 171.4),
    ("Pohnpei", "FM", 6.9, 158.2), ("Chuuk", "FM", 7.4, 151.8), ("Yap", "FM", 9.5, 138.1),
    ("Koror", "PW", 7.3, 134.5), ("Guam", "GU", 13.5, 144.8), ("Saipan", "MP", 15.2, 145.8),
)
