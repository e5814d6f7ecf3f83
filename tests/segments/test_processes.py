"""Real processes: at once, killed, interrupted."""

import csv
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest

from segctl.catalog import ObjectType
from segctl.services import segments
from segctl.store import trace
from segctl.store.opening import Store
from tests.conftest import Processes
from tests.engine.workspace import (
    ROOT,
    changes,
    companies,
    leases,
    recalc,
    runs,
    segment,
    sql,
    stored,
    until,
)

HOLD = """
import sys, time
from pathlib import Path
from segctl.engine import full_postgres, full_sqlite

def hold(*_):
    Path(sys.argv[1]).touch()
    time.sleep(600)

full_sqlite.check_change = full_postgres.check_change = hold
full_postgres.PATIENCE = 2
full_sqlite.CHEAP = -1
from segctl.cli.main import main
main(sys.argv[2:])
"""
"""segctl, but it stops where everything is evaluated and nothing is committed."""

SLOW = """
import sys
from pathlib import Path
import sqlalchemy as sa
from segctl.engine import full_postgres, temporary

def endless(session):
    Path(sys.argv[1]).touch()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SELECT pg_sleep(600)"))
    session.execute(sa.text(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    ))

find = temporary.find
temporary.find = lambda session, *rest: endless(session)
full_postgres._is_empty = lambda session, *rest: endless(session)
from segctl.cli.main import main
main(sys.argv[2:])
"""
"""segctl, but the evaluation is a statement that does not end."""


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


def test_a_killed_process_leaves_the_old_members_and_its_lease_is_taken_over(store: Store, child):
    ids = companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "UPDATE company SET size = 1 WHERE id = :id", id=ids[0])
    process = child(HOLD, "--store", store.url, "recalc", "--all")
    assert segments.find(store, "Big").status == "running"
    assert recalc(store)["Big"].result == "busy"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert stored(store, "Big") == ids
    assert segments.find(store, "Big").status == "up to date"
    assert leases(store) != []
    outcome = until_free(store)
    assert (outcome.entered, outcome.left) == (0, 1)
    assert stored(store, "Big") == ids[1:]
    assert leases(store) == []


def until_free(store: Store):
    """The outcome of the first recalculation that is not refused."""

    def tried():
        outcome = recalc(store)["Big"]
        return outcome if outcome.done else None

    return until(tried)


def test_an_expired_lease_is_taken_over_from_a_process_that_hangs(store: Store, child):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    process = child(HOLD, "--store", store.url, "recalc", "--all")
    process.send_signal(signal.SIGSTOP)
    sql(store, "UPDATE lease SET expires_at = started_at")
    # On Postgres its rows are locked until the server has lost patience with it.
    until_free(store)
    process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_signal_ends_the_running_statement_and_gives_the_lease_back(
    store: Store, child, number: int, code: int
):
    ids = companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store)
    process = child(SLOW, "--store", store.url, "recalc", "--all")
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert process.returncode == code, stderr
    assert b"Traceback" not in stderr
    assert leases(store) == []
    assert stored(store, "Big") == ids
    assert len(runs(store, "Big")) == 1


def test_recalculating_and_importing_at_once_loses_nothing(
    store: Store, segctl_process: Processes, tmp_path: Path
):
    segment(store, "Big", "size > 50")
    segment(store, "Odd", 'name contains "1"')
    segment(store, "All", "everything")
    files = []
    for part in range(2):
        files.append(tmp_path / f"part{part}.csv")
        with files[-1].open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["external_id", "name", "size"])
            writer.writerows([f"{part}-{n}", f"Company {n}", n % 100] for n in range(1500))
    commands = [
        *(["records", "import", "company", str(file), "--id", "external_id"] for file in files),
        *(["recalc", "--all", "--wait", "60s"] for _ in range(2)),
    ]
    processes = [segctl_process.start(*command, store=store) for command in commands]
    for process, command in zip(processes, commands, strict=True):
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, (command, stderr.decode())
    recalc(store)
    assert sql(store, "SELECT count(*) FROM company")[0][0] == 3000
    for name, where in {
        "Big": "size > 50",
        "Odd": "name LIKE '%1%'",
        "All": "1 = 1",
    }.items():
        wanted = [r[0] for r in sql(store, f"SELECT id FROM company WHERE {where} ORDER BY id")]
        assert stored(store, name) == wanted
        assert segments.find(store, name).count == len(wanted)
        replayed(store, name, wanted)


def replayed(store: Store, name: str, members: list[int]) -> None:
    """The run rows add up: each starts where the one before it ended."""
    count = 0
    for run in runs(store, name):
        assert run.count_before in (None, count)
        assert run.count_after == count + run.entered - run.left
        count = run.count_after
        logged = [c for c in changes(store, name) if c[0] == run.id]
        assert len(logged) == (0 if run.baseline else run.entered + run.left)
    assert count == len(members)
    assert leases(store) == []


def test_a_foreign_programs_write_moves_the_watermark(store: Store):
    """What `psql` and `sqlite3` do, without segctl's functions on the connection."""
    segment(store, "Big", "size > 50")
    recalc(store)
    with store.read() as session:
        seen = dict(trace.watermark(session))
    foreign(store, "INSERT INTO company (name, size) VALUES ('foreign', 60)")
    with store.read() as session:
        assert trace.watermark(session) != seen
        query = trace.changed_since(session, seen, ObjectType.COMPANY)
        assert query is not None
        assert len(session.execute(query).all()) == 1
    assert recalc(store)["Big"].entered == 1


def foreign(store: Store, statement: str) -> None:
    if store.dialect == "sqlite":
        import sqlite3

        connection = sqlite3.connect(store.url.removeprefix("sqlite:///"))
        with connection:
            connection.execute(statement)
        connection.close()
    else:
        import psycopg

        with psycopg.connect(store.url) as connection:
            connection.execute(statement)
