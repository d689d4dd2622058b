"""What a rule reads, through the names in it."""

import coterie
from coterie.profiles.reads import rule_reads
from tests import shops

PROJECT = (
    shops.TINY.replace(
        "segments:\n",
        """segments:
  buyers: revenue > 0
  few: count(order) < 3
  top: value = 'best'
  alike: found = 'a'
""",
    )
    .replace(
        "traits:\n",
        """traits:
  cents: revenue * 100
  average: revenue / orders
  abroad: country != 'DE'
  has_email: email is known
""",
    )
    .replace(
        "segmentations:\n",
        """segmentations:
  value:
    best: revenue >= 100
    rest: otherwise
  found: clusters(age, orders)
""",
    )
)
COLUMNS = [
    "customer",
    "email",
    "country",
    "age",
    "orders",
    "revenue",
    "last_order",
    "cents",
    "average",
    "abroad",
    "lifecycle",
    "value",
]


def test_names_and_what_is_made_of_nothing_else(tmp_path) -> None:
    shops.write_tiny(tmp_path, project=PROJECT)
    workspace = coterie.open(tmp_path)
    workspace.run()
    catalog = workspace.results.catalog

    def reads(segment: str) -> set[str]:
        return set(rule_reads(catalog, segment, COLUMNS))

    assert reads("buyers") == {"revenue", "cents", "value"}, "average also needs the orders; labels follow from the revenue"
    assert reads("german") == {"country", "abroad"}
    assert reads("german_vip") == {"country", "abroad", "revenue", "cents", "value", "last_order", "lifecycle"}
    assert reads("few") == {"orders", "lifecycle"}, "a measure written in place is the trait of that measure"
    assert reads("alike") >= {"age", "orders"}, "a model reads what its call names"
    assert reads("top") == {"revenue", "cents", "value"}
