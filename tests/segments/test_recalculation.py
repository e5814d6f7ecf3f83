"""Batches: order, failure domains, references, other processes."""

import datetime as dt
import sqlite3
import threading

import pytest
import sqlalchemy.exc as sax

from segctl.catalog import ObjectType
from segctl.engine import lease
from segctl.engine.modes import Mode
from segctl.engine.owner import Owner
from segctl.errors import (
    Busy,
    ExitCode,
    GuardStopped,
    NotFound,
    PartlyFailed,
    SegctlError,
    StoreError,
    StoreVersionError,
)
from segctl.services import batches, dry_runs, recalculation, segments
from segctl.services.outcomes import Result, verdict
from segctl.store.opening import Store, open_store
from tests.conftest import NOW
from tests.engine.workspace import (
    ACTOR,
    add,
    companies,
    edit,
    leases,
    recalc,
    runs,
    segment,
    sql,
    stored,
)


def break_(store: Store, name: str) -> None:
    """Make a condition unreadable, as dropping an attribute with --force does."""
    sql(
        store,
        "UPDATE segment SET condition = 'gone = 1', definition_hash = 'x' WHERE name = :name",
        name=name,
    )


def hold(store: Store, name: str, seconds: float = 60) -> int:
    """Another process holds the lease of a segment."""
    id = segments.find(store, name).id
    with store.write() as session:
        lease.acquire(
            session, [id], token="other", owner=Owner("another-host", 7, 1), seconds=seconds
        )
    return id


def test_references_are_recalculated_before_what_reads_them(store: Store):
    companies(store, [60])
    segment(store, "Z", "size > 50")
    segment(store, "A", 'in segment "Z"')
    assert list(recalc(store)) == ["Z", "A"]
    assert stored(store, "A") == stored(store, "Z")


def test_a_reference_through_a_relation_is_one_too(store: Store):
    big, small = companies(store, [60, 10])
    add(store, "contact", [{"name": "x", "company_id": big}, {"name": "y", "company_id": small}])
    segment(store, "Big", "size > 50")
    segment(store, "At big", 'company in segment "Big"', type="contact")
    assert recalc(store)["At big"].count_after == 1


def test_an_uncounted_reference_comes_along(store: Store):
    segment(store, "Z", "size > 50")
    segment(store, "A", 'in segment "Z"')
    outcomes = recalc(store, "A")
    assert list(outcomes) == ["Z", "A"]
    assert runs(store, "Z")[0].trigger == "reference"


def test_a_stale_reference_comes_along(store: Store):
    segment(store, "Z", "size > 50")
    segment(store, "A", 'in segment "Z"')
    recalc(store)
    assert list(recalc(store, "A")) == ["A"]
    edit(store, "Z", where="size > 60")
    assert list(recalc(store, "A")) == ["Z", "A"]


def test_a_fresh_reference_is_read_as_it_is_and_its_age_told(store: Store):
    ids = companies(store, [60])
    segment(store, "Z", "size > 50")
    segment(store, "A", 'in segment "Z"')
    recalc(store)
    companies(store, [70])
    outcome = recalc(store, "A")["A"]
    assert stored(store, "A") == ids
    assert outcome.notes == ('reads "Z" as counted 2026-03-15 12:00 UTC',)


def test_all_references_come_along_if_asked_for(store: Store):
    segment(store, "Z", "size > 50")
    segment(store, "A", 'in segment "Z"')
    recalc(store)
    batch = batches.choose(store, ["A"], with_references=True)
    assert [view.name for view in batch.segments] == ["Z", "A"]


def test_a_failed_segment_keeps_its_members_and_the_others_go_on(store: Store):
    ids = companies(store, [60])
    segment(store, "Bad", "size > 50")
    segment(store, "Good", "size > 40")
    recalc(store)
    break_(store, "Bad")
    companies(store, [70])
    outcomes = recalc(store)
    assert outcomes["Bad"].result is Result.FAILED
    assert outcomes["Good"].count_after == 2
    assert stored(store, "Bad") == ids
    view = segments.find(store, "Bad")
    assert view.status == "failed"
    assert 'unknown attribute "gone"' in (view.error or "")
    run = runs(store, "Bad")[-1]
    assert 'unknown attribute "gone"' in run.error
    assert (run.count_before, run.count_after) == (1, 1)
    assert leases(store) == []


def test_a_success_clears_the_error(store: Store):
    segment(store, "Bad", "size > 50")
    break_(store, "Bad")
    recalc(store)
    edit(store, "Bad", where="size > 60")
    recalc(store)
    view = segments.find(store, "Bad")
    assert (view.error, view.failures, view.status) == (None, 0, "up to date")


