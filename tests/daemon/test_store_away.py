"""A store that is stopped, locked or full for a while: the daemon survives, says so, catches up."""

from collections.abc import Iterator
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from segctl.services import segments
from segctl.store.opening import Store, create_store
from tests import postgres
from tests.conftest import NOW
from tests.daemon.processes import Daemons, counted, make_due, until
from tests.engine.workspace import companies, leases, segment, sql

AWAY = 20
"""Seconds."""


class Private:
    """A Postgres server of this test alone, which can be stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        postgres._start(folder)
        self.server = postgres.Server(folder / "s")

    def _control(self, *words: str) -> None:
        user = postgres._server_user()
        bin = (
            postgres._reachable(postgres.binaries(), self.folder, user)
            if not (self.folder / "install").exists()
            else next((self.folder / "install").glob("*/pginstall/bin"))
        )
        more = postgres._as(user) if user else {}
        data = self.folder / "data"
        postgres._run(
            (bin / "pg_ctl", *words, "-D", data, "-w", "-s", "-l", data / "log"),
            {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"},
            {**more, "start_new_session": True},
        )

    def stop(self) -> None:
        self._control("stop", "-m", "fast")

    def start(self) -> None:
        self._control("start")


@pytest.fixture
def private(postgres_server: postgres.Server) -> Iterator[Private]:
    folder = Path(tempfile.mkdtemp(prefix="segctl-pg-"))
    folder.chmod(0o755)
    server = Private(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_postgres_server_that_is_stopped_for_a_while(private: Private, daemons: Daemons):
    private.server.execute("CREATE DATABASE crm TEMPLATE template0")
    url = private.server.url("crm")
    with create_store(url, now=NOW) as store:
        companies(store, [60, 70])
        segment(store, "Big", "size > 50")
        daemon = daemons(store)
        until(lambda: counted(store) == 1)
        private.stop()
        daemon.wait_for("store_lost")
        assert "does not answer" in daemon.told("store_lost")[0]["error"]
        time.sleep(AWAY)
        assert daemon.process.poll() is None
        private.start()
        daemon.wait_for("store_back", 60)
        until(lambda: answers(store), 20)
        make_due(store)
        until(lambda: counted(store) == 2, 40)
        assert daemon.end(signal.SIGTERM) == 143
        assert leases(store) == []
        # The server's time away is no failure of the segment.
        assert segments.find(store, "Big").failures == 0


def answers(store: Store) -> bool:
    from segctl.errors import SegctlError

    try:
        counted(store)
    except SegctlError:
        return False
    return True


def test_a_daemon_waits_for_a_server_that_is_away_when_it_starts(
    private: Private, daemons: Daemons
):
    private.server.execute("CREATE DATABASE crm TEMPLATE template0")
    url = private.server.url("crm")
    with create_store(url, now=NOW) as store:
        companies(store, [60])
        segment(store, "Big", "size > 50")
    private.stop()
    daemon = daemons(url)
    daemon.wait_for("store_lost")
    private.start()
    daemon.wait_for("recalculated", 60)
    assert daemon.end(signal.SIGTERM) == 143


LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


def test_a_sqlite_file_that_another_process_locks_for_a_while(
    sqlite_store: Store, daemons: Daemons, monkeypatch: pytest.MonkeyPatch
):
    store = sqlite_store
    monkeypatch.setenv("SEGCTL_BUSY_TIMEOUT", "2")
    companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    daemon = daemons(store)
    until(lambda: counted(store) == 1)
    make_due(store)
    before = counted(store)
    words = [sys.executable, "-c", LOCK, store.url.removeprefix("sqlite:///"), str(AWAY)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as locker:
        assert locker.stdout is not None
        locker.stdout.readline()
        daemon.wait_for("store_lost")
        assert "another process is writing" in daemon.told("store_lost")[0]["error"]
        assert locker.wait(60) == 0
    daemon.wait_for("store_back", 60)
    until(lambda: counted(store) > before, 60)
    assert segments.find(store, "Big").failures == 0
    assert daemon.end(signal.SIGTERM) == 143


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, check=False).returncode:
        pytest.skip("only root can mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_reported_and_left_behind_when_there_is_room(
    small_disk: Path, daemons: Daemons
):
    with create_store(f"sqlite:///{small_disk / 'store.sqlite'}", now=NOW) as store:
        companies(store, [60] * 50)
        segment(store, "Big", "size > 50")
        daemon = daemons(store)
        until(lambda: counted(store) == 1)
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        # What is due must be written, and there is no room for it.
        daemon.wait_for("store_lost", 60)
        assert "full" in daemon.told("store_lost")[0]["error"]
        assert daemon.process.poll() is None
        ballast.unlink()
        daemon.wait_for("store_back", 60)
        make_due(store)
        sql(store, "UPDATE company SET size = 1 WHERE id = 1")
        until(lambda: segments.find(store, "Big").count == 49, 60)
        assert daemon.end(signal.SIGTERM) == 143
