"""Undoing runs, and segments that are held."""

from pathlib import Path

import pytest

from segctl.config_hooks import Hook
from segctl.engine import history
from segctl.engine.lease import acquire
from segctl.engine.owner import this_process
from segctl.errors import Busy, GuardStopped, NotFound
from segctl.services import changes, failures, schedule, segments, undo
from segctl.store.opening import Store
from segctl.store.workspace import load_workspace
from tests.engine.workspace import (
    ACTOR,
    companies,
    edit,
    leases,
    recalc,
    runs,
    segment,
    sql,
    stored,
)
from tests.history.past import as_it_was, feed, hour, replayed, undone


@pytest.fixture
def moved(store: Store) -> list[list[int]]:
    """A segment counted at hours 0 to 3; its members after each, as (record, since) pairs."""
    ids = companies(store, [60, 70, 80, 10])
    segment(store, "Big", "size > 50")
    recorded = []
    for number, size, moving in ((0, 60, 0), (1, 1, 0), (2, 99, 3), (3, 99, 0)):
        sql(store, "UPDATE company SET size = :s WHERE id = :id", s=size, id=ids[moving])
        recalc(store, now=hour(number))
        recorded.append(whole(store))
    return recorded


def whole(store: Store) -> list[tuple[int, int]]:
    return [
        tuple(row)
        for row in sql(
            store, "SELECT record_id, recalculation_id FROM company_member ORDER BY record_id"
        )
    ]


def ids_of(store: Store) -> list[int]:
    return [run.id for run in runs(store, "Big")]


def audit_of(store: Store) -> list[str]:
    return [row[0] for row in sql(store, "SELECT action FROM audit_entry ORDER BY id")]


@pytest.mark.parametrize("back_to", [0, 1, 2])
def test_the_members_are_as_they_were_before_the_run(store: Store, moved, back_to):
    runs_before = ids_of(store)
    done = undone(store, runs_before[back_to + 1])
    assert whole(store) == moved[back_to]
    assert done.undone == tuple(reversed(runs_before[back_to + 1 :]))
    view = segments.find(store, "Big")
    assert view.count == done.after == len(moved[back_to])
    assert view.status == "held"
    last = runs(store, "Big")[-1]
    assert (last.mode, last.trigger, last.error) == ("undo", "undo", None)
    assert (last.count_before, last.count_after) == (4, len(moved[back_to]))
    assert (last.entered, last.left) == (done.entered, done.left)
    assert leases(store) == []
    assert audit_of(store)[-1] == "undo"


def test_a_look_says_what_would_happen_and_does_nothing(store: Store, moved):
    runs_before = ids_of(store)
    plan = undo.look(store, runs_before[1])
    assert (plan.run, plan.before, plan.after, plan.entered, plan.left) == (None, 4, 3, 0, 1)
    assert whole(store) == moved[3]
    assert ids_of(store) == runs_before


def test_an_undo_is_in_the_feed_and_in_the_past(store: Store, moved):
    start = changes.beginning(store)
    undone(store, ids_of(store)[2], now=hour(5))
    found, _ = feed(store, start)
    assert replayed(found) == {"Big": set(stored(store, "Big"))}
    assert as_it_was(store, "Big", hour(4)) == [record for record, _ in moved[3]]
    assert as_it_was(store, "Big", hour(6)) == [record for record, _ in moved[1]]
    assert as_it_was(store, "Big", hour(2.5)) == [record for record, _ in moved[2]]


def test_an_undo_can_be_undone(store: Store, moved):
    done = undone(store, ids_of(store)[1])
    assert done.run is not None
    again = undone(store, done.run)
    assert again.undone == (done.run,)
    assert [record for record, _ in whole(store)] == [record for record, _ in moved[3]]
    found, _ = feed(store, changes.beginning(store))
    assert replayed(found) == {"Big": set(stored(store, "Big"))}


def test_records_that_no_longer_exist_stay_away(store: Store, moved):
    gone = moved[0][0][0]
    sql(store, "DELETE FROM company WHERE id = :id", id=gone)
    recalc(store, now=hour(4))
    last = ids_of(store)[-1]
    done = undone(store, last)
    assert (done.gone, done.entered, done.after) == (1, 0, 3)
    assert gone not in stored(store, "Big")
    assert segments.find(store, "Big").count == len(stored(store, "Big"))


def test_undoing_the_first_fill_leaves_the_segment_uncounted(store: Store, moved):
    done = undone(store, ids_of(store)[0])
    assert (done.after, whole(store)) == (None, [])
    view = segments.find(store, "Big")
    assert (view.count, view.last_counted_at) == (None, None)
    assert runs(store, "Big")[-1].count_after is None
    found, _ = feed(store, changes.beginning(store))
    assert replayed(found) == {"Big": set()}
    failures.retry(store, ["Big"], now=hour(6), actor=ACTOR)
    outcome = recalc(store, now=hour(6))["Big"]
    assert outcome.baseline
    found, _ = feed(store, changes.beginning(store))
    assert replayed(found) == {"Big": set(stored(store, "Big"))}
    assert len(stored(store, "Big")) == 4
    # It can be undone again, back to the state between the two fills.
    assert undone(store, ids_of(store)[-1], now=hour(7)).after is None
    assert stored(store, "Big") == []


def test_undoing_the_undo_of_a_first_fill_keeps_both_fills_in_the_feed(store: Store, moved):
    first = undone(store, ids_of(store)[0])
    failures.retry(store, ["Big"], now=hour(6), actor=ACTOR)
    recalc(store, now=hour(6))
    assert first.run is not None
    undone(store, first.run, now=hour(7))
    found, _ = feed(store, changes.beginning(store))
    assert replayed(found) == {"Big": set(stored(store, "Big"))}
    assert [record for record, _ in whole(store)] == [record for record, _ in moved[3]]


