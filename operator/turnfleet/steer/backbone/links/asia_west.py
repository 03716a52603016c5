"""Routes of the Levant, Arabia, Iran and Central Asia, and the sea lane from Suez to India."""

from typing import Final

# fmt: off
# Sources: TeleGeography's public Submarine Cable Map; maps of RETN, TransTeleCom, Kazakhtelecom,
# Turkmentelecom, stc, Ooredoo, the Gulf's GCCIA and of EPEG, JADI, RCN and TAE.
LAND: Final = (
    ("Israeli fibre", "Haifa - Tel Aviv"), ("Israeli fibre", "Tel Aviv - Ramallah"),
    ("Israeli fibre", "Tel Aviv - Gaza"), ("Jordanian fibre", "Amman - Aqaba"),
    ("Syrian fibre", "Damascus - Tartus"), ("Iraqi fibre", "Basra - Baghdad - Erbil"),
    ("Iraqi-Turkish fibre", "Erbil - Van"), ("Iraqi-Kuwaiti fibre", "Basra - Kuwait"),
    ("Saudi fibre", "Jeddah - Riyadh - Dammam"),
    ("GCCIA", "Kuwait - Dammam - Doha - Abu Dhabi - Dubai - Muscat"),
    ("King Fahd Causeway", "Dammam - Manama"), ("GCCIA", "Riyadh - Doha"),
    ("Emirati fibre", "Dubai - Fujairah"), ("Emirati fibre", "Dubai - Abu Dhabi"),
    ("Omani fibre", "Muscat - Salalah"), ("Omani fibre", "Muscat - Fujairah"),
    ("Yemeni fibre", "Aden - Sanaa"), ("Iranian fibre", "Tabriz - Tehran - Mashhad"),
    ("Iranian fibre", "Tehran - Shiraz - Bandar Abbas"), ("EPEG, Iranian transit", "Tabriz - Baku"),
    ("Iranian-Turkish fibre", "Tabriz - Van"), ("Turkmen fibre", "Ashgabat - Tashkent"),
    ("Uzbek fibre", "Tashkent - Dushanbe"), ("Kazakh fibre", "Almaty - Astana"),
    ("TAE, Kazakh fibre", "Almaty - Tashkent"), ("Kazakh fibre", "Almaty - Bishkek"),
    ("Kazakh fibre", "Astana - Aktobe"), ("Kazakh fibre", "Aktobe - Aktau"),
    ("Kazakh fibre", "Aktobe - Tashkent"), ("RETN, KTTK", "Aktobe - Samara"),
    ("RETN, KTTK", "Astana - Chelyabinsk"), ("RETN, KTTK", "Astana - Omsk"),
    ("Kyrgyz fibre", "Bishkek - Tashkent"),
)
SEA: Final = (
    ("MedNautilus, TAMARES, Jonah", "Tel Aviv - off Crete - Catania"),
    ("Jonah", "Tel Aviv - off Crete - Otranto Strait - Bari"), ("CIOS, TAMARES", "Haifa - Nicosia"),
    ("MedNautilus, Lev", "Tel Aviv - Nicosia"), ("CADMOS, EUROPA", "Beirut - Nicosia"),
    ("IMEWE, BERYTAR", "Beirut - Tartus"), ("UGARIT", "Tartus - Nicosia"),
    ("IMEWE, Alexandros", "Nicosia - off the Nile - off Crete"), ("IMEWE", "Beirut - off the Nile"),
    ("KKTC cable", "Mersin - Nicosia"), ("FEA, Aqaba", "Aqaba - Suez Gulf"),
    ("SMW-3, SMW-4, SMW-5, AAE-1, IMEWE, EIG, FEA", "Alexandria - off the Nile - off Crete"),
    ("SMW-3, SMW-4, SMW-5, AAE-1, IMEWE, EIG, FEA", "off Crete - off Malta - Sicily Strait"),
    ("SMW-3, SMW-4, SMW-5, AAE-1, IMEWE, EIG, FEA", "Sicily Strait - off Sardinia - Marseille"),
    ("SMW-5, MENA, SMW-3", "off Malta - Catania"), ("AAE-1", "off Crete - Otranto Strait - Bari"),
    ("SMW-3, EIG, FEA", "off Sardinia - off Algeria - Gibraltar Strait - off Algarve - Lisbon"),
    ("FEA, AAE-1, SMW-5, EIG", "Zafarana - Suez Gulf - Red Sea - Bab el Mandeb - Gulf of Aden"),
    ("FEA, AAE-1, SMW-5, EIG", "Gulf of Aden - off Socotra"),
    ("SMW-4, IMEWE, MENA", "Red Sea - Jeddah"), ("AAE-1, SMW-5", "Bab el Mandeb - Aden"),
    ("AAE-1, EIG, SMW-5, FEA", "off Socotra - off Ras al Hadd - Muscat"),
    ("MENA, SMW-5", "off Ras al Hadd - Fujairah"), ("FEA, SMW-4, EIG, IMEWE", "Fujairah - Mumbai"),
    ("AAE-1, EIG, MENA", "off Ras al Hadd - Mumbai"), ("OMRAN, FALCON", "Muscat - Mumbai"),
    ("SMW-5, AAE-1, IMEWE, TWA", "off Ras al Hadd - Karachi"), ("TWA-1", "Fujairah - Karachi"),
    ("AAE-1, PEACE", "off Socotra - Karachi"), ("AAE-1, SMW-5, SMW-4", "off Socotra - Dondra Head"),
    ("SMW-4, IMEWE, EIG", "off Socotra - Mumbai"), ("FALCON, GBI", "Dubai - Hormuz - Fujairah"),
    ("FALCON, FOG, GBI", "Dubai - Doha - Manama - Kuwait - Basra"),
    ("FALCON, Tata TGN-Gulf", "Dubai - Manama"),
    ("OMRAN-EPEG, FALCON, POI", "Bandar Abbas - Hormuz"),
    ("FALCON, POI", "Bandar Abbas - Fujairah"), ("AAE-1, FALCON", "Salalah - off Socotra"),
    ("FALCON", "Salalah - Gulf of Aden"), ("Caspian cables", "Aktau - Baku"),
)
# Fibre that exists and where most traffic is handed over elsewhere: in Frankfurt and Marseille for
# the Middle East (Packet Clearing House and Euro-IX on exchanges in the region; JADI is cut since
# 2011), in Moscow and Frankfurt for Central Asia (World Bank, Digital CASA).
THIN: Final = (
    ("DREAM, TRANSKZ", "Almaty - Urumqi"), ("Jordanian-Israeli fibre", "Amman - Tel Aviv"),
    ("JADI, RCN", "Amman - Jeddah"), ("RCN", "Amman - Riyadh"), ("JADI", "Amman - Damascus"),
    ("JADI", "Damascus - Mersin"), ("Syrian-Lebanese fibre", "Damascus - Beirut"),
    ("Iraqi-Jordanian fibre", "Baghdad - Amman"), ("Iraqi-Iranian fibre", "Baghdad - Tehran"),
    ("Yemeni-Saudi fibre", "Sanaa - Jeddah"), ("Yemeni-Omani fibre", "Sanaa - Salalah"),
    ("Iranian-Turkmen fibre", "Mashhad - Ashgabat"), ("Iranian-Armenian fibre", "Tabriz - Yerevan"),
    ("Iranian-Pakistani fibre", "Shiraz - Karachi"), ("Afghan ring", "Kabul - Herat"),
    ("Afghan ring", "Herat - Mashhad"), ("Afghan ring", "Herat - Ashgabat"),
    ("Afghan ring", "Kabul - Tashkent"), ("Afghan ring", "Kabul - Dushanbe"),
    ("Afghan-Pakistani fibre", "Kabul - Islamabad"), ("Turkmen-Kazakh fibre", "Ashgabat - Aktau"),
    ("Tajik-Kyrgyz fibre", "Dushanbe - Bishkek"), ("Kyrgyz-Chinese fibre", "Bishkek - Urumqi"),
)
SKY: Final = ()
