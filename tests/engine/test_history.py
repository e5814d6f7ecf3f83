"""Pruning what the workspace no longer keeps."""

import datetime as dt

from segctl.engine import history
from segctl.store.opening import Store
from segctl.store.workspace import load_workspace
from tests.conftest import NOW
from tests.engine.workspace import changes, companies, recalc, runs, segment, sql

DAY = dt.timedelta(days=1)


def prepared(store: Store) -> None:
    """A first fill, then one record more on each of three days."""
    companies(store, [60])
    segment(store, "Big", "size > 50")
    for day in range(4):
        recalc(store, now=NOW + day * DAY)
        companies(store, [70 + day])


def prune(store: Store, what, now: dt.datetime, **settings) -> int:
    with store.write() as session:
        workspace = load_workspace(session)
        for name, value in settings.items():
            setattr(workspace, name, value)
        return what(session, workspace, now)


def test_changes_older_than_is_kept_go_with_their_whole_run(store: Store):
    prepared(store)
    assert len(changes(store, "Big")) == 3
    gone = prune(store, history.prune_changes, NOW + 4 * DAY, change_keep_days=2.5)
    assert gone == 1
    ids = [run.id for run in runs(store, "Big")]
    assert [change[0] for change in changes(store, "Big")] == ids[2:]


def test_changes_beyond_the_number_kept_go_oldest_first(store: Store):
    prepared(store)
    assert prune(store, history.prune_changes, NOW + 4 * DAY, change_keep_rows=1) == 2
    assert len(changes(store, "Big")) == 1


def test_a_run_keeps_all_its_changes_or_none(store: Store):
    companies(store, [10, 20, 30])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "UPDATE company SET size = 60")
    recalc(store)
    assert prune(store, history.prune_changes, NOW + DAY, change_keep_rows=2) == 3
    assert changes(store, "Big") == []


def test_nothing_is_pruned_that_is_kept(store: Store):
    prepared(store)
    assert prune(store, history.prune_changes, NOW + 4 * DAY) == 0
    assert prune(store, history.prune_runs, NOW + 4 * DAY) == 0


def test_an_empty_history_is_pruned_without_harm(store: Store):
    assert prune(store, history.prune_changes, NOW) == 0
    assert prune(store, history.prune_runs, NOW) == 0


def test_old_runs_go_but_not_the_first_fill_the_last_or_those_with_changes(store: Store):
    prepared(store)
    prune(store, history.prune_changes, NOW + 400 * DAY, change_keep_days=1)
    assert prune(store, history.prune_runs, NOW + 800 * DAY) == 2
    left = runs(store, "Big")
    assert [bool(run.baseline) for run in left] == [True, False]
    assert left[-1].count_after == 4