def test_the_state_is_that_of_the_run_before(store: Store, moved):
    edit(store, "Big", where="size > 75")
    recalc(store, now=hour(4))
    undone(store, ids_of(store)[-1])
    view = segments.find(store, "Big")
    assert view.stale
    assert view.last_counted_at == segments.show(store, "Big").runs[2].started_at
    seen = sql(store, "SELECT watermark, full_at FROM segment_state")[0]
    assert seen.full_at is None
    assert seen.watermark in (None, "null")


def test_nothing_to_undo_changes_nothing(store: Store, moved):
    recalc(store, now=hour(4))
    before = ids_of(store), audit_of(store)
    done = undone(store, ids_of(store)[-1])
    assert (done.undone, done.run) == ((), None)
    assert (ids_of(store), audit_of(store)) == before
    assert segments.find(store, "Big").status == "up to date"
    assert leases(store) == []


def test_beyond_retention_it_is_refused_and_says_what_is_possible(store: Store, moved):
    first, second, third, _ = ids_of(store)
    prune(store, 2.5 / 24)
    with pytest.raises(GuardStopped, match=f"the oldest that can be undone is run {third}") as no:
        undone(store, second)
    assert no.value.fields["oldest_run"] == third
    assert no.value.hint == f"segctl undo {third}"
    with pytest.raises(GuardStopped):
        undone(store, first)
    undone(store, third)
    assert whole(store) == moved[1]


def test_where_all_changes_are_pruned_nothing_can_be_undone(store: Store, moved):
    prune(store, 0)
    with pytest.raises(GuardStopped, match="no later one") as no:
        undone(store, ids_of(store)[-1])
    assert no.value.hint is None


def prune(store: Store, days: float) -> None:
    with store.write() as session:
        workspace = load_workspace(session)
        workspace.change_keep_days = days
        history.prune_changes(session, workspace, hour(4))


def test_a_run_that_does_not_exist_is_not_found(store: Store):
    with pytest.raises(NotFound):
        undone(store, 77)


def test_a_segment_that_is_recalculated_is_left_alone(store: Store, moved):
    id = segments.find(store, "Big").id
    with store.write() as session:
        acquire(session, [id], token="another", owner=this_process())
    with pytest.raises(Busy) as refused:
        undone(store, ids_of(store)[-1])
    assert "segctl cancel" in (refused.value.hint or "")
    assert whole(store) == moved[3]


def test_hooks_hear_of_it(store: Store, moved):
    hook = Hook("crm", ("true",), None, (), None, None, None, 30, 1, Path())
    done = undone(store, ids_of(store)[-1], hooks=[hook])
    assert sql(store, "SELECT hook, recalculation_id FROM hook_delivery") == [("crm", done.run)]


# ---------------------------------------------------------------- held


@pytest.fixture
def held(store: Store, moved) -> Store:
    undone(store, ids_of(store)[-1])
    return store


def test_a_held_segment_is_refused_by_name(held: Store):
    before = whole(held)
    outcome = recalc(held, "Big")["Big"]
    assert outcome.result == "held"
    assert outcome.error is not None
    assert outcome.error.hint is not None
    assert 'segctl retry "Big"' in outcome.error.hint
    assert whole(held) == before
    assert leases(held) == []
    assert segments.find(held, "Big").error is None


def test_a_held_segment_is_skipped_among_others(held: Store, segctl):
    segment(held, "All", "everything")
    done = segctl("recalc", "--all", store=held)
    assert done.code == 3
    assert "held" in done.stdout
    assert segctl("recalc", "Big", store=held).code == 4


def test_one_that_reads_a_held_segment_reads_its_members(held: Store):
    segment(held, "Reader", 'in segment "Big"')
    outcome = recalc(held)["Reader"]
    assert outcome.done
    assert stored(held, "Reader") == stored(held, "Big")


def test_nothing_is_due_while_it_is_held(held: Store):
    with held.read() as session:
        assert schedule.due(session, hour(5000)) == []
    failures.retry(held, ["Big"], now=hour(5000), actor=ACTOR)
    with held.read() as session:
        assert [s.name for s in schedule.due(session, hour(5000))] == ["Big"]


def test_after_a_retry_it_is_recalculated_in_full(held: Store, moved):
    failures.retry(held, ["Big"], now=hour(5), actor=ACTOR)
    outcome = recalc(held, now=hour(5))["Big"]
    assert (outcome.result, outcome.mode) == ("done", "full")
    assert [record for record, _ in whole(held)] == [record for record, _ in moved[3]]


# ---------------------------------------------------------------- the command


def test_the_command_needs_a_yes(segctl, store: Store, moved):
    last = ids_of(store)[-1]
    done = segctl("undo", last, store=store)
    assert done.code == 2
    assert "--yes" in done.stderr
    assert whole(store) == moved[3]
    [row] = [segctl("undo", f"#{last}", "--yes", "-o", "json", store=store).ok().json]
    assert row["undone"] == [last]
    assert (row["count_before"], row["count"], row["left"]) == (4, 3, 1)
    assert whole(store) == moved[2]


def test_the_command_says_when_there_is_nothing_to_do(segctl, store: Store, moved):
    recalc(store, now=hour(4))
    done = segctl("undo", ids_of(store)[-1], store=store).ok()
    assert "nothing to undo" in done.stderr


def test_the_command_wants_a_number(segctl, store: Store):
    done = segctl("undo", "Big", store=store)
    assert done.code == 2
    assert "number of a run" in done.stderr
