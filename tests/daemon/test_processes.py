"""Daemons as real processes: several at once, killed, stopped, edited under."""

import datetime as dt
from functools import partial
from pathlib import Path
import random
import signal
import time

import pytest

from segctl.services import batches, dry_runs, segments
from segctl.store.opening import Store
from tests.conftest import Processes
from tests.daemon.processes import Daemons, Nursery, counted, make_due, times, until
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


def consistent(store: Store, name: str) -> None:
    """Members, count and history of a segment agree, and with its condition."""
    count = 0
    members: set[int] = set()
    for run in runs(store, name):
        if run.error is not None:
            continue
        assert run.count_before in (None, count)
        assert run.count_after == count + run.entered - run.left
        count = run.count_after
    for _, record, entered in changes(store, name):
        (members.add if entered else members.discard)(record)
    present = stored(store, name)
    assert segments.find(store, name).count == len(present) == count
    # The first fill is not logged; what is logged later must end where the members are.
    logged = {record for _, record, _ in changes(store, name)}
    assert members == logged & set(present)


def test_what_other_processes_change_takes_effect_within_five_seconds(
    store: Store, daemons: Daemons
):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50", interval=0)
    recalc(store)
    daemon = daemons(store)
    daemon.wait_for("started")

    def in_time(what: object) -> None:
        until(what, 5)  # type: ignore[arg-type]

    segment(store, "New", "size > 65")
    in_time(lambda: segments.find(store, "New").count == 1)
    make_due(store)
    edit(store, "Big", interval=30)
    before = counted(store)
    in_time(lambda: counted(store) > before)
    edit(store, "New", where="size > 1")
    in_time(lambda: segments.find(store, "New").count == 2)
    segments.delete(store, "New", now=dt.datetime.now(dt.UTC), actor="t")
    make_due(store)
    before = counted(store)
    in_time(lambda: counted(store) > before)
    assert daemon.end(signal.SIGTERM) == 143
    assert [e["message"] for e in daemon.told("failed")] == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_signal_ends_a_daemon_in_time_and_gives_the_leases_back(
    store: Store, daemons: Daemons, number: int, code: int
):
    """In the middle of a statement that would take for ever."""
    companies(store, range(400))
    segment(store, "Fine", "size > 50")
    segment(store, "Endless", "size > 1")
    daemon = daemons(store, patch="endless")
    until(lambda: leases(store))
    time.sleep(1)
    began = time.monotonic()
    assert daemon.end(number) == code, daemon.said()
    assert time.monotonic() - began < 10
    assert leases(store) == []
    assert sql(store, "SELECT count(*) FROM daemon WHERE stopped_at IS NULL")[0][0] == 0
    assert [run.error for run in runs(store, "Endless")] == []


def test_a_second_signal_does_not_keep_the_leases(store: Store, daemons: Daemons):
    companies(store, range(50))
    segment(store, "Endless", "size > 1")
    daemon = daemons(store, patch="endless")
    until(lambda: leases(store))
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.wait(15)
    assert leases(store) == []


@pytest.mark.long
def test_fifty_kills_at_random_moments_lose_nothing_and_repeat_nothing(
    store: Store, daemons: Daemons, nursery: Nursery
):
    """kill -9 in the middle of a recalculation; whoever starts next goes on at once."""
    dice = random.Random(5)
    companies(store, [n % 100 for n in range(300)])
    names = [f"S{n}" for n in range(6)]
    for n, name in enumerate(names):
        segment(store, name, f"size > {n * 10}")
    edit(store, "S5", where='in segment "S0"')
    recalc(store)
    rounds, killed_at_work = 50, 0
    for number in range(rounds):
        sql(store, "UPDATE company SET size = (size + 7) % 100 WHERE id % 3 = :n", n=number % 3)
        make_due(store)
        mark = times(store)
        daemon = nursery.start(store, slow="0.05", every="0.2")
        until(partial(at_work, store, mark))
        time.sleep(dice.uniform(0, 0.4))
        killed_at_work += bool(leases(store))
        nursery.kill(daemon)
        # What it had done stays done, and is not done again for the same due time.
        if number % 10 == 9:
            finish(store, daemons, mark, names)
        for name in names:
            assert counted_since(store, mark, name) <= 1
    assert killed_at_work >= rounds // 4
    finish(store, daemons, mark, names)
    for name in names:
        consistent(store, name)
        assert (
            dry_runs.dry_run(store, batches.choose(store, [name]), now=dt.datetime.now(dt.UTC))[
                0
            ].entered
            == 0
        )


