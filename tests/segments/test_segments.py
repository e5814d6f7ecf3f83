"""Segments: define, change, rename, delete, show."""

import datetime as dt

import pytest
import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.errors import (
    AlreadyExists,
    ConditionError,
    InUse,
    InvalidValue,
    NotFound,
    SegctlError,
    UsageError,
)
from segctl.services import segments
from segctl.services.segments import find, rename, show
from segctl.store.opening import Store
from segctl.store.tables import AuditEntry
from tests.conftest import NOW
from tests.engine.workspace import ACTOR, changes, companies, edit, recalc, segment, sql, stored

LATER = NOW + dt.timedelta(days=1)


def delete(store: Store, name: str, **more):
    return segments.delete(store, name, now=NOW, actor=ACTOR, **more)


def audit(store: Store) -> list[AuditEntry]:
    with store.read() as session:
        return list(session.execute(sa.select(AuditEntry).order_by(AuditEntry.id)).scalars())


# ---------------------------------------------------------------- create


def test_a_new_segment_is_not_counted_and_not_stale(store: Store):
    view = segment(store, "Big", "size > 50", description="The big ones", interval=60)
    assert (view.count, view.stale, view.status) == (None, False, "never counted")
    assert (view.description, view.interval, view.modified_at) == ("The big ones", 60, NOW)


def test_without_an_interval_it_has_the_default(store: Store):
    assert segment(store, "Big", "size > 50").interval == 240


def test_names_are_unique_in_a_type_ignoring_case(store: Store):
    segment(store, "Straße Σ", "size > 50")
    with pytest.raises(AlreadyExists) as raised:
        segment(store, "STRAßE ς", "size > 50")
    assert '"Straße Σ"' in raised.value.message
    segment(store, "Straße Σ", "everything", type="deal")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", "a\0", "x" * 201, "a\u2028b"])
def test_names_that_cannot_be_shown_are_refused(sqlite_store: Store, name: str):
    with pytest.raises(InvalidValue):
        segment(sqlite_store, name, "size > 50")


def test_spaces_around_a_name_are_not_part_of_it(sqlite_store: Store):
    assert segment(sqlite_store, "  Big  ", "size > 50").name == "Big"


@pytest.mark.parametrize("name", ['say "hi"', "back\\slash", "[bold]x", "日本語", "100% _off_"])
def test_odd_names_can_be_referred_to(store: Store, name: str):
    companies(store, [60])
    segment(store, name, "size > 50")
    text = name.replace("\\", "\\\\").replace('"', '\\"')
    segment(store, "Reader", f'in segment "{text}"')
    assert recalc(store)["Reader"].count_after == 1


def test_a_condition_is_checked_against_the_catalog(store: Store):
    with pytest.raises(ConditionError, match="unknown attribute"):
        segment(store, "Big", "sise > 50")
    assert segments.list_segments(store) == []
    assert audit(store) == []


def test_an_unknown_segment_in_a_condition_is_refused(store: Store):
    with pytest.raises(ConditionError):
        segment(store, "A", 'in segment "Nobody"')


def test_events_have_no_segments(sqlite_store: Store):
    with pytest.raises(UsageError, match="events have no segments"):
        segment(sqlite_store, "A", "everything", type="event")


def test_an_interval_below_the_workspaces_minimum_is_refused(store: Store):
    with pytest.raises(InvalidValue, match="allows 30m and longer"):
        segment(store, "Big", "size > 50", interval=10)
    sql(store, "UPDATE workspace SET min_interval = 5")
    assert segment(store, "Big", "size > 50", interval=10).interval == 10


def test_manual_is_never_too_short(store: Store):
    assert segment(store, "Big", "size > 50", interval=0).interval == 0


# ---------------------------------------------------------------- edit


def test_another_condition_makes_the_segment_stale_and_keeps_its_members(store: Store):
    ids = companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    view = edit_later(store, "Big", where="size > 65")
    assert (view.stale, view.status, view.count) == (True, "stale", 2)
    assert view.modified_at == LATER
    assert stored(store, "Big") == ids
    recalc(store)
    assert find(store, "Big").status == "up to date"
    assert stored(store, "Big") == ids[1:]


def edit_later(store: Store, name: str, **more):
    return segments.edit(store, name, now=LATER, actor=ACTOR, **more)


def test_another_spelling_of_the_condition_changes_nothing_but_the_text(store: Store):
    segment(store, "Big", "size > 50")
    recalc(store)
    view = edit_later(store, "Big", where="SIZE".lower() + "  >  50 # at least")
    assert not view.stale
    assert view.modified_at == NOW
    assert view.condition == "size  >  50 # at least"


