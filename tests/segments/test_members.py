"""Who is in a segment: stored, live, and the difference."""

import datetime as dt

import pytest

from segctl.catalog import ObjectType
from segctl.errors import ConditionError, NotFound, SegctlError
from segctl.services import members
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import add, companies, recalc, segment, sql

BIG = "size > 50"


def stored(store: Store, name: str = "Big", **more):
    with members.stored(store, name, **more) as found:
        return list(found.rows)


def live(store: Store, name: str = "Big", now: dt.datetime = NOW, **more):
    with members.live(store, name, now=now, **more) as found:
        return list(found.rows)


def changes(store: Store, name: str = "Big", now: dt.datetime = NOW, **more):
    with members.changes(store, name, now=now, **more) as found:
        return list(found.rows)


def test_members_are_listed_by_id_with_id_and_names(store: Store):
    ids = add(
        store,
        "company",
        [
            {"name": "B", "size": 60, "external_id": "b"},
            {"name": "A", "size": 70},
            {"name": "C", "size": 1},
        ],
    )
    segment(store, "Big", BIG)
    recalc(store)
    assert stored(store) == [
        {"id": ids[0], "external_id": "b", "name": "B"},
        {"id": ids[1], "external_id": None, "name": "A"},
    ]


def test_chosen_columns_go_through_relations(store: Store):
    [acme] = add(store, "company", [{"name": "Acme", "external_id": "acme", "industry": "Tools"}])
    [id] = add(store, "contact", [{"name": "Ann", "company_id": acme}])
    sql(store, "INSERT INTO contact_item VALUES ('tags', 'vip', :id)", id=id)
    segment(store, "All", "everything", type="contact")
    recalc(store)
    columns = ["name", "company.industry", "company", "tags"]
    assert stored(store, "All", columns=columns) == [
        {
            "id": id,
            "name": "Ann",
            "company.industry": "Tools",
            "company": "acme",
            "tags": ["vip"],
        }
    ]


def test_an_unknown_column_proposes_the_nearest(store: Store):
    segment(store, "Big", BIG)
    recalc(store)
    with pytest.raises(NotFound) as raised:
        stored(store, columns=["nam"])
    assert raised.value.hint == 'did you mean "name"?'


def test_a_deleted_record_is_left_out_before_it_leaves(store: Store):
    ids = companies(store, [60, 70])
    segment(store, "Big", BIG)
    recalc(store)
    sql(store, "DELETE FROM company WHERE id = :id", id=ids[0])
    assert [row["id"] for row in stored(store)] == ids[1:]


def test_a_segment_that_was_never_counted_has_no_stored_members(store: Store):
    segment(store, "Big", BIG)
    with pytest.raises(SegctlError, match="never counted") as raised:
        stored(store)
    assert "--live" in (raised.value.hint or "")


def test_a_limit_cuts_the_list(store: Store):
    companies(store, [60, 70, 80])
    segment(store, "Big", BIG)
    recalc(store)
    assert len(stored(store, limit=2)) == 2


def test_live_members_are_those_of_now(store: Store):
    companies(store, [60])
    segment(store, "Big", BIG)
    recalc(store)
    new = companies(store, [70])
    assert [row["id"] for row in live(store)][1:] == new
    assert len(stored(store)) == 1


def test_live_members_can_be_those_of_another_time(store: Store):
    add(store, "company", [{"name": "x", "created_at": NOW - dt.timedelta(days=10)}])
    segment(store, "New", "created_at in last 7 days")
    assert live(store, "New") == []
    assert len(live(store, "New", now=NOW - dt.timedelta(days=5))) == 1


def test_the_difference_names_who_would_enter_and_leave(store: Store):
    ids = companies(store, [60, 70, 80])
    segment(store, "Big", BIG)
    recalc(store)
    sql(store, "UPDATE company SET size = 1 WHERE id = :id", id=ids[0])
    sql(store, "DELETE FROM company WHERE id = :id", id=ids[1])
    new = companies(store, [90])
    assert changes(store, columns=["name"]) == [
        {"change": "left", "id": ids[0], "name": "Company 60"},
        {"change": "left", "id": ids[1], "name": None},
        {"change": "entered", "id": new[0], "name": "Company 90"},
    ]
    assert len(changes(store, limit=1)) == 1


def test_a_difference_that_is_longer_than_a_chunk_is_whole(store: Store, monkeypatch):
    monkeypatch.setattr(members, "CHUNK", 2)
    ids = companies(store, range(60, 65))
    segment(store, "Big", BIG)
    assert [row["id"] for row in changes(store)] == ids


def test_a_fresh_segment_differs_in_nothing(store: Store):
    companies(store, [60])
    segment(store, "Big", BIG)
    recalc(store)
    assert changes(store) == []


def test_a_live_count_stores_nothing(store: Store):
    companies(store, [60, 70])
    segment(store, "Big", BIG)
    view, count = members.count_live(store, "Big", now=NOW)
    assert (view.count, count) == (None, 2)
    assert sql(store, "SELECT count(*) FROM company_member")[0][0] == 0


def test_a_preview_counts_and_shows_the_first_rows(store: Store):
    ids = companies(store, [60, 70, 80])
    found = members.preview(store, type=ObjectType.COMPANY, where="size>50", limit=2, now=NOW)
    assert (found.count, found.canonical) == (3, "size > 50")
    assert [row["id"] for row in found.rows] == ids[:2]


def test_a_preview_of_a_bad_condition_says_where(store: Store):
    with pytest.raises(ConditionError):
        members.preview(store, type=ObjectType.COMPANY, where="sise > 50", now=NOW)
