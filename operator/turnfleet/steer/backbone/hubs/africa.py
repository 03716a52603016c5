"""Africa and its islands."""

from typing import Final

# fmt: off
# Sources: African IXP Association's list of exchanges, AfTerFibre's map of terrestrial fibre,
# TeleGeography's public Submarine Cable Map for landings.
HUBS: Final = (
    # the north
    ("Casablanca", "MA", 33.6, -7.6), ("Tangier", "MA", 35.8, -5.8),
    ("Laayoune", "EH", 27.2, -13.2), ("Algiers", "DZ", 36.8, 3.1), ("Oran", "DZ", 35.7, -0.6),
    ("Annaba", "DZ", 36.9, 7.8), ("Tunis", "TN", 36.8, 10.2), ("Tripoli", "LY", 32.9, 13.2),
    ("Benghazi", "LY", 32.1, 20.1), ("Cairo", "EG", 30.0, 31.2), ("Alexandria", "EG", 31.2, 29.9),
    ("Zafarana", "EG", 29.1, 32.7),
    # the west
    ("Nouakchott", "MR", 18.1, -16.0), ("Dakar", "SN", 14.7, -17.5), ("Banjul", "GM", 13.5, -16.6),
    ("Bissau", "GW", 11.9, -15.6), ("Conakry", "GN", 9.6, -13.6), ("Freetown", "SL", 8.5, -13.2),
    ("Monrovia", "LR", 6.3, -10.8), ("Abidjan", "CI", 5.3, -4.0), ("Accra", "GH", 5.6, -0.2),
    ("Lome", "TG", 6.2, 1.2), ("Cotonou", "BJ", 6.4, 2.4), ("Lagos", "NG", 6.5, 3.4),
    ("Abuja", "NG", 9.1, 7.4), ("Kano", "NG", 12.0, 8.5), ("Port Harcourt", "NG", 4.8, 7.0),
    ("Bamako", "ML", 12.6, -8.0), ("Ouagadougou", "BF", 12.4, -1.5), ("Niamey", "NE", 13.5, 2.1),
    ("Praia", "CV", 14.9, -23.5), ("Jamestown", "SH", -15.9, -5.7),
    # the middle
    ("Douala", "CM", 4.0, 9.7), ("Yaounde", "CM", 3.9, 11.5), ("N'Djamena", "TD", 12.1, 15.0),
    ("Bangui", "CF", 4.4, 18.6), ("Malabo", "GQ", 3.8, 8.8), ("Libreville", "GA", 0.4, 9.5),
    ("Sao Tome", "ST", 0.3, 6.7), ("Pointe-Noire", "CG", -4.8, 11.9),
    ("Brazzaville", "CG", -4.3, 15.2), ("Kinshasa", "CD", -4.3, 15.3), ("Muanda", "CD", -5.9, 12.4),
    ("Lubumbashi", "CD", -11.7, 27.5), ("Goma", "CD", -1.7, 29.2), ("Luanda", "AO", -8.8, 13.2),
    # the east
    ("Khartoum", "SD", 15.6, 32.5), ("Port Sudan", "SD", 19.6, 37.2), ("Asmara", "ER", 15.3, 38.9),
    ("Djibouti", "DJ", 11.6, 43.1), ("Addis Ababa", "ET", 9.0, 38.7),
    ("Mogadishu", "SO", 2.0, 45.3), ("Hargeisa", "SO", 9.6, 44.1), ("Juba", "SS", 4.9, 31.6),
    ("Nairobi", "KE", -1.3, 36.8), ("Mombasa", "KE", -4.0, 39.7), ("Kampala", "UG", 0.3, 32.6),
    ("Kigali", "RW", -1.9, 30.1), ("Bujumbura", "BI", -3.4, 29.4),
    ("Dar es Salaam", "TZ", -6.8, 39.3), ("Mwanza", "TZ", -2.5, 32.9), ("Mahe", "SC", -4.6, 55.5),
    ("Moroni", "KM", -11.7, 43.3), ("Mamoudzou", "YT", -12.8, 45.2),
    ("Antananarivo", "MG", -18.9, 47.5), ("Toliara", "MG", -23.4, 43.7),
    ("Toamasina", "MG", -18.1, 49.4), ("Port Louis", "MU", -20.2, 57.5),
    ("Saint-Denis", "RE", -20.9, 55.5),
    # the south
    ("Johannesburg", "ZA", -26.2, 28.0), ("Cape Town", "ZA", -33.9, 18.4),
    ("Durban", "ZA", -29.9, 31.0), ("Port Elizabeth", "ZA", -34.0, 25.6),
    ("Bloemfontein", "ZA", -29.1, 26.2), ("Maputo", "MZ", -26.0, 32.6),
    ("Beira", "MZ", -19.8, 34.9), ("Nacala", "MZ", -14.5, 40.7), ("Harare", "ZW", -17.8, 31.0),
    ("Bulawayo", "ZW", -20.2, 28.6), ("Lusaka", "ZM", -15.4, 28.3), ("Kitwe", "ZM", -12.8, 28.2),
    ("Lilongwe", "MW", -14.0, 33.8), ("Blantyre", "MW", -15.8, 35.0),
    ("Gaborone", "BW", -24.7, 25.9), ("Windhoek", "NA", -22.6, 17.1),
    ("Swakopmund", "NA", -22.7, 14.5), ("Maseru", "LS", -29.3, 27.5),
    ("Mbabane", "SZ", -26.3, 31.1),
)
