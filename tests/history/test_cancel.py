"""Stopping a recalculation from another process."""

import datetime as dt
import json
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa

from segctl.engine import cancelling
from segctl.engine.cancelling import Cancelling
from segctl.engine.lease import acquire
from segctl.engine.owner import this_process
from segctl.errors import Busy, Cancelled, FileError, SegctlError
from segctl.services import cancel, failures, segments
from segctl.services.outcomes import failure, verdict
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import (
    ROOT,
    companies,
    leases,
    recalc,
    runs,
    segment,
    sql,
    stored,
    until,
)
from tests.segments.test_processes import HOLD, SLOW

ENDLESS = (
    SLOW.replace(
        "def endless(session):", "def endless(session):\n    full_postgres._is_empty = empty"
    )
    .replace("find = temporary.find", "find = temporary.find\nempty = full_postgres._is_empty")
    .replace(
        "    Path(sys.argv[1]).touch()",
        "    temporary.find = find\n    Path(sys.argv[1]).touch()",
    )
)
"""segctl, but the evaluation of its first segment is a statement that does not end."""


@pytest.fixture
def child(clean_environment: Path, tmp_path: Path):
    """Start such a process; it is at the interesting place when this returns."""
    children = []

    def start(script: str, *words: str) -> subprocess.Popen[bytes]:
        there = tmp_path / f"there{len(children)}"
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(there), *words],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        children.append(process)
        until(lambda: there.exists() or process.poll() is not None, 60)
        assert process.poll() is None, process.communicate()
        return process

    yield start
    for process in children:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def counted(store: Store) -> list[int]:
    """Two segments that were counted, and records that have changed since."""
    ids = companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    segment(store, "Huge", "size > 65")
    recalc(store)
    sql(store, "UPDATE company SET size = 1 WHERE id = :id", id=ids[1])
    return ids


def test_only_that_segment_of_a_batch_is_stopped(store: Store, child, counted):
    process = child(ENDLESS, "--store", store.url, "recalc", "Big", "Huge", "-o", "json")
    done = cancel.cancel(store, "Big", actor="anna")
    assert done.ending == "cancelled"
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 3, stderr.decode()
    assert [(o["name"], o["result"]) for o in json.loads(stdout)] == [
        ("Big", "cancelled"),
        ("Huge", "done"),
    ]
    assert "cancelled by anna" in stderr.decode()
    assert stored(store, "Big") == counted
    assert stored(store, "Huge") == []
    last = runs(store, "Big")[-1]
    assert last.error == "cancelled by anna"
    assert segments.find(store, "Big").status == "up to date"
    assert leases(store) == []
    assert left_behind(store) == []


def left_behind(store: Store) -> list[str]:
    """Requests that nobody took away."""
    if store.dialect == "sqlite":
        path = Path(store.url.removeprefix("sqlite:///"))
        return [file.name for file in path.parent.iterdir() if "cancel" in file.name]
    return [row[0] for row in sql(store, "SELECT token FROM cancel_request")]


def test_the_command_stops_it_and_says_so(store: Store, child, counted, segctl):
    process = child(ENDLESS, "--store", store.url, "recalc", "Big")
    done = segctl("cancel", "Big", "-o", "json", store=store, env={"SEGCTL_ACTOR": "anna"}).ok()
    assert done.json["result"] == "cancelled"
    assert str(process.pid) in done.stderr
    process.communicate(timeout=60)
    assert process.returncode == 1


def test_one_that_waits_for_its_turn_is_left_out(store: Store, child, counted, monkeypatch):
    monkeypatch.setattr(cancel, "TURN", 0.0)
    process = child(ENDLESS, "--store", store.url, "recalc", "Big", "Huge", "-o", "json")
    assert cancel.cancel(store, "Huge", actor="anna").ending == "asked"
    assert cancel.cancel(store, "Big", actor="anna").ending in ("cancelled", "asked")
    stdout, _ = process.communicate(timeout=60)
    assert [o["result"] for o in json.loads(stdout)] == ["cancelled", "cancelled"]
    assert process.returncode == 1
    assert stored(store, "Huge") == counted[1:]


def test_a_process_that_does_not_answer_is_told_of(store: Store, child, counted):
    process = child(HOLD, "--store", store.url, "recalc", "Big")
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(Busy, match="does not answer") as refused:
        cancel.cancel(store, "Big", actor="anna", patience=dt.timedelta(seconds=0.3))
    assert refused.value.fields["reason"] == "no_answer"
    assert left_behind(store) == []


