"""Where the customers live: a table of real towns with one postcode each, the shop's lookup file."""

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Place:
    """One postcode. weight: how many customers live there, relative to the others."""

    country: str
    city: str
    postcode: str
    region: str
    setting: str
    latitude: str
    longitude: str
    weight: float


# Some postcodes begin with a zero: they are text, and a reader that takes them for numbers loses Dresden.
PLACES = (
    Place("GB", "London", "E1 6AN", "Greater London", "urban", "51.5170", "-0.0740", 12),
    Place("GB", "London", "SW4 7AB", "Greater London", "urban", "51.4620", "-0.1380", 8),
    Place("GB", "Manchester", "M1 1AE", "North West", "urban", "53.4790", "-2.2360", 7),
    Place("GB", "Liverpool", "L1 8JQ", "North West", "urban", "53.4040", "-2.9810", 4),
    Place("GB", "Birmingham", "B1 1BB", "West Midlands", "urban", "52.4790", "-1.9020", 6),
    Place("GB", "Leeds", "LS1 4AP", "Yorkshire", "urban", "53.7960", "-1.5470", 4),
    Place("GB", "Skipton", "BD23 1JD", "Yorkshire", "rural", "53.9620", "-2.0170", 2),
    Place("GB", "Bristol", "BS1 4DJ", "South West", "urban", "51.4540", "-2.5970", 4),
    Place("GB", "Totnes", "TQ9 5RY", "South West", "rural", "50.4310", "-3.6840", 2),
    Place("GB", "Truro", "TR1 2HE", "South West", "rural", "50.2630", "-5.0510", 2),
    Place("GB", "Norwich", "NR1 3QG", "East of England", "urban", "52.6280", "1.2930", 2),
    Place("GB", "Cambridge", "CB2 1TN", "East of England", "urban", "52.2050", "0.1190", 3),
    Place("GB", "Brighton", "BN1 1GE", "South East", "urban", "50.8230", "-0.1370", 3),
    Place("GB", "Hay-on-Wye", "HR3 5DB", "Wales", "rural", "52.0740", "-3.1260", 1),
    Place("GB", "Cardiff", "CF10 1EP", "Wales", "urban", "51.4810", "-3.1790", 3),
    Place("GB", "Edinburgh", "EH1 1YZ", "Scotland", "urban", "55.9500", "-3.1880", 4),
    Place("GB", "Glasgow", "G1 1XQ", "Scotland", "urban", "55.8610", "-4.2500", 4),
    Place("GB", "Pitlochry", "PH16 5BX", "Scotland", "rural", "56.7040", "-3.7340", 1),
    Place("GB", "Belfast", "BT1 5GS", "Northern Ireland", "urban", "54.5970", "-5.9300", 2),
    Place("IE", "Dublin", "D02 X285", "Leinster", "urban", "53.3440", "-6.2670", 4),
    Place("IE", "Galway", "H91 E9XA", "Connacht", "urban", "53.2740", "-9.0490", 1),
    Place("IE", "Dingle", "V92 HX09", "Munster", "rural", "52.1410", "-10.2680", 1),
    Place("DE", "Berlin", "10115", "Berlin", "urban", "52.5320", "13.3850", 5),
    Place("DE", "Hamburg", "20095", "Hamburg", "urban", "53.5510", "10.0010", 3),
    Place("DE", "München", "80331", "Bavaria", "urban", "48.1360", "11.5730", 4),
    Place("DE", "Köln", "50667", "North Rhine-Westphalia", "urban", "50.9380", "6.9570", 3),
    Place("DE", "Dresden", "01067", "Saxony", "urban", "51.0550", "13.7290", 2),
    Place("DE", "Görlitz", "02826", "Saxony", "rural", "51.1530", "14.9880", 1),
    Place("DE", "Freiburg", "79098", "Baden-Württemberg", "urban", "47.9960", "7.8510", 1),
    Place("FR", "Paris", "75011", "Île-de-France", "urban", "48.8590", "2.3790", 5),
    Place("FR", "Lyon", "69002", "Auvergne-Rhône-Alpes", "urban", "45.7530", "4.8290", 2),
    Place("FR", "Nice", "06000", "Provence-Alpes-Côte d'Azur", "urban", "43.7040", "7.2620", 2),
    Place("FR", "Sarlat", "24200", "Nouvelle-Aquitaine", "rural", "44.8890", "1.2160", 1),
    Place("NL", "Amsterdam", "1012 AB", "Noord-Holland", "urban", "52.3770", "4.8980", 3),
    Place("NL", "Utrecht", "3511 CE", "Utrecht", "urban", "52.0930", "5.1110", 2),
    Place("NL", "Giethoorn", "8355 AA", "Overijssel", "rural", "52.7400", "6.0780", 1),
    Place("ES", "Madrid", "28013", "Madrid", "urban", "40.4190", "-3.7060", 3),
    Place("ES", "Barcelona", "08002", "Catalonia", "urban", "41.3820", "2.1770", 3),
    Place("ES", "Ronda", "29400", "Andalusia", "rural", "36.7420", "-5.1670", 1),
)

LANGUAGES = {"GB": "en", "IE": "en", "DE": "de", "FR": "fr", "NL": "nl", "ES": "es"}


def places_table() -> pa.Table:
    """places.csv: one row per postcode with region, setting (urban, rural), latitude and longitude in degrees."""
    return pa.table(
        {
            "postcode": [place.postcode for place in PLACES],
            "region": [place.region for place in PLACES],
            "setting": [place.setting for place in PLACES],
            "latitude": pa.array([Decimal(place.latitude) for place in PLACES]),
            "longitude": pa.array([Decimal(place.longitude) for place in PLACES]),
        }
    )
