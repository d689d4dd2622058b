"""The examples run, and their counts are those that a reader finds with paper and pencil."""

from pathlib import Path

import pytest

import coterie
from tests.docs.plan import begin

SIZES = {
    "shop": {
        "vip": (2, 8, 0),  # C1 (1,174.10, 2 June), C4 (1,199.00, 20 May)
        "lapsed": (1, 9, 0),  # C3, last on 7 July 2024
        "never_bought": (3, 7, 0),  # C6, C8, C10
        "cart_abandoners": (2, 8, 0),  # C3 on 20 June, C9 on 27 June
        "under_40": (5, 3, 2),  # C1, C3, C6, C9, C10; C4 and C7 do not say
        "mailable": (7, 3, 0),  # C5 has neither an answer nor an address, so is out
        "german_vip": (1, 9, 0),  # C4
    },
    "b2b": {
        "admins": (4, 4, 0),  # P1, P4, P6, P7
        "large_companies": (3, 3, 2),  # P1 to P3; P7's company does not say, P8 has none
        "active_company": (4, 4, 0),  # P1 to P3 and P6
        "paying_company": (7, 1, 0),  # all but P8
        "silent_admins": (2, 6, 0),  # P4, P7
        "to_invite": (3, 5, 0),  # P4, P6, P7
    },
}
LABELS = {
    "shop": {"lifecycle": {"prospect": 3, "new": 1, "active": 4, "lapsed": 2}},
    "b2b": {"company_size": {"small": 3, "large": 3, "": 2}},
}


@pytest.mark.parametrize("name", SIZES)
def test_counts(name: str, tmp_path: Path) -> None:
    begin(tmp_path)
    workspace = coterie.open(tmp_path / "examples" / name)
    workspace.run()
    found = {segment: workspace.segments.size(segment) for segment in workspace.segments}
    assert {s: (size.inside, size.outside, size.cannot_tell) for s, size in found.items()} == SIZES[name]
    labels = workspace.results.made.labels
    assert {n: {k: v for k, v in labels[n].items() if v} for n in LABELS[name]} == LABELS[name]
    workspace.close()


@pytest.mark.parametrize("name", SIZES)
def test_they_are_in_canonical_form(name: str, tmp_path: Path) -> None:
    begin(tmp_path)
    assert not coterie.open(tmp_path / "examples" / name).format(write=False)
