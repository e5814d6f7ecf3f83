"""The benchmark runs, at a size that takes seconds; its figures mean nothing then."""

import datetime as dt
import subprocess
import sys

import pytest

from bench.segments import Clock, segments
from tests import postgres
from tests.conftest import ROOT


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--records", "400", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_small_run_prints_the_table() -> None:
    table = run("--segments", "20", "--parts", "fill,steady,import,conversations")
    for line in (
        "Conversations assigned",
        "First fill",
        "Steady, 0.5 % changed",
        "Peak memory",
        "Import, new",
    ):
        assert f"| {line}" in table
    assert "400 contacts, 2,000 events" in table


def test_it_runs_on_postgres(postgres_server: postgres.Server) -> None:
    words = ("--store", "postgres", "--server", postgres_server.url("postgres"))
    table = run(*words, "--segments", "20", "--parts", "fill")
    assert "| First fill" in table
    assert "PostgreSQL" in table


@pytest.mark.parametrize("number", [1, 20, 100])
def test_a_fifth_of_the_segments_looks_beyond_the_contact(number: int) -> None:
    clock = Clock(dt.datetime(2026, 3, 15, tzinfo=dt.UTC), postgres=False)
    made = list(segments(number, clock))
    words = ("event", "company", "segment")
    beyond = [s for s in made if s.type == "company" or any(w in s.condition for w in words)]
    assert len(made) == number
    assert len(beyond) == number // 5


def test_names_of_segments_are_unique() -> None:
    clock = Clock(dt.datetime(2026, 3, 15, tzinfo=dt.UTC), postgres=False)
    made = list(segments(100, clock))
    assert len({segment.name for segment in made}) == 100
    assert len({segment.condition for segment in made}) == 100
