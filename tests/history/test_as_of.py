"""Who was in a segment at a time."""

import pytest

from segctl.engine import history
from segctl.errors import GuardStopped, SegctlError, UsageError
from segctl.services import as_of, members
from segctl.services.history import history as history_of
from segctl.store.opening import Store
from segctl.store.workspace import load_workspace
from tests.conftest import NOW
from tests.engine.workspace import companies, recalc, segment, sql, stored
from tests.history.past import HOUR, LATER, as_it_was, hour, undone


@pytest.fixture
def moved(store: Store) -> list[list[int]]:
    """A segment that was counted at hours 0, 1, 2 and 3; its members after each."""
    ids = companies(store, [60, 70, 80, 10])
    segment(store, "Big", "size > 50")
    recorded = []
    for number, size, moving in ((0, 60, 0), (1, 1, 0), (2, 99, 3), (3, 99, 0)):
        sql(store, "UPDATE company SET size = :s WHERE id = :id", s=size, id=ids[moving])
        recalc(store, now=hour(number))
        recorded.append(stored(store, "Big"))
    assert len({tuple(found) for found in recorded}) == 4
    return recorded


def test_the_members_of_each_run_come_back(store: Store, moved):
    for number, recorded in enumerate(moved):
        assert as_it_was(store, "Big", runs(store, "Big")[number].started_at) == recorded
        assert as_it_was(store, "Big", hour(number + 0.9)) == recorded


def test_now_is_what_is_stored(store: Store, moved):
    assert as_it_was(store, "Big", LATER) == stored(store, "Big")


def test_values_are_of_today_and_a_deleted_record_has_only_its_id(store: Store, moved):
    gone = moved[0][1]
    sql(store, "DELETE FROM company WHERE id = :id", id=gone)
    with as_of.as_of(store, "Big", at=hour(0.5), now=LATER, columns=["id", "size"]) as found:
        rows = list(found.rows)
    assert [row["id"] for row in rows] == moved[0]
    assert {row["id"]: row["size"] for row in rows}[gone] is None
    assert rows[0]["size"] == 99
    assert found.deleted == 1
    assert found.counted_at - NOW < HOUR / 60


def test_a_long_list_comes_in_chunks_and_a_limit_cuts_it(store: Store, moved, monkeypatch):
    monkeypatch.setattr(as_of, "CHUNK", 2)
    with as_of.as_of(store, "Big", at=hour(0.5), now=LATER) as found:
        assert [row["id"] for row in found.rows] == moved[0]
    with as_of.as_of(store, "Big", at=hour(0.5), now=LATER, limit=2) as found:
        assert [row["id"] for row in found.rows] == moved[0][:2]


def test_before_the_first_fill_there_is_no_answer(store: Store, moved):
    with pytest.raises(SegctlError, match="was not counted then: it was counted first at"):
        as_it_was(store, "Big", hour(-1))


def test_a_segment_that_was_never_counted_has_no_past(store: Store):
    segment(store, "Big", "size > 50")
    with pytest.raises(SegctlError, match="never counted"):
        as_it_was(store, "Big", NOW)


def test_a_failed_run_changes_nothing(store: Store, moved):
    sql(store, "UPDATE segment SET condition = 'nonsense = 1'")
    recalc(store, now=hour(4))
    assert as_it_was(store, "Big", hour(4)) == moved[3]


def test_the_future_is_refused(store: Store, moved):
    with pytest.raises(UsageError, match="future"):
        as_it_was(store, "Big", LATER + HOUR)


def runs(store: Store, name: str):
    """Its runs, the oldest first, with times."""
    found = history_of(store, name).runs
    return list(reversed(found))


def prune(store: Store, days: float) -> int:
    with store.write() as session:
        workspace = load_workspace(session)
        workspace.change_keep_days = days
        return history.prune_changes(session, workspace, hour(4))


