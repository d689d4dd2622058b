"""The Big Five answers of 2,800 people as a project: scales are traits, with the published reliabilities and means (A8)."""

import shutil
from pathlib import Path

import pytest

import coterie

PROJECT = """\
project: big five
timezone: UTC
as_of: now
sources:
  customers: {path: bfi.csv, id: respondent_id}
traits:
  agreeableness:     mean_of(7 - A1, A2, A3, A4, A5)
  conscientiousness: mean_of(C1, C2, C3, 7 - C4, 7 - C5)
  extraversion:      mean_of(7 - E1, 7 - E2, E3, E4, E5)
  neuroticism:       mean_of(N1, N2, N3, N4, N5)
  openness:          mean_of(O1, 7 - O2, O3, O4, 7 - O5)
segmentations:
  psychographic: {clusters: [agreeableness, conscientiousness, extraversion, neuroticism, openness], groups: 3}
"""
ALPHA = {"agreeableness": 0.7030, "conscientiousness": 0.7267, "extraversion": 0.7617, "neuroticism": 0.8140, "openness": 0.6002}
MEANS = {"agreeableness": 4.6521, "conscientiousness": 4.2657, "extraversion": 4.1451, "neuroticism": 3.1623, "openness": 4.5866}


@pytest.fixture(scope="module")
def survey(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> coterie.Workspace:
    folder = tmp_path_factory.mktemp("bfi")
    shutil.copy(shared / "data" / "psych_bfi" / "bfi.csv", folder)
    (folder / "coterie.yaml").write_text(PROJECT, encoding="utf-8")
    workspace = coterie.open(folder)
    workspace.run()
    return workspace


def test_scales_have_the_published_reliabilities_and_means(survey):
    assert {m.name: m.found.alpha for m in survey.scales()} == pytest.approx(ALPHA, abs=1e-4)
    columns = ", ".join(f"avg({name})" for name in MEANS)
    (row,) = survey.results.engine.rows(f"SELECT {columns} FROM traits")
    assert row == pytest.approx(tuple(MEANS.values()), abs=5e-3)


def test_a_few_questions_tell_the_group(survey):
    tool = survey.questions("psychographic", 6)
    assert 1 <= len(tool.steps) <= 6
    assert tool.steps[-1].accuracy > tool.base + 0.1