def at_work(store: Store, mark: dict[int, int]) -> bool:
    return bool(times(store) != mark or leases(store))


def counted_since(store: Store, mark: dict[int, int], name: str) -> int:
    id = segments.find(store, name).id
    return times(store)[id] - mark[id]


def finish(store: Store, daemons: Daemons, mark: dict[int, int], names: list[str]) -> None:
    """Let a daemon do what the killed one has left; nothing waits for a dead lease."""
    daemon = daemons(store)
    daemon.wait_for("started")
    until(lambda: all(counted_since(store, mark, name) == 1 for name in names), 30)
    assert daemon.end(signal.SIGTERM) == 143
    assert leases(store) == []


@pytest.mark.long
def test_three_daemons_share_the_work_and_take_over_from_one_that_is_killed(
    postgres_store: Store, daemons: Daemons
):
    store = postgres_store
    companies(store, [n % 100 for n in range(100)])
    names = [f"S{n}" for n in range(200)]
    for n, name in enumerate(names):
        segment(store, name, f"size > {n % 100}")
    three = [daemons(store, slow="0.01") for _ in range(3)]
    until(lambda: len(sql(store, "SELECT id FROM daemon")) == 3)
    until(partial(has_counted, store, 200), 120)
    make_due(store)
    until(partial(has_counted, store, 400), 120)
    assert set(times(store).values()) == {2}
    owners = {row[0] for row in sql(store, "SELECT DISTINCT owner FROM recalculation")}
    assert len(owners) == 3
    # One dies while all are at work.
    make_due(store)
    until(lambda: counted(store) > 410, 120)
    three[0].process.kill()
    three[0].process.wait()
    until(partial(has_counted, store, 600), 60)
    time.sleep(2)
    assert set(times(store).values()) == {3}
    for daemon in three[1:]:
        assert daemon.end(signal.SIGTERM) == 143
    assert leases(store) == []


def has_counted(store: Store, number: int) -> bool:
    return counted(store) == number


def test_a_lease_of_a_daemon_that_hangs_is_taken_over_when_it_runs_out(
    store: Store, daemons: Daemons
):
    """Stopped, not dead: nothing but the time tells."""
    companies(store, [60])
    segment(store, "Big", "size > 50")
    hanging = daemons(store, lease="3", slow="60")
    until(lambda: leases(store))
    time.sleep(0.5)
    hanging.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    other = daemons(store, lease="3")
    until(lambda: counted(store) == 1, 20)
    assert time.monotonic() - began < 15
    other.wait_for("taken_over", 10)
    hanging.process.send_signal(signal.SIGCONT)
    other.end(signal.SIGTERM)
    hanging.end(signal.SIGTERM)
    assert counted(store) == 1
    consistent(store, "Big")


def test_once_does_what_is_due_and_ends(store: Store, segctl_process: Processes):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    segment(store, "By hand", "size > 50", interval=0)
    done = segctl_process("daemon", "--once", "--log-format", "json", store=store).ok()
    assert [line for line in done.lines if '"recalculated"' in line] != []
    assert segments.find(store, "Big").count == 2
    assert segments.find(store, "By hand").count is None
    again = segctl_process("daemon", "--once", store=store).ok()
    assert again.stdout == ""


