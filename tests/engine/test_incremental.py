"""Incremental recalculation: which records are evaluated, when it is exact, and when it is not."""

from collections.abc import Iterator
import datetime as dt
import json
from typing import Any

import pytest
import sqlalchemy as sa

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.config_hooks import Hook
from segctl.engine import apply, choice, commit, incremental, together
from segctl.engine.candidates import Past, Sets, stretches
from segctl.engine.definition import load_definition, vocabulary
from segctl.engine.influences import influences
from segctl.engine.modes import Mode
from segctl.engine.seen import parse_seen
from segctl.errors import Busy
from segctl.services import attributes, recalculation, segments, stores, workspace
from segctl.services.outcomes import Outcome, Result
from segctl.store.opening import Store, open_store
from segctl.store.tables import SegmentState
from tests.conftest import NOW
from tests.engine.workspace import (
    ACTOR,
    ROOT,
    add,
    changes,
    companies,
    edit,
    leases,
    recalc,
    runs,
    segment,
    sql,
    stored,
)
from tests.store.foreign import Program, program

HOUR = dt.timedelta(hours=1)
LATER = NOW + HOUR
DAY = dt.timedelta(days=1)


@pytest.fixture
def foreign(store: Store) -> Iterator[Program]:
    with program(store) as session:
        yield session


def seen(outcome: Outcome) -> tuple[str, int | None, int | None, int | None]:
    """What a recalculation did: mode, candidates, entered, left."""
    return outcome.mode, outcome.candidates, outcome.entered, outcome.left


def once(store: Store, where: str, type: str = "contact", name: str = "S") -> None:
    """A segment that was counted."""
    segment(store, name, where, type=type)
    assert recalc(store)[name].mode == "full"


# ---------------------------------------------------------------- candidates


def test_only_written_records_are_evaluated(store: Store, foreign: Program) -> None:
    ids = companies(store, [10, 60, 70])
    once(store, "size > 50", "company")
    foreign.run(f"UPDATE company SET size = 99 WHERE id = {ids[0]}")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 1, 0)
    assert stored(store, "S") == ids
    foreign.run(
        f"DELETE FROM company WHERE id = {ids[1]}", "INSERT INTO company (size) VALUES (80)"
    )
    assert seen(recalc(store)["S"]) == ("incremental", 2, 1, 1)
    assert stored(store, "S") == [ids[0], ids[2], ids[2] + 1]


def test_a_companys_industry_changes_its_contacts(store: Store, foreign: Program) -> None:
    one, two = companies(store, [1, 2])
    contacts = add(store, "contact", [{"company_id": c} for c in (one, one, two, None)])
    once(store, 'company.industry = "Software"')
    foreign.run(f"UPDATE company SET industry = 'Software' WHERE id = {one}")
    assert seen(recalc(store)["S"]) == ("incremental", 2, 2, 0)
    assert stored(store, "S") == contacts[:2]


def test_a_path_leads_back_over_every_hop(store: Store, foreign: Program) -> None:
    [company] = companies(store, [1])
    [contact] = add(store, "contact", [{"company_id": company}])
    deals = add(store, "deal", [{"contact_id": contact}, {"contact_id": None}])
    once(store, 'contact.company.industry = "Software"', "deal")
    foreign.run(f"UPDATE company SET industry = 'Software' WHERE id = {company}")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 1, 0)
    foreign.run(f"UPDATE contact SET company_id = NULL WHERE id = {contact}")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 0, 1)
    assert deals


def test_a_moved_deal_changes_its_old_and_its_new_contact(store: Store, foreign: Program) -> None:
    contacts = add(store, "contact", [{}, {}, {}])
    add(store, "deal", [{"contact_id": contacts[0], "value": 9.0}])
    once(store, "any deals (value > 5)")
    foreign.run(f"UPDATE deal SET contact_id = {contacts[1]}")
    assert seen(recalc(store)["S"]) == ("incremental", 2, 1, 1)
    foreign.run("DELETE FROM deal")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 0, 1)


def test_links_change_both_ends(store: Store, foreign: Program) -> None:
    deals = add(store, "deal", [{}, {}])
    products = add(store, "product", [{"price": 9.0}, {}])
    segment(store, "Deals", "any products (price > 5)", type="deal")
    segment(store, "Products", "count(deals) >= 1", type="product")
    recalc(store)
    foreign.run(f"INSERT INTO deal_product VALUES ({deals[0]}, {products[0]})")
    recalc(store)
    assert (stored(store, "Deals"), stored(store, "Products")) == ([deals[0]], [products[0]])
    foreign.run("DELETE FROM deal_product")
    outcomes = recalc(store)
    assert seen(outcomes["Deals"]) == ("incremental", 1, 0, 1)
    assert seen(outcomes["Products"]) == ("incremental", 1, 0, 1)
    foreign.run(
        f"INSERT INTO deal_product VALUES ({deals[1]}, {products[1]})",
        f"UPDATE product SET price = 9 WHERE id = {products[1]}",
    )
    recalc(store)
    assert stored(store, "Deals") == [deals[1]]


