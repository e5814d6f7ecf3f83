"""`--create-attributes`: types are inferred from all values, and the attributes are made."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from segctl.catalog import ObjectType, ValueType
from segctl.errors import FileError, UsageError
from segctl.services import attributes
from segctl.services.imports.chunks import CHUNK
from segctl.services.imports.options import ColumnMap, OnError
from segctl.store.opening import Store
from tests.records.loading import imported, listed, outcome, written

T = ValueType


def created(store: Store, path: Path, **options: Any) -> dict[str, ValueType]:
    result = imported(store, path, create_attributes=True, **options)
    return {attribute.name: attribute.kind for attribute in result.created_attributes}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["true", "no", "", "T"], T.BOOLEAN),
        (["1", "0"], T.INTEGER),
        (["yes", "1"], T.STRING),
        (["-5", "12", ""], T.INTEGER),
        (["007", "12"], T.STRING),
        (["+48123", "1"], T.STRING),
        (["9007199254740993"], T.FLOAT),
        (["1", "2.5"], T.FLOAT),
        (["1.0", "1e3"], T.FLOAT),
        (["1,5"], T.STRING),
        (["2026-01-31", ""], T.DATE),
        (["2026-01-31", "2026-01-31T10:00"], T.DATETIME),
        (["1996-07-04 00:00:00.000"], T.DATETIME),
        (["2026-02-30"], T.STRING),
        (["20260131"], T.INTEGER),
        (["2026-01-31", "1"], T.STRING),
        (["x", "1"], T.STRING),
        ([" "], T.BOOLEAN),
    ],
)
def test_the_narrowest_type_that_all_values_have(
    sqlite_store: Store, tmp_path: Path, values: list[str], kind: ValueType
) -> None:
    rows = "".join(f'{n},"{value}"\n' for n, value in enumerate(values))
    found = created(sqlite_store, written(tmp_path, "external_id,extra\n" + rows))
    assert found == {"extra": kind}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], T.BOOLEAN),
        ([1, 2], T.INTEGER),
        ([1, 2.5], T.FLOAT),
        (["1", "2"], T.STRING),
        (["true"], T.STRING),
        (["2026-01-31"], T.DATE),
        (["2026-01-31T10:00:00Z", "2026-01-31"], T.DATETIME),
        ([["a"], ["b", "c"]], T.TAGS),
        ([["a"], "b"], T.TAGS),
        ([1, "x"], T.STRING),
        ([True, 1], T.STRING),
        ([2**60], T.STRING),
    ],
)
def test_the_types_of_json_count(
    sqlite_store: Store, tmp_path: Path, values: list[Any], kind: ValueType
) -> None:
    rows = "".join(
        json.dumps({"external_id": str(n), "extra": value}) + "\n" for n, value in enumerate(values)
    )
    assert created(sqlite_store, written(tmp_path, rows, "x.ndjson")) == {"extra": kind}


def test_the_values_are_imported_with_the_new_types(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,Shoe Size,memberSince\na,42,2020-01-31\nb,,\n")
    assert created(store, path) == {"shoe_size": T.INTEGER, "member_since": T.DATE}
    assert listed(store, "shoe_size", "member_since") == [(42, dt.date(2020, 1, 31)), (None, None)]
    assert outcome(imported(store, path)) == (0, 0, 2, 0, 0)


def test_a_type_is_judged_by_the_whole_file(store: Store, tmp_path: Path) -> None:
    rows = "".join(f"u{n},{n}\n" for n in range(CHUNK + 1))
    path = written(tmp_path, f"external_id,extra\n{rows}last,word\n")
    assert created(store, path) == {"extra": T.STRING}


def test_a_date_format_makes_dates_of_numbers(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,day,moment\na,19970101,20260131 1020\n")
    found = created(store, path, date_formats=("%Y%m%d", "%Y%m%d %H%M"))
    assert found == {"day": T.DATE, "moment": T.DATETIME}
    moment = dt.datetime(2026, 1, 31, 10, 20, tzinfo=dt.UTC)
    assert listed(store, "day", "moment") == [(dt.date(1997, 1, 1), moment)]


def test_value_maps_and_nulls_come_before_inference(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,done\na,Completed\nb,NULL\n")
    maps = {"done": {"Completed": "true"}}
    assert created(store, path, value_maps=maps, nulls=("NULL",)) == {"done": T.BOOLEAN}
    assert listed(store, "done") == [(True,), (None,)]


def test_a_column_without_any_value_makes_no_attribute(store: Store, tmp_path: Path) -> None:
    result = imported(store, written(tmp_path, "external_id,extra\na,\n"), create_attributes=True)
    assert result.created_attributes == ()
    assert result.ignored_columns == ("extra",)


def test_a_new_attribute_can_have_another_name_than_its_column(
    store: Store, tmp_path: Path
) -> None:
    path = written(tmp_path, "external_id,1st\na,5\n")
    with pytest.raises(UsageError, match='"1st" cannot be an attribute name') as caught:
        created(store, path)
    assert '--map "1st"=NAME' in str(caught.value.hint)
    assert created(store, path, maps=(ColumnMap("1st", "first"),)) == {"first": T.INTEGER}
    assert created(store, path, ignore=("1st",)) == {}


def test_existing_attributes_and_relations_are_used_and_not_made(
    store: Store, tmp_path: Path
) -> None:
    imported(store, written(tmp_path, "external_id\nacme\n"), ObjectType.COMPANY)
    path = written(tmp_path, "external_id,Name,company,extra\na,A,acme,1\n")
    assert created(store, path) == {"extra": T.INTEGER}
    assert created(store, path) == {}


def test_tags_from_json_lists(store: Store, tmp_path: Path) -> None:
    text = '{"external_id": "a", "hobbies": ["chess", "go"]}\n'
    path = written(tmp_path, text, "x.ndjson")
    assert created(store, path) == {"hobbies": T.TAGS}
    assert listed(store, "hobbies") == [(["chess", "go"],)]
    assert outcome(imported(store, path)) == (0, 0, 1, 0, 0)


def names(store: Store) -> set[str]:
    listed = attributes.list_attributes(store, ObjectType.CONTACT)
    return {view.name for view in listed if view.source == "custom"}


def test_an_import_that_fails_takes_its_attributes_back(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,extra,score\na,1,2\nb,1,?\n")
    with pytest.raises(FileError):
        created(store, path)
    assert names(store) == set()
    result = imported(store, path, create_attributes=True, on_error=OnError.SKIP)
    assert (result.created, result.rejected) == (1, 1)
    assert names(store) == {"extra"}


def test_a_dry_run_creates_no_attributes_but_says_which(store: Store, tmp_path: Path) -> None:
    imported(store, written(tmp_path, "external_id\na\nb\n"))
    path = written(tmp_path, "external_id,extra\na,1\nb,\nc,3\n")
    result = imported(store, path, create_attributes=True, dry_run=True)
    assert [attribute.name for attribute in result.created_attributes] == ["extra"]
    assert outcome(result) == (1, 1, 1, 0, 0)
    assert names(store) == set()
