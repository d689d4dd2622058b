"""Countries by name and code, and the time zone of those that have just one (or one where nearly everybody lives)."""

from collections.abc import Iterable

_ZONES = {
    "Europe/London": "united kingdom|uk|gb|great britain|england|scotland|wales|northern ireland",
    "Europe/Dublin": "ireland|eire|ie|irl",
    "Europe/Berlin": "germany|deutschland|de|deu|ger|allemagne|alemania",
    "Europe/Vienna": "austria|österreich|oesterreich|at|aut",
    "Europe/Zurich": "switzerland|schweiz|suisse|ch|che",
    "Europe/Paris": "france|frankreich|fr|fra|francia",
    "Europe/Madrid": "spain|españa|espana|es|esp|spanien",
    "Europe/Lisbon": "portugal|pt|prt",
    "Europe/Rome": "italy|italia|it|ita|italien",
    "Europe/Amsterdam": "netherlands|the netherlands|nederland|nl|nld|holland",
    "Europe/Brussels": "belgium|belgië|belgique|be|bel",
    "Europe/Luxembourg": "luxembourg|lu|lux",
    "Europe/Copenhagen": "denmark|danmark|dk|dnk",
    "Europe/Stockholm": "sweden|sverige|se|swe",
    "Europe/Oslo": "norway|norge|no|nor",
    "Europe/Helsinki": "finland|suomi|fi|fin",
    "Europe/Warsaw": "poland|polska|pl|pol",
    "Europe/Prague": "czechia|czech republic|česko|cz|cze",
    "Europe/Budapest": "hungary|magyarország|hu|hun",
    "Europe/Bucharest": "romania|românia|ro|rou",
    "Europe/Sofia": "bulgaria|bg|bgr",
    "Europe/Athens": "greece|hellas|gr|grc",
    "Europe/Istanbul": "turkey|türkiye|turkiye|tr|tur",
    "Europe/Kyiv": "ukraine|ua|ukr",
    "Asia/Tokyo": "japan|jp|jpn",
    "Asia/Seoul": "south korea|korea|kr|kor",
    "Asia/Shanghai": "china|cn|chn",
    "Asia/Kolkata": "india|in|ind",
    "Asia/Singapore": "singapore|sg|sgp",
    "Asia/Hong_Kong": "hong kong|hk|hkg",
    "Asia/Taipei": "taiwan|tw|twn",
    "Asia/Bangkok": "thailand|th|tha",
    "Asia/Manila": "philippines|ph|phl",
    "Asia/Dubai": "united arab emirates|uae|ae|are",
    "Asia/Riyadh": "saudi arabia|sa|sau",
    "Asia/Jerusalem": "israel|il|isr",
    "Asia/Karachi": "pakistan|pk|pak",
    "Asia/Dhaka": "bangladesh|bd|bgd",
    "Africa/Johannesburg": "south africa|za|zaf",
    "Africa/Lagos": "nigeria|ng|nga",
    "Africa/Nairobi": "kenya|ke|ken",
    "Africa/Cairo": "egypt|eg|egy",
    "Africa/Casablanca": "morocco|ma|mar",
    "America/Bogota": "colombia|co|col",
    "America/Lima": "peru|perú|pe|per",
    "America/Argentina/Buenos_Aires": "argentina|ar|arg",
    "Pacific/Auckland": "new zealand|nz|nzl",
}
_SEVERAL = (
    "united states|united states of america|usa|us|canada|ca|can|australia|au|aus|brazil|brasil|br|bra|mexico|méxico|mx|mex|"
    "russia|russian federation|ru|rus|indonesia|id|idn|chile|cl|chl|kazakhstan|kz|iceland|is|malta|mt|cyprus|cy|croatia|hr|"
    "slovenia|si|slovakia|sk|estonia|ee|latvia|lv|lithuania|lt|serbia|rs|lebanon|lb|bahrain|bh|kenya|rsa|channel islands|"
    "european community|malaysia|my|vietnam|vn|egypt"
)
_BY_COUNTRY = {name: zone for zone, names in _ZONES.items() for name in names.split("|")}


_NAMES = frozenset((*_BY_COUNTRY, *_SEVERAL.split("|")))


def country_share(values: Iterable[object]) -> float:
    """The share of different values that are names or codes of countries."""
    texts = [str(v).strip().casefold() for v in values]
    return sum(t in _NAMES for t in texts) / len(texts) if texts else 0.0


def zone_of(country: str) -> str | None:
    """The zone of a country by its name or code; None for those with several, and for what is no country."""
    return _BY_COUNTRY.get(country.strip().casefold())
