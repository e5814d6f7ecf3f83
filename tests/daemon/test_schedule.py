"""What is due: a function of the store and of the time."""

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest

from segctl.catalog import ObjectType
from segctl.errors import NotFound
from segctl.services import due_batches, schedule, segments, workspace
from segctl.services.reanchoring import reanchor
from segctl.services.schedule import Reason, State
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import ACTOR, edit, recalc, segment, sql
from tests.segments.test_recalculation import hold

MINUTE = dt.timedelta(minutes=1)


def due(store: Store, now: dt.datetime, type: ObjectType | None = None) -> list[str]:
    with store.read() as session:
        return [s.name for s in schedule.due(session, now, type)]


def one(store: Store, name: str) -> schedule.Scheduled:
    return schedule.show(store, segments.find(store, name).id)


def references(store: Store) -> dict[int, set[int]]:
    with store.read() as session:
        return schedule.load_references(session)


def found(store: Store, now: dt.datetime = NOW) -> list[schedule.Scheduled]:
    with store.read() as session:
        return schedule.due(session, now)


# ---------------------------------------------------------------- when


def test_a_segment_is_due_at_once_until_it_was_counted(store: Store):
    segment(store, "New", "size > 50")
    assert due(store, NOW) == ["New"]
    assert one(store, "New").reason is Reason.NEW
    recalc(store)
    assert due(store, NOW) == []


def test_a_segment_is_due_when_its_interval_and_its_share_of_the_spread_are_over(store: Store):
    view = segment(store, "Hourly", "size > 50", interval=60)
    recalc(store)
    end = one(store, "Hourly").due_at
    assert end is not None
    assert end == segments.find(store, "Hourly").last_counted_at + dt.timedelta(
        minutes=60
    ) + schedule.spread(view.id, 60)
    assert due(store, end - dt.timedelta(microseconds=1)) == []
    assert due(store, end) == ["Hourly"]


def test_what_was_missed_for_days_is_due_once(store: Store):
    segment(store, "Hourly", "size > 50", interval=60)
    recalc(store)
    later = NOW + dt.timedelta(days=9)
    assert due(store, later) == ["Hourly"]
    recalc(store, now=later)
    assert due(store, later) == []


def test_a_manual_segment_is_never_due(store: Store):
    segment(store, "By hand", "size > 50", interval=0)
    assert due(store, NOW) == []
    recalc(store)
    edit(store, "By hand", where="size > 60")
    assert due(store, NOW + dt.timedelta(days=400)) == []
    assert one(store, "By hand").state(NOW) is State.MANUAL
    assert one(store, "By hand").lag(NOW) is None


def test_a_changed_condition_is_due_at_once(store: Store):
    segment(store, "Big", "size > 50")
    recalc(store)
    edit(store, "Big", where="size > 60")
    assert due(store, NOW) == ["Big"]
    assert one(store, "Big").reason is Reason.STALE


def test_a_changed_interval_holds_for_the_count_that_there_is(store: Store):
    segment(store, "Big", "size > 50", interval=240)
    recalc(store)
    assert due(store, NOW + 70 * MINUTE) == []
    edit(store, "Big", interval=30)
    assert due(store, NOW + 70 * MINUTE) == ["Big"]


def test_only_those_of_a_type(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "All", "everything", "deal")
    assert due(store, NOW, ObjectType.DEAL) == ["All"]


def test_the_one_that_waits_longest_comes_first(store: Store):
    for name in ("A", "B", "C"):
        segment(store, name, "size > 50", interval=60)
    recalc(store, "B", now=NOW - dt.timedelta(hours=3))
    recalc(store, "A", now=NOW - dt.timedelta(hours=2))
    recalc(store, "C", now=NOW)
    assert due(store, NOW) == ["B", "A"]


def test_what_another_process_recalculates_is_left_to_it_and_so_is_what_reads_it(store: Store):
    segment(store, "Base", "size > 50")
    segment(store, "Reader", 'in segment "Base"')
    segment(store, "Other", "size > 1")
    hold(store, "Base")
    assert due(store, NOW) == ["Other"]


