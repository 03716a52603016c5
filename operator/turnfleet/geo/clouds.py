"""Where the regions of cloud providers are, by the names that their metadata services tell.

Facts, one point per metropolitan area: a hint such as ``us-east-1`` needs no more. Where two
providers use one name for two places, the larger provider's meaning counts.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from turnfleet.model import geo


class City(NamedTuple):
    """Where something is, in degrees, and the ``names`` of regions there, space between."""

    latitude: float
    longitude: float
    country: str
    names: str


# fmt: off
# AWS "eu-west-1", Google "europe-west1", Azure
# "westeurope", Oracle "eu-frankfurt-1", Alibaba "cn-hangzhou", DigitalOcean "fra1", Hetzner "fsn1",
# and airport codes as Fly, Vultr and Cloudflare use them.
CITIES: Final = tuple(City(*row) for row in (
    (39.0, -77.5, "US", "us-east-1 us-east4 eastus eastus2 us-ashburn-1 us-iad ash iad"),
    (40.0, -83.0, "US", "us-east-2 us-east5 us-gov-east-1"),
    (37.4, -121.9, "US", "us-west-1 westus us-sanjose-1 us-sjc sjc"),
    (37.8, -122.4, "US", "sfo1 sfo2 sfo3 sfo"),
    (45.6, -121.2, "US", "us-west-2 us-west1 us-gov-west-1 hil"),
    (47.2, -119.9, "US", "westus2 us-sea sea"),
    (33.4, -112.1, "US", "westus3 us-phoenix-1 phx"),
    (34.1, -118.2, "US", "us-west2 us-lax lax"),
    (40.8, -111.9, "US", "us-west3"),
    (36.2, -115.1, "US", "us-west4 las"),
    (41.3, -95.9, "US", "us-central1"),
    (41.6, -93.6, "US", "centralus"),
    (41.9, -87.6, "US", "northcentralus us-chicago-1 us-ord ord"),
    (29.4, -98.5, "US", "southcentralus"),
    (32.8, -96.8, "US", "us-south1 us-dallas dfw"),
    (41.1, -104.8, "US", "westcentralus"),
    (33.2, -80.0, "US", "us-east1"),
    (33.7, -84.4, "US", "us-atl atl1 atl"),
    (40.7, -74.0, "US", "nyc1 nyc2 nyc3 us-nyc ewr lga jfk"),
    (25.8, -80.2, "US", "us-mia mia"),
    (42.4, -71.1, "US", "bos"),
    (39.7, -105.0, "US", "den"),
    (45.5, -73.6, "CA", "ca-central-1 northamerica-northeast1 ca-montreal-1 yul"),
    (46.8, -71.2, "CA", "canadaeast"),
    (43.7, -79.4, "CA", "northamerica-northeast2 canadacentral ca-toronto-1 tor1 ca-central yyz"),
    (51.0, -114.1, "CA", "ca-west-1"),
    (20.6, -100.4, "MX", "mx-central-1 northamerica-south1 mexicocentral mx-queretaro-1 qro"),
    (-23.5, -46.6, "BR", "sa-east-1 southamerica-east1 brazilsouth sa-saopaulo-1 br-gru gru"),
    (-22.9, -43.2, "BR", "brazilsoutheast gig"),
    (-33.4, -70.7, "CL", "southamerica-west1 sa-santiago-1 chilecentral scl"),
    (4.7, -74.1, "CO", "sa-bogota-1 bog"),
    (-34.6, -58.4, "AR", "eze"),
    (53.3, -6.3, "IE", "eu-west-1 northeurope dub"),
    (51.5, -0.1, "GB", "eu-west-2 europe-west2 uksouth uk-london-1 lon1 gb-lon lhr"),
    (51.5, -3.2, "GB", "ukwest uk-cardiff-1"),
    (48.9, 2.4, "FR", "eu-west-3 europe-west9 francecentral eu-paris-1 fr-par par cdg"),
    (43.3, 5.4, "FR", "francesouth eu-marseille-1 mrs"),
    (50.1, 8.7, "DE", "eu-central-1 europe-west3 germanywestcentral eu-frankfurt-1 fra1 fra"),
    (52.5, 13.4, "DE", "europe-west10 germanynorth ber"),
    (50.5, 12.4, "DE", "fsn1 fsn"),
    (49.5, 11.1, "DE", "nbg1 nbg"),
    (47.4, 8.5, "CH", "eu-central-2 europe-west6 switzerlandnorth eu-zurich-1 zrh"),
    (46.2, 6.1, "CH", "switzerlandwest gva"),
    (45.5, 9.2, "IT", "eu-south-1 europe-west8 italynorth eu-milan-1 it-mil mxp"),
    (45.1, 7.7, "IT", "europe-west12"),
    (41.6, -0.9, "ES", "eu-south-2"),
    (40.4, -3.7, "ES", "europe-southwest1 spaincentral eu-madrid-1 es-mad mad"),
    (52.4, 4.9, "NL", "westeurope eu-amsterdam-1 ams2 ams3 nl-ams ams"),
    (53.4, 6.8, "NL", "europe-west4"),
    (50.5, 3.8, "BE", "europe-west1"),
    (59.3, 18.1, "SE", "eu-north-1 europe-north2 eu-stockholm-1 se-sto arn"),
    (60.7, 17.1, "SE", "swedencentral"),
    (60.6, 27.1, "FI", "europe-north1"),
    (60.2, 24.9, "FI", "hel1 hel"),
    (59.9, 10.8, "NO", "norwayeast"),
    (58.9, 5.7, "NO", "norwaywest"),
    (55.7, 12.6, "DK", "denmarkeast cph"),
    (52.2, 21.0, "PL", "europe-central2 polandcentral pl-waw waw"),
    (48.2, 16.4, "AT", "austriaeast vie"),
    (44.4, 26.1, "RO", "otp"),
    (26.1, 50.6, "BH", "me-south-1"),
    (25.2, 55.3, "AE", "uaenorth me-dubai-1 me-east-1 dxb"),
    (24.5, 54.4, "AE", "me-central-1 uaecentral me-abudhabi-1"),
    (25.3, 51.5, "QA", "me-central1 qatarcentral doh"),
    (26.4, 50.1, "SA", "me-central2"),
    (24.7, 46.7, "SA", "me-riyadh-1"),
    (21.5, 39.2, "SA", "me-jeddah-1"),
    (32.1, 34.8, "IL", "il-central-1 me-west1 israelcentral il-jerusalem-1 tlv"),
    (-33.9, 18.4, "ZA", "af-south-1 southafricawest cpt"),
    (-26.2, 28.0, "ZA", "africa-south1 southafricanorth af-johannesburg-1 jnb"),
    (19.1, 72.9, "IN", "ap-south-1 asia-south1 westindia ap-mumbai-1 in-bom bom"),
    (18.5, 73.9, "IN", "centralindia"),
    (17.4, 78.5, "IN", "ap-south-2 ap-hyderabad-1 hyd"),
    (28.6, 77.2, "IN", "asia-south2 del"),
    (13.1, 80.3, "IN", "southindia in-maa maa"),
    (13.0, 77.6, "IN", "blr1 blr"),
    (1.3, 103.8, "SG", "ap-southeast-1 asia-southeast1 southeastasia ap-singapore-1 sgp1 sin"),
    (-6.2, 106.8, "ID", "ap-southeast-3 asia-southeast2 indonesiacentral id-cgk cgk"),
    (3.1, 101.7, "MY", "ap-southeast-5 malaysiawest kul"),
    (13.8, 100.5, "TH", "ap-southeast-7 bkk"),
    (14.6, 121.0, "PH", "mnl"),
    (22.3, 114.2, "HK", "ap-east-1 asia-east2 eastasia cn-hongkong hkg"),
    (25.0, 121.5, "TW", "ap-east-2 taiwannorth tpe"),
    (24.1, 120.5, "TW", "asia-east1"),
    (35.7, 139.7, "JP", "ap-northeast-1 asia-northeast1 japaneast ap-tokyo-1 jp-tyo nrt hnd"),
    (34.7, 135.5, "JP", "ap-northeast-3 asia-northeast2 japanwest ap-osaka-1 jp-osa kix"),
    (37.6, 127.0, "KR", "ap-northeast-2 asia-northeast3 koreacentral ap-seoul-1 icn"),
    (35.2, 129.1, "KR", "koreasouth"),
    (37.9, 127.7, "KR", "ap-chuncheon-1"),
    (39.9, 116.4, "CN", "cn-north-1 chinanorth chinanorth2 chinanorth3 cn-beijing"),
    (37.5, 105.2, "CN", "cn-northwest-1"),
    (31.2, 121.5, "CN", "chinaeast chinaeast2 cn-shanghai"),
    (30.3, 120.2, "CN", "cn-hangzhou"),
    (22.5, 114.1, "CN", "cn-shenzhen cn-guangzhou"),
    (-33.9, 151.2, "AU", "ap-southeast-2 australia-southeast1 australiaeast ap-sydney-1 syd1 syd"),
    (-37.8, 145.0, "AU", "ap-southeast-4 australia-southeast2 australiasoutheast mel"),
    (-35.3, 149.1, "AU", "australiacentral australiacentral2"),
    (-36.8, 174.8, "NZ", "ap-southeast-6 newzealandnorth akl"),
))
# fmt: on

PLACES: Final[Mapping[str, geo.Place]] = {
    name: geo.Place(latitude=city.latitude, longitude=city.longitude, country=city.country)
    for city in CITIES
    for name in city.names.split()
}
"""Place by the region's name in small letters."""
