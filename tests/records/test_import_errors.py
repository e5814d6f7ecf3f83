"""Bad rows and bad files: the place and the reason are told, and nothing is half-imported."""

import csv
import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.errors import FileError, StoreError
from segctl.services.imports.chunks import CHUNK
from segctl.services.imports.options import OnError
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.records.loading import imported, listed, outcome, written

HEAD = "external_id,name,score,last_seen_at,status\n"


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("b,B,1.5,,", "score", '"1.5" is not a whole number'),
        ("b,B,,soon,", "last_seen_at", '"soon" is not a time like 2026-01-31'),
        ("b,B,,2026-02-30T10:00:00Z,", "last_seen_at", "is not a time like 2026-01-31"),
        ("b,B,,,User", "status", '"User" is not one of visitor, user'),
        ("b,B\0,,,", "name", r'"B\u0000" contains a NUL character'),
        (",B,,,", "external_id", "the id is empty"),
        ("a,B,,,", "external_id", 'the id "a" is in line 2 already'),
        ("x" * 501 + ",B,,,", "external_id", "has 501 characters"),
    ],
)
def test_a_bad_row_stops_with_line_column_value_and_reason(
    store: Store, tmp_path: Path, row: str, column: str, reason: str
) -> None:
    path = written(tmp_path, HEAD + 'a,"A\n",1,,\n' + row + "\n")
    with pytest.raises(FileError) as caught:
        imported(store, path)
    error = caught.value
    assert f'{path}, line 4, column "{column}": ' in error.message
    assert reason in error.message
    assert (error.fields["line"], error.fields["column"]) == (4, column)
    assert listed(store, "name") == []


def test_a_wrong_choice_proposes_the_nearest(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        imported(sqlite_store, written(tmp_path, HEAD + "a,A,,,usre\n"))
    assert caught.value.hint == 'did you mean "user"?'


def test_a_row_that_does_not_decode_is_a_bad_row(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, HEAD.encode() + b"a,A,,,\nb,caf\xe9,,,\nc,C,,,\n")
    with pytest.raises(FileError) as caught:
        imported(store, path)
    assert 'line 3, column "name"' in caught.value.message
    assert "character 4 is the byte 0xE9, which does not fit the encoding" in caught.value.message
    assert outcome(imported(store, path, on_error=OnError.SKIP)) == (2, 0, 0, 0, 1)
    assert outcome(imported(store, path, encoding="latin-1")) == (1, 0, 2, 0, 0)
    assert listed(store, "name") == [("A",), ("C",), ("café",)]


def test_half_a_character_in_json_is_a_bad_row(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, '{"external_id": "a", "name": "x\\ud83d"}\n', "x.ndjson")
    with pytest.raises(FileError, match=r'line 1, column "name": .*half a character'):
        imported(store, path)


def test_objects_in_json_have_no_place_in_an_attribute(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, '{"external_id": "a", "name": [{"b": 1}]}\n', "x.ndjson")
    with pytest.raises(FileError, match=r'column "name": .* is a list, not a text'):
        imported(store, path)


def test_bad_rows_can_be_left_out(store: Store, tmp_path: Path) -> None:
    text = HEAD + "a,A,,,\nb,B,?,,\nc\nd,D,,,\n"
    result = imported(store, written(tmp_path, text), on_error=OnError.SKIP)
    assert (result.rows, outcome(result)) == (4, (2, 0, 0, 0, 2))
    assert [(one.line, one.column) for one in result.rejections] == [(3, "score"), (4, None)]
    assert listed(store, "name") == [("A",), ("D",)]


def test_the_rejects_file_tells_why_and_can_be_imported_when_mended(
    store: Store, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    text = HEAD + 'a,A,,,\nb,"B,\n""b""",?,,\nc\nd,D,,,\ne,E,x,,\n'
    imported(store, written(tmp_path, text), on_error=OnError.SKIP, rejects=rejects)
    with rejects.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["reject_line"], row["reject_column"], row["reject_value"]) for row in rows] == [
        ("3", "score", "?"),
        ("5", "", ""),
        ("7", "score", "x"),
    ]
    assert rows[0]["reject_reason"] == '"?" is not a whole number'
    assert (rows[0]["external_id"], rows[0]["name"]) == ("b", 'B,\n"b"')
    mended = rejects.read_text(encoding="utf-8").replace(",?,", ",1,").replace(",x,", ",2,")
    result = imported(store, written(tmp_path, mended), on_error=OnError.SKIP)
    assert outcome(result) == (2, 0, 0, 0, 1)
    assert result.ignored_columns == ()
    assert listed(store, "external_id", "score")[2:] == [("b", 1), ("e", 2)]


