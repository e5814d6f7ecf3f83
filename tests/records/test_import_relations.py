"""Rows that name other records: found, missing, ambiguous, several."""

from pathlib import Path
from typing import Any

import pytest

from segctl.catalog import ObjectType
from segctl.errors import FileError, NotFound, UsageError
from segctl.services.imports.options import OnDuplicate, OnError, OnMissing, Relate
from segctl.store.opening import Store
from tests.records.loading import LATER, imported, listed, outcome, written

DEAL, COMPANY, PRODUCT = ObjectType.DEAL, ObjectType.COMPANY, ObjectType.PRODUCT


@pytest.fixture
def crm(store: Store, tmp_path: Path) -> Store:
    """A store with two companies called Twin, one called Acme, and three products."""
    firms = "external_id,name\nacme,Acme\nt1,Twin\nt2,Twin\n"
    imported(store, written(tmp_path, firms), COMPANY)
    goods = "external_id,name\np1,One\np2,Two\na;b,Odd\n"
    imported(store, written(tmp_path, goods), PRODUCT)
    return store


def deals(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    return listed(store, *(columns or ("external_id", "company")), type=DEAL)


def test_a_relation_is_found_by_external_id(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,account\nd1,acme\nd2,\nd3,t2\n")
    imported(crm, path, DEAL, relates=(Relate("company", "account"),))
    assert deals(crm) == [("d1", "acme"), ("d2", None), ("d3", "t2")]


def test_a_column_with_the_name_of_a_relation_relates_by_itself(crm: Store, tmp_path: Path) -> None:
    imported(crm, written(tmp_path, "external_id,Company\nd1,acme\n"), DEAL)
    assert deals(crm) == [("d1", "acme")]


def test_a_relation_is_found_by_another_attribute(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,account\nd1,Acme\n")
    imported(crm, path, DEAL, relates=(Relate("company", "account:name"),))
    assert deals(crm) == [("d1", "acme")]


def test_a_record_without_external_id_is_named_by_its_number(crm: Store, tmp_path: Path) -> None:
    imported(crm, written(tmp_path, "name\nNameless\n"), COMPANY, no_id=True)
    ((number,),) = [
        (id,) for id, name in listed(crm, "id", "name", type=COMPANY) if name == "Nameless"
    ]
    imported(crm, written(tmp_path, f"external_id,company\nd1,#{number}\n"), DEAL)
    assert deals(crm) == [("d1", f"#{number}")]


def test_an_external_id_that_looks_like_a_number_wins(crm: Store, tmp_path: Path) -> None:
    imported(crm, written(tmp_path, "external_id\n#1\n"), COMPANY)
    imported(crm, written(tmp_path, "external_id,company\nd1,#1\nd2,#2\n"), DEAL)
    assert deals(crm) == [("d1", "#1"), ("d2", "t1")]


def test_an_unknown_relation_rejects_the_row(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,company\nd1,acme\nd2,nobody\n")
    with pytest.raises(FileError, match='line 3, column "company": there is no company "nobody"'):
        imported(crm, path, DEAL)
    result = imported(crm, path, DEAL, on_error=OnError.SKIP)
    assert outcome(result) == (1, 0, 0, 0, 1)
    assert (result.rejections[0].column, result.rejections[0].value) == ("company", "nobody")


def test_an_ambiguous_relation_rejects_the_row(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,account\nd1,Twin\n")
    with pytest.raises(FileError, match='several company records have the name "Twin"'):
        imported(
            crm,
            path,
            DEAL,
            relates=(Relate("company", "account:name"),),
            on_missing=OnMissing.CREATE,
        )


def test_an_unknown_relation_can_stay_empty(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,company,products\nd1,nobody,p1;nothing\n")
    result = imported(crm, path, DEAL, on_missing=OnMissing.NULL)
    assert outcome(result) == (1, 0, 0, 0, 0)
    assert result.relations_left_empty == 2
    assert deals(crm, "company", "products") == [(None, ["p1"])]


def test_an_unknown_relation_can_be_created(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,company\nd1,new\nd2,new\nd3,acme\n")
    result = imported(crm, path, DEAL, on_missing=OnMissing.CREATE)
    assert result.related_created == {COMPANY: 1}
    assert deals(crm) == [("d1", "new"), ("d2", "new"), ("d3", "acme")]
    assert listed(crm, "external_id", "name", type=COMPANY)[-1] == ("new", None)
    again = imported(crm, path, DEAL, on_missing=OnMissing.CREATE)
    assert (again.related_created, again.unchanged) == ({}, 3)


def test_a_record_created_by_name_takes_the_name_as_external_id_if_it_is_free(
    crm: Store, tmp_path: Path
) -> None:
    path = written(tmp_path, "external_id,account\nd1,New\nd2,acme\n")
    relates = (Relate("company", "account:name"),)
    imported(crm, path, DEAL, relates=relates, on_missing=OnMissing.CREATE)
    assert listed(crm, "external_id", "name", type=COMPANY)[-2:] == [("New", "New"), (None, "acme")]


def test_a_dry_run_creates_no_relations(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,company\nd1,new\n")
    result = imported(crm, path, DEAL, on_missing=OnMissing.CREATE, dry_run=True)
    assert result.related_created == {COMPANY: 1}
    assert len(listed(crm, "name", type=COMPANY)) == 3


def test_rows_that_are_left_out_create_no_relations(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,company,value\nd1,new,?\n")
    result = imported(crm, path, DEAL, on_missing=OnMissing.CREATE, on_error=OnError.SKIP)
    assert (result.rejected, result.related_created) == (1, {})


def test_several_products_of_a_deal(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, 'external_id,goods\nd1,p1; p2\nd2,"[""a;b""]"\nd3,\n')
    relates = (Relate("products", "goods"),)
    imported(crm, path, DEAL, relates=relates)
    assert deals(crm, "products") == [(["p1", "p2"],), (["a;b"],), ([],)]
    assert outcome(imported(crm, path, DEAL, relates=relates)) == (0, 0, 3, 0, 0)
    changed = written(tmp_path, "external_id,goods\nd1,p2\nd2,p1\nd3,\n")
    result = imported(crm, changed, DEAL, relates=relates, now=LATER)
    assert outcome(result) == (0, 2, 1, 0, 0)
    assert deals(crm, "products") == [(["p2"],), (["p1"],), ([],)]
    assert deals(crm, "updated_at")[0] == (LATER,)


def test_the_deals_of_a_product_from_the_other_side(crm: Store, tmp_path: Path) -> None:
    imported(crm, written(tmp_path, "external_id\nd1\nd2\n"), DEAL)
    path = written(tmp_path, "external_id,deals\np1,d1;d2\n")
    assert outcome(imported(crm, path, PRODUCT)) == (0, 1, 0, 0, 0)
    assert deals(crm, "products") == [(["p1"],), (["p1"],)]
    assert outcome(imported(crm, path, PRODUCT)) == (0, 0, 1, 0, 0)


def test_a_relation_moves_and_goes(crm: Store, tmp_path: Path) -> None:
    imported(crm, written(tmp_path, "external_id,company\nd1,acme\nd2,acme\n"), DEAL)
    result = imported(crm, written(tmp_path, "external_id,company\nd1,t1\nd2,\n"), DEAL)
    assert outcome(result) == (0, 2, 0, 0, 0)
    assert deals(crm) == [("d1", "t1"), ("d2", None)]


def test_a_value_map_mends_the_names_of_relations(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,company,products\nd1,ACME,P1;p2\n")
    maps = {"company": {"ACME": "acme"}, "products": {"P1": "p1"}}
    imported(crm, path, DEAL, value_maps=maps)
    assert deals(crm, "company", "products") == [("acme", ["p1", "p2"])]


@pytest.mark.parametrize("chunk", [1, 4_000])
@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (OnDuplicate.FIRST, (2, 0, 0, 2, 1)),
        (OnDuplicate.REJECT, (2, 0, 0, 0, 3)),
        (OnDuplicate.LAST, (2, 1, 0, 0, 2)),
    ],
)
def test_a_row_with_a_wrong_relation_leaves_its_id_to_the_next(
    crm: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    choice: OnDuplicate,
    expected: tuple[int, ...],
    chunk: int,
) -> None:
    monkeypatch.setattr("segctl.services.imports.csv_rows.CHUNK", chunk)
    rows = "d1,nobody\nd1,acme\nd1,t1\nd2,acme\nd2,nobody\n"
    path = written(tmp_path, "external_id,company\n" + rows)
    result = imported(crm, path, DEAL, on_error=OnError.SKIP, on_duplicate=choice)
    assert (result.rows, outcome(result)) == (5, expected)
    last = "t1" if choice is OnDuplicate.LAST else "acme"
    assert deals(crm) == [("d1", last), ("d2", "acme")]


@pytest.mark.parametrize(
    ("relate", "kind", "words"),
    [
        (Relate("firm", "a"), NotFound, 'deal has no relation "firm"'),
        (Relate("tasks", "a"), UsageError, "is kept with the tasks"),
        (Relate("company", "x"), FileError, 'has no column "x"'),
        (Relate("company", "a:nothing"), NotFound, 'company has no attribute "nothing"'),
        (Relate("company", "a:revenue"), UsageError, "cannot be looked up by company.revenue"),
    ],
)
def test_relations_that_do_not_fit_are_refused(
    sqlite_store: Store, tmp_path: Path, relate: Relate, kind: Any, words: str
) -> None:
    with pytest.raises(kind, match=words):
        imported(sqlite_store, written(tmp_path, "external_id,a\n"), DEAL, relates=(relate,))


def test_a_column_name_with_a_colon_is_a_column(crm: Store, tmp_path: Path) -> None:
    path = written(tmp_path, "external_id,a:name\nd1,acme\n")
    imported(crm, path, DEAL, relates=(Relate("company", "a:name"),))
    assert deals(crm) == [("d1", "acme")]


def test_more_keys_than_are_remembered(
    crm: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segctl.services.imports.relations._MEMORY", 2)
    monkeypatch.setattr("segctl.services.imports.csv_rows.CHUNK", 3)
    names = ["acme", "t1", "t2", "acme", "t2", "t1", "acme"]
    text = "".join(f"d{n},{name}\n" for n, name in enumerate(names))
    imported(crm, written(tmp_path, "external_id,company\n" + text), DEAL)
    assert [company for _, company in deals(crm)] == names
