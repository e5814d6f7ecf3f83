"""docs/store.md names what is there."""

from pathlib import Path
import re

import pytest
from sqlmodel import SQLModel

from segctl.catalog import Catalog
from segctl.store import checks, tables
from segctl.store.records import record_tables

DOCS = (Path(__file__).parents[2] / "docs" / "store.md").read_text()
NAMED = set(re.findall(r"`(\w+)`", DOCS))
JOINED = ("segment", "segment_state", "segment_reference", "recalculation", "member_change")


def test_every_table_is_named() -> None:
    assert tables
    every = {*SQLModel.metadata.tables, *record_tables(Catalog()).metadata.tables}
    assert every - NAMED == set()


@pytest.mark.parametrize("table", JOINED)
def test_every_column_of_a_table_to_join_is_named(table: str) -> None:
    columns = set(SQLModel.metadata.tables[table].columns.keys())
    (line,) = [line for line in DOCS.splitlines() if line.startswith(f"| `{table}` |")]
    assert columns - set(re.findall(r"`(\w+)`", line)) == set()


def test_every_check_says_how_to_mend_it() -> None:
    assert {name for name, _ in checks.CHECKS} - NAMED == set()
