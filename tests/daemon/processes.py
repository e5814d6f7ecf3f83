"""Daemons as real processes, and what they say."""

from collections.abc import Callable
from contextlib import suppress
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from segctl.store.opening import Store
from tests.conftest import ROOT
from tests.engine.workspace import sql

SCRIPT = """
import datetime as dt
import sys
from pathlib import Path
from segctl.cli import context
from segctl.daemon import lanes, options as options_module, service
from segctl.engine import lease
from segctl.services import daemons

options = dict(word.split("=", 1) for word in sys.argv[1].split(",") if word)
offset = Path(options["clock"]) if "clock" in options else None

def now(*_):
    shift = float(offset.read_text() or 0) if offset else 0.0
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=shift)

if offset:
    context.now = now
if "lease" in options:
    seconds = float(options["lease"])
    made = options_module.Options
    options_module.Options = lambda **more: made(**more, lease_seconds=seconds)
if {"slow", "slow_segment"} & options.keys():
    import time
    started = lanes.Lane.started
    def slowly(lane, view):
        started(lane, view)
        if options.get("slow_segment", str(view.id)) == str(view.id):
            end = time.monotonic() + float(options.get("slow", 600))
            while time.monotonic() < end and not lane.stopped():
                time.sleep(0.005)
    lanes.Lane.started = slowly
if "patch" in options:
    import sqlalchemy as sa
    from segctl.engine import full_postgres, full_sqlite, temporary
    def endless(session, *rest):
        if session.get_bind().dialect.name == "postgresql":
            session.execute(sa.text("SELECT pg_sleep(600)"))
        session.execute(sa.text(
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
        ))
    full_sqlite.CHEAP = -1
    temporary.find = endless
    full_postgres._is_empty = endless
for name in ("LOOK_EVERY", "HEARTBEAT_EVERY"):
    setattr(service, name, float(options.get("every", getattr(service, name))))
from segctl.cli.main import main
main(sys.argv[2:])
"""
"""segctl with some of its times changed, and a clock that a file shifts."""


class Running:
    """A daemon that runs; `events` are those it has told so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(ValueError):
                self.events.append(json.loads(line))

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in list(self.events) if event["event"] == kind]

    def wait_for(self, kind: str, seconds: float = 60, number: int = 1) -> dict[str, Any]:
        until(lambda: len(self.told(kind)) >= number or self.process.poll() is not None, seconds)
        assert self.told(kind), self.said()
        return self.told(kind)[-1]

    def said(self) -> str:
        """What it wrote to stderr, if it has ended."""
        if self.process.poll() is None:
            return f"still running; {self.events[-5:]}"
        assert self.process.stderr is not None
        return f"ended with {self.process.returncode}: {self.process.stderr.read().decode()}"

    def end(self, number: int, seconds: float = 30) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for something to become true; what it was."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


NURSERY = """
import os, signal, sys
import segctl.cli.daemon, segctl.cli.main, segctl.daemon.service, segctl.cli.output
import segctl.services.outcomes, segctl.store.opening, sqlalchemy.dialects.sqlite
import sqlalchemy.dialects.postgresql, psycopg
script = sys.argv[1]
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    pid = os.fork()
    if pid:
        print(pid, flush=True)
        continue
    sys.argv = ["segctl", *line.rstrip("\\n").split("\\t")]
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0), os.dup2(null, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    exec(compile(script, "script", "exec"))
    os._exit(0)
"""
"""A process that has everything imported and forks daemons, so that each starts at once."""


class Nursery:
    """Daemons that start in a moment, for tests that need many, one after the other."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-c", NURSERY, SCRIPT],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._pids: list[int] = []

    def start(self, store: Store, **options: Any) -> int:
        """The pid of a new daemon; `options` as for Daemons."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        text = ",".join(f"{key}={value}" for key, value in options.items())
        words = (text, "--store", store.url, "daemon", "--log-format", "json")
        self._parent.stdin.write("\t".join(words) + "\n")
        self._parent.stdin.flush()
        self._pids.append(int(self._parent.stdout.readline()))
        return self._pids[-1]

    def kill(self, pid: int) -> None:
        """kill -9, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}").exists(), 10)

    def end(self) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.stdout.close()
        self._parent.wait(10)


class Daemons:
    """Start daemons on a store, and end them all."""

    def __init__(self) -> None:
        self.started: list[Running] = []

    def __call__(self, store: "Store | str", *words: str, **options: Any) -> Running:
        """`options`: clock=FILE, lease=SECONDS, slow=SECONDS, slow_segment=ID, every=SECONDS.

        `patch` makes every evaluation a statement that does not end.
        """
        text = ",".join(f"{key}={value}" for key, value in options.items())
        url = store if isinstance(store, str) else store.url
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", SCRIPT, text),
                *("--store", url, "daemon", "--log-format", "json", *words),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running = Running(process)
        self.started.append(running)
        return running

    def end(self) -> None:
        for running in self.started:
            if running.process.poll() is None:
                running.process.kill()
            running.process.wait()
            running._reader.join(5)
            for pipe in (running.process.stdout, running.process.stderr):
                if pipe is not None:
                    pipe.close()


def make_due(store: Store) -> None:
    """Let all that was counted be counted long ago."""
    past = "'2026-01-01T00:00:00.000000Z'"
    if store.dialect == "postgresql":
        past = f"CAST({past} AS timestamptz)"
    sql(store, f"UPDATE segment_state SET last_counted_at = {past}")


def times(store: Store) -> dict[int, int]:
    """Segment: how often it was recalculated. Skips that follow each other share a row."""
    rows = sql(
        store,
        "SELECT segment_id, sum(CASE WHEN skips > 0 THEN skips ELSE 1 END) FROM recalculation "
        "WHERE error IS NULL GROUP BY segment_id",
    )
    return {row[0]: int(row[1]) for row in rows}


def counted(store: Store) -> int:
    """How many recalculations there were."""
    return sum(times(store).values())


def proc_memory(pid: int) -> int:
    """Bytes of memory of a process that are in use."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