def test_beyond_retention_is_refused_and_says_from_when(store: Store, moved):
    assert prune(store, 2.5 / 24) == 1
    with pytest.raises(GuardStopped, match=r"2026-03-15 13:00:0\d UTC on") as raised:
        as_it_was(store, "Big", hour(0.9))
    assert raised.value.fields["oldest"].startswith("2026-03-15T13:00:0")
    for number in (1, 2, 3):
        assert as_it_was(store, "Big", hour(number + 0.5)) == moved[number]


def test_pruning_again_moves_the_horizon_on(store: Store, moved):
    prune(store, 2.5 / 24)
    prune(store, 1.5 / 24)
    with pytest.raises(GuardStopped):
        as_it_was(store, "Big", hour(1))
    assert as_it_was(store, "Big", hour(2.5)) == moved[2]


def test_a_segment_whose_changes_are_kept_has_its_whole_past(store: Store, moved):
    """Pruning others takes nothing from it, and runs that changed nothing are no loss."""
    segment(store, "All", "everything")
    recalc(store, "All", now=hour(3))
    prune(store, 0.5 / 24)
    with store.write() as session:
        workspace = load_workspace(session)
        workspace.run_keep_days = 0
        history.prune_runs(session, workspace, hour(400))
    assert len(as_it_was(store, "All", hour(3.5))) == 4
    assert as_it_was(store, "Big", hour(3.5)) == moved[3]


def test_the_past_of_an_undone_first_fill_is_none(store: Store, moved):
    first = sql(store, "SELECT min(id) FROM recalculation")[0][0]
    undone(store, first, now=hour(5))
    with pytest.raises(SegctlError, match="its first fill had been undone"):
        as_it_was(store, "Big", hour(6))
    assert as_it_was(store, "Big", hour(2.5)) == moved[2]


def test_what_is_uncounted_at_the_horizon_is_no_empty_list(store: Store, moved):
    first = sql(store, "SELECT min(id) FROM recalculation")[0][0]
    undone(store, first, now=hour(5))
    segment(store, "All", "everything")
    recalc(store, "All", now=hour(9))
    with store.write() as session:
        workspace = load_workspace(session)
        workspace.change_keep_days = workspace.run_keep_days = 0.1
        history.prune_changes(session, workspace, hour(9))
        history.prune_runs(session, workspace, hour(9))
    with pytest.raises(SegctlError, match="its first fill had been undone"):
        as_it_was(store, "Big", hour(6))


def test_the_run_of_the_horizon_need_not_be_kept(store: Store, moved):
    prune(store, 2.5 / 24)
    kept = "SELECT max(recalculation_id) - 1 FROM member_change"
    sql(store, f"DELETE FROM recalculation WHERE id < ({kept})")
    assert as_it_was(store, "Big", hour(1.5)) == moved[1]


def test_the_command_lists_them(segctl, store: Store, moved):
    done = segctl(
        "segments", "members", "Big", "--as-of", "2026-03-15T12:30Z", "-o", "ids", store=store
    )
    assert done.ok().lines == [str(id) for id in moved[0]]
    assert "values are those of today" in done.stderr
    sql(store, "DELETE FROM company WHERE id = :id", id=moved[0][1])
    rows = segctl(
        "segments",
        "members",
        "Big",
        "--as-of",
        "2026-03-15T12:30Z",
        "--columns",
        "name",
        store=store,
    ).ok()
    assert "1 of them have been deleted since" in rows.stderr


@pytest.mark.parametrize("other", ["--live", "--diff"])
def test_the_past_excludes_the_present(segctl, store: Store, moved, other):
    done = segctl("segments", "members", "Big", "--as-of", "1h", other, store=store)
    assert done.code == 2
    assert "--as-of" in done.stderr


def test_the_stored_ones_are_still_the_default(store: Store, moved):
    with members.stored(store, "Big") as found:
        assert [row["id"] for row in found.rows] == moved[3]
