"""What a rule reads, through the names in it: those columns differ between members and others by definition."""

from collections.abc import Iterable

from coterie.language.catalog import Catalog


def rule_reads(catalog: Catalog, segment: str, columns: Iterable[str]) -> frozenset[str]:
    """The columns that are part of a segment's rule: those that it names, directly or through other names, and those that
    are made of nothing but what it reads (`abroad: country != 'GB'` where the rule reads `country`)."""
    raise NotImplementedError
