"""Asia, from the Levant and the Gulf to Japan and Indonesia."""

from typing import Final

# fmt: off
# Sources: exchanges' own pages (UAE-IX, NIXI, HKIX, SGIX, JPIX, KINX, TPIX, IIX, VNIX, …),
# TeleGeography's public Submarine Cable Map, UN ESCAP's maps of the Asia-Pacific Information
# Superhighway for land routes.
HUBS: Final = (
    # Levant and Mesopotamia
    ("Tel Aviv", "IL", 32.1, 34.8), ("Haifa", "IL", 32.8, 35.0), ("Ramallah", "PS", 31.9, 35.2),
    ("Gaza", "PS", 31.5, 34.5), ("Beirut", "LB", 33.9, 35.5), ("Damascus", "SY", 33.5, 36.3),
    ("Tartus", "SY", 34.9, 35.9), ("Amman", "JO", 32.0, 35.9), ("Aqaba", "JO", 29.5, 35.0),
    ("Baghdad", "IQ", 33.3, 44.4), ("Erbil", "IQ", 36.2, 44.0), ("Basra", "IQ", 30.0, 48.0),
    # Arabia
    ("Riyadh", "SA", 24.7, 46.7), ("Jeddah", "SA", 21.5, 39.2), ("Dammam", "SA", 26.4, 50.1),
    ("Kuwait", "KW", 29.4, 48.0), ("Manama", "BH", 26.2, 50.6), ("Doha", "QA", 25.3, 51.5),
    ("Dubai", "AE", 25.2, 55.3), ("Abu Dhabi", "AE", 24.5, 54.4), ("Fujairah", "AE", 25.1, 56.3),
    ("Muscat", "OM", 23.6, 58.5), ("Salalah", "OM", 17.0, 54.1), ("Aden", "YE", 12.8, 45.0),
    ("Sanaa", "YE", 15.4, 44.2),
    # Iran, Central Asia, Mongolia
    ("Tehran", "IR", 35.7, 51.4), ("Tabriz", "IR", 38.1, 46.3), ("Bandar Abbas", "IR", 27.2, 56.3),
    ("Mashhad", "IR", 36.3, 59.6), ("Shiraz", "IR", 29.6, 52.5), ("Kabul", "AF", 34.5, 69.2),
    ("Herat", "AF", 34.3, 62.2), ("Ashgabat", "TM", 37.9, 58.4), ("Tashkent", "UZ", 41.3, 69.2),
    ("Dushanbe", "TJ", 38.6, 68.8), ("Bishkek", "KG", 42.9, 74.6), ("Almaty", "KZ", 43.2, 76.9),
    ("Astana", "KZ", 51.2, 71.4), ("Aktobe", "KZ", 50.3, 57.2), ("Aktau", "KZ", 43.6, 51.2),
    ("Ulaanbaatar", "MN", 47.9, 106.9),
    # South Asia
    ("Karachi", "PK", 24.9, 67.0), ("Lahore", "PK", 31.5, 74.3), ("Islamabad", "PK", 33.7, 73.1),
    ("Mumbai", "IN", 19.1, 72.9), ("Delhi", "IN", 28.6, 77.2), ("Chennai", "IN", 13.1, 80.3),
    ("Bengaluru", "IN", 13.0, 77.6), ("Hyderabad", "IN", 17.4, 78.5), ("Kolkata", "IN", 22.6, 88.4),
    ("Ahmedabad", "IN", 23.0, 72.6), ("Kochi", "IN", 10.0, 76.3), ("Guwahati", "IN", 26.1, 91.7),
    ("Nagpur", "IN", 21.1, 79.1), ("Colombo", "LK", 6.9, 79.9), ("Male", "MV", 4.2, 73.5),
    ("Kathmandu", "NP", 27.7, 85.3), ("Thimphu", "BT", 27.5, 89.6), ("Dhaka", "BD", 23.8, 90.4),
    ("Cox's Bazar", "BD", 21.4, 92.0),
    # South-East Asia
    ("Yangon", "MM", 16.8, 96.2), ("Mandalay", "MM", 22.0, 96.1), ("Bangkok", "TH", 13.8, 100.5),
    ("Satun", "TH", 6.6, 100.1), ("Chiang Mai", "TH", 18.8, 99.0), ("Vientiane", "LA", 18.0, 102.6),
    ("Phnom Penh", "KH", 11.6, 104.9), ("Hanoi", "VN", 21.0, 105.8), ("Da Nang", "VN", 16.1, 108.2),
    ("Ho Chi Minh City", "VN", 10.8, 106.7), ("Kuala Lumpur", "MY", 3.1, 101.7),
    ("Penang", "MY", 5.4, 100.3), ("Johor", "MY", 1.5, 103.7), ("Kota Kinabalu", "MY", 6.0, 116.1),
    ("Kuching", "MY", 1.6, 110.3), ("Singapore", "SG", 1.3, 103.8),
    ("Bandar Seri", "BN", 4.9, 114.9), ("Jakarta", "ID", -6.2, 106.8), ("Batam", "ID", 1.1, 104.0),
    ("Medan", "ID", 3.6, 98.7), ("Palembang", "ID", -3.0, 104.8), ("Surabaya", "ID", -7.3, 112.7),
    ("Denpasar", "ID", -8.7, 115.2), ("Makassar", "ID", -5.1, 119.4),
    ("Balikpapan", "ID", -1.3, 116.8), ("Manado", "ID", 1.5, 124.8),
    ("Jayapura", "ID", -2.5, 140.7), ("Kupang", "ID", -10.2, 123.6), ("Dili", "TL", -8.6, 125.6),
    ("Manila", "PH", 14.6, 121.0), ("Batangas", "PH", 13.8, 121.1), ("Cebu", "PH", 10.3, 123.9),
    ("Davao", "PH", 7.1, 125.6), ("La Union", "PH", 16.6, 120.3),
    # East Asia
    ("Hong Kong", "HK", 22.3, 114.2), ("Macau", "MO", 22.2, 113.5),
    ("Guangzhou", "CN", 23.1, 113.3), ("Shenzhen", "CN", 22.5, 114.1),
    ("Shanghai", "CN", 31.2, 121.5), ("Beijing", "CN", 39.9, 116.4), ("Qingdao", "CN", 36.1, 120.4),
    ("Wuhan", "CN", 30.6, 114.3), ("Chengdu", "CN", 30.6, 104.1), ("Xi'an", "CN", 34.3, 108.9),
    ("Shenyang", "CN", 41.8, 123.4), ("Harbin", "CN", 45.8, 126.6), ("Kunming", "CN", 25.0, 102.7),
    ("Urumqi", "CN", 43.8, 87.6), ("Lanzhou", "CN", 36.1, 103.8), ("Lhasa", "CN", 29.7, 91.1),
    ("Hohhot", "CN", 40.8, 111.7), ("Fuzhou", "CN", 26.1, 119.3), ("Hangzhou", "CN", 30.3, 120.2),
    ("Zhengzhou", "CN", 34.8, 113.7), ("Taipei", "TW", 25.0, 121.5),
    ("Kaohsiung", "TW", 22.6, 120.3), ("Seoul", "KR", 37.5, 127.0), ("Busan", "KR", 35.2, 129.1),
    ("Pyongyang", "KP", 39.0, 125.8), ("Tokyo", "JP", 35.7, 139.7), ("Osaka", "JP", 34.7, 135.5),
    ("Nagoya", "JP", 35.2, 136.9), ("Fukuoka", "JP", 33.6, 130.4), ("Sapporo", "JP", 43.1, 141.3),
    ("Sendai", "JP", 38.3, 140.9), ("Hiroshima", "JP", 34.4, 132.5), ("Naha", "JP", 26.2, 127.7),
    ("Shima", "JP", 34.3, 136.8),
)
