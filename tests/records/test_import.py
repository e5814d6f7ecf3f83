"""What an import does to the records: created, updated, unchanged, matched, rejected."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.errors import FileError, NotFound, UsageError
from segctl.services import attributes, workspace
from segctl.services.imports.chunks import CHUNK
from segctl.services.imports.options import ColumnMap, OnDuplicate, OnError
from segctl.store.opening import Store
from segctl.store.tables import AuditEntry
from tests.conftest import NOW
from tests.records.loading import LATER, imported, integrity, listed, outcome, written

PEOPLE = "external_id,name,score,tags\nann,Ann,5,a;b\nbob,Bob,,\n"


# ---------------------------------------------------------------- created, updated, unchanged


def test_new_rows_become_records(store: Store, tmp_path: Path) -> None:
    result = imported(store, written(tmp_path, PEOPLE))
    assert outcome(result) == (2, 0, 0, 0, 0)
    assert listed(store, "external_id", "name", "score", "tags", "created_at", "updated_at") == [
        ("ann", "Ann", 5, ["a", "b"], NOW, NOW),
        ("bob", "Bob", None, [], NOW, NOW),
    ]
    assert integrity(store) == "ok"


def test_the_same_file_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, PEOPLE)
    imported(store, path)
    assert outcome(imported(store, path, now=LATER)) == (0, 0, 2, 0, 0)
    assert listed(store, "updated_at") == [(NOW,), (NOW,)]


@pytest.mark.parametrize(
    "changed", ["ann,Ann,6,a;b", "ann,,5,a;b", "ann,Ann,5,a", "ann,Ann,5,a;b;c", "ann,Ann,5,"]
)
def test_a_row_that_differs_updates_its_record_and_no_other(
    store: Store, tmp_path: Path, changed: str
) -> None:
    imported(store, written(tmp_path, PEOPLE))
    path = written(tmp_path, f"external_id,name,score,tags\n{changed}\nbob,Bob,,\n")
    assert outcome(imported(store, path, now=LATER)) == (0, 1, 1, 0, 0)
    _, name, score, tags = changed.split(",")
    after = (name or None, int(score), [tag for tag in tags.split(";") if tag], LATER)
    assert listed(store, "name", "score", "tags", "updated_at") == [after, ("Bob", None, [], NOW)]


def test_columns_that_a_file_does_not_have_stay(store: Store, tmp_path: Path) -> None:
    imported(store, written(tmp_path, PEOPLE))
    imported(store, written(tmp_path, "external_id,email\nann,a@example.com\n"))
    assert listed(store, "name", "email", "tags")[0] == ("Ann", "a@example.com", ["a", "b"])


def test_keys_that_a_json_object_does_not_have_stay(store: Store, tmp_path: Path) -> None:
    imported(store, written(tmp_path, PEOPLE))
    text = (
        '{"external_id": "ann", "score": 9}\n{"external_id": "bob", "name": null, "tags": ["x"]}\n'
    )
    result = imported(store, written(tmp_path, text, "x.ndjson"))
    assert outcome(result) == (0, 2, 0, 0, 0)
    assert listed(store, "name", "score", "tags") == [("Ann", 9, ["a", "b"]), (None, None, ["x"])]


def test_given_times_of_creation_and_change_win(store: Store, tmp_path: Path) -> None:
    text = "external_id,name,created_at,updated_at\nann,Ann,2020-01-01,2021-01-01\nbob,Bob,,\n"
    imported(store, written(tmp_path, text))
    old = (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2021, 1, 1, tzinfo=dt.UTC))
    assert listed(store, "created_at", "updated_at") == [old, (NOW, NOW)]
    assert outcome(imported(store, written(tmp_path, text), now=LATER)) == (0, 0, 2, 0, 0)
    changed = text.replace("Ann", "Anna").replace("Bob", "Bo")
    imported(store, written(tmp_path, changed), now=LATER)
    assert listed(store, "created_at", "updated_at") == [old, (NOW, LATER)]


def test_without_updates_known_records_are_matched_and_left_alone(
    store: Store, tmp_path: Path
) -> None:
    imported(store, written(tmp_path, PEOPLE))
    path = written(tmp_path, "external_id,name\nann,Other\ncid,Cid\n")
    assert outcome(imported(store, path, update=False)) == (1, 0, 0, 1, 0)
    assert listed(store, "name") == [("Ann",), ("Bob",), ("Cid",)]


def test_a_dry_run_counts_and_keeps_nothing(store: Store, tmp_path: Path) -> None:
    imported(store, written(tmp_path, PEOPLE))
    path = written(tmp_path, "external_id,name\nann,Other\ncid,Cid\nbob,Bob\n")
    result = imported(store, path, dry_run=True)
    assert result.dry_run
    assert outcome(result) == (1, 1, 1, 0, 0)
    assert listed(store, "name") == [("Ann",), ("Bob",)]


def test_rows_without_ids_all_become_records(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "name,tags\nAnn,x\nAnn,y\n")
    assert outcome(imported(store, path, no_id=True)) == (2, 0, 0, 0, 0)
    assert outcome(imported(store, path, no_id=True)) == (2, 0, 0, 0, 0)
    assert listed(store, "external_id", "tags") == [(None, ["x"]), (None, ["y"])] * 2


def test_a_header_alone_imports_nothing(store: Store, tmp_path: Path) -> None:
    result = imported(store, written(tmp_path, "external_id,name\n"))
    assert (result.rows, outcome(result)) == (0, (0, 0, 0, 0, 0))


def test_an_import_leaves_an_audit_entry(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, PEOPLE)
    imported(store, path)
    with store.read() as session:
        entry = session.execute(sa.select(AuditEntry)).scalars().one()
    assert (entry.actor, entry.action, entry.subject_type) == ("tester", "import", "contact")
    assert (entry.subject, entry.after["created"]) == (str(path), 2)


def test_an_import_is_traced(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, PEOPLE)
    trace = sa.table("trace", sa.column("id"), sa.column("object_type"))

    def traced() -> int:
        with store.read() as session:
            return int(session.scalar(sa.select(sa.func.count()).select_from(trace)) or 0)

    imported(store, path)
    before = traced()
    assert before >= 2
    imported(store, path)
    assert traced() == before


def test_progress_tells_all_bytes(store: Store, tmp_path: Path) -> None:
    from segctl.services.imports.options import ImportOptions
    from segctl.services.imports.run import import_records

    path = written(tmp_path, PEOPLE)
    steps: list[int] = []
    options = ImportOptions(ObjectType.CONTACT, str(path))
    import_records(store, options, now=NOW, actor="me", progress=steps.append)
    assert sum(steps) == path.stat().st_size


# ---------------------------------------------------------------- columns


def test_columns_map_by_their_names_however_they_are_written(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "External ID,First Name,lastName,E-Mail,Page Views\na,A,B,c,7\n")
    result = imported(store, path)
    assert listed(store, "external_id", "first_name", "last_name", "page_views") == [
        ("a", "A", "B", 7)
    ]
    assert result.ignored_columns == ("E-Mail",)


def test_a_column_can_fill_several_attributes(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "account,sector\nAcme,tech\n")
    maps = (ColumnMap("account", "name"), ColumnMap("sector", "industry"))
    imported(store, path, ObjectType.COMPANY, id_column="account", maps=maps)
    assert listed(store, "external_id", "name", "industry", type=ObjectType.COMPANY) == [
        ("Acme", "Acme", "tech")
    ]


def test_the_id_column_fills_its_own_attribute_too(store: Store, tmp_path: Path) -> None:
    imported(store, written(tmp_path, "email\na@b.c\n"), id_column="Email")
    assert listed(store, "external_id", "email") == [("a@b.c", "a@b.c")]


def test_an_ignored_column_is_ignored(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,name,score\na,Ann,?\n")
    result = imported(store, path, ignore=("score",))
    assert outcome(result) == (1, 0, 0, 0, 0)
    assert result.ignored_columns == ()


def test_a_constant_fills_every_row(store: Store, tmp_path: Path) -> None:
    imported(store, written(tmp_path, PEOPLE), constants={"status": "user", "lists": "x;y"})
    assert listed(store, "status", "lists") == [("user", ["x", "y"])] * 2


def test_value_maps_nulls_and_date_formats(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,status,last_seen_at,name\na,V,31/01/2026,NULL\n")
    imported(
        store,
        path,
        value_maps={"status": {"V": "visitor"}},
        date_formats=("%d/%m/%Y",),
        nulls=("NULL",),
    )
    seen = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert listed(store, "status", "last_seen_at", "name") == [("visitor", seen, None)]


def test_naive_times_are_in_the_zone_of_the_workspace(store: Store, tmp_path: Path) -> None:
    workspace.set_value(store, "timezone", "Europe/Warsaw", now=NOW, actor="me")
    path = written(tmp_path, "external_id,last_seen_at\na,2026-07-01 10:00\nb,2026-07-01\n")
    imported(store, path)
    assert listed(store, "last_seen_at") == [
        (dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC),),
        (dt.datetime(2026, 6, 30, 22, tzinfo=dt.UTC),),
    ]


def test_every_kind_of_custom_attribute(store: Store, tmp_path: Path) -> None:
    kinds: list[tuple[str, ValueType, tuple[str, ...], str, Any]] = [
        ("c_string", ValueType.STRING, (), "x", "x"),
        ("c_integer", ValueType.INTEGER, (), "-7", -7),
        ("c_float", ValueType.FLOAT, (), "1.25", 1.25),
        ("c_boolean", ValueType.BOOLEAN, (), "yes", True),
        ("c_date", ValueType.DATE, (), "2026-01-31", dt.date(2026, 1, 31)),
        ("c_choice", ValueType.CHOICE, ("p", "q"), "q", "q"),
        ("c_many", ValueType.MULTICHOICE, ("p", "q"), "q;p", ["p", "q"]),
    ]
    made = [Attribute(ObjectType.DEAL, n, k, c, standard=False) for n, k, c, _, _ in kinds]
    attributes.add_all(store, made, now=NOW, actor="me")
    names = [one[0] for one in kinds]
    cells = [one[3] for one in kinds]
    path = written(tmp_path, f"external_id,{','.join(names)}\nd1,{','.join(cells)}\n")
    imported(store, path, ObjectType.DEAL)
    assert listed(store, *names, type=ObjectType.DEAL) == [tuple(one[4] for one in kinds)]
    assert outcome(imported(store, path, ObjectType.DEAL)) == (0, 0, 1, 0, 0)
    assert integrity(store) == "ok"


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"maps": (ColumnMap("nam", "name"),)}, FileError, 'no column "nam"'),
        ({"maps": (ColumnMap("name", "nmae"),)}, NotFound, 'no attribute "nmae"'),
        ({"maps": (ColumnMap("name", "company"),)}, UsageError, "is a relation"),
        ({"maps": (ColumnMap("name", "email"), ColumnMap("score", "email"))}, UsageError, "twice"),
        ({"ignore": ("nothing",)}, FileError, 'no column "nothing"'),
        ({"id_column": "key"}, FileError, 'no column "key"'),
        ({"id_column": "name", "no_id": True}, UsageError, "exclude each other"),
        ({"value_maps": {"email": {"a": "b"}}}, UsageError, 'no column is imported as "email"'),
        ({"constants": {"name": "x", "nmae": "y"}}, (NotFound, UsageError), "nmae|twice"),
        ({"limit_errors": 3}, UsageError, "needs --on-error skip"),
        ({"update": False, "on_duplicate": OnDuplicate.LAST}, UsageError, "exclude each other"),
        ({"date_formats": ("%Q",)}, UsageError, "not a date format"),
        ({"separator": ""}, UsageError, "cannot separate"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    sqlite_store: Store, tmp_path: Path, options: dict[str, Any], kind: Any, words: str
) -> None:
    with pytest.raises(kind, match=words):
        imported(sqlite_store, written(tmp_path, PEOPLE), **options)
    assert listed(sqlite_store, "name") == []


def test_a_missing_id_column_lists_the_columns(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileError, match='no column "external_id"') as caught:
        imported(sqlite_store, written(tmp_path, "name,email\na,b\n"))
    assert "--id COLUMN names another one" in str(caught.value.hint)
    assert 'its columns are "name", "email"' in str(caught.value.hint)


# ---------------------------------------------------------------- duplicates

TWICE = "external_id,name\na,First\nb,B\na,Second\n"


def test_a_second_row_with_an_id_stops_the_import(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r'line 4, column "external_id": the id "a" is in line 2'):
        imported(store, written(tmp_path, TWICE))
    assert listed(store, "name") == []


def test_a_second_row_with_an_id_is_left_out(store: Store, tmp_path: Path) -> None:
    result = imported(store, written(tmp_path, TWICE), on_error=OnError.SKIP)
    assert outcome(result) == (2, 0, 0, 0, 1)
    assert listed(store, "name") == [("First",), ("B",)]


def test_the_first_of_several_rows_can_count(store: Store, tmp_path: Path) -> None:
    result = imported(store, written(tmp_path, TWICE), on_duplicate=OnDuplicate.FIRST)
    assert outcome(result) == (2, 0, 0, 1, 0)
    assert listed(store, "name") == [("First",), ("B",)]


def test_the_last_of_several_rows_can_count(store: Store, tmp_path: Path) -> None:
    result = imported(store, written(tmp_path, TWICE), on_duplicate=OnDuplicate.LAST)
    assert outcome(result) == (2, 1, 0, 0, 0)
    assert listed(store, "name") == [("Second",), ("B",)]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("choice", list(OnDuplicate))
def test_a_repeat_is_found_however_far_away(
    store: Store, tmp_path: Path, choice: OnDuplicate, known: bool
) -> None:
    rows = [f"u{n},Name {n}\n" for n in range(2 * CHUNK + 10)]
    if known:
        imported(store, written(tmp_path, "external_id,name\n" + "".join(rows[:CHUNK])))
    text = "external_id,name\n" + "".join(rows) + "u7,Again\n"
    result = imported(store, written(tmp_path, text), on_error=OnError.SKIP, on_duplicate=choice)
    created, unchanged = (CHUNK + 10, CHUNK) if known else (2 * CHUNK + 10, 0)
    match choice:
        case OnDuplicate.REJECT:
            assert outcome(result) == (created, 0, unchanged, 0, 1)
            assert result.rejections[0].reason == 'the id "u7" is in line 9 already'
            assert result.rejections[0].line == 2 * CHUNK + 12
        case OnDuplicate.FIRST:
            assert outcome(result) == (created, 0, unchanged, 1, 0)
        case OnDuplicate.LAST:
            assert outcome(result) == (created, 1, unchanged, 0, 0)
    name = "Again" if choice is OnDuplicate.LAST else "Name 7"
    assert listed(store, "name")[7] == (name,)


def test_ids_differ_by_code_point_only(store: Store, tmp_path: Path) -> None:
    text = "external_id\na\nA\ná\na\u0301\n a\n"
    assert outcome(imported(store, written(tmp_path, text))) == (5, 0, 0, 0, 0)
