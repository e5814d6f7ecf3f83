"""Status, its check, and metrics."""

import datetime as dt
from pathlib import Path
import re
from typing import Any
import urllib.request

import pytest

from segctl.catalog import ObjectType
from segctl.daemon.events import Kind
from segctl.daemon.metrics import Metrics
from segctl.daemon.options import Options
from segctl.daemon.service import Daemon
from segctl.daemon.tally import Tally
from segctl.engine.owner import Owner, this_process
from segctl.errors import FileError, InvalidValue, SegctlError
from segctl.services import daemons
from segctl.services.status import Limit, parse_limit, problems, status
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.daemon.test_failures import fail
from tests.engine.workspace import companies, recalc, segment, sql
from tests.segments.test_recalculation import hold

HOUR = dt.timedelta(hours=1)


def test_status_counts_what_there_is(store: Store):
    companies(store, [60])
    for name in ("Fine", "Parked", "Failed", "Running", "Heavy"):
        segment(store, name, "size > 50", interval=60)
    segment(store, "By hand", "size > 50", interval=0)
    recalc(store)
    segment(store, "New", "size > 50")
    sql(store, "UPDATE segment_state SET too_heavy = true WHERE segment_id = 5")
    for _ in range(10):
        fail(store, "Parked", SegctlError("no luck"))
    fail(store, "Failed", SegctlError("no luck"))
    hold(store, "Running")
    seen = status(store, now=NOW + dt.timedelta(minutes=10))
    names = {
        "parked": [s.name for s in seen.parked],
        "failed": [s.name for s in seen.failed],
        "late": [s.name for s in seen.late],
        "heavy": [s.name for s in seen.too_heavy],
        "due": sorted(s.name for s in seen.due),
        "new": [s.name for s in seen.never_counted],
        "running": [s.name for s in seen.segments if s.id in seen.running],
    }
    assert names == {
        "parked": ["Parked"],
        "failed": ["Parked", "Failed"],
        "late": ["New"],
        "heavy": ["Heavy"],
        "due": ["Failed", "New"],
        "new": ["New"],
        "running": ["Running"],
    }
    assert not seen.alive
    assert seen.next_due is not None
    assert seen.oldest is not None
    assert status(store, now=NOW, type=ObjectType.DEAL).segments == []


def test_leases_that_were_left_behind_are_counted(store: Store):
    segment(store, "Big", "size > 50")
    hold(store, "Big", seconds=-1)
    seen = status(store, now=NOW)
    assert (seen.abandoned, len(seen.running)) == (1, 0)


def test_an_empty_workspace_has_a_status(store: Store):
    seen = status(store, now=NOW)
    assert (seen.next_due, seen.oldest, seen.segments, seen.daemons) == (None, None, [], [])


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("2x", Limit(times=2)),
        ("1.5X", Limit(times=1.5)),
        ("30m", Limit(length=dt.timedelta(minutes=30))),
        ("2d", Limit(length=dt.timedelta(days=2))),
    ],
)
def test_a_lag_is_read(text: str, limit: Limit):
    assert parse_limit(text) == limit


@pytest.mark.parametrize("text", ["", "x", "2", "-1x", "1h30m", "soon"])
def test_what_is_no_lag_is_refused(text: str):
    with pytest.raises(InvalidValue):
        parse_limit(text)


def test_the_check_compares_ages_with_intervals(store: Store):
    segment(store, "Hourly", "size > 50", interval=60)
    segment(store, "Daily", "size > 50", interval=1440)
    segment(store, "By hand", "size > 50", interval=0)
    recalc(store)

    def found(hours: float, limit: str) -> list[str]:
        seen = status(store, now=NOW + hours * HOUR)
        return problems(seen, max_lag=parse_limit(limit), max_failed=0)

    assert found(1.9, "2x") == []
    assert found(2.1, "2x") == ['1 segment is late: "Hourly"']
    assert found(49, "2x") == ['2 segments are late: "Hourly", "Daily"']
    assert found(1.5, "30m") == []
    assert found(2, "30m") == ['1 segment is late: "Hourly"']


