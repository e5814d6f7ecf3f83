"""One full recalculation: what is written, and when nothing is."""

import datetime as dt

import pytest

from segctl.engine import full_postgres, full_sqlite
from segctl.engine.modes import Mode
from segctl.errors import Busy
from segctl.services import recalculation, segments
from segctl.services.outcomes import Result
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import (
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

LATER = NOW + dt.timedelta(hours=1)


def test_the_first_fill_is_a_baseline_that_writes_no_changes(store: Store):
    ids = companies(store, [10, 60, 70])
    segment(store, "Big", "size > 50")
    outcome = recalc(store)["Big"]
    assert outcome.result is Result.DONE
    assert (outcome.count_before, outcome.count_after, outcome.entered, outcome.left) == (
        None,
        2,
        2,
        0,
    )
    assert stored(store, "Big") == ids[1:]
    assert changes(store, "Big") == []
    [run] = runs(store, "Big")
    assert run.baseline
    assert (run.mode, run.why, run.trigger) == ("full", "first fill", "manual")


def test_a_first_fill_that_is_not_cheap_takes_another_way_to_the_same(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    ids = companies(sqlite_store, [10, 60, 70])
    segment(sqlite_store, "Big", "size > 50")
    monkeypatch.setattr(full_sqlite, "CHEAP", 2)
    outcome = recalc(sqlite_store)["Big"]
    assert (outcome.baseline, outcome.count_after) == (True, 2)
    assert stored(sqlite_store, "Big") == ids[1:]
    assert changes(sqlite_store, "Big") == []


@pytest.mark.parametrize("cheap", [10, -1])
def test_a_condition_of_many_brackets_is_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch, cheap: int
):
    """SQLite's driver does not say how many rows a statement wrote that begins with WITH."""
    monkeypatch.setattr(full_sqlite, "CHEAP", cheap)
    companies(store, [60])
    deep = "no contacts (any deals (any products (any deals (any tasks (any tags (item = 'x'))))))"
    segment(store, "Deep", deep)
    assert recalc(store)["Deep"].count_after == 1
    companies(store, [70])
    assert recalc(store, mode=Mode.FULL)["Deep"].count_after == 2


def test_only_the_difference_is_written(store: Store):
    ids = companies(store, [10, 60, 70])
    segment(store, "Big", "size > 50")
    first = recalc(store)["Big"].run
    sql(store, "UPDATE company SET size = 5 WHERE id = :id", id=ids[1])
    sql(store, "UPDATE company SET size = 99 WHERE id = :id", id=ids[0])
    outcome = recalc(store, now=LATER)["Big"]
    assert (outcome.count_before, outcome.count_after, outcome.entered, outcome.left) == (
        2,
        2,
        1,
        1,
    )
    assert stored(store, "Big") == [ids[0], ids[2]]
    assert sorted(changes(store, "Big")) == sorted(
        [(outcome.run, ids[0], True), (outcome.run, ids[1], False)]
    )
    kept = sql(store, "SELECT record_id, recalculation_id FROM company_member ORDER BY record_id")
    assert [tuple(row) for row in kept] == [(ids[0], outcome.run), (ids[2], first)]


def test_who_leaves_carries_the_run_that_had_let_it_in(store: Store):
    ids = companies(store, [60])
    segment(store, "Big", "size > 50")
    first = recalc(store)["Big"].run
    sql(store, "DELETE FROM company WHERE id = :id", id=ids[0])
    recalc(store)
    [row] = sql(store, "SELECT entered, since_id FROM member_change")
    assert (bool(row.entered), row.since_id) == (False, first)


def test_an_emptied_segment_logs_who_enters_again(store: Store):
    ids = companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "UPDATE company SET size = 1")
    recalc(store)
    assert stored(store, "Big") == []
    sql(store, "UPDATE company SET size = 80 WHERE id = :id", id=ids[0])
    outcome = recalc(store)["Big"]
    assert not outcome.baseline
    assert (outcome.count_before, outcome.count_after) == (0, 1)
    assert changes(store, "Big")[-1] == (outcome.run, ids[0], True)


def test_a_recalculation_that_changes_nothing_writes_no_changes(store: Store):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    outcome = recalc(store, now=LATER)["Big"]
    assert (outcome.entered, outcome.left) == (0, 0)
    assert changes(store, "Big") == []
    assert segments.find(store, "Big").last_counted_at >= LATER


def test_a_segment_of_nothing_is_counted_as_0_and_not_unknown(store: Store):
    segment(store, "Big", "size > 50")
    assert segments.find(store, "Big").count is None
    recalc(store)
    assert segments.find(store, "Big").count == 0


def test_the_watermark_is_of_the_snapshot_that_was_evaluated(store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store)
    first = watermark(store)
    recalc(store)
    if store.dialect == "sqlite":
        assert watermark(store) == first
    companies(store, [70])
    recalc(store)
    assert watermark(store) != first


def watermark(store: Store) -> str:
    return str(sql(store, "SELECT watermark FROM segment_state")[0][0])


def test_a_done_recalculation_gives_its_lease_back(store: Store):
    segment(store, "Big", "size > 50")
    recalc(store)
    assert leases(store) == []