def test_interval_and_description_do_not_make_it_stale(store: Store):
    segment(store, "Big", "size > 50")
    recalc(store)
    view = edit_later(store, "Big", interval=60, description="x", max_change="20%")
    assert not view.stale
    assert view.modified_at == NOW
    assert (view.interval, view.description, view.max_change) == (60, "x", "20%")


def test_a_guard_can_be_taken_away(store: Store):
    segment(store, "Big", "size > 50", max_change="500")
    assert edit(store, "Big", max_change="").max_change is None


def test_an_edit_of_nothing_is_refused(sqlite_store: Store):
    segment(sqlite_store, "Big", "size > 50")
    with pytest.raises(UsageError):
        edit(sqlite_store, "Big")


def test_a_refused_edit_changes_nothing(store: Store):
    segment(store, "Big", "size > 50")
    with pytest.raises(ConditionError):
        edit(store, "Big", where="size >", description="new")
    assert find(store, "Big").description == ""


def test_a_segment_cannot_refer_to_itself(store: Store):
    segment(store, "A", "size > 50")
    with pytest.raises(ConditionError) as raised:
        edit(store, "A", where='in segment "a"')
    assert 'made of itself: "A" → "A"' in raised.value.message


def test_a_cycle_is_refused_and_printed(store: Store):
    segment(store, "A", "size > 50")
    segment(store, "B", 'in segment "A"')
    segment(store, "C", 'in segment "B"')
    with pytest.raises(ConditionError) as raised:
        edit(store, "A", where='size > 1 and not in segment "C"')
    assert '"A" → "C" → "B" → "A"' in raised.value.message
    assert find(store, "A").condition == "size > 50"


def test_a_cycle_through_relations_is_one_too(store: Store):
    segment(store, "Firms", "everything")
    segment(store, "People", 'company in segment "Firms"', type="contact")
    with pytest.raises(ConditionError, match="made of itself"):
        edit(store, "Firms", where='any contacts (in segment "People")')


def test_a_diamond_is_fine(store: Store):
    segment(store, "A", "size > 50")
    segment(store, "B", 'in segment "A"')
    segment(store, "C", 'in segment "A"')
    segment(store, "D", 'in segment "B" and in segment "C"')
    assert show(store, "D").reads == ("B", "C")
    assert show(store, "A").read_by == ("B", "C")


def test_an_edit_changes_what_it_refers_to(store: Store):
    segment(store, "A", "size > 50")
    segment(store, "B", 'in segment "A"')
    edit(store, "B", where="size > 60")
    assert show(store, "A").read_by == ()
    delete(store, "A")


# ---------------------------------------------------------------- rename


def test_a_new_name_is_written_into_the_conditions_that_refer_to_it(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "A", 'size < 9 or   in segment "big" # the big ones')
    recalc(store)
    view, rewritten = rename(store, "Big", 'The "large" ones', now=LATER, actor=ACTOR)
    assert (view.name, rewritten) == ('The "large" ones', ["A"])
    reader = find(store, "A")
    assert reader.condition == 'size < 9 or   in segment "The \\"large\\" ones" # the big ones'
    assert not reader.stale
    assert (reader.modified_at, view.modified_at) == (NOW, NOW)
    assert recalc(store)["A"].done


def test_a_name_can_change_its_case_only(store: Store):
    segment(store, "big", "size > 50")
    assert rename(store, "big", "BIG", now=NOW, actor=ACTOR)[0].name == "BIG"


def test_a_name_that_is_taken_is_refused(store: Store):
    segment(store, "A", "size > 50")
    segment(store, "B", "size > 50")
    with pytest.raises(AlreadyExists):
        rename(store, "A", "b", now=NOW, actor=ACTOR)


def test_a_reader_that_can_no_longer_be_read_stops_the_renaming(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "A", 'in segment "Big"')
    sql(store, "UPDATE segment SET condition = 'gone = 1' WHERE name = 'A'")
    with pytest.raises(SegctlError, match='condition of "A"'):
        rename(store, "Big", "Large", now=NOW, actor=ACTOR)
    assert find(store, "Big").name == "Big"


# ---------------------------------------------------------------- delete


def test_deleting_a_segment_takes_members_and_history_and_leaves_records(store: Store):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "UPDATE company SET size = 1 WHERE size = 60")
    recalc(store)
    delete(store, "Big")
    for table in ("segment", "segment_state", "company_member", "recalculation", "member_change"):
        assert sql(store, f"SELECT count(*) FROM {table}")[0][0] == 0
    assert sql(store, "SELECT count(*) FROM company")[0][0] == 2


