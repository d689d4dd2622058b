"""Operators on texts: `contains`, `starts with`, `ends with`, `matches`. Exact to the code point; case matters."""

from typing import TYPE_CHECKING

from coterie.language.leaves import Leaf, Vector, table
from coterie.language.patterns import complaint, found, rewritten
from coterie.language.types import BOOLEAN, TEXT, Type

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql


def _two_texts(*types: Type) -> Type | None:
    return BOOLEAN if types == (TEXT, TEXT) else None


def _contains_sql(b: "Builder", x: "Sql", y: "Sql") -> "exp.Expression":
    return b.call("CONTAINS", x.tree, y.tree)


def _starts_sql(b: "Builder", x: "Sql", y: "Sql") -> "exp.Expression":
    return b.call("STARTS_WITH", x.tree, y.tree)


def _ends_sql(b: "Builder", x: "Sql", y: "Sql") -> "exp.Expression":
    return b.call("ENDS_WITH", x.tree, y.tree)


def _matches_sql(b: "Builder", x: "Sql", pattern: "Sql") -> "exp.Expression":
    """REGEXP_MATCHES finds anywhere: by RE2 in DuckDB, by Java in Spark, which can take long over repeats of repeats."""
    return b.call("REGEXP_MATCHES", x.tree, b.literal(rewritten(str(pattern.value))))


TEXTS = table(
    Leaf(
        name="contains",
        shape="comparison",
        result=_two_texts,
        expects="two texts (for a list of tags: has any, has all)",
        python=lambda x, y: y in x,
        sql=_contains_sql,
        words="{0} contains {1}",
        unlike="{0} does not contain {1}",
        vectors=(
            Vector(("handbag", "band"), False),
            Vector(("handbag", "db"), True),
            Vector(("handbag", "B"), False),
            Vector(("x", ""), True),
            Vector(("", "x"), False),
            Vector((None, "x"), None, (TEXT, TEXT)),
            Vector(("50%_off", "%_"), True),
            Vector(("😀é", "é"), True),
        ),
    ),
    Leaf(
        name="starts with",
        shape="comparison",
        result=_two_texts,
        expects="two texts",
        python=lambda x, y: x.startswith(y),
        sql=_starts_sql,
        words="{0} starts with {1}",
        unlike="{0} does not start with {1}",
        vectors=(
            Vector(("SW1A 1AA", "SW1"), True),
            Vector(("sw1a 1aa", "SW1"), False),
            Vector(("", ""), True),
            Vector(("a", "ab"), False),
            Vector((None, "x"), None, (TEXT, TEXT)),
        ),
    ),
    Leaf(
        name="ends with",
        shape="comparison",
        result=_two_texts,
        expects="two texts",
        python=lambda x, y: x.endswith(y),
        sql=_ends_sql,
        words="{0} ends with {1}",
        unlike="{0} does not end with {1}",
        vectors=(
            Vector(("ann@example.com", ".com"), True),
            Vector(("ann@example.com", "@example"), False),
            Vector(("a", ""), True),
            Vector(("é", "é"), True),
            Vector((None, "x"), None, (TEXT, TEXT)),
        ),
    ),
    Leaf(
        name="matches",
        shape="comparison",
        result=_two_texts,
        expects="a text and a pattern written out, such as email matches '@example[.]com$'",
        python=found,
        sql=_matches_sql,
        words="{0} matches {1}",
        unlike="{0} does not match {1}",
        literal=(1,),
        validate=complaint,
        vectors=(
            Vector(("ann@example.com", r"@example\.com$"), True),
            Vector(("ann@example.com.au", r"@example\.com$"), False),
            Vector(("ann@exampleXcom", r"@example\.com$"), False),
            Vector((None, "a"), None, (TEXT, TEXT)),
            Vector(("x\n", "x$"), False),
            Vector(("a\nb", "a.b"), False),
            Vector(("a\rb", "a.b"), True),
            Vector(("KÉ", "(?i)ké"), False),
            Vector(("Ké", "(?i)ké"), True),
            Vector(("\u212a", "(?i)k"), False),
            Vector(("٣", r"\d"), False),
            Vector(("é", r"\w"), False),
            Vector(("12345", "^[0-9]{5}$"), True),
            Vector(("123456", "^[0-9]{5}$"), False),
            Vector(("colour", "colou?r|hue"), True),
            Vector(("a" * 40, "(a+)+b"), False),
            Vector(("😀", "^.$"), True),
            Vector(("a&b", "[a&&]{3}"), False),
        ),
    ),
)