def test_events_change_their_contacts_though_they_are_gone(store: Store, foreign: Program) -> None:
    contacts = add(store, "contact", [{}, {}])
    once(store, 'event "login" at least 1 times')
    insert = "INSERT INTO event (name, occurred_at, contact_id) VALUES ('login', "
    foreign.run(f"{insert} '2026-03-01T00:00:00.000000Z', {contacts[1]})")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 1, 0)
    foreign.run("DELETE FROM event")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 0, 1)


def test_items_change_their_record(store: Store, foreign: Program) -> None:
    contacts = add(store, "contact", [{}, {}])
    once(store, 'tags has "vip"')
    foreign.run(f"INSERT INTO contact_item VALUES ('tags', 'vip', {contacts[0]})")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 1, 0)
    foreign.run("DELETE FROM contact_item")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 0, 1)


def test_time_alone_makes_candidates(store: Store) -> None:
    at = [NOW - 7 * DAY + dt.timedelta(minutes=m) for m in (30, 90)]
    contacts = add(store, "contact", [{"last_seen_at": moment} for moment in (*at, NOW)])
    once(store, "last_seen_at in last 7 days")
    assert stored(store, "S") == contacts
    assert seen(recalc(store, now=LATER)["S"]) == ("incremental", 1, 0, 1)
    assert stored(store, "S") == contacts[1:]
    # The clock of a machine can be set back.
    assert seen(recalc(store, now=NOW)["S"]) == ("incremental", 1, 1, 0)


def test_several_forms_of_time_are_looked_for_at_once(store: Store) -> None:
    rows = [{"last_seen_at": NOW - 7 * DAY, "created_at": NOW - 30 * DAY}, {"last_seen_at": NOW}]
    contacts = add(store, "contact", rows)
    segment(store, "Seen", "last_seen_at in last 7 days", type="contact")
    segment(store, "New", "created_at in last 30 days", type="contact")
    recalc(store)
    outcomes = recalc(store, now=LATER)
    assert [seen(outcomes[name]) for name in ("Seen", "New")] == [("incremental", 1, 0, 1)] * 2
    assert (stored(store, "Seen"), stored(store, "New")) == ([contacts[1]], [])


def test_windows_of_events_move(store: Store) -> None:
    contacts = add(store, "contact", [{}, {}])
    at = NOW - 7 * DAY + dt.timedelta(minutes=30)
    rows = [
        {"name": name, "occurred_at": at, "contact_id": contact, "attributes": {}}
        for name, contact in zip(("login", "other"), contacts, strict=True)
    ]
    add(store, "event", rows)
    once(store, 'event "login" in last 7 days')
    # Only the contact of an event of that name is looked at.
    assert seen(recalc(store, now=LATER)["S"]) == ("incremental", 1, 0, 1)


def test_dates_of_related_records_move(store: Store) -> None:
    contacts = add(store, "contact", [{}, {}])
    add(store, "task", [{"contact_id": contacts[0], "due_at": NOW + dt.timedelta(minutes=30)}])
    once(store, "min(tasks.due_at) before now")
    assert seen(recalc(store, now=LATER)["S"]) == ("incremental", 1, 1, 0)


def test_anniversaries_move_once_a_day(store: Store) -> None:
    add(store, "contact", [{"created_at": NOW.replace(year=2020) - DAY}])
    once(store, "anniversary of created_at on yesterday")
    assert recalc(store, now=LATER)["S"].mode == "skipped"
    assert seen(recalc(store, now=NOW + DAY)["S"]) == ("incremental", 1, 0, 1)


def test_who_entered_or_left_a_segment_is_a_candidate(store: Store, foreign: Program) -> None:
    ids = companies(store, [10, 60])
    contacts = add(store, "contact", [{"company_id": id} for id in ids])
    segment(store, "Big", "size > 50", type="company")
    segment(store, "At big", 'company in segment "Big"', type="contact")
    segment(store, "Small", 'not in segment "Big"', type="company")
    recalc(store)
    foreign.run(f"UPDATE company SET size = 99 WHERE id = {ids[0]}")
    outcomes = recalc(store)
    assert seen(outcomes["At big"]) == ("incremental", 1, 1, 0)
    assert seen(outcomes["Small"]) == ("incremental", 1, 0, 1)
    assert stored(store, "At big") == contacts