def test_what_nobody_recalculates_cannot_be_stopped(store: Store, counted):
    with pytest.raises(SegctlError, match="not being recalculated"):
        cancel.cancel(store, "Big", actor="anna")


def test_one_that_was_done_before_is_said_to_be(store: Store, counted, monkeypatch, segctl):
    """It ends between the look and the request."""
    id = segments.find(store, "Big").id

    def finish(*_: object) -> None:
        sql(store, "DELETE FROM lease")
        recalc(store, "Big")

    def hold() -> None:
        with store.write() as session:
            acquire(session, [id], token="another", owner=this_process())

    monkeypatch.setattr(cancelling, "request", finish)
    hold()
    assert cancel.cancel(store, "Big", actor="anna").ending == "finished"
    hold()
    done = segctl("cancel", "Big", store=store)
    assert done.code == 1
    assert "before that could be stopped" in done.stderr


# ---------------------------------------------------------------- the side of the one who works


def test_a_request_before_its_turn_stops_it_before_it_begins(store: Store, counted):
    id = segments.find(store, "Big").id
    with Cancelling(store, "mine") as work:
        cancelling.request(store, "mine", id, "anna")
        assert until(lambda: work.requested_by(id)) == "anna"
        assert not cancelling.is_pending(store, "mine", id)
        with pytest.raises(Cancelled, match="cancelled by anna"), work.over(id):
            raise AssertionError("it begins")
        with work.over(id + 1):
            pass


def test_a_request_ends_the_statement_that_runs(store: Store):
    def work_for_ever(work: Cancelling) -> None:
        with work.over(3), store.read() as session:
            cancelling.request(store, "mine", 3, "anna")
            endless = "SELECT pg_sleep(600)"
            if store.dialect == "sqlite":
                endless = (
                    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
                    "SELECT count(*) FROM c"
                )
            session.execute(sa.text(endless))

    with Cancelling(store, "mine") as work, pytest.raises(Cancelled, match="by anna"):
        work_for_ever(work)


def test_another_error_stays_that_error(store: Store, counted):
    with (
        Cancelling(store, "mine") as work,
        pytest.raises(ZeroDivisionError),
        work.over(1),
    ):
        raise ZeroDivisionError


def test_a_request_for_another_holder_is_not_taken(store: Store, counted):
    id = segments.find(store, "Big").id
    with Cancelling(store, "mine") as work:
        cancelling.request(store, "other", id, "anna")
        time.sleep(1)
        assert work.requested_by(id) is None
        assert cancelling.is_pending(store, "other", id)
    cancelling.withdraw(store, "other", id)
    assert left_behind(store) == []


def test_a_request_that_came_too_late_leaves_nothing_behind(sqlite_store: Store):
    work = Cancelling(sqlite_store, "mine")
    work.__enter__()
    work._done.set()
    cancelling.request(sqlite_store, "mine", 3, "anna")
    work.__exit__(None, None, None)
    assert left_behind(sqlite_store) == []


def test_a_folder_that_cannot_be_written_is_said(sqlite_store: Store):
    path = Path(sqlite_store.url.removeprefix("sqlite:///"))
    path.with_name(f"{path.name}-cancel-mine").write_text("in the way")
    with pytest.raises(FileError, match="cannot be written"):
        cancelling.request(sqlite_store, "mine", 3, "anna")
    assert cancelling._take_files(path.with_name(f"{path.name}-cancel-mine")) == {}


def test_a_store_in_memory_needs_none():
    from segctl.store.opening import create_store

    with create_store("sqlite://", now=NOW) as store, Cancelling(store, "mine") as work:
        assert work._thread is None


def test_the_daemon_tries_it_again_after_the_interval(store: Store, counted):
    view = segments.find(store, "Big")
    outcome = failure(view, "", Cancelled("cancelled by anna", reason="cancelled"), 0.1)
    [setback] = failures.note_failures(store, [outcome], NOW)
    assert setback.failing.error_class == "cancelled"
    assert setback.failing.retry_at is not None
    assert (setback.failing.retry_at - NOW).total_seconds() == view.interval * 60
    error = verdict([outcome])
    assert error is not None
    assert error.fields["reason"] == "cancelled"
