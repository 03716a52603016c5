"""By what part of the world a country's networks leave it: where carriers of the world meet them.

Networks of one part of the world meet those of another where both are present, and that is where
carriers with a backbone around the world are: Nairobi to Mumbai goes by Marseille or London, Lima
to Bogotá often by Miami. The lists are general knowledge. To check them: TeleGeography's rankings
of hub cities, and of how much of a region's bandwidth leads to the United States, Europe or
Singapore; presence at exchanges in PeeringDB; Gupta et al., Peering at the Internet's Frontier
(2014), for detours of African traffic.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Area(NamedTuple):
    """Countries whose networks meet the world in the same cities."""

    name: str
    countries: tuple[str, ...]
    gateways: tuple[str, ...]
    """Hubs where they meet carriers of the world."""
    exchanges: tuple[str, ...] = ()
    """Hubs where they meet each other, beside those."""


def _area(name: str, countries: str, gateways: str, exchanges: str | None = None) -> Area:
    own = tuple(exchanges.split(", ")) if exchanges else ()
    return Area(name, tuple(countries.split()), tuple(gateways.split(", ")), own)


AREAS: Final = (
    _area(
        "Europe",
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GL GR HR HU IE IM IS IT JE "
        "LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI SJ SK SM TR UA VA XK",
        "London, Amsterdam, Frankfurt, Paris, Marseille, Milan, Madrid, Vienna, Prague, Warsaw, "
        "Budapest, Sofia, Stockholm, Copenhagen, Hamburg",
    ),
    # TransTeleCom has points of presence in Hong Kong and Tokyo, Rostelecom a cable to Japan.
    _area(
        "Russia",
        "RU",
        "Frankfurt, Amsterdam, London, Stockholm, Helsinki, Hong Kong, Tokyo",
    ),
    _area(
        "the Caucasus and Central Asia",
        "AM AZ GE KG KZ TJ TM UZ",
        "Frankfurt, Amsterdam, London, Stockholm, Helsinki, Sofia",
        "Moscow",
    ),
    _area("the Maghreb", "DZ EH LY MA TN", "Marseille, Paris, Milan, Madrid, London, Palermo"),
    _area("the Levant", "EG IL JO LB PS SY", "Marseille, Frankfurt, London, Milan, Paris"),
    # Carriers meet in Etisalat's SmartHub in Fujairah; TGN-Gulf, IMEWE and BBG from South Asia land
    # there.
    _area(
        "the Gulf",
        "AE BH IQ IR KW OM QA SA YE",
        "Marseille, Frankfurt, London, Amsterdam, Singapore, Fujairah",
        "Dubai",
    ),
    _area(
        "West and Central Africa",
        "BF BJ CD CF CG CI CM CV GA GH GM GN GQ GW LR ML MR NE NG SL SN ST TD TG",
        "London, Lisbon, Paris, Marseille, Amsterdam",
    ),
    _area(
        "East and Southern Africa",
        "AO BI BW DJ ER ET KE KM LS MG MU MW MZ NA RE RW SC SD SH SO SS SZ TZ UG YT ZA ZM ZW",
        "London, Marseille, Amsterdam, Paris, Frankfurt, Lisbon",
        "Johannesburg, Cape Town, Nairobi, Mombasa",
    ),
    _area(
        "South Asia",
        "AF BD BT IN IO LK MV NP PK",
        "Singapore, London, Marseille, Frankfurt, Fujairah",
    ),
    _area(
        "South-East Asia",
        "BN CC CX ID KH LA MM MY PH SG TH TL VN",
        "Singapore, Hong Kong, Tokyo, Los Angeles, San Jose",
    ),
    _area(
        "East Asia",
        "CN HK JP KP KR MN MO TW",
        "Tokyo, Hong Kong, Singapore, Los Angeles, San Jose, Seattle",
    ),
    _area(
        "the Pacific",
        "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PW SB TK TO TV VU WF WS",
        "Sydney, Los Angeles, San Jose, Seattle, Singapore, Tokyo, Hong Kong",
    ),
    _area(
        "North America",
        "BM CA PM US",
        "New York, Ashburn, Miami, Atlanta, Chicago, Dallas, Denver, Los Angeles, San Jose, "
        "Seattle, Toronto",
    ),
    _area("Central America", "BZ CR GT HN MX NI PA SV", "Miami, Dallas, Los Angeles, New York"),
    _area(
        "the Caribbean",
        "AG AI AW BB BL BQ BS CU CW DM DO GD GP HT JM KN KY LC MF MQ MS PR SX TC TT VC VG VI",
        "Miami, New York",
    ),
    # Peru, and Bolivia through it and Chile, are on the rings of SAC and SAm-1 as the Cone is.
    _area("the Andes", "CO EC VE", "Miami, New York"),
    _area(
        "the Southern Cone",
        "AR BO BR CL FK GF GY PE PY SR UY",
        "Miami, New York",
        "Sao Paulo, Buenos Aires, Santiago, Fortaleza",
    ),
)
TOLLS: Final[Mapping[str, float]] = {"CN": 60.0}
"""ms that traffic over a country's border waits, more or less: traffic into mainland China is
delayed and lost behind the border, most of it for hours each day (Zhu et al., Characterizing
Transnational Internet Performance and the Great Bottleneck of China, 2020, who find Hong Kong to be
a case of its own; here it is none). The figure is a guess."""
BY_COUNTRY: Final[Mapping[str, Area]] = {
    country: area for area in AREAS for country in area.countries
}