def test_a_reference_that_was_recalculated_alone_is_seen_later(
    store: Store, foreign: Program
) -> None:
    ids = companies(store, [10, 60])
    segment(store, "Big", "size > 50", type="company")
    segment(store, "Not big", 'not in segment "Big"', type="company")
    recalc(store)
    foreign.run(f"UPDATE company SET size = 99 WHERE id = {ids[0]}")
    recalc(store, "Big")
    recalc(store, "Big")
    assert recalc(store, "Not big")["Not big"].left == 1


# ---------------------------------------------------------------- nothing to do


def test_what_reads_nothing_that_changed_is_skipped(store: Store, foreign: Program) -> None:
    ids = companies(store, [60])
    once(store, "size > 50", "company")
    before = segments.find(store, "S")
    foreign.run("INSERT INTO contact (name) VALUES ('x')")
    outcome = recalc(store, now=LATER)["S"]
    assert (outcome.result, outcome.mode) == (Result.DONE, "skipped")
    assert (outcome.count_before, outcome.count_after) == (1, 1)
    after = segments.find(store, "S")
    assert after.last_counted_at > before.last_counted_at
    assert stored(store, "S") == ids
    assert leases(store) == []


def test_consecutive_skips_share_a_row(store: Store) -> None:
    companies(store, [60])
    once(store, "size > 50", "company")
    first = recalc(store)["S"].run
    assert recalc(store)["S"].run == first
    assert recalc(store, now=LATER)["S"].run == first
    last = runs(store, "S")[-1]
    assert (last.mode, last.skips, last.count_after) == ("skipped", 3, 1)
    companies(store, [70])
    recalc(store)
    assert recalc(store)["S"].run != first
    assert [run.mode for run in runs(store, "S")] == ["full", "skipped", "incremental", "skipped"]


def test_a_skip_clears_an_error_and_what_was_put_off(store: Store) -> None:
    companies(store, [60])
    once(store, "size > 50", "company")
    sql(store, "UPDATE segment_state SET last_error = 'the disk is full', failures = 2")
    sql(
        store,
        "INSERT INTO segment_schedule (segment_id, failures) SELECT segment_id, 2 "
        "FROM segment_state",
    )
    assert recalc(store)["S"].mode == "skipped"
    view = segments.find(store, "S")
    assert (view.error, view.failures) == (None, 0)
    assert sql(store, "SELECT count(*) FROM segment_schedule")[0][0] == 0


def test_looking_at_idle_segments_takes_as_many_statements_as_looking_at_one(store: Store) -> None:
    companies(store, [60])

    def statements() -> int:
        number = [0]

        def count(*_: object) -> None:
            number[0] += 1

        sa.event.listen(store.engine, "before_cursor_execute", count)
        try:
            assert {outcome.mode for outcome in recalc(store).values()} == {"skipped"}
        finally:
            sa.event.remove(store.engine, "before_cursor_execute", count)
        return number[0]

    once(store, "size > 50", "company")
    recalc(store)
    one = statements()
    for n in range(40):
        segment(store, f"S{n}", f"size > {n}", type="company")
    recalc(store)
    recalc(store)
    assert statements() <= one + 2