def test_a_reference_that_was_never_counted_fails_what_reads_it_with_the_reason(store: Store):
    segment(store, "Bad", "size > 50")
    segment(store, "A", 'in segment "Bad"')
    break_(store, "Bad")
    outcomes = recalc(store)
    error = outcomes["A"].error
    assert error is not None
    assert 'reads the members of "Bad", which was never counted: unknown attribute' in error.message
    assert runs(store, "A")[0].error == error.message
    assert segments.find(store, "A").count is None


def test_old_members_of_a_failed_reference_are_read_and_that_is_said(store: Store):
    ids = companies(store, [60])
    segment(store, "Bad", "size > 50")
    segment(store, "A", 'in segment "Bad"')
    recalc(store)
    break_(store, "Bad")
    outcome = recalc(store)["A"]
    assert outcome.result is Result.DONE
    assert stored(store, "A") == ids
    assert outcome.notes[0].startswith('on old members of "Bad", counted 2026-03-15 12:00 UTC')


def test_a_busy_segment_is_refused_at_once(store: Store):
    segment(store, "Big", "size > 50")
    hold(store, "Big")
    outcome = recalc(store)["Big"]
    assert outcome.result is Result.BUSY
    assert "process 7 on another-host" in outcome.error.message
    assert runs(store, "Big") == []


def test_a_busy_segment_is_waited_for(store: Store):
    segment(store, "Big", "size > 50")
    hold(store, "Big", seconds=0.8)
    outcome = recalc(store, wait=dt.timedelta(seconds=20))["Big"]
    assert outcome.result is Result.DONE


def test_waiting_has_an_end(store: Store):
    segment(store, "Big", "size > 50")
    hold(store, "Big")
    assert recalc(store, wait=dt.timedelta(seconds=0.3))["Big"].result is Result.BUSY


def test_what_is_not_busy_is_done_meanwhile(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "Small", "size < 50")
    hold(store, "Big")
    outcomes = recalc(store)
    assert outcomes["Small"].result is Result.DONE
    assert outcomes["Big"].result is Result.BUSY
    assert len(leases(store)) == 1


def test_what_reads_a_busy_segment_runs_on_its_old_members(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "A", 'in segment "Big"')
    recalc(store)
    hold(store, "Big")
    outcomes = recalc(store)
    assert outcomes["A"].result is Result.DONE
    assert outcomes["A"].notes[0].startswith('on old members of "Big"')


def test_two_batches_that_want_the_same_segments_both_end(store: Store):
    """Holding one lease while waiting for another would make this take the whole wait."""
    segment(store, "Big", "size > 50")
    segment(store, "Small", "size < 50")
    hold(store, "Big", seconds=1.0)
    with open_store(store.url) as other:
        batch = batches.choose(store)

        def meanwhile(advance: float) -> None:
            assert recalc(other, "Small")["Small"].result is Result.DONE

        outcomes = recalculation.recalculate(
            store, batch, now=NOW, wait=dt.timedelta(seconds=30), progress=meanwhile
        )
    assert {outcome.result for outcome in outcomes} == {Result.DONE}


def test_a_running_segment_is_shown_as_running(store: Store):
    segment(store, "Big", "size > 50")
    hold(store, "Big")
    assert segments.find(store, "Big").status == "running"


def test_a_segment_deleted_before_its_turn_fails_alone(store: Store):
    segment(store, "Gone", "size > 50")
    segment(store, "Here", "size > 40")
    batch = batches.choose(store)
    segments.delete(store, "Gone", now=NOW, actor=ACTOR)
    outcomes = {o.name: o for o in recalculation.recalculate(store, batch, now=NOW)}
    assert outcomes["Gone"].result is Result.FAILED
    assert outcomes["Here"].result is Result.DONE


def test_one_type_can_be_chosen(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "All", "everything", type="deal")
    batch = batches.choose(store, type=ObjectType.DEAL)
    assert [view.name for view in batch.segments] == ["All"]


def test_manual_segments_are_recalculated_with_all(store: Store):
    segment(store, "Big", "size > 50", interval=0)
    assert list(recalc(store)) == ["Big"]


def test_a_name_that_says_nothing_is_not_found(store: Store):
    segment(store, "Big deals", "everything", type="deal")
    with pytest.raises(NotFound) as raised:
        batches.choose(store, ["Big dealz"])
    assert raised.value.hint == 'did you mean "Big deals"?'