def test_a_definition_edited_during_the_run_rolls_it_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    ids = companies(store, [10, 60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "UPDATE company SET size = 80 WHERE id = :id", id=ids[0])
    between_evaluation_and_commit(
        store, monkeypatch, lambda other: edit(other, "Big", where="size > 65")
    )
    outcome = recalc(store, mode=Mode.FULL)["Big"]
    assert outcome.result is Result.FAILED
    assert "was changed while it was recalculated" in outcome.error.message
    assert stored(store, "Big") == ids[1:]
    assert changes(store, "Big") == []
    assert segments.find(store, "Big").error is None
    assert leases(store) == []


def test_a_segment_deleted_during_the_run_stays_deleted(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    between_evaluation_and_commit(
        store,
        monkeypatch,
        lambda other: segments.delete(other, "Big", now=NOW, actor="other"),
    )
    outcome = recalc(store)["Big"]
    assert outcome.result is Result.FAILED
    assert "was deleted" in outcome.error.message
    assert sql(store, "SELECT count(*) FROM company_member")[0][0] == 0
    assert sql(store, "SELECT count(*) FROM recalculation")[0][0] == 0


def test_a_holder_whose_lease_was_taken_over_rolls_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    companies(store, [60])
    segment(store, "Big", "size > 50")

    def steal(other: Store) -> None:
        sql(other, "UPDATE lease SET token = 'thief'")

    between_evaluation_and_commit(store, monkeypatch, steal)
    outcome = recalc(store)["Big"]
    assert outcome.result is Result.BUSY
    assert "took the recalculation over" in outcome.error.message
    assert stored(store, "Big") == []
    assert leases(store) == [outcome.segment_id]


def test_a_rename_during_the_run_does_not_disturb_it(store: Store, monkeypatch: pytest.MonkeyPatch):
    ids = companies(store, [60])
    segment(store, "Big", "size > 50")
    between_evaluation_and_commit(
        store,
        monkeypatch,
        lambda other: segments.rename(other, "Big", "Large", now=NOW, actor="other"),
    )
    [outcome] = recalculation.recalculate(store, now=NOW)
    assert outcome.result is Result.DONE
    assert stored(store, "Large") == ids


def between_evaluation_and_commit(store, monkeypatch, what) -> None:
    """Let another process do something when the condition has been evaluated."""
    from segctl.engine import commit
    from segctl.store.opening import open_store

    guard = commit.guard
    done = []

    def intrude(session, definition, token):
        guard(session, definition, token)

    monkeypatch.setattr(full_sqlite, "CHEAP", -1)
    module = full_sqlite if store.dialect == "sqlite" else full_postgres
    check = module.check_change

    def act_first(*args):
        if not done:
            done.append(True)
            with open_store(store.url) as other:
                what(other)
        check(*args)

    monkeypatch.setattr(module, "check_change", act_first)
    monkeypatch.setattr(commit, "guard", intrude)


def test_a_collision_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch):
    ids = companies(store, [60])
    segment(store, "Big", "size > 50")
    fail_first(store, monkeypatch, Busy("collided", reason="serialization"), times=2)
    assert recalc(store)["Big"].result is Result.DONE
    assert stored(store, "Big") == ids


def test_a_collision_that_does_not_end_is_busy(store: Store, monkeypatch: pytest.MonkeyPatch):
    segment(store, "Big", "size > 50")
    fail_first(store, monkeypatch, Busy("collided", reason="serialization"), times=9)
    assert recalc(store)["Big"].result is Result.BUSY


def fail_first(store: Store, monkeypatch, error: Exception, times: int) -> None:
    module = full_sqlite if store.dialect == "sqlite" else full_postgres
    recalculate = module.recalculate
    left = [times]

    def failing(*args):
        if left[0]:
            left[0] -= 1
            raise error
        return recalculate(*args)

    monkeypatch.setattr(module, "recalculate", failing)


def test_a_guard_stops_too_large_a_change(store: Store):
    ids = companies(store, [60, 70, 80, 90])
    segment(store, "Big", "size > 50", max_change="25%")
    recalc(store)
    sql(store, "UPDATE company SET size = 1 WHERE id <= :id", id=ids[1])
    outcome = recalc(store)["Big"]
    assert outcome.result is Result.STOPPED
    assert "2 leave of 4 members" in outcome.error.message
    assert stored(store, "Big") == ids
    assert changes(store, "Big") == []


def test_a_first_fill_passes_every_guard(store: Store):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50", max_change="0")
    assert recalc(store)["Big"].result is Result.DONE


def test_a_guard_given_for_the_run_beats_that_of_the_segment(store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50", max_change="0")
    recalc(store)
    companies(store, [70])
    assert recalc(store)["Big"].result is Result.STOPPED
    assert recalc(store, max_change="none")["Big"].result is Result.DONE


def test_a_segment_that_takes_too_long_is_too_heavy_until_three_lighter_runs(store: Store):
    segment(store, "Big", "size > 50")
    sql(store, "UPDATE workspace SET heavy_seconds = 0.0")
    recalc(store)
    view = segments.find(store, "Big")
    assert view.too_heavy
    assert "too heavy" in view.heavy_reasons[0]
    sql(store, "UPDATE workspace SET heavy_seconds = 60")
    sql(store, "UPDATE recalculation SET duration = 99")
    heavy = []
    for _ in range(3):
        recalc(store, mode=Mode.FULL)
        heavy.append(segments.find(store, "Big").too_heavy)
    assert heavy == [True, True, False]


def test_a_segment_that_takes_most_of_the_days_time_is_too_heavy(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    from segctl.engine import state

    monkeypatch.setattr(state, "SHARE_FROM_SECONDS", 0.0)
    for n in range(9):
        segment(store, f"S{n}", "size > 50")
    recalc(store)
    segment(store, "Big", "size > 50")
    sql(store, "UPDATE recalculation SET duration = 0.000001")
    recalc(store, "Big")
    view = segments.find(store, "Big")
    assert view.too_heavy
    assert "of the time of all segments" in view.heavy_reasons[0]
    assert not segments.find(store, "S1").too_heavy