def test_once_tells_cron_what_failed(store: Store, segctl_process: Processes):
    from tests.segments.test_recalculation import break_

    companies(store, [60])
    segment(store, "Big", "size > 50")
    segment(store, "Broken", "size > 60")
    break_(store, "Broken")
    done = segctl_process("daemon", "--once", store=store)
    assert done.code == 3
    assert "stopped_segment" in done.stdout
    assert segments.find(store, "Big").count == 1


@pytest.mark.long
def test_ten_thousand_due_segments_take_bounded_memory_and_light_ones_pass_heavy_ones(
    store: Store, daemons: Daemons
):
    from tests.daemon.processes import proc_memory

    companies(store, [60, 70])
    heavy = segment(store, "Heavy", "size > 50").id
    recalc(store)
    sql(store, "UPDATE segment_state SET too_heavy = true, last_duration = 99")
    many(store, 10_000)
    make_due(store)
    daemon = daemons(store, slow="0.003")
    until(lambda: counted(store) > 100, 300)
    small = proc_memory(daemon.pid)
    until(lambda: counted(store) > 400, 300)
    assert proc_memory(daemon.pid) < small * 1.3 + 20_000_000
    # The heavy one waits for the light ones, and they do not wait for it.
    assert times(store)[heavy] == 1
    sql(store, "UPDATE segment SET interval = 0 WHERE id <> :id AND id > 450", id=heavy)
    until(lambda: times(store)[heavy] == 2, 300)
    assert daemon.end(signal.SIGTERM) == 143


def many(store: Store, number: int) -> None:
    """So many segments, as copies of one."""
    columns = (
        "object_type, description, condition, definition_hash, interval, modified_at, created_at"
    )
    series = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < :number) "
        f"INSERT INTO segment (name, folded_name, {columns}) "
        f"SELECT 'N' || x, 'n' || x, {columns} FROM segment, n"
    )
    if store.dialect == "postgresql":
        series = (
            f"INSERT INTO segment (name, folded_name, {columns}) "
            f"SELECT 'N' || x, 'n' || x, {columns} "
            "FROM segment, generate_series(1, CAST(:number AS int)) AS x"
        )
    sql(store, series, number=number)


def test_a_heavy_segment_does_not_keep_light_ones_waiting(store: Store, daemons: Daemons):
    companies(store, [60, 70])
    segment(store, "Heavy", "size > 50")
    light = segment(store, "Light", "size > 60").id
    recalc(store)
    heavy = segments.find(store, "Heavy").id
    sql(store, "UPDATE segment_state SET too_heavy = true WHERE segment_id = :id", id=heavy)
    edit(store, "Light", interval=0)
    make_due(store)
    daemon = daemons(store, slow_segment=str(heavy))
    until(lambda: heavy in leases(store))
    edit(store, "Light", interval=30)
    until(lambda: times(store)[light] == 2, 10)
    assert times(store)[heavy] == 1
    assert daemon.end(signal.SIGTERM) == 143


def test_the_clock_may_jump(store: Store, daemons: Daemons, tmp_path: Path):
    """Two hours forward: once each. One hour back: neither a storm nor a standstill."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    companies(store, [60, 70])
    for n in range(10):
        segment(store, f"S{n}", "size > 50", interval=30)
    daemon = daemons(store, clock=str(clock), every="0.3")
    until(lambda: counted(store) == 10)
    clock.write_text(str(2 * 3600))
    until(lambda: counted(store) == 20)
    time.sleep(2)
    assert counted(store) == 20
    clock.write_text(str(1 * 3600))
    daemon.wait_for("clock_changed")
    time.sleep(2)
    assert counted(store) <= 21
    for minutes in range(3, 34, 3):
        clock.write_text(str(3600 + minutes * 60))
        time.sleep(0.7)
    until(lambda: counted(store) >= 30)
    assert set(times(store).values()) <= {3, 4}, times(store)
    assert daemon.end(signal.SIGTERM) == 143