def test_a_cycle_in_the_store_is_reported_and_not_followed(store: Store):
    a, b = segment(store, "A", "size > 50").id, segment(store, "B", 'in segment "A"').id
    sql(
        store, "INSERT INTO segment_reference (segment_id, referenced_id) VALUES (:a, :b)", a=a, b=b
    )
    with pytest.raises(SegctlError) as raised:
        batches.choose(store)
    assert "in a circle" in raised.value.message


def test_a_dry_run_counts_and_stores_nothing(store: Store):
    ids = companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "UPDATE company SET size = 1 WHERE id = :id", id=ids[0])
    companies(store, [80, 90])
    [outcome] = dry_runs.dry_run(store, batches.choose(store), now=NOW)
    assert (outcome.count_before, outcome.count_after, outcome.entered, outcome.left) == (
        2,
        3,
        2,
        1,
    )
    assert stored(store, "Big") == ids
    assert len(runs(store, "Big")) == 1


def test_a_dry_run_can_look_from_another_time(store: Store):
    add(store, "company", [{"name": "x", "created_at": NOW - dt.timedelta(days=10)}])
    segment(store, "New", "created_at in last 7 days")
    batch = batches.choose(store)
    then = NOW - dt.timedelta(days=5)
    assert dry_runs.dry_run(store, batch, now=NOW)[0].count_after == 0
    assert dry_runs.dry_run(store, batch, now=then)[0].count_after == 1


def test_a_dry_run_on_members_that_were_never_counted_fails(store: Store):
    segment(store, "Z", "size > 50")
    segment(store, "A", 'in segment "Z"')
    batch = batches.choose(store, ["A"])
    [outcome] = dry_runs.dry_run(store, batch, now=NOW)
    assert outcome.result is Result.FAILED


def test_now_is_frozen_for_the_whole_batch(store: Store):
    segment(store, "A", "size > 50")
    segment(store, "B", "size > 60")
    recalc(store)
    assert runs(store, "A")[0].now == runs(store, "B")[0].now
    assert segments.find(store, "A").last_counted_at >= NOW


def test_a_missing_trigger_is_put_in_again_and_that_is_said(store: Store):
    segment(store, "Big", "size > 50")
    name = next(iter(trigger_names(store)))
    table = "" if store.dialect == "sqlite" else " ON " + name[1]
    sql(store, f'DROP TRIGGER "{name[0]}"{table}')
    outcome = recalc(store)["Big"]
    assert any("have been put in again" in note for note in outcome.notes)
    assert name in trigger_names(store)


