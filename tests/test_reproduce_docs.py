"""The table in the docs is the one that the recorded results give, and it is about the rows that exist."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from neurokit.reproduce import exact
from neurokit.reproduce.summary import markdown
from neurokit.reproduce.tables import rows

pytestmark = [pytest.mark.torch, pytest.mark.checkout]
DOCS = Path(__file__).parents[1] / "docs"


def test_the_table_of_the_rfg_paper_is_the_recorded_one() -> None:
    report = json.loads((DOCS / "reproduce" / "rfg.json").read_text(encoding="utf-8"))
    page = (DOCS / "reproduce-rfg.md").read_text(encoding="utf-8")
    assert report["budget"] == 1, "shortened runs are no results"
    assert markdown(report["rows"], report["budget"]) in page
    recipes = {row.name: row.recipe for row in rows("rfg")}
    assert {record["row"]: record["recipe"] for record in report["rows"]}.items() <= recipes.items()


def test_the_table_of_exact_gradients_is_the_recorded_one() -> None:
    report = json.loads((DOCS / "reproduce" / "exact.json").read_text(encoding="utf-8"))
    page = (DOCS / "reproduce-exact.md").read_text(encoding="utf-8")
    assert report["budget"] == 1, "shortened runs are no results"
    assert exact.markdown(report["rows"], report["budget"]) in page
    recipes = {row.name: row.task.said() for row in exact.rows()}
    assert {record["row"]: record["recipe"] for record in report["rows"]}.items() <= recipes.items()