def test_a_condition_is_not_read_when_nothing_happened(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    once(store, "size > 50 and created_at < 2026-01-01", "company")

    def refuse(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(incremental, "load_definition", refuse)
    assert recalc(store, now=LATER)["S"].mode == "skipped"


# ---------------------------------------------------------------- not exact: full


def why(store: Store, name: str = "S", **more: Any) -> tuple[str, str]:
    outcome = recalc(store, name, **more)[name]
    assert outcome.done, outcome.error
    return outcome.mode, outcome.why


def test_a_changed_condition_goes_full(store: Store) -> None:
    once(store, "size > 50", "company")
    edit(store, "S", where="size > 60")
    assert why(store) == ("full", "the condition has changed")


def test_a_condition_that_a_foreign_program_edits_goes_full(store: Store, foreign: Program) -> None:
    ids = companies(store, [10, 60])
    once(store, "size > 50", "company")
    foreign.run("UPDATE segment SET condition = 'size > 5'")
    assert why(store) == ("full", "the condition has changed")
    assert stored(store, "S") == ids
    assert why(store)[0] == "skipped"


def test_a_renamed_reference_changes_nothing(store: Store) -> None:
    companies(store, [60])
    segment(store, "Big", "size > 50")
    segment(store, "S", 'in segment "Big"')
    recalc(store)
    segments.rename(store, "Big", "Large", now=NOW, actor=ACTOR)
    assert why(store)[0] == "skipped"
    assert why(store)[0] == "skipped"


def test_another_zone_goes_full_where_there_is_time(store: Store) -> None:
    segment(store, "Time", "created_at on today")
    segment(store, "S", "size > 50")
    recalc(store)
    workspace.set_value(store, "timezone", "Europe/Warsaw", now=NOW, actor=ACTOR)
    assert why(store, "Time") == ("full", "the condition has changed")


def test_other_rules_of_a_zone_go_full(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    once(store, "created_at on today", "company")
    monkeypatch.setattr(incremental, "rules", lambda zone: "of next year")
    assert why(store) == ("full", "the rules of time zones or of letters have changed")


def test_a_pruned_trace_goes_full(store: Store, foreign: Program) -> None:
    once(store, "size > 50", "company")
    companies(store, [60, 70])
    sql(store, "UPDATE workspace SET trace_keep_rows = 0")
    if store.dialect == "postgresql":
        # Transactions of other databases hold the place from which on all is seen.
        sql(
            store,
            "INSERT INTO trace_mark (at, position, pruned) SELECT now(), "
            "pg_snapshot_xmax(pg_current_snapshot())::text::bigint, true",
        )
    stores.prune(store, now=NOW, actor=ACTOR)
    assert why(store) == ("full", "the trace since then has been pruned")


def test_another_store_id_goes_full(store: Store, foreign: Program) -> None:
    once(store, "size > 50", "company")
    foreign.run("UPDATE workspace SET store_id = 'restored'")
    assert why(store) == ("full", "the watermark is of another store")


def test_a_store_that_was_restored_on_another_server_goes_full(postgres_store: Store) -> None:
    """Dump and restore into another cluster, as far as the watermark can tell."""
    companies(postgres_store, [60])
    once(postgres_store, "size > 50", "company")
    sql(
        postgres_store,
        """UPDATE segment_state SET watermark = watermark || '{"system": "another 16384"}'""",
    )
    assert why(postgres_store) == ("full", "the store has moved to another server")
    assert why(postgres_store)[0] == "skipped"


def test_what_an_earlier_version_has_seen_goes_full(store: Store) -> None:
    once(store, "size > 50", "company")
    sql(store, 'UPDATE segment_state SET watermark = \'{"store": "x"}\'')
    assert why(store)[0] == "full"
    sql(store, "UPDATE segment_state SET watermark = NULL")
    assert why(store) == ("full", "nothing was seen yet")


def test_truncate_goes_full(postgres_store: Store) -> None:
    companies(postgres_store, [60])
    once(postgres_store, "size > 50", "company")
    with program(postgres_store) as foreign:
        foreign.run("TRUNCATE company CASCADE")
    assert why(postgres_store) == ("full", "any company may have changed")
    assert stored(postgres_store, "S") == []


def test_copy_is_seen(postgres_store: Store) -> None:
    once(postgres_store, "size > 50", "company")
    with (
        program(postgres_store) as foreign,
        foreign.connection.cursor().copy("COPY company (size) FROM STDIN") as copy,
    ):
        copy.write_row((60,))
        copy.write_row((6,))
    assert seen(recalc(postgres_store)["S"]) == ("incremental", 2, 1, 0)


@pytest.mark.parametrize("recursive", ["OFF", "ON"])
def test_replace_is_seen(sqlite_store: Store, recursive: str) -> None:
    [contact] = add(sqlite_store, "contact", [{"external_id": "A", "score": 9}])
    add(sqlite_store, "deal", [{"external_id": "D", "contact_id": contact}])
    segment(sqlite_store, "S", "score > 5", type="contact")
    segment(sqlite_store, "Busy", "any deals", type="contact")
    recalc(sqlite_store)
    with program(sqlite_store, f"PRAGMA recursive_triggers = {recursive}") as foreign:
        foreign.run(
            "REPLACE INTO deal (external_id) VALUES ('D')",
            "REPLACE INTO contact (external_id, score) VALUES ('A', 7)",
        )
    assert seen(recalc(sqlite_store)["S"]) == ("incremental", 2, 1, 1)
    assert stored(sqlite_store, "Busy") == []


def test_what_was_written_while_triggers_were_off_is_found(store: Store, foreign: Program) -> None:
    ids = companies(store, [10])
    once(store, "size > 50", "company")
    if store.dialect == "sqlite":
        foreign.run("DROP TRIGGER segctl_trace_company_update", "UPDATE company SET size = 60")
    else:
        foreign.run(
            "ALTER TABLE company DISABLE TRIGGER ALL",
            "UPDATE company SET size = 60",
            # Back, but not so that it always fires: that is how it is noticed.
            "ALTER TABLE company ENABLE TRIGGER ALL",
        )
    outcome = recalc(store)["S"]
    assert (outcome.mode, outcome.why) == ("full", "any company may have changed")
    assert any("put in again" in note for note in outcome.notes)
    assert stored(store, "S") == ids


def test_without_traces_every_run_is_full(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    once(store, "size > 50", "company")
    monkeypatch.setattr(recalculation, "_mend_triggers", lambda store: (False, ()))
    assert why(store) == ("full", "writes are not traced")


def test_an_attribute_that_comes_back_goes_full(store: Store) -> None:
    extra = Attribute(ObjectType.COMPANY, "extra", ValueType.INTEGER, standard=False)
    attributes.add(store, extra, now=NOW, actor=ACTOR)
    add(store, "company", [{"extra": 7}])
    segment(store, "S", "extra > 5")
    recalc(store)
    attributes.drop(store, extra.type, "extra", now=NOW, actor=ACTOR, force=True)
    assert recalc(store)["S"].result is Result.FAILED
    attributes.add(store, extra, now=NOW, actor=ACTOR)
    assert why(store) == ("full", "any company may have changed")
    assert stored(store, "S") == []


def test_another_attribute_changes_nothing(store: Store) -> None:
    companies(store, [60])
    once(store, "size > 50", "company")
    extra = Attribute(ObjectType.COMPANY, "extra", ValueType.INTEGER, standard=False)
    attributes.add(store, extra, now=NOW, actor=ACTOR)
    assert why(store)[0] == "skipped"


def test_dates_inside_events_go_full_when_they_come_of_age(store: Store) -> None:
    due = Attribute(ObjectType.EVENT, "due_on", ValueType.DATE, standard=False)
    attributes.add(store, due, now=NOW, actor=ACTOR)
    [contact] = add(store, "contact", [{}])
    today = NOW.date().isoformat()
    row = {"name": "e", "occurred_at": NOW, "contact_id": contact, "attributes": {"due_on": today}}
    add(store, "event", [row])
    once(store, 'event "e" where due_on on today')
    assert why(store, now=LATER)[0] == "skipped"
    mode, reason = why(store, now=NOW + DAY)
    assert (mode, reason) == (
        "full",
        "event.due_on came of age, and values of events have no index",
    )
    assert stored(store, "S") == []


def test_a_reference_whose_history_is_pruned_goes_full(store: Store, foreign: Program) -> None:
    ids = companies(store, [10, 60])
    segment(store, "Big", "size > 50")
    segment(store, "S", 'not in segment "Big"')
    recalc(store)
    foreign.run(f"UPDATE company SET size = 99 WHERE id = {ids[0]}")
    recalc(store, "Big")
    sql(store, "UPDATE workspace SET change_keep_rows = 0")
    stores.prune(store, now=NOW, actor=ACTOR)
    assert why(store) == ("full", 'who entered and left "Big" is not known')
    assert stored(store, "S") == []


def test_a_condition_that_can_no_longer_be_read_fails_and_is_not_skipped(store: Store) -> None:
    extra = Attribute(ObjectType.COMPANY, "extra", ValueType.INTEGER, standard=False)
    attributes.add(store, extra, now=NOW, actor=ACTOR)
    once(store, "extra > 5", "company")
    attributes.drop(store, extra.type, "extra", now=NOW, actor=ACTOR, force=True)
    for _ in range(2):
        outcome = recalc(store)["S"]
        assert outcome.result is Result.FAILED
        assert 'unknown attribute "extra"' in outcome.error.message


def test_an_evaluation_that_fails_for_candidates_alone_is_left_to_a_full_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = companies(store, [10])
    segment(store, "S", "size > 50")
    segment(store, "Other", "size > 40")
    recalc(store)
    companies(store, [60])
    difference = incremental.difference

    def broken(definition: Any, candidates: Any, scope: Any) -> Any:
        if definition.name == "S":
            return sa.text("SELECT nothing FROM nowhere")
        return difference(definition, candidates, scope)

    monkeypatch.setattr(incremental, "difference", broken)
    outcomes = recalc(store)
    assert outcomes["S"].mode == "full"
    assert outcomes["S"].why == "1 candidate of 2 could not be evaluated alone"
    assert outcomes["Other"].mode == "incremental"
    assert stored(store, "S") == [ids[0] + 1]


# ---------------------------------------------------------------- late commits


def test_what_began_before_and_committed_after_a_run_is_not_missed(postgres_store: Store) -> None:
    store = postgres_store
    once(store, "size > 50", "company")
    with program(store) as slow, program(store) as quick:
        slow.run("BEGIN", "INSERT INTO company (size) VALUES (60)")
        quick.run("INSERT INTO company (size) VALUES (70)")
        assert seen(recalc(store)["S"]) == ("incremental", 1, 1, 0)
        assert recalc(store)["S"].mode == "skipped"
        slow.run("COMMIT")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 1, 0)
    assert len(stored(store, "S")) == 2


def test_a_late_commit_before_a_full_run_is_not_missed_either(postgres_store: Store) -> None:
    store = postgres_store
    segment(store, "S", "size > 50")
    with program(store) as slow:
        slow.run("BEGIN", "INSERT INTO company (size) VALUES (60)")
        assert recalc(store)["S"].count_after == 0
        slow.run("COMMIT")
    assert seen(recalc(store)["S"]) == ("incremental", 1, 1, 0)


# ---------------------------------------------------------------- what costs less


def test_many_candidates_go_full(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "FEW", 2)
    companies(store, range(50, 60))
    once(store, "size > 55", "company")
    sql(store, "UPDATE company SET size = size + 1 WHERE size < 53")
    assert why(store) == ("full", "3 candidates of 10 are too many")
    sql(store, "UPDATE company SET size = size + 1 WHERE size < 53")
    assert why(store, mode=Mode.INCREMENTAL) == ("incremental", "2 candidates of 10")
    sql(store, "UPDATE company SET size = size + 1")
    assert why(store, mode=Mode.INCREMENTAL) == ("incremental", "10 candidates of 10")


def test_full_can_be_asked_for(store: Store) -> None:
    companies(store, [60])
    once(store, "size > 50", "company")
    assert why(store, mode=Mode.FULL) == ("full", "all records were asked for")


def test_what_runs_took_decides_how_many_are_too_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "FEW", 10)
    once(store, "size > 50", "company")
    id = segments.find(store, "S").id

    def share(full: float, each: float) -> float:
        sql(store, "DELETE FROM recalculation")
        for mode, reason, duration in (
            ("full", "asked for", full),
            ("incremental", "1,000 candidates of 100,000", each * 1000),
            ("incremental", "1 candidate of 100,000", 99.0),
        ):
            sql(
                store,
                'INSERT INTO recalculation (segment_id, "trigger", mode, why, baseline, duration, '
                "started_at, now, skips, definition_hash, owner) VALUES (:id, 'manual', :mode, "
                f":why, {'0' if store.dialect == 'sqlite' else 'false'}, :took, "
                "'2026-03-01T00:00:00.000000Z', '2026-03-01T00:00:00.000000Z', 0, 'x', 'x')",
                id=id,
                mode=mode,
                why=reason,
                took=duration,
            )
        with store.read() as session:
            return choice.share(session, id, 100_000)

    assert share(10.0, 0.001) == pytest.approx(0.1)
    assert share(10.0, 1.0) == choice.SHARES[0]
    assert share(10.0, 0.000001) == choice.SHARES[1]
    sql(store, "DELETE FROM recalculation WHERE mode = 'incremental'")
    with store.read() as session:
        assert choice.share(session, id, 100_000) == choice.SHARE


def test_the_population_is_not_counted(store: Store) -> None:
    companies(store, range(7))
    with store.read() as session:
        tables = vocabulary(session).scope(session, NOW).tables
        assert choice.population(session, tables, ObjectType.COMPANY) == 7
    if store.dialect == "postgresql":
        sql(store, "ANALYZE company")
        sql(store, "DELETE FROM company WHERE size > 3")
        with store.read() as session:
            assert choice.population(session, tables, ObjectType.COMPANY) == 7


# ---------------------------------------------------------------- now and then, all


def test_now_and_then_a_full_run_mends_what_had_gone_wrong(store: Store) -> None:
    ids = companies(store, [10, 60, 70])
    once(store, "size > 50", "company")
    # Somebody takes a member out, and a record changes by itself.
    sql(store, "DELETE FROM company_member WHERE record_id = :id", id=ids[1])
    sql(store, "UPDATE company SET size = 80 WHERE id = :id", id=ids[0])
    assert recalc(store, now=NOW + 6 * DAY)["S"].mode == "incremental"
    outcome = recalc(store, now=NOW + 8 * DAY)["S"]
    assert outcome.mode == "full"
    assert outcome.why == "the last full one is 7 days old, of 7 at most"
    assert outcome.notes == ("mended 1 member that earlier runs had got wrong",)
    assert runs(store, "S")[-1].why.endswith("; mended 1 that earlier runs had got wrong")
    assert stored(store, "S") == ids
    assert recalc(store, now=NOW + 9 * DAY)["S"].mode == "skipped"


def test_what_has_changed_since_is_no_drift(store: Store) -> None:
    ids = companies(store, [10, 60])
    once(store, "size > 50", "company")
    sql(store, "UPDATE company SET size = 80 WHERE id = :id", id=ids[0])
    outcome = recalc(store, now=NOW + 8 * DAY)["S"]
    assert (outcome.mode, outcome.entered, outcome.notes) == ("full", 1, ())


def test_where_changes_cannot_be_told_no_drift_is_reported(store: Store, foreign: Program) -> None:
    companies(store, [10, 60])
    once(store, "size > 50", "company")
    sql(store, "DELETE FROM company_member")
    foreign.run("INSERT INTO trace (object_type) VALUES ('company')")
    outcome = recalc(store, now=NOW + 8 * DAY)["S"]
    assert (outcome.mode, outcome.entered, outcome.notes) == ("full", 1, ())


def test_drift_of_an_emptied_segment_is_found(store: Store) -> None:
    companies(store, [60])
    once(store, "size > 50", "company")
    sql(store, "DELETE FROM company_member")
    outcome = recalc(store, now=NOW + 8 * DAY)["S"]
    assert outcome.notes == ("mended 1 member that earlier runs had got wrong",)


# ---------------------------------------------------------------- writing


def test_history_tells_what_an_incremental_run_did(store: Store) -> None:
    ids = companies(store, [10, 60, 70])
    once(store, "size > 50", "company")
    first = runs(store, "S")[0].id
    sql(store, "UPDATE company SET size = 99 WHERE id = :id", id=ids[0])
    sql(store, "UPDATE company SET size = 5 WHERE id = :id", id=ids[1])
    outcome = recalc(store, now=LATER)["S"]
    run = runs(store, "S")[-1]
    assert (run.mode, run.why, run.count_before, run.count_after, run.entered, run.left) == (
        "incremental",
        "2 candidates of 3",
        2,
        2,
        1,
        1,
    )
    assert run.id == outcome.run
    assert 0 < run.duration <= outcome.duration
    assert sorted(changes(store, "S")) == sorted([(run.id, ids[0], True), (run.id, ids[1], False)])
    [since] = sql(store, "SELECT since_id FROM member_change WHERE entered IS NOT TRUE")
    assert since[0] == first
    members = sql(store, "SELECT record_id, recalculation_id FROM company_member ORDER BY 1")
    assert [tuple(row) for row in members] == [(ids[0], run.id), (ids[2], first)]


def two(store: Store, **more: Any) -> list[int]:
    """Two counted segments and what changes both."""
    ids = companies(store, [10, 60])
    segment(store, "A", "size > 50", **more)
    segment(store, "B", "size > 40")
    recalc(store)
    sql(store, "UPDATE company SET size = 99 WHERE id = :id", id=ids[0])
    sql(store, "UPDATE company SET size = 5 WHERE id = :id", id=ids[1])
    return ids


def test_several_small_differences_are_written_together(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = two(store)
    monkeypatch.delattr(apply, "_write")
    outcomes = recalc(store)
    for name in "AB":
        assert seen(outcomes[name]) == ("incremental", 2, 1, 1)
        assert stored(store, name) == [ids[0]]
        run = runs(store, name)[-1]
        assert (run.id, run.count_after) == (outcomes[name].run, 1)
        assert sorted(changes(store, name)) == sorted(
            [(run.id, ids[0], True), (run.id, ids[1], False)]
        )
    assert leases(store) == []


def test_a_large_difference_is_written_for_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = two(store)
    monkeypatch.setattr(together, "SMALL", 1)
    recalc(store)
    assert stored(store, "A") == stored(store, "B") == [ids[0]]


def test_a_guard_stops_one_and_lets_the_other_pass(store: Store) -> None:
    ids = two(store, max_change="1")
    outcomes = recalc(store)
    assert outcomes["A"].result is Result.STOPPED
    assert outcomes["A"].mode == "incremental"
    assert stored(store, "A") == [ids[1]]
    assert stored(store, "B") == [ids[0]]
    assert recalc(store, max_change="none")["A"].done


def test_hooks_hear_of_incremental_runs(store: Store) -> None:
    two(store)
    hook = Hook("h", ("true",), None, (), None, None, None, 1.0, 1, ROOT)
    outcomes = recalc(store, hooks=[hook])
    heard = sql(store, "SELECT segment_id, recalculation_id FROM hook_delivery")
    assert {tuple(row) for row in heard} == {(o.segment_id, o.run) for o in outcomes.values()}
    sql(store, "UPDATE company SET name = 'x'")
    recalc(store, hooks=[hook])
    assert sql(store, "SELECT count(*) FROM hook_delivery")[0][0] == 2


def intrude(monkeypatch: pytest.MonkeyPatch, store: Store, what: Any) -> None:
    """Let somebody else do something between the look and the first write."""
    prepare, left = recalculation.prepare, [True]

    def prepared(*args: Any, **more: Any) -> Any:
        plans = prepare(*args, **more)
        if left.pop() if left else False:
            with open_store(store.url) as other:
                what(other)
        return plans

    monkeypatch.setattr(recalculation, "prepare", prepared)


@pytest.mark.parametrize("alone", [True, False])
def test_a_definition_edited_meanwhile_rolls_one_back(
    store: Store, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    ids = two(store)
    if alone:
        monkeypatch.setattr(together, "SMALL", -1)
    intrude(monkeypatch, store, lambda other: edit(other, "A", where="size > 55"))
    outcomes = recalc(store)
    assert outcomes["A"].result is Result.FAILED
    assert "was changed while" in outcomes["A"].error.message
    assert stored(store, "A") == [ids[1]]
    assert stored(store, "B") == [ids[0]]


@pytest.mark.parametrize("alone", [True, False])
def test_a_lease_that_was_taken_over_meanwhile_rolls_back(
    store: Store, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    two(store)
    if alone:
        monkeypatch.setattr(together, "SMALL", -1)
    intrude(monkeypatch, store, lambda other: sql(other, "UPDATE lease SET token = 'thief'"))
    outcomes = recalc(store)
    assert {outcome.result for outcome in outcomes.values()} == {Result.BUSY}
    assert sql(store, "SELECT count(*) FROM member_change")[0][0] == 0


def test_a_lease_that_was_taken_over_makes_no_skip(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    once(store, "size > 50", "company")
    before = segments.find(store, "S").last_counted_at
    intrude(monkeypatch, store, lambda other: sql(other, "UPDATE lease SET token = 'thief'"))
    assert recalc(store, now=LATER)["S"].result is Result.BUSY
    assert segments.find(store, "S").last_counted_at == before


@pytest.mark.parametrize("alone", [True, False])
def test_a_record_erased_meanwhile_is_counted_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    ids = two(store)
    if alone:
        monkeypatch.setattr(together, "SMALL", -1)

    def erase(other: Store) -> None:
        sql(other, "DELETE FROM company WHERE id = :id", id=ids[1])
        sql(other, "DELETE FROM company_member WHERE record_id = :id", id=ids[1])
        sql(other, "UPDATE segment_state SET count = count - 1")

    intrude(monkeypatch, store, erase)
    recalc(store)
    for name in "AB":
        view = segments.find(store, name)
        assert stored(store, name) == [ids[0]]
        assert view.count == 1


def test_a_collision_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = two(store)
    monkeypatch.setattr(together, "SMALL", -1)
    guard, left = commit.guard, [Busy("collided", reason="deadlock")]

    def collide(*args: Any) -> None:
        if left:
            raise left.pop()
        guard(*args)

    monkeypatch.setattr(apply.commit, "guard", collide)
    assert recalc(store)["A"].done
    assert stored(store, "A") == [ids[0]]


# ---------------------------------------------------------------- plans


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("score > 5", []),
        ('company.industry = "Software"', ["company_1 USING INTEGER PRIMARY KEY"]),
        ("any deals (value > 5)", ["deal_contact_id"]),
        ("count(deals where value > 5) >= 2", ["deal_contact_id"]),
        ('event "login" at least 2 times in last 30 days', ["event_contact_id"]),
        ('last event "login" more than 30 days ago', ["event_contact_id"]),
        ('tags has "vip"', ["contact_item"]),
        ('company in segment "Big"', ["company_member"]),
    ],
)
def test_candidates_drive_the_joins(sqlite_store: Store, where: str, wanted: list[str]) -> None:
    store = sqlite_store
    segment(store, "Big", "size > 50")
    once(store, where)
    add(store, "contact", [{}])
    with store.read() as session:
        words = vocabulary(session)
        definition = load_definition(session, segments.find(store, "S").id, words)
        scope = words.scope(session, LATER)
        state = session.get_one(SegmentState, definition.id)
        kept = parse_seen(state.watermark)
        assert kept is not None
        [part] = stretches(session, [kept.trace])
        past = Past(part, words.scope(session, NOW).clock, kept.references)
        some = influences(definition.condition, definition.type)
        candidates = Sets(session, scope).candidates(some, past)
        query = incremental.difference(definition, candidates, scope)
        compiled = query.compile(session.get_bind(), compile_kwargs={"render_postcompile": True})
        values = [compiled.params[name] for name in compiled.positiontup or ()]
        values = [json.dumps(v) if isinstance(v, list) else v for v in values]
        values = [v.isoformat() if isinstance(v, dt.date) else v for v in values]
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(values))
        plan = [row[3] for row in rows]
    assert plan[0].startswith("SEARCH segctl_set USING PRIMARY KEY (place=?)"), plan
    assert not [line for line in plan if line.startswith("SCAN")], plan
    for part_of_plan in wanted:
        assert any(part_of_plan in line for line in plan), plan
