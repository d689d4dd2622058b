"""`distance_km`: the distance between two places on the globe."""

import math
from typing import TYPE_CHECKING

from coterie.language.leaves import Leaf, Vector, table
from coterie.language.numerals import Number, double, nine_places, widest
from coterie.language.types import FLOAT, Type

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql

RADIUS = 6371.0088
"""Kilometres: the mean radius of the earth (IUGG)."""
RADIAN = math.pi / 180


def _distance_type(*types: Type) -> Type | None:
    return FLOAT if len(types) == 4 and widest(types) is not None else None


def _distance(*degrees: Number) -> float | None:
    """Haversine on a sphere, at most 0.5 % from the ellipsoid; 9 places. The SQL takes the same steps in that order."""
    lat1, lon1, lat2, lon2 = map(float, degrees)
    if not (abs(lat1) <= 90 and abs(lat2) <= 90 and abs(lon1) <= 180 and abs(lon2) <= 180):
        return None
    up = math.sin((lat2 - lat1) * RADIAN / 2)
    across = math.sin((lon2 - lon1) * RADIAN / 2)
    a = up * up + math.cos(lat1 * RADIAN) * math.cos(lat2 * RADIAN) * (across * across)
    return nine_places(2 * RADIUS * math.asin(min(1.0, math.sqrt(a))))


def _distance_sql(b: "Builder", *degrees: "Sql") -> "exp.Expression":
    def number(x: float) -> "exp.Expression":
        return b.literal(x, FLOAT)

    def half_sine(x: "exp.Expression", y: "exp.Expression") -> "exp.Expression":
        angle = b.binary("/", b.binary("*", b.binary("-", y, x), number(RADIAN)), number(2.0))
        return b.call("SIN", angle)

    def cosine(x: "exp.Expression") -> "exp.Expression":
        return b.call("COS", b.binary("*", x, number(RADIAN)))

    def within(x: "exp.Expression", limit: float) -> "exp.Expression":
        return b.binary("<=", b.call("ABS", x), number(limit))

    def distance(*places: "exp.Expression") -> "exp.Expression":
        lat1, lon1, lat2, lon2 = places
        on_the_globe = b.all([within(lat1, 90.0), within(lat2, 90.0), within(lon1, 180.0), within(lon2, 180.0)])
        up, across = half_sine(lat1, lat2), half_sine(lon1, lon2)
        cosines = b.binary("*", cosine(lat1), cosine(lat2))
        a = b.binary("+", b.binary("*", up, up), b.binary("*", cosines, b.binary("*", across, across)))
        arc = b.call("ASIN", b.call("LEAST", number(1.0), b.call("SQRT", a)))
        return b.case([(on_the_globe, b.call("ROUND", b.binary("*", number(2 * RADIUS), arc), b.literal(9)))])

    return b.let([double(b, d) for d in degrees], distance)


GEOGRAPHY = table(
    Leaf(
        name="distance_km",
        shape="function",
        result=_distance_type,
        expects="four numbers: latitude and longitude of one place, then of the other",
        python=_distance,
        sql=_distance_sql,
        words="kilometres from ({0}, {1}) to ({2}, {3})",
        gives=(0, None),
        vectors=(
            Vector((51.5, -0.12, 51.5, -0.12), 0.0),
            Vector((0, 0, 0, 180), 20015.114442036),
            Vector((90, 0, -90, 0), 20015.114442036),
            Vector((51.5074, -0.1278, 48.8566, 2.3522), 343.556534881),
            Vector((0, 179, 0, -179), 222.390160467),
            Vector((90.1, 0, 0, 0), None),
            Vector((0, 180.1, 0, 0), None),
            Vector((None, 0, 0, 0), None, (FLOAT, FLOAT, FLOAT, FLOAT)),
        ),
    ),
)
