"""Exports: every format, whole files only, and the way back."""

from collections.abc import Callable
import csv
import datetime as dt
import json
from pathlib import Path
import resource
from typing import Any

import pyarrow.parquet
import pytest

from segctl.catalog import ObjectType
from segctl.errors import ConditionError, FileError, NotFound, UsageError
from segctl.services.exports import ExportFormat, ExportOptions, export_records
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.records.loading import imported, outcome, written

Segctl = Callable[..., Any]
CONTACT = ObjectType.CONTACT


@pytest.fixture
def crm(store: Store, tmp_path: Path) -> Store:
    imported(store, written(tmp_path, "external_id\nacme\n"), ObjectType.COMPANY)
    people = "external_id,name,score,unsubscribed,last_seen_at,tags,company\n"
    people += 'ann,"A ""n""\r\nn",5,yes,2026-01-31T10:00:00.5Z,"[""x;y"", ""b""]",acme\nbob,,,,,,\n'
    imported(store, written(tmp_path, people))
    return store


def export(store: Store, path: Path, **options: Any) -> int:
    return export_records(store, ExportOptions(CONTACT, path, **options), now=NOW)


NAMES = ("external_id", "name", "score", "unsubscribed", "last_seen_at", "tags", "company")
ANN = ["ann", 'A "n"\r\nn', 5, True, "2026-01-31T10:00:00.500000Z", ["b", "x;y"], "acme"]
BOB = ["bob", None, None, None, None, [], None]


def test_csv(crm: Store, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert export(crm, path, columns=NAMES) == 2
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        list(NAMES),
        ["ann", 'A "n"\r\nn', "5", "true", ANN[4], '["b", "x;y"]', "acme"],
        ["bob", "", "", "", "", "", ""],
    ]
    assert path.read_bytes().endswith(b"bob,,,,,,\n")


def test_ndjson_and_json(crm: Store, tmp_path: Path) -> None:
    lines, array = tmp_path / "out.ndjson", tmp_path / "out.json"
    expected = [dict(zip(NAMES, row, strict=True)) for row in (ANN, BOB)]
    export(crm, lines, columns=NAMES)
    export(crm, array, columns=NAMES)
    assert [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()] == expected
    assert json.loads(array.read_text(encoding="utf-8")) == expected


def test_parquet(crm: Store, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    export(crm, path, columns=NAMES)
    seen = dt.datetime(2026, 1, 31, 10, 0, 0, 500_000, tzinfo=dt.UTC)
    rows = pyarrow.parquet.read_table(path).to_pylist()
    assert [list(row.values()) for row in rows] == [[*ANN[:4], seen, *ANN[5:]], BOB]


@pytest.mark.parametrize("format", list(ExportFormat))
def test_nothing_is_a_whole_file_too(crm: Store, tmp_path: Path, format: ExportFormat) -> None:
    path = tmp_path / f"out.{format}"
    assert export(crm, path, where='name = "nobody"') == 0
    assert outcome(imported(crm, path)) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("format", list(ExportFormat))
def test_everything_comes_back_unchanged(crm: Store, tmp_path: Path, format: ExportFormat) -> None:
    path = tmp_path / f"out.{format}"
    assert export(crm, path) == 2
    assert outcome(imported(crm, path)) == (0, 0, 2, 0, 0)


def test_only_what_satisfies_the_condition(crm: Store, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert export(crm, path, where="score is set", columns=("external_id", "company.name")) == 1
    assert path.read_text(encoding="utf-8") == "external_id,company.name\nann,\n"


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("out", {}, UsageError),
        ("out.csv", {"columns": ("nothing",)}, NotFound),
        ("out.csv", {"where": "nothing = 1"}, ConditionError),
        ("no/where.csv", {}, FileError),
    ],
)
def test_what_cannot_be_exported_leaves_no_file(
    crm: Store, tmp_path: Path, name: str, options: dict[str, Any], kind: Any
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    with pytest.raises(kind):
        export(crm, folder / name, **options)
    assert list(folder.iterdir()) == []


def test_a_file_is_replaced_only_when_the_new_one_is_complete(
    crm: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    path = folder / "out.csv"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)

    def fail(rows: int) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        export_records(crm, ExportOptions(CONTACT, path), now=NOW, progress=fail)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(folder.iterdir()) == [path]
    export(crm, path)
    assert path.read_text(encoding="utf-8").startswith("external_id")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_full_disk_leaves_the_old_file(
    crm: Store, tmp_path: Path, segctl_process: Any, format: str
) -> None:
    rows = "".join(f"u{n},{n * 7919}{'x' * 200}\n" for n in range(5_000))
    imported(crm, written(tmp_path, "external_id,name\n" + rows))
    folder = tmp_path / "full"
    folder.mkdir()
    path = folder / f"out.{format}"
    path.write_text("old", encoding="utf-8")

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    result = segctl_process("records", "export", "contact", path, store=crm, preexec_fn=small_files)
    assert result.code == 2
    assert "the disk is full" in result.stderr
    assert path.read_text(encoding="utf-8") == "old"
    assert list(folder.iterdir()) == [path]


def test_a_pipe_or_device_is_written_directly(crm: Store) -> None:
    assert export(crm, Path("/dev/null"), format=ExportFormat.CSV) == 2


def test_export_goes_to_standard_output(segctl: Segctl, crm: Store) -> None:
    words = ("records", "export", "contact", "--columns", "external_id,score")
    assert segctl(*words, store=crm).ok().stdout == "external_id,score\nann,5\nbob,\n"
    assert segctl(*words, "-", "--format", "ndjson", store=crm).ok().lines == [
        '{"external_id": "ann", "score": 5}',
        '{"external_id": "bob", "score": null}',
    ]
    result = segctl(*words, "--format", "xml", store=crm)
    assert (result.code, "the formats are csv, ndjson, json, parquet" in result.stderr) == (2, True)


def test_parquet_without_pyarrow_names_the_extra(
    crm: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match="needs the package pyarrow"):
        export(crm, tmp_path / "out.parquet")