def test_the_check_counts_failures_and_wants_a_daemon_if_told_to(store: Store):
    for n in range(7):
        segment(store, f"S{n}", "size > 50")
        fail(store, f"S{n}", SegctlError("no luck"))
    seen = status(store, now=NOW)
    assert problems(seen, max_lag=Limit(times=2), max_failed=7) == []
    (problem,) = problems(seen, max_lag=Limit(times=2), max_failed=6)
    assert problem == '7 failed: "S0", "S1", "S2", "S3", "S4" and 2 more'
    assert problems(seen, max_lag=Limit(times=2), max_failed=9, need_daemon=True) == [
        "no daemon is alive"
    ]


# ---------------------------------------------------------------- daemons


def alive(store: Store) -> list[bool]:
    with store.read() as session:
        return [daemon.alive for daemon in daemons.load_daemons(session)]


def test_a_daemon_that_says_nothing_counts_as_dead(store: Store):
    id = daemons.register(store, this_process(), lanes="light", type=None, now=NOW)
    assert alive(store) == [True]
    sql(store, "UPDATE daemon SET heartbeat_at = started_at")
    assert alive(store) == [False]
    daemons.beat(store, id, running=[], counters={"recalculated": 3})
    assert alive(store) == [True]


def test_a_daemon_whose_process_is_gone_is_dead_at_once(store: Store):
    gone = Owner(this_process().host, 2**22 - 3, 1)
    daemons.register(store, gone, lanes="light", type="deal", now=NOW)
    assert alive(store) == [False]


def test_daemons_of_long_ago_are_forgotten(store: Store):
    daemons.register(store, this_process(), lanes="light", type=None, now=NOW)
    sql(store, "UPDATE daemon SET heartbeat_at = started_at, stopped_at = started_at")
    daemons.register(store, this_process(), lanes="light", type=None, now=NOW)
    assert alive(store) == [True]


# ---------------------------------------------------------------- metrics


def test_metrics_say_what_the_status_says(store: Store, tmp_path: Path):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    tally = Tally()
    metrics = Metrics(tally, store, lambda: NOW + HOUR)
    tally.add("taken_over", 2)
    metrics.observe("light", 0.2)
    path = tmp_path / "segctl.prom"
    metrics.write(path)
    text = path.read_text()
    values = dict(re.findall(r"^(segctl_\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE))
    assert values['segctl_members{segment="Big",type="company"}'] == "2.0"
    assert values["segctl_segments"] == "1.0"
    assert values["segctl_segments_parked"] == "0.0"
    assert values["segctl_taken_over_total"] == "2.0"
    assert values["segctl_store_up"] == "1.0"
    assert float(values["segctl_oldest_count_age_seconds"]) == pytest.approx(3600, abs=5)
    assert values['segctl_recalculation_seconds_count{lane="light"}'] == "1.0"
    assert list(tmp_path.glob(".segctl*")) == []


def test_metrics_say_that_the_store_is_away(store: Store, tmp_path: Path):
    sql(store, "UPDATE alembic_version SET version_num = '9999'")
    metrics = Metrics(Tally(), store, lambda: NOW)
    metrics.write(tmp_path / "m")
    assert "segctl_store_up 0.0" in (tmp_path / "m").read_text()


def test_a_metrics_file_that_cannot_be_written_leaves_the_old_one(store: Store, tmp_path: Path):
    metrics = Metrics(Tally(), store, lambda: NOW)
    (tmp_path / "m").mkdir()
    with pytest.raises(OSError, match="m"):
        metrics.write(tmp_path / "m")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".m")] == []


def test_metrics_are_served_on_the_loopback(store: Store):
    metrics = Metrics(Tally(), store, lambda: NOW)
    metrics.serve("127.0.0.1", 0)
    port = metrics._server.server_port
    other = Metrics(Tally(), store, lambda: NOW)
    with pytest.raises(FileError, match="cannot be served"):
        other.serve("127.0.0.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert b"segctl_segments 0.0" in answer.read()
    metrics.close()
    other.close()


def test_a_daemon_keeps_its_metrics_file_fresh(store: Store, tmp_path: Path):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    events: list[Any] = []
    path = tmp_path / "m.prom"
    daemon = Daemon(
        store.url,
        Options(metrics_file=path, metrics_address=("127.0.0.1", 0)),
        clock=lambda: dt.datetime.now(dt.UTC),
        tell=events.append,
    )
    daemon.run(2)
    assert "segctl_store_up 1.0" in path.read_text()
    assert Kind.RECALCULATED in {event.kind for event in events}