def test_a_rejects_file_without_rejects_has_a_header(store: Store, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    imported(store, written(tmp_path, HEAD + "a,A,,,\n"), rejects=rejects)
    assert rejects.read_text(encoding="utf-8").splitlines() == [
        "reject_line,reject_column,reject_value,reject_reason," + HEAD.strip()
    ]


def test_a_stopped_import_writes_down_what_stopped_it(store: Store, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(FileError):
        imported(store, written(tmp_path, HEAD + "a,A,x,,\n"), rejects=rejects)
    assert '"""x"" is not a whole number"' in rejects.read_text(encoding="utf-8")


def test_a_rejects_file_that_cannot_be_written_stops_before_anything_is_done(
    store: Store, tmp_path: Path
) -> None:
    path = written(tmp_path, HEAD + "a,A,,,\n")
    with pytest.raises(FileError, match=r"cannot write .*no such file or folder"):
        imported(store, path, rejects=tmp_path / "nowhere" / "rejects.csv")
    assert listed(store, "name") == []


def test_too_many_bad_rows_end_the_import(store: Store, tmp_path: Path) -> None:
    text = HEAD + "a,A,,,\n" + "b,B,?,,\n" * 3
    path = written(tmp_path, text)
    with pytest.raises(FileError, match=r"more than 2 rows of .* are bad, so nothing was imported"):
        imported(store, path, on_error=OnError.SKIP, limit_errors=2)
    assert listed(store, "name") == []
    result = imported(store, path, on_error=OnError.SKIP, limit_errors=3)
    assert outcome(result) == (1, 0, 0, 0, 3)


def test_an_error_late_in_the_file_undoes_what_came_before(store: Store, tmp_path: Path) -> None:
    text = HEAD + "".join(f"u{n},N,1,,\n" for n in range(CHUNK + 1)) + "last,L,?,,\n"
    with pytest.raises(FileError, match=f"line {CHUNK + 3}"):
        imported(store, written(tmp_path, text))
    assert listed(store, "name") == []


def test_a_broken_array_in_json_undoes_what_came_before(store: Store, tmp_path: Path) -> None:
    rows = ",".join(f'{{"external_id": "u{n}"}}' for n in range(CHUNK + 1))
    with pytest.raises(FileError, match="it is not JSON"):
        imported(store, written(tmp_path, f"[{rows}, {{", "x.json"), on_error=OnError.SKIP)
    assert listed(store, "name") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, HEAD)
    path.chmod(0)
    with pytest.raises(FileError, match="permission denied"):
        imported(sqlite_store, path)


def test_a_full_disk_leaves_the_store_as_it_was(sqlite_store: Store, tmp_path: Path) -> None:
    imported(sqlite_store, written(tmp_path, HEAD + "a,A,,,\n"))

    def limit(connection: Any, *_: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")

    sqlite_store.engine.dispose()
    sa.event.listen(sqlite_store.engine, "connect", limit)
    text = HEAD + "".join(f"u{n},{'N' * 100},1,,\n" for n in range(20_000))
    with pytest.raises(StoreError, match="the disk is full"):
        imported(sqlite_store, written(tmp_path, text))
    assert listed(sqlite_store, "name") == [("A",)]


def test_columns_of_a_type_that_is_gone_meanwhile(store: Store, tmp_path: Path) -> None:
    # The mapping is made again inside the writing transaction, with its own catalog.
    from segctl.catalog import Attribute, ValueType
    from segctl.services import attributes

    extra = Attribute(ObjectType.CONTACT, "extra", ValueType.STRING, standard=False)
    attributes.add(store, extra, now=NOW, actor="me")
    path = written(tmp_path, "external_id,extra\na,x\n")
    imported(store, path)
    attributes.drop(store, ObjectType.CONTACT, "extra", now=NOW, actor="me")
    assert imported(store, path).ignored_columns == ("extra",)