def test_deleting_leaves_the_members_of_others(store: Store):
    ids = companies(store, [60])
    segment(store, "A", "size > 50")
    segment(store, "B", "size > 50")
    recalc(store)
    delete(store, "A")
    assert stored(store, "B") == ids


def test_deleting_a_referenced_segment_is_refused(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "A", 'in segment "Big"')
    with pytest.raises(InUse) as raised:
        delete(store, "Big")
    assert raised.value.fields["used_by"] == ["A"]
    assert '"A"' in raised.value.message


def test_force_deletes_it_and_its_readers_fail_from_then_on(store: Store):
    ids = companies(store, [60])
    segment(store, "Big", "size > 50")
    segment(store, "A", 'in segment "Big"')
    recalc(store)
    delete(store, "Big", force=True)
    error = recalc(store)["A"].error
    assert error is not None
    assert "Big" in error.message
    assert stored(store, "A") == ids
    details = show(store, "A")
    assert details.canonical is None
    assert details.problem is not None
    assert "Big" in details.problem


def test_an_id_is_never_used_twice(store: Store):
    first = segment(store, "A", "size > 50").id
    delete(store, "A")
    assert segment(store, "A", "size > 50").id > first


# ---------------------------------------------------------------- find and show


def test_a_segment_is_found_by_name_in_any_case_and_by_id(store: Store):
    id = segment(store, "Big Ones", "size > 50").id
    assert {find(store, ref).id for ref in ("big ones", " BIG ONES ", str(id), f"#{id}")} == {id}


def test_a_name_made_of_digits_beats_an_id(store: Store):
    first = segment(store, "A", "size > 50").id
    other = segment(store, str(first), "size > 50").id
    assert find(store, str(first)).id == other
    assert find(store, f"#{first}").id == first


def test_a_name_of_two_types_asks_for_the_type(store: Store):
    segment(store, "All", "everything")
    segment(store, "All", "everything", type="deal")
    with pytest.raises(UsageError) as raised:
        find(store, "all")
    assert raised.value.hint == "--type company"
    assert find(store, "all", ObjectType.DEAL).type is ObjectType.DEAL


def test_an_unknown_name_proposes_the_nearest(store: Store):
    segment(store, "Big deals", "everything", type="deal")
    with pytest.raises(NotFound) as raised:
        find(store, "Big deal")
    assert raised.value.hint == 'did you mean "Big deals"?'


def test_listings_go_by_type_and_name(store: Store):
    segment(store, "b", "everything", type="deal")
    segment(store, "A", "everything", type="deal")
    segment(store, "Z", "everything", type="contact")
    assert [view.name for view in segments.list_segments(store)] == ["Z", "A", "b"]
    deals = segments.list_segments(store, ObjectType.DEAL)
    assert [view.name for view in deals] == ["A", "b"]


def test_show_gives_the_canonical_form_and_the_last_runs(store: Store):
    segment(store, "Big", "size>50   AND size<=99")
    recalc(store)
    recalc(store)
    details = show(store, "Big", runs=1)
    assert details.canonical == "size > 50 and size <= 99"
    assert [run.baseline for run in details.runs] == [False]


# ---------------------------------------------------------------- the zone of the workspace


def test_another_zone_makes_what_looks_at_time_stale(store: Store):
    segment(store, "New", "created_at in last 7 days")
    segment(store, "Big", "size > 50")
    recalc(store)
    with store.write() as session:
        session.execute(sa.text("UPDATE workspace SET timezone = 'Asia/Tokyo'"))
        changed = segments.rehash(session)
    assert changed == [find(store, "New").id]
    assert find(store, "New").stale
    assert not find(store, "Big").stale


# ---------------------------------------------------------------- the audit trail


def test_every_change_is_audited(store: Store):
    segment(store, "Big", "size > 50")
    edit(store, "Big", where="size > 60")
    rename(store, "Big", "Large", now=NOW, actor=ACTOR)
    delete(store, "Large")
    entries = audit(store)
    assert [entry.action for entry in entries] == ["create", "edit", "rename", "delete"]
    assert {entry.actor for entry in entries} == {ACTOR}
    assert entries[1].before == {"condition": "size > 50"}
    assert entries[1].after == {"condition": "size > 60"}
    assert entries[3].before["name"] == "Large"


def test_an_edit_that_changes_nothing_is_not_audited(store: Store):
    segment(store, "Big", "size > 50", description="x")
    edit(store, "Big", description="x")
    assert len(audit(store)) == 1


def test_the_history_of_a_recalculation_is_no_audit_entry(store: Store):
    segment(store, "Big", "size > 50")
    recalc(store)
    assert changes(store, "Big") == []
    assert len(audit(store)) == 1
