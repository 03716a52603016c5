"""Routes of Australia, New Zealand and the Pacific, and those across it."""

from typing import Final

# fmt: off
# Sources: TeleGeography's public Submarine Cable Map; maps of Telstra, Vocus, Southern Cross.
LAND: Final = (
    ("Australian fibre", "Sydney - Canberra - Melbourne - Adelaide - Perth"),
    ("Australian fibre", "Sydney - Melbourne"),
    ("Australian fibre", "Sydney - Brisbane - Sunshine Coast - Townsville - Cairns"),
    ("Australian fibre", "Adelaide - Alice Springs - Darwin"),
    ("Australian fibre", "Sydney - Adelaide"), ("Australian fibre", "Townsville - Darwin"),
    ("Australian fibre", "Perth - Port Hedland - Darwin"),
    ("New Zealand fibre", "Auckland - Wellington"),
    ("New Zealand fibre", "Wellington - Christchurch - Dunedin"),
)
SEA: Final = (
    ("Basslink, Bass Strait 2", "Hobart - Melbourne"),
    ("Southern Cross, Tasman Global Access, Hawaiki", "Sydney - Auckland"),
    ("SMW-3, ASC, INDIGO", "Perth - off Java - Sunda Strait - Singapore"),
    ("INDIGO, ASC", "Sunda Strait - Jakarta"), ("ASC", "off Java - Christmas Island"),
    ("North West Cable System", "Port Hedland - Darwin"), ("DDC, NWCS", "Darwin - Dili"),
    ("INDIGO Central", "Sydney - off Gabo - off Otway - off Leeuwin - Perth"),
    ("PPC-1, AJC, APNG-2", "Sydney - Coral Sea - Solomon Sea - Guam"),
    ("JGA-S", "Sunshine Coast - Coral Sea"),
    ("Coral Sea Cable", "Sydney - Coral Sea - Port Moresby"), ("APNG-2", "Port Moresby - Cairns"),
    ("PPC-1, Kumul", "Madang - Solomon Sea"), ("Kumul", "Port Moresby - Madang"),
    ("Coral Sea Cable", "Coral Sea - Honiara"), ("Gondwana-1", "Noumea - Sydney"),
    ("Southern Cross", "Sydney - Suva - Honolulu"), ("Southern Cross", "Auckland - Honolulu"),
    ("Southern Cross NEXT, Hawaiki", "Auckland - Los Angeles"),
    ("Southern Cross, Telstra Endeavour", "Sydney - Honolulu"), ("ICN1", "Port Vila - Suva"),
    ("Gondwana-2, Picot-2", "Noumea - Suva"), ("Tonga Cable", "Nuku'alofa - Suva"),
    ("Tui-Samoa", "Apia - Mata-Utu - Suva"), ("SAS", "Apia - Pago Pago"),
    ("ASH, Hawaiki", "Pago Pago - Honolulu"), ("Manatua", "Apia - Alofi - Rarotonga - Papeete"),
    ("Honotua", "Papeete - Honolulu"), ("Southern Cross NEXT", "Suva - Atafu"),
    ("Southern Cross NEXT", "Apia - Suva"), ("HANTRU-1", "Guam - Pohnpei - Majuro"),
    ("Chuuk-Pohnpei", "Pohnpei - Chuuk"), ("SEA-US", "Yap - Guam"),
    ("Atisa, Mariana", "Saipan - Guam"), ("SEA-US", "Koror - Guam"),
    ("East Micronesia Cable", "Tarawa - Yaren - Pohnpei"), ("Tuvalu Vaka", "Funafuti - Suva"),
    ("TGN-Pacific, AJC, AAG", "Guam - off Boso"), ("AAG, SEA-US", "Guam - Honolulu"),
    ("AAG, Guam-Philippines", "Guam - La Union"),
    ("AAG, SEA-US, Hawaiian cables", "Honolulu - Morro Bay"),
    ("SEA-US, Southern Cross", "Honolulu - Los Angeles"),
    ("Southern Cross, TGN", "Honolulu - Hillsboro"), ("Japan-US", "Honolulu - off Boso"),
    # Great circles from Japan pass the Aleutians: Tokyo to Oregon is shorter than to California.
    ("PC-1, TGN-Pacific, FASTER, JUPITER", "off Boso - Hillsboro"),
    ("Unity, PC-1, TGN-Pacific, JUPITER", "off Boso - Los Angeles"),
    ("PC-1, Japan-US, China-US", "off Boso - Morro Bay"), ("PC-1", "off Boso - Seattle"),
    ("TPE, NCP", "off Taiwan - Hillsboro"), ("PLCN", "Luzon Strait - Los Angeles"),
    ("Alaska United, AKORN", "Anchorage - Seattle"), ("AKORN", "Anchorage - Hillsboro"),
)
# Cables that little of the transit between their ends takes.
THIN: Final = (
    ("Hawaiki", "Sydney - Hillsboro"),
)
# Satellite, with a teleport at the other end.
SKY: Final = (
    ("satellite", "Norfolk Island - Sydney"),
)
