"""A lane without a scheduler around it: batches, failures, bugs, the store's failures."""

import datetime as dt
from pathlib import Path
import sys
from typing import Any

import pytest

from segctl.config_hooks import read_hooks
from segctl.daemon import clock_watch, service
from segctl.daemon.events import Event, Kind
from segctl.daemon.executor import Threads
from segctl.daemon.lanes import Lane, LaneName
from segctl.daemon.options import Options
from segctl.daemon.service import Daemon
from segctl.daemon.tally import Tally
from segctl.daemon.trouble import Trouble, of_the_store
from segctl.errors import Busy, StoreError, StoreVersionError
from segctl.services import batches, daemons, recalculation, schedule, segments
from segctl.services.outcomes import failure
from segctl.services.schedule import State
from segctl.services.watching import Stopped
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.daemon.test_schedule import due, one
from tests.engine.workspace import (
    companies,
    edit,
    leases,
    recalc,
    runs,
    segment,
    sql,
)
from tests.segments.test_recalculation import break_, hold


class Told:
    """A lane under a clock that the test moves, and what it has told."""

    def __init__(self, store: Store, name: LaneName = LaneName.LIGHT, **more: Any) -> None:
        self.now = NOW
        self.events: list[Event] = []
        self.tally = Tally()
        self.stop = False
        self.lane = Lane(
            name,
            store,
            clock=lambda: self.now,
            tell=self.events.append,
            tally=self.tally,
            stopped=lambda: self.stop,
            **more,
        )

    def kinds(self) -> list[Kind]:
        return [event.kind for event in self.events]


def test_a_lane_recalculates_what_is_due_and_tells_it(store: Store):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    told = Told(store)
    told.lane.work()
    (event,) = told.events
    assert event.kind is Kind.RECALCULATED
    assert event.text.startswith('"Big" (company): 2 members, 2 entered, 0 left')
    assert event.fields["count"] == 2
    assert told.tally.counts["recalculated"] == 1
    assert told.tally.running == []
    (run,) = runs(store, "Big")
    assert (run.trigger, run.why) == ("interval", "first fill")
    sql(store, "UPDATE company SET size = 1")
    told.now += dt.timedelta(hours=5)
    told.lane.work()
    assert runs(store, "Big")[-1].trigger == "interval"
    assert segments.find(store, "Big").count == 0


def test_one_segment_that_fails_does_not_keep_the_others(store: Store):
    companies(store, [60])
    segment(store, "Broken", "size > 1")
    segment(store, "Big", "size > 50")
    break_(store, "Broken")
    told = Told(store)
    told.lane.work()
    assert sorted(told.kinds()) == [Kind.RECALCULATED, Kind.HALTED]
    assert one(store, "Broken").state(NOW) is State.STOPPED
    assert "is stopped until it is edited" in told.tally.errors[-1]


def test_ten_failures_park_a_segment_visibly(store: Store):
    """A guard that refuses is asked again each time the interval is over, but not for ever."""
    companies(store, [60])
    segment(store, "Big", "size > 50", max_change="0")
    told = Told(store)
    told.lane.work()
    sql(store, "UPDATE company SET size = 1")
    for _ in range(12):
        told.now += dt.timedelta(hours=5)
        told.lane.work()
    assert told.kinds() == [Kind.RECALCULATED] + [Kind.FAILED] * 9 + [Kind.PARKED]
    assert 'segctl retry "Big"' in told.events[-1].text
    assert told.tally.counts["failed"] == 10
    assert segments.find(store, "Big").count == 1


def test_a_bug_stops_one_segment_and_is_shown(store: Store, monkeypatch: pytest.MonkeyPatch):
    companies(store, [60])
    for name in ("A", "B", "C"):
        segment(store, name, "size > 50")
    started = Lane.started

    def buggy(lane: Lane, view: Any) -> None:
        if view.name == "B":
            raise ZeroDivisionError("a bug")
        started(lane, view)

    monkeypatch.setattr(Lane, "started", buggy)
    told = Told(store)
    told.lane.work()
    assert [segments.find(store, name).count for name in ("A", "B", "C")] == [1, None, 1]
    assert "ZeroDivisionError" in one(store, "B").error
    (first, *_) = [event for event in told.events if event.kind is Kind.WARNING]
    assert "Traceback" in first.fields["traceback"]
    assert leases(store) == []