@pytest.mark.parametrize("zone", ["Europe/Warsaw", "America/New_York"])
@pytest.mark.parametrize("day", [(2026, 3, 8), (2026, 3, 29), (2026, 10, 25), (2026, 11, 1)])
def test_an_interval_is_a_length_of_time_whatever_clocks_are_set_to(
    sqlite_store: Store, zone: str, day: tuple[int, int, int]
):
    """At 2 or 3 in the morning of these days an hour is missing or comes twice in one of them."""
    store = sqlite_store
    workspace.set_value(store, "timezone", zone, now=NOW, actor=ACTOR)
    segment(store, "Hourly", "everything", interval=60)
    now = dt.datetime(*day, 0, 0, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    recalc(store, now=now)
    runs = [now]
    for minute in range(1, 6 * 60):
        moment = now + minute * MINUTE
        if due(store, moment):
            recalc(store, now=moment)
            runs.append(moment)
    gaps = {later - earlier for earlier, later in itertools.pairwise(runs)}
    assert all(60 * MINUTE <= gap <= 67 * MINUTE for gap in gaps), gaps
    assert len(runs) == 6


# ---------------------------------------------------------------- spread


def test_equal_intervals_spread_over_a_tenth_of_them(store: Store):
    offsets = sorted(schedule.spread(id, 60) for id in range(1, 101))
    assert offsets[0] >= dt.timedelta()
    assert offsets[-1] < 6 * MINUTE
    gaps = [b - a for a, b in itertools.pairwise(offsets)]
    assert max(gaps) < dt.timedelta(seconds=10)
    assert len(set(offsets)) == 100


def test_the_spread_is_the_same_each_time_and_never_long():
    assert schedule.spread(7, 60) == schedule.spread(7, 60)
    assert max(schedule.spread(id, 7 * 24 * 60) for id in range(1000)) < dt.timedelta(minutes=15)


# ---------------------------------------------------------------- clocks


def test_a_clock_two_hours_forward_makes_everything_due_once(store: Store):
    for n in range(20):
        segment(store, f"S{n}", "size > 50", interval=60)
    recalc(store)
    later = NOW + dt.timedelta(hours=2)
    assert len(due(store, later)) == 20
    recalc(store, now=later)
    assert due(store, later) == []


def test_a_clock_one_hour_back_neither_stops_nor_floods(store: Store):
    for n in range(20):
        segment(store, f"S{n}", "size > 50", interval=60)
    recalc(store)
    back = NOW - dt.timedelta(hours=1)
    assert reanchor(store, back) == 20
    assert reanchor(store, back) == 0
    assert len(due(store, back)) <= 1
    counted = []
    for minute in range(60):
        moment = back + minute * MINUTE
        for name in due(store, moment):
            recalc(store, name, now=moment)
            counted.append(name)
    assert sorted(counted) == sorted(f"S{n}" for n in range(20))


def test_clocks_that_differ_a_little_change_nothing(store: Store):
    segment(store, "Big", "size > 50", interval=60)
    recalc(store)
    assert reanchor(store, NOW - 4 * MINUTE) == 0


def test_a_clock_that_is_set_back_twice_is_followed_twice(store: Store):
    segment(store, "Big", "size > 50", interval=60)
    recalc(store)
    assert reanchor(store, NOW - dt.timedelta(days=1)) == 1
    assert reanchor(store, NOW - dt.timedelta(days=2)) == 1
    assert due(store, NOW - dt.timedelta(days=2) + 60 * MINUTE) == ["Big"]


def test_a_manual_segment_needs_no_time_of_its_own(store: Store):
    segment(store, "By hand", "size > 50", interval=0)
    recalc(store)
    assert reanchor(store, NOW - dt.timedelta(days=1)) == 0


# ---------------------------------------------------------------- batches and lanes


def test_a_batch_is_of_one_type_and_what_is_read_comes_first(store: Store):
    segment(store, "Reader", "size > 50")
    segment(store, "Deals", "everything", "deal")
    segment(store, "Base", "size > 1")
    edit(store, "Reader", where='in segment "Base"')
    segments_due = found(store)
    names = [s.name for s in due_batches.first_batch(segments_due, references(store), 100)]
    assert names == ["Base", "Reader"]
    rest = [s for s in segments_due if s.name not in names]
    assert [s.name for s in due_batches.first_batch(rest, references(store), 100)] == ["Deals"]


def test_a_batch_has_an_upper_limit_and_keeps_the_order(store: Store):
    segment(store, "Base", "size > 1")
    segment(store, "Reader", 'in segment "Base"')
    segment(store, "Third", "size > 3")
    batch = due_batches.first_batch(found(store), references(store), 2)
    assert [s.name for s in batch] == ["Base", "Reader"]


def test_what_reads_another_type_waits_for_it(store: Store):
    segment(store, "Big deals", "everything", "deal")
    segment(store, "Buyers", "everything", "contact")
    base, reader = (segments.find(store, name).id for name in ("Big deals", "Buyers"))
    sql(store, f"INSERT INTO segment_reference VALUES ({reader}, {base})")
    ordered = sorted(found(store), key=lambda s: s.name != "Buyers")
    batch = due_batches.first_batch(ordered, references(store), 100)
    assert [s.name for s in batch] == ["Big deals"]


def test_what_is_too_heavy_and_what_reads_it_belong_in_the_heavy_lane(store: Store):
    segment(store, "Slow", "size > 1")
    segment(store, "Reader", 'in segment "Slow"')
    segment(store, "Light", "size > 2")
    recalc(store)
    sql(
        store,
        "UPDATE segment_state SET too_heavy = true WHERE segment_id = :id",
        id=segments.find(store, "Slow").id,
    )
    later = NOW + dt.timedelta(days=1)
    slow = due_batches.heavy(found(store, later), references(store))
    names = {s.id: s.name for s in found(store, later)}
    assert {names[id] for id in slow} == {"Slow", "Reader"}


def test_segments_that_read_each_other_do_not_stop_the_others(store: Store):
    a, b = segment(store, "A", "size > 1").id, segment(store, "B", "size > 2").id
    sql(store, f"INSERT INTO segment_reference VALUES ({a}, {b}), ({b}, {a})")
    assert len(due_batches.first_batch(found(store), references(store), 100)) == 1
    sql(store, "UPDATE segment_state SET too_heavy = true")
    assert due_batches.heavy(found(store), references(store)) == set()


def test_a_reference_that_came_along_is_wanted_as_long_as_it_is_stale(store: Store):
    manual = segment(store, "By hand", "size > 1", interval=0).id
    other = segment(store, "Other", "size > 1").id
    with store.read() as session:
        assert schedule.still_due(session, {manual, other}, {other}, NOW) == {manual, other}
    recalc(store)
    with store.read() as session:
        assert schedule.still_due(session, {manual, other}, {other}, NOW) == set()


# ---------------------------------------------------------------- listing


def test_lag_is_how_late_a_segment_is(store: Store):
    segment(store, "Hourly", "size > 50", interval=60)
    assert one(store, "Hourly").lag(NOW + 5 * MINUTE) == 5 * MINUTE
    recalc(store)
    end = one(store, "Hourly").due_at
    assert one(store, "Hourly").lag(end - MINUTE) == dt.timedelta()
    assert one(store, "Hourly").lag(end + MINUTE) == MINUTE
    assert one(store, "Hourly").state(end) is State.DUE
    assert one(store, "Hourly").state(end - MINUTE) is State.WAITING


def test_a_segment_that_was_deleted_has_no_schedule(store: Store):
    with pytest.raises(NotFound):
        schedule.show(store, 999)
    assert schedule.list_schedule(store) == []