def trigger_names(store: Store) -> set[tuple[str, str]]:
    if store.dialect == "sqlite":
        rows = sql(store, "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
    else:
        rows = sql(
            store,
            "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal",
        )
    return {(row[0], row[1]) for row in rows if row[1] == "company"}


# ---------------------------------------------------------------- the batch as a whole


def failed_batch(store: Store) -> None:
    segment(store, "Bad", "size > 50")
    segment(store, "Bad too", "size > 50")
    break_(store, "Bad")
    break_(store, "Bad too")


def judge(store: Store) -> SegctlError | None:
    return verdict(list(recalc(store).values()))


def test_a_batch_that_went_well_has_no_error(store: Store):
    segment(store, "Big", "size > 50")
    assert judge(store) is None


def test_some_failed_is_partial_and_says_which_and_why(store: Store):
    failed_batch(store)
    segment(store, "Good", "size > 50")
    error = judge(store)
    assert isinstance(error, PartlyFailed)
    assert error.exit_code is ExitCode.PARTIAL
    assert "2 of 3 segments" in error.message
    assert 'Bad: unknown attribute "gone"' in error.message
    assert [entry["name"] for entry in error.fields["failed"]] == ["Bad", "Bad too"]


def test_all_failed_is_failed(store: Store):
    failed_batch(store)
    error = judge(store)
    assert error is not None
    assert error.exit_code is ExitCode.FAILED


def test_one_that_failed_alone_is_failed_with_its_own_error(store: Store):
    segment(store, "Bad", "size > 50")
    break_(store, "Bad")
    error = judge(store)
    assert error is not None
    assert error.exit_code is ExitCode.FAILED
    assert '"Bad" was not recalculated: unknown attribute "gone"' in error.message


def test_all_busy_is_busy(store: Store):
    segment(store, "A", "size > 50")
    segment(store, "B", "size > 50")
    hold(store, "A")
    hold(store, "B")
    assert isinstance(judge(store), Busy)


def test_all_stopped_by_guards_is_stopped(store: Store):
    for name in ("A", "B"):
        segment(store, name, "size > 50", max_change="0")
    recalc(store)
    companies(store, [60])
    assert isinstance(judge(store), GuardStopped)


# ---------------------------------------------------------------- a store in trouble


def failing(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> list[int]:
    """The engine raises these, one a call, and then works again; the segments it was given."""
    recalculate = recalculation.recalculate_full
    left = list(errors)
    given = []

    def fail(store, start, token):
        given.append(start.segment_id)
        if left:
            raise left.pop(0)
        return recalculate(store, start, token)

    monkeypatch.setattr(recalculation, "recalculate_full", fail)
    return given


def test_a_store_that_stops_answering_is_not_asked_for_the_rest(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    for name in "ABC":
        segment(store, name, "size > 50")
    given = failing(monkeypatch, StoreError("it does not answer", reason="no_answer"))
    outcomes = recalc(store)
    assert {outcome.result for outcome in outcomes.values()} == {Result.FAILED}
    assert len(given) == 1


def test_another_error_of_the_store_fails_one_segment(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    segment(store, "A", "size > 50")
    segment(store, "B", "size > 50")
    failing(monkeypatch, StoreError("the disk is full"))
    assert [o.result for o in recalc(store).values()] == [Result.FAILED, Result.DONE]


def test_what_a_driver_says_of_the_records_fails_one_segment(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    segment(store, "A", "size > 50")
    segment(store, "B", "size > 50")
    failing(monkeypatch, sax.DataError("SELECT 1", {}, Exception("integer\n out of range")))
    outcomes = recalc(store)
    assert [o.result for o in outcomes.values()] == [Result.FAILED, Result.DONE]
    assert "refused to evaluate the condition: integer out of range" in runs(store, "A")[0].error


def test_a_store_of_another_version_stops_the_whole_batch(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    segment(store, "A", "size > 50")
    segment(store, "B", "size > 50")
    given = failing(monkeypatch, StoreVersionError("upgraded meanwhile"))
    with pytest.raises(StoreVersionError):
        recalc(store)
    assert len(given) == 1
    assert leases(store) == []


def test_a_commit_that_was_locked_out_is_tried_again_while_there_is_patience(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    segment(store, "A", "size > 50")
    failing(monkeypatch, Busy("locked", reason="locked"))
    assert recalc(store, wait=dt.timedelta(seconds=30))["A"].result is Result.DONE
    failing(monkeypatch, Busy("locked", reason="locked"))
    assert recalc(store, mode=Mode.FULL)["A"].result is Result.BUSY


def test_a_locked_store_is_waited_for(sqlite_url: str):
    with open_store(sqlite_url, busy_timeout=0.1) as store:
        segment(store, "A", "size > 50")
        writer = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), check_same_thread=False)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            recalc(store)
        release = threading.Timer(0.5, writer.rollback)
        release.start()
        assert recalc(store, wait=dt.timedelta(seconds=30))["A"].done
        release.join()
        writer.close()


def test_without_triggers_nothing_is_known_to_have_been_seen(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    segment(store, "A", "size > 50")

    def refuse(session):
        raise StoreError("the role may not do that", reason="rights")

    monkeypatch.setattr(recalculation, "verify_triggers", lambda session: ["a", "b", "c", "d"])
    monkeypatch.setattr(recalculation, "install_triggers", refuse)
    outcome = recalc(store)["A"]
    assert outcome.done
    assert outcome.notes == (
        "the triggers a, b, c and 1 more are missing and cannot be put in: "
        "the role may not do that",
    )
    assert sql(store, "SELECT watermark FROM segment_state")[0][0] in (None, "null")


def test_a_failure_that_cannot_be_stored_is_still_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    segment(store, "A", "size > 50")
    failing(monkeypatch, StoreError("the disk is full"))

    def full(*_: object, **__: object) -> int:
        raise StoreError("the disk is full")

    monkeypatch.setattr(recalculation.history, "add_failure", full)
    outcome = recalc(store)["A"]
    assert (outcome.result, outcome.run) == (Result.FAILED, None)


def test_a_dry_run_of_a_condition_that_cannot_be_read_fails_alone(store: Store):
    segment(store, "Bad", "size > 50")
    segment(store, "Good", "size > 50")
    break_(store, "Bad")
    outcomes = dry_runs.dry_run(store, batches.choose(store), now=NOW)
    assert [outcome.result for outcome in outcomes] == [Result.FAILED, Result.DONE]
