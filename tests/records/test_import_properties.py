"""Laws of importing and exporting, on random and hostile content."""

from contextlib import suppress
import csv
import datetime as dt
import io
import json
from pathlib import Path
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.errors import SegctlError
from segctl.services import attributes
from segctl.services.exports import ExportFormat, ExportOptions, export_records
from segctl.services.imports.options import OnDuplicate, OnError, OnMissing
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.records.loading import LATER, imported, integrity, listed, outcome, written

HOSTILE = (
    *("\ufeff", "\u2028", "\x85", "\x1b[31m", '"', "'", ",", ";", "\n", "\r", "\r\n", "\\", "#1"),
    *("[", '["a"]', "=1+1", "NULL", "null", " ", "\t", "\u202e", "👩\u200d👩", "ß", "İ", "\x7f"),
    *("\u00e9", "e\u0301"),
)
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
PARTS = st.lists(st.sampled_from(HOSTILE) | st.text(CHARACTERS, max_size=5), min_size=1)
TEXTS = PARTS.map(lambda parts: "".join(parts)[:400]).filter(bool)
MAYBE = st.one_of(st.none(), TEXTS)
INSTANTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))
# `#12` names the record with that number, whatever its external id.
RECORDS = st.dictionaries(
    TEXTS,
    st.fixed_dictionaries(
        {
            "name": MAYBE,
            "score": st.one_of(st.none(), st.integers(-(2**53), 2**53)),
            "unsubscribed": st.one_of(st.none(), st.booleans()),
            "last_seen_at": st.one_of(st.none(), INSTANTS),
            "ratio": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            "birthday": st.one_of(st.none(), st.dates()),
            "tags": st.lists(TEXTS, max_size=3, unique=True).map(sorted),
            "company": MAYBE.filter(lambda text: not (text and re.fullmatch(r"#\d+", text))),
        }
    ),
    min_size=1,
    max_size=6,
)
COLUMNS = ("name", "score", "unsubscribed", "last_seen_at", "ratio", "birthday", "tags", "company")


def prepare(store: Store) -> None:
    """Give contacts a float and a date, once."""
    wanted = {"ratio": ValueType.FLOAT, "birthday": ValueType.DATE}
    known = {view.name for view in attributes.list_attributes(store, ObjectType.CONTACT)}
    made = [
        Attribute(ObjectType.CONTACT, name, kind, standard=False)
        for name, kind in wanted.items()
        if name not in known
    ]
    attributes.add_all(store, made, now=NOW, actor="me")


def as_json(records: dict[str, dict[str, Any]]) -> str:
    def plain(value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.date) else value

    return "".join(
        json.dumps({"external_id": id, **{k: plain(v) for k, v in record.items()}}) + "\n"
        for id, record in records.items()
    )


@given(records=RECORDS, format=st.sampled_from(list(ExportFormat)))
def test_what_was_exported_comes_back_unchanged(
    store: Store, tmp_path: Path, records: dict[str, dict[str, Any]], format: ExportFormat
) -> None:
    prepare(store)
    imported(store, written(tmp_path, as_json(records), "in.ndjson"), on_missing=OnMissing.CREATE)
    for type in (ObjectType.CONTACT, ObjectType.COMPANY):
        path = tmp_path / f"out.{format}"
        count = export_records(store, ExportOptions(type, path), now=NOW)
        result = imported(store, path, type, now=LATER)
        assert outcome(result) == (0, 0, count, 0, 0)
        assert result.ignored_columns == ()
    stored = {id: values for id, *values in listed(store, "external_id", *COLUMNS)}
    for id, record in records.items():
        assert stored[id] == [record[column] for column in COLUMNS]
    assert integrity(store) == "ok"


CELLS = st.one_of(
    st.sampled_from(["", "a", "b", "c", "1", "x", "2026-01-31", "user", "true", "nobody", "k1"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
ROWS = st.lists(st.lists(CELLS, min_size=4, max_size=6), max_size=12)


@given(
    rows=ROWS,
    known=st.lists(st.sampled_from(["a", "b", "k1"]), unique=True),
    update=st.booleans(),
    duplicate=st.sampled_from(OnDuplicate),
    missing=st.sampled_from(OnMissing),
)
def test_the_counts_add_up_whatever_the_rows_and_a_second_import_creates_nothing(
    store: Store,
    tmp_path: Path,
    rows: list[list[str]],
    known: list[str],
    update: bool,
    duplicate: OnDuplicate,
    missing: OnMissing,
) -> None:
    imported(
        store,
        written(tmp_path, "external_id\n" + "".join(f"{id}\n" for id in known)),
        on_error=OnError.SKIP,
    )
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["external_id", "name", "score", "status", "tags", "company"])
    writer.writerows(rows)
    path = written(tmp_path, text.getvalue())
    options: dict[str, Any] = {
        "on_error": OnError.SKIP,
        "update": update or duplicate is OnDuplicate.LAST,
        "on_duplicate": duplicate,
        "on_missing": missing,
    }
    before = len(listed(store, "id"))
    first = imported(store, path, **options)  # asserts that the counts add up
    assert len(listed(store, "id")) == before + first.created
    second = imported(store, path, now=LATER, **options)
    assert second.created == 0
    assert second.rejected == first.rejected
    if duplicate is not OnDuplicate.LAST:
        assert second.updated == 0
    assert integrity(store) == "ok"


@given(st.binary(max_size=200), st.sampled_from(["csv", "ndjson", "json", "parquet"]))
def test_any_bytes_are_imported_or_refused(
    sqlite_store: Store, tmp_path: Path, data: bytes, suffix: str
) -> None:
    with suppress(SegctlError):
        imported(sqlite_store, written(tmp_path, data, f"x.{suffix}"), on_error=OnError.SKIP)
