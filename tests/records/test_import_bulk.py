"""Short cuts that many rows take on SQLite, held against the plain way."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import csv
import datetime as dt
import io
from pathlib import Path
import shutil
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
import pytest
import sqlalchemy as sa

from segctl.catalog import STANDARD, ObjectType
from segctl.errors import FileError, InvalidValue
from segctl.services.imports.columns import attribute_converter
from segctl.services.imports.options import ImportOptions, ImportResult, OnError, OnMissing
from segctl.services.imports.run import import_records
from segctl.services.values import Reading, parser
from segctl.store.opening import Store, open_store
from segctl.store.triggers import verify_triggers
from segctl.store.writing import encoder
from tests.conftest import NOW
from tests.records.loading import LATER, imported, integrity, listed, outcome, written
from tests.store.foreign import program, traced

TABLES = ("contact", "company", "contact_item", "trace")
COUNT = "SELECT count(*) FROM contact"


@contextmanager
def sizes(at_once: int, chunk: int = 3) -> Iterator[None]:
    """Imports with small chunks, and with so many rows in one INSERT."""
    with (
        patch("segctl.store.writing_sqlite.AT_ONCE", at_once),
        patch("segctl.services.imports.csv_rows.CHUNK", chunk),
    ):
        yield


def file(folder: Path, rows: Sequence[Sequence[Any]], name: str = "rows.csv") -> Path:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["external_id", "name", "score", "tags", "company"])
    writer.writerows(rows)
    return written(folder, text.getvalue(), name)


def numbered(count: int) -> list[list[Any]]:
    return [[f"c{n}", f"N {n}", n, "a;b", ""] for n in range(count)]


def triggers(store: Store) -> dict[str, str]:
    with program(store) as foreign:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        return {str(name): str(sql) for name, sql in foreign.rows(query)}


def content(store: Store) -> list[list[tuple[Any, ...]]]:
    """All rows of the tables without the order of the trace."""
    found = []
    with program(store) as foreign:
        for table in TABLES:
            rows = foreign.rows(f"SELECT * FROM {table}")
            if table == "trace":
                rows = [row[1:] for row in rows]
            found.append(sorted(rows, key=repr))
    return found


# ---------------------------------------------------------------- the same as row by row

IDS = st.sampled_from([f"c{n}" for n in range(9)] + [""])
ROWS = st.lists(
    st.tuples(
        IDS,
        st.sampled_from(["", "Ann", "Bob"]),
        st.sampled_from(["", "1", "x"]),
        st.sampled_from(["", "a", "a;b"]),
        st.sampled_from(["", "acme", "bravo"]),
    ),
    max_size=12,
)


@given(known=ROWS, rows=ROWS, at_once=st.integers(1, 3), update=st.booleans())
def test_many_rows_at_once_leave_the_same_records_and_trace(
    sqlite_url: str,
    tmp_path: Path,
    known: list[Sequence[str]],
    rows: list[Sequence[str]],
    at_once: int,
    update: bool,
) -> None:
    ends = []
    for many in (at_once, 10**9):
        path = tmp_path / f"{many}.sqlite"
        shutil.copyfile(sqlite_url.removeprefix("sqlite:///"), path)
        path.chmod(0o600)
        with open_store(f"sqlite:///{path}") as store, sizes(many):
            outcomes = [
                outcome(
                    imported(
                        store,
                        file(tmp_path, some),
                        now=now,
                        update=update,
                        on_error=OnError.SKIP,
                        on_missing=OnMissing.CREATE,
                    )
                )
                for some, now in ((known, NOW), (rows, LATER))
            ]
            ends.append((outcomes, content(store), triggers(store)))
            assert integrity(store) == "ok"
        for left in tmp_path.glob(f"{many}.sqlite*"):
            left.unlink()
    assert ends[0] == ends[1]


DAYS = st.builds(
    "{}-{}-{}".format,
    st.sampled_from(["2024", "2026", "0000", "0001", "9999"]),
    st.sampled_from(["00", "02", "04", "12", "13"]),
    st.sampled_from(["00", "01", "28", "29", "30", "31", "32"]),
)
CLOCKS = st.builds(
    "{}:{}:{}".format, *([st.sampled_from(["00", "09", "23", "24", "59", "60"])] * 3)
)
ZULU = st.builds(
    "{}{}{}{}Z".format,
    DAYS,
    st.sampled_from("T "),
    st.just("11:42:50") | CLOCKS,
    st.sampled_from(["", ".123456", ".000000"]),
)
TIMES = ZULU | st.builds(
    "{}{}{}{}{}".format,
    DAYS,
    st.sampled_from("Tt-"),
    CLOCKS,
    st.sampled_from(["", ".", ".5", ".000", ".1234567", ",123456"]),
    st.sampled_from(["", "Z", "z", "+00:00", "+02:00", " Z", "Z\n"]),
)


@given(texts=st.lists(TIMES | st.sampled_from(["", " "]), min_size=1, max_size=4))
def test_a_time_in_its_stored_form_is_kept_if_it_is_one(texts: list[str]) -> None:
    attribute = STANDARD[ObjectType.CONTACT]["last_seen_at"]
    reading = Reading()
    parse, encode = parser(attribute, reading), encoder(attribute.kind, "sqlite")
    assert encode is not None

    def plainly(text: str) -> tuple[Any, str | None]:
        try:
            value = parse(text)
        except InvalidValue as error:
            return None, error.message
        return (None if value is None else encode(value)), None

    convert = attribute_converter(attribute, reading, None, "sqlite", textual=True).convert
    stored, wrong = convert(texts, "seen", range(len(texts)))
    reasons = [wrong[at].reason if at in wrong else None for at in range(len(texts))]
    assert list(zip(stored, reasons, strict=True)) == [plainly(text) for text in texts]


# ---------------------------------------------------------------- triggers that step aside


def test_triggers_of_others_go_on_firing(sqlite_store: Store, tmp_path: Path) -> None:
    """Also one that inserts a record of the same type, which is traced like any other."""
    with program(
        sqlite_store,
        "CREATE TABLE theirs (id INTEGER)",
        "CREATE TRIGGER theirs AFTER INSERT ON contact WHEN NEW.external_id GLOB 'c*' BEGIN "
        "INSERT INTO theirs VALUES (NEW.id); "
        "INSERT INTO contact (id, external_id) VALUES (1000 + NEW.id, 'x' || NEW.id); END",
    ) as foreign:
        before = triggers(sqlite_store)
        with sizes(2):
            assert outcome(imported(sqlite_store, file(tmp_path, numbered(3)))) == (3, 0, 0, 0, 0)
        assert foreign.rows("SELECT id FROM theirs ORDER BY id") == [(1,), (2,), (3,)]
        ids = {record for type, record, *_ in traced(foreign) if type == "contact"}
        assert ids == {1, 2, 3, 1001, 1002, 1003}
    assert triggers(sqlite_store) == before


@pytest.mark.parametrize("name", ["insert", "displaced"])
def test_a_trigger_that_is_not_as_it_should_be_is_left_alone(
    sqlite_store: Store, tmp_path: Path, name: str
) -> None:
    name = f"segctl_trace_contact_{name}"
    other = f"CREATE TRIGGER {name} AFTER INSERT ON contact BEGIN SELECT 1; END"
    with program(sqlite_store, f"DROP TRIGGER {name}", other), sizes(2):
        imported(sqlite_store, file(tmp_path, numbered(3)))
        assert triggers(sqlite_store)[name] == other


def test_a_few_new_rows_and_unchanged_ones_leave_the_schema_alone(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with program(sqlite_store) as foreign:

        def version() -> int:
            return int(foreign.rows("PRAGMA schema_version")[0][0])

        before = version()
        imported(sqlite_store, file(tmp_path, numbered(20)))
        assert version() == before
        with sizes(2):
            assert outcome(imported(sqlite_store, file(tmp_path, numbered(20)))) == (0, 0, 20, 0, 0)
        assert version() == before


def test_an_import_that_fails_or_only_tries_brings_the_triggers_back(
    sqlite_store: Store, tmp_path: Path
) -> None:
    before, empty = triggers(sqlite_store), content(sqlite_store)
    bad = file(tmp_path, [*numbered(8), ["late", "", "no number", "", ""]], "bad.csv")
    with sizes(2):
        with pytest.raises(FileError, match="line 10"):
            imported(sqlite_store, bad)
        assert (triggers(sqlite_store), content(sqlite_store)) == (before, empty)
        path = file(tmp_path, numbered(8))
        assert imported(sqlite_store, path, dry_run=True).created == 8
        assert (triggers(sqlite_store), content(sqlite_store)) == (before, empty)
        # The connection that had the triggers away goes on with them.
        assert imported(sqlite_store, path).created == 8
    with sqlite_store.write() as session:
        assert verify_triggers(session) == []
        session.execute(sa.text("INSERT INTO contact (id) VALUES (77)"))
    with program(sqlite_store) as foreign:
        assert ("contact", 77, None, None, None) in traced(foreign)


def test_readers_beside_an_import_see_the_store_as_it_was(
    sqlite_store: Store, tmp_path: Path
) -> None:
    """One within a transaction, one that asks again and again, with the same statement."""
    imported(sqlite_store, file(tmp_path, [["before", "", "", "", ""]]))
    seen = []
    with program(sqlite_store, "BEGIN") as reader, program(sqlite_store) as other, sizes(2):
        assert reader.rows(COUNT) == other.rows(COUNT) == [(1,)]

        def look(_: int) -> None:
            seen.append((reader.rows(COUNT), other.rows(COUNT), len(triggers(sqlite_store))))

        wanted = ImportOptions(ObjectType.CONTACT, str(file(tmp_path, numbered(40))))
        result: ImportResult = import_records(
            sqlite_store, wanted, now=LATER, actor="tester", progress=look
        )
        assert result.created == 40
        assert set(map(repr, seen)) == {repr(([(1,)], [(1,)], len(triggers(sqlite_store))))}
        assert (reader.rows(COUNT), other.rows(COUNT)) == ([(1,)], [(41,)])
        reader.run("COMMIT")
        assert reader.rows(COUNT) == [(41,)]
        # A program that knew the store before writes into it as ever.
        other.run("INSERT INTO contact (id) VALUES (99)")
        assert ("contact", 99, None, None, None) in traced(other)


def test_times_are_kept_to_the_microsecond(store: Store, tmp_path: Path) -> None:
    text = (
        "external_id,last_seen_at\n"
        "a,2026-11-14T11:42:50.123456Z\n"
        "b,2026-11-14 11:42:50Z\n"
        "c,2026-11-14T13:42:50.5+02:00\n"
    )
    imported(store, written(tmp_path, text))
    assert outcome(imported(store, written(tmp_path, text), now=LATER)) == (0, 0, 3, 0, 0)
    second = dt.datetime(2026, 11, 14, 11, 42, 50, tzinfo=dt.UTC)
    wanted = [second.replace(microsecond=us) for us in (123_456, 0, 500_000)]
    assert listed(store, "last_seen_at") == [(moment,) for moment in wanted]
