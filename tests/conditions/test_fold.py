"""The text functions, in Python and in SQLite."""

import sqlite3
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.conditions.fold import fold
from segctl.store import functions
from segctl.store.functions import matches, register, searcher
from segctl.store.opening import Store

ANY_CODE_POINT = st.characters(exclude_categories=["Cs"])


@pytest.fixture
def sqlite() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    register(connection)
    return connection


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Straße", "straße"),
        ("ẞ", "ß"),
        ("ΑΣ", "ασ"),
        ("ας", "ασ"),
        ("İ", "i̇"),
        ("I", "i"),
        ("ı", "ı"),
        ("\u212a", "k"),
        ("𐐀", "𐐨"),
        ("ǅ", "ǆ"),
        ("ﬁ", "ﬁ"),
        ("É", "é"),
        ("", ""),
    ],
)
def test_folding_is_lower_case_and_one_sigma(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(ANY_CODE_POINT))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(ANY_CODE_POINT), st.text(ANY_CODE_POINT))
def test_folding_a_text_is_folding_its_parts(first: str, second: str) -> None:
    assert fold(first + second) == fold(first) + fold(second)


@pytest.mark.parametrize("block", range(0, 0x110000, 0x11000), ids=lambda block: f"U+{block:04X}")
def test_postgres_folds_every_code_point_as_python_does(postgres_store: Store, block: int) -> None:
    import sqlalchemy as sa

    points = [
        chr(point)
        for point in range(max(block, 1), block + 0x11000)
        # Code points that came to Unicode after this Python have no case here yet.
        if not 0xD800 <= point < 0xE000 and unicodedata.category(chr(point)) != "Cn"
    ]
    query = sa.text(
        'SELECT text, folded FROM (SELECT text, replace(lower(text COLLATE "und-x-icu"),'
        " 'ς', 'σ') AS folded FROM unnest(CAST(:points AS text[])) AS text) AS each"
        ' WHERE folded COLLATE "C" <> text'
    )
    with postgres_store.read() as session:
        rows = session.execute(query, {"points": points}).all()
    found = {row.text: row.folded for row in rows}
    assert found == {text: fold(text) for text in points if fold(text) != text}


def test_sqlite_folds_as_python_does(sqlite: sqlite3.Connection) -> None:
    assert sqlite.execute("SELECT segctl_fold(?)", ("ΑΣ ẞ İ",)).fetchone() == ("ασ ß i̇",)


@pytest.mark.parametrize("value", [None, 5, 5.5, b"A"])
def test_sqlite_folds_nothing_but_text(sqlite: sqlite3.Connection, value: object) -> None:
    assert sqlite.execute("SELECT segctl_fold(?)", (value,)).fetchone() == (None,)
    assert sqlite.execute("SELECT segctl_matches('A', ?)", (value,)).fetchone() == (None,)


def test_sqlite_finds_a_pattern_anywhere(sqlite: sqlite3.Connection) -> None:
    asked = [("a.c", "xabcx"), ("^b", "ab"), ("é", "É")]
    found = [sqlite.execute("SELECT segctl_matches(?, ?)", pair).fetchone()[0] for pair in asked]
    assert found == [1, 0, 0]


def test_sqlite_may_use_them_in_an_index(sqlite: sqlite3.Connection) -> None:
    sqlite.execute("CREATE TABLE t (name TEXT)")
    sqlite.execute("CREATE INDEX folded ON t (segctl_fold(name))")  # deterministic, or it fails


def test_a_pattern_that_is_none_says_why() -> None:
    with pytest.raises(ValueError, match="not a pattern: missing"):
        matches("(", "text")


def test_a_text_may_hold_half_a_character() -> None:
    assert matches("b$", "a\ud800b")


def test_a_long_hostile_pattern_takes_no_long_time() -> None:
    assert not matches("(a*)*(a*)*(a*)*b", "a" * 20_000)


def test_the_cache_of_patterns_is_bounded() -> None:
    for number in range(2 * functions._PATTERNS_KEPT):
        matches(f"x{number}", "text")
    assert searcher.cache_info().currsize <= functions._PATTERNS_KEPT