def test_segments_that_read_each_other_fail_alone(store: Store):
    companies(store, [60])
    a, b = segment(store, "A", "size > 1").id, segment(store, "B", "size > 2").id
    segment(store, "Fine", "size > 3")
    sql(store, f"INSERT INTO segment_reference VALUES ({a}, {b}), ({b}, {a})")
    Told(store).lane.work()
    assert segments.find(store, "Fine").count == 1
    assert "in a circle" in one(store, "A").error


def test_a_store_that_is_away_is_no_failure_of_the_segments(store: Store):
    view = segment(store, "Big", "size > 50")
    away = StoreError("the store does not answer", reason="no_answer")
    told = Told(store)
    with pytest.raises(StoreError):
        told.lane._settle([failure(view, "", away, 0.0)], NOW)
    assert one(store, "Big").failing is None
    assert told.events == []


def test_what_somebody_else_has_counted_meanwhile_is_not_counted_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    told = Told(store)
    choose = batches.choose_ids

    def late(*words: Any) -> Any:
        batch = choose(*words)
        recalc(store)
        return batch

    monkeypatch.setattr(batches, "choose_ids", late)
    assert told.lane.step() is False
    assert len(runs(store, "Big")) == 1
    assert leases(store) == []


def test_what_reads_a_segment_counted_meanwhile_goes_by_the_new_members(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    companies(store, [60])
    segment(store, "Base", "size > 50")
    segment(store, "Reader", 'in segment "Base"')
    choose = batches.choose_ids

    def late(*words: Any) -> Any:
        batch = choose(*words)
        recalc(store, "Base")
        return batch

    monkeypatch.setattr(batches, "choose_ids", late)
    Told(store).lane.step()
    assert segments.find(store, "Reader").count == 1
    assert len(runs(store, "Base")) == 1


def test_what_reads_a_segment_that_another_counts_first_is_busy_and_has_not_failed(store: Store):
    companies(store, [60])
    segment(store, "Base", "size > 50")
    segment(store, "Reader", 'in segment "Base"')
    hold(store, "Base")
    assert recalc(store, "Reader")["Reader"].result == "busy"
    assert runs(store, "Reader") == []
    told = Told(store)
    told.lane.work()
    assert told.events == []


def test_a_lease_that_was_left_behind_is_told(store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    hold(store, "Big", seconds=-1)
    told = Told(store)
    told.lane.work()
    assert told.kinds() == [Kind.TAKEN_OVER, Kind.RECALCULATED]
    assert told.tally.counts["taken_over"] == 1


def test_a_lane_that_is_stopped_gives_its_leases_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    companies(store, [60])
    segment(store, "A", "size > 50")
    segment(store, "B", "size > 60")
    told = Told(store)

    def stop(outcome: Any) -> None:
        told.stop = True

    monkeypatch.setattr(told.lane, "finished", stop)
    with pytest.raises(Stopped):
        told.lane.step()
    assert len(runs(store, "A")) + len(runs(store, "B")) == 1
    assert leases(store) == []


def test_the_heavy_lane_comes_after_the_light_ones_one_at_a_time(store: Store):
    companies(store, [60])
    for name in ("Heavy", "Also heavy", "Light"):
        segment(store, name, "size > 50")
    recalc(store)
    sql(store, "UPDATE segment_state SET too_heavy = true WHERE segment_id < 3")
    heavy, light = Told(store, LaneName.HEAVY), Told(store)
    heavy.now = light.now = NOW + dt.timedelta(days=2)
    assert heavy.lane.step() is False
    assert light.lane.step() is True
    assert light.lane.step() is False
    assert heavy.lane.step() is True
    assert len(heavy.events) == 1
    hold(store, "Also heavy" if "Heavy" in heavy.events[0].text else "Heavy")
    assert heavy.lane.step() is False


def test_a_heavy_segment_waits_for_another_process_that_is_at_one(store: Store):
    companies(store, [60])
    for name in ("Heavy", "Also heavy"):
        segment(store, name, "size > 50")
    recalc(store)
    sql(store, "UPDATE segment_state SET too_heavy = true")
    hold(store, "Heavy")
    heavy = Told(store, LaneName.HEAVY)
    heavy.now = NOW + dt.timedelta(days=2)
    assert heavy.lane.step() is False
    sql(store, "DELETE FROM lease")
    assert heavy.lane.step() is True


def test_a_heavy_lane_alone_waits_for_nobody(store: Store, monkeypatch: pytest.MonkeyPatch):
    companies(store, [60])
    segment(store, "Heavy", "size > 50")
    segment(store, "Light", "size > 50")
    recalc(store)
    sql(store, "UPDATE segment_state SET too_heavy = true WHERE segment_id = 1")
    heavy = Told(store, LaneName.HEAVY, alone=True)
    heavy.now = NOW + dt.timedelta(days=2)
    assert heavy.lane.step() is True


def test_light_ones_that_are_always_due_do_not_starve_heavy_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    from segctl.daemon import lanes

    companies(store, [60])
    segment(store, "Heavy", "size > 50")
    segment(store, "Light", "size > 50")
    recalc(store)
    sql(store, "UPDATE segment_state SET too_heavy = true WHERE segment_id = 1")
    heavy = Told(store, LaneName.HEAVY)
    heavy.now = NOW + dt.timedelta(days=2)
    assert heavy.lane.step() is False
    monkeypatch.setattr(lanes, "PATIENCE", -1.0)
    assert heavy.lane.step() is True


def test_several_daemons_take_a_part_each(store: Store):
    companies(store, [60])
    for n in range(10):
        segment(store, f"S{n}", "size > 50")
    owner = recalculation.this_process()
    for _ in range(2):
        id = daemons.register(store, owner, lanes="light", type=None, now=NOW)
    told = Told(store)
    assert told.lane.step() is True
    assert len(told.events) == 5
    daemons.leave(store, id, owner, now=NOW)
    assert told.lane.step() is True
    assert len(told.events) == 10


# ---------------------------------------------------------------- trouble


class Said:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.trouble = Trouble(
            lambda error, wait: self.lines.append(f"lost {error} {wait:g}"),
            lambda: self.lines.append("back"),
        )


def test_trouble_is_told_once_and_its_end_too():
    said = Said()
    said.trouble.over("a")
    said.trouble.failed("a", StoreError("away"))
    said.trouble.failed("b", StoreError("away"))
    assert said.lines == ["lost away 1"]
    assert said.trouble.lasting == "away"
    assert not said.trouble.may_try("a")
    assert said.trouble.may_try("c")
    said.trouble.over("a")
    assert said.lines == ["lost away 1"]
    said.trouble.over("b")
    assert said.lines == ["lost away 1", "back"]
    assert said.trouble.lasting is None


def test_trouble_waits_twice_as_long_each_time_up_to_a_quarter_of_an_hour():
    said = Said()
    for n in range(14):
        said.trouble.failed("a", StoreError(f"away {n}"))
    waits = [float(line.split()[-1]) for line in said.lines]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]


def test_errors_of_the_store_pass_and_others_do_not():
    import sqlite3

    import sqlalchemy.exc as sax

    assert of_the_store(Busy("x")) is not None
    assert of_the_store(StoreVersionError("x")) is None
    assert of_the_store(ValueError("x")) is None
    driver = sax.OperationalError("SELECT 1", {}, sqlite3.OperationalError("disk\nI/O error"))
    found = of_the_store(driver)
    assert found is not None
    assert found.message == "disk I/O error"


# ---------------------------------------------------------------- the daemon in this process


def run(store: Store, seconds: float = 2, **more: Any) -> list[Event]:
    events: list[Event] = []
    daemon = Daemon(
        store.url, Options(**more), clock=lambda: dt.datetime.now(dt.UTC), tell=events.append
    )
    daemon.run(seconds)
    return events


def test_hooks_are_called_and_a_failing_one_blocks_nothing(store: Store, tmp_path: Path):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    hooks = read_hooks(
        [
            {"name": "good", "on_change": [sys.executable, "-c", ""]},
            {"name": "bad", "on_change": [sys.executable, "-c", "import sys; sys.exit(1)"]},
            {"name": "slow", "on_change": [sys.executable, "-c", "import time; time.sleep(99)"]},
            {"name": "secretive", "on_change": ["x"], "secret_env": "NOT_SET"},
        ],
        tmp_path / "segctl.toml",
    )
    from segctl.config_hooks import secret_of

    events = run(store, 4, hooks=hooks, secret=lambda hook: secret_of(hook, {}))
    told = {event.kind: event for event in events}
    assert Kind.RECALCULATED in told
    assert told[Kind.HOOK_DELIVERED].fields["hook"] == "good"
    assert told[Kind.HOOK_FAILED].fields["hook"] == "bad"
    assert "NOT_SET" in told[Kind.STORE_LOST].text
    states = {d.hook: d.state for d in service.hooks.list_deliveries(store)}
    assert states == {
        "good": "delivered",
        "bad": "waiting",
        "slow": "waiting",
        "secretive": "waiting",
    }


def test_an_upgraded_store_ends_the_daemon(store: Store):
    events: list[Event] = []
    daemon = Daemon(store.url, Options(), clock=lambda: dt.datetime.now(dt.UTC), tell=events.append)
    sql(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreVersionError):
        daemon.run(20)


def test_a_bug_in_a_job_is_told_and_the_others_go_on(store: Store, monkeypatch: pytest.MonkeyPatch):
    companies(store, [60])
    segment(store, "Big", "size > 50")

    def bug(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(service.stores, "prune", bug)
    events = run(store, 2)
    assert any("bug in the prune" in e.text for e in events if e.kind is Kind.WARNING)
    assert Kind.RECALCULATED in {e.kind for e in events}


def test_a_clock_that_was_set_makes_the_scheduler_look_at_once(store: Store):
    daemon = Daemon(store.url, Options(), clock=lambda: NOW, tell=lambda event: None)
    scheduler = daemon._scheduler()
    scheduler.start(paused=True)
    far = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    for job in scheduler.get_jobs():
        job.modify(next_run_time=far)
    daemon._look_now(scheduler)
    assert all(job.next_run_time < far - dt.timedelta(minutes=50) for job in scheduler.get_jobs())
    scheduler.shutdown(wait=False)


def test_a_jump_of_the_clock_is_noticed(monkeypatch: pytest.MonkeyPatch):
    watch = clock_watch.ClockWatch()
    assert not watch.jumped()
    for shift in (7200.0, -3600.0):
        real = clock_watch.time.time
        monkeypatch.setattr(clock_watch.time, "time", lambda r=real, s=shift: r() + s)
        assert watch.jumped()
        assert not watch.jumped()


def test_a_daemon_tells_others_that_it_is_alive(store: Store):
    events: list[Event] = []
    seen: list[Any] = []
    daemon = Daemon(store.url, Options(), clock=lambda: dt.datetime.now(dt.UTC), tell=events.append)

    def idle() -> None:
        with store.read() as session:
            seen.append(daemons.load_daemons(session))
        assert daemon.look() is not None

    daemon.run(1.5, idle)
    (alive,) = seen[-1]
    assert alive.alive
    assert alive.pid == recalculation.this_process().pid
    with store.read() as session:
        (gone,) = daemons.load_daemons(session)
    assert not gone.alive
    assert gone.stopped_at is not None


def test_threads_of_jobs_do_not_outlive_the_process():
    import threading
    import time

    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(executors={"default": Threads()})
    names: list[Any] = []
    scheduler.add_job(lambda: names.append(threading.current_thread().daemon), id="x")
    scheduler.start()
    end = time.monotonic() + 10
    while not names and time.monotonic() < end:
        time.sleep(0.02)
    scheduler.shutdown(wait=False)
    assert names == [True]


def test_a_held_segment_waits_for_a_person(store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(
        store,
        "INSERT INTO segment_schedule (segment_id, failures, held_at) "
        "SELECT segment_id, 0, last_counted_at FROM segment_state",
    )
    later = NOW + dt.timedelta(days=3)
    assert due(store, later) == []
    assert one(store, "Big").state(later) is State.HELD
    from segctl.services import failures

    assert [v.name for v in failures.retry(store, now=later, actor="t")] == ["Big"]
    assert due(store, later) == ["Big"]
    assert schedule.show(store, 1).held_at is None
    edit(store, "Big", interval=0)
    assert due(store, later) == []
