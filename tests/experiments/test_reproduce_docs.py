"""The tables in the docs are those that the recorded results give, and they are about the rows that exist."""

from __future__ import annotations

import json

import pytest
from places import ROOT

pytest.importorskip("torch")

from neurokit.experiments.papers import tables

pytestmark = [pytest.mark.torch, pytest.mark.checkout]
DOCS = ROOT / "docs"
PAGES = {"rfg": "reproduce-rfg.md", "exact": "reproduce-exact.md", "exact-deployment": "exact-deployment.md"}


@pytest.mark.parametrize("name", PAGES)
def test_the_table_of_a_page_is_the_recorded_one(name: str) -> None:
    report = json.loads((DOCS / "reproduce" / f"{name}.json").read_text(encoding="utf-8"))
    table = tables.table(name)
    assert report["budget"] == 1, "shortened runs are no results"
    assert table.markdown(report["rows"], report["budget"]) in (DOCS / PAGES[name]).read_text(encoding="utf-8")
    recipes = {row.name: row.recipe for row in table.rows}
    for record in report["rows"]:
        # A row of exact-deployment has a record a stage.
        assert record["recipe"] == recipes.get(record["row"], recipes.get(record["row"].partition("/")[0])), record[
            "row"
        ]
