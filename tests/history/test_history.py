"""The runs of a segment and its count over time."""

import datetime as dt

import pytest

from segctl.cli.plot import HEIGHT, plot
from segctl.services import segments
from segctl.services.history import history
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import companies, edit, recalc, segment, sql
from tests.history.past import hour


@pytest.fixture
def grown(store: Store) -> Store:
    """A segment that was counted each hour, one member more each time."""
    segment(store, "Big", "size > 50")
    for number in range(6):
        companies(store, [60 + number])
        recalc(store, now=hour(number))
    return store


def test_the_runs_come_newest_first_with_the_count_over_time(grown: Store):
    found = history(grown, "Big", limit=2)
    assert [run.count_after for run in found.runs] == [6, 5]
    assert [point.count for point in found.counts] == [1, 2, 3, 4, 5, 6]


def test_only_what_is_new_can_be_asked_for(grown: Store):
    found = history(grown, "Big", since=hour(4))
    assert [run.count_after for run in found.runs] == [6, 5]
    assert [point.count for point in found.counts] == [5, 6]


def test_a_failed_run_is_told_and_has_no_point(grown: Store):
    sql(grown, "UPDATE segment SET condition = 'nonsense = 1'")
    recalc(grown, now=hour(7))
    found = history(grown, "Big")
    assert found.runs[0].error is not None
    assert len(found.counts) == 6


def test_the_command_draws_it_in_80_columns(grown: Store, segctl):
    sql(grown, "UPDATE segment SET condition = 'nonsense = 1'")
    recalc(grown, now=hour(7))
    done = segctl("segments", "history", "big", store=grown, env={"COLUMNS": "80"}).ok()
    assert max(map(len, done.lines)) <= 80
    assert "█" in done.stdout
    assert "Error" in done.stdout
    assert "nonsense" in done.stdout


def test_the_command_gives_rows_for_programs(grown: Store, segctl):
    rows = segctl("segments", "history", "Big", "--limit", "3", "-o", "json", store=grown).ok().json
    assert [row["count_after"] for row in rows] == [6, 5, 4]
    assert rows[0]["entered"] == 1
    assert rows[0]["skips"] == 0
    header = segctl("segments", "history", "Big", "-o", "csv", store=grown).ok().lines[0]
    assert header == "id,started_at,mode,count_after,entered,left,duration,trigger,why,skips,error"
    none = segctl("segments", "history", "Big", "--since", "2100-01-01", "-o", "count", store=grown)
    assert none.ok().stdout == "0\n"


def test_skips_are_shown_where_there_are_some(grown: Store, segctl):
    sql(grown, "UPDATE recalculation SET skips = 3 WHERE id = (SELECT max(id) FROM recalculation)")
    done = segctl("-v", "segments", "history", "Big", store=grown, env={"COLUMNS": "160"}).ok()
    assert "Skips" in done.stdout
    assert "Why" in done.stdout


def test_a_segment_without_runs_says_so(store: Store, segctl):
    segment(store, "Big", "size > 50")
    done = segctl("segments", "history", "Big", store=store).ok()
    assert (done.stdout, "never recalculated" in done.stderr) == ("", True)
    edit(store, "Big", where="size > 60")
    assert segments.find(store, "Big").count is None


def drawn(numbers: list[int | None], width: int = 40) -> list[str]:
    points = [(NOW + dt.timedelta(hours=n), number) for n, number in enumerate(numbers)]
    return plot(points, NOW + dt.timedelta(hours=len(numbers)), dt.UTC, width)


def test_one_point_is_no_plot():
    assert drawn([5]) == []
    assert drawn([None, None, 5]) == []


def test_a_plot_has_the_largest_and_the_smallest_number_and_the_dates():
    lines = drawn([0, 50, 1000])
    assert len(lines) == HEIGHT + 1
    assert lines[0].startswith("1,000 ┤")
    assert lines[HEIGHT - 1].startswith("    0 ┤")
    assert lines[-1].split() == ["2026-03-15", "12:00", "2026-03-15", "15:00"]
    assert max(map(len, lines)) <= 40


def test_far_above_zero_the_plot_begins_near_the_numbers():
    lines = drawn([1000, 1010, 1005])
    assert lines[HEIGHT - 1].startswith("  999 ┤")


def test_numbers_that_do_not_move_are_a_block():
    lines = drawn([7, 7, 7])
    assert lines[0].count("█") == lines[HEIGHT - 1].count("█") == 40 - 1 - 2
    assert drawn([0, 0])[HEIGHT - 1].rstrip() == "0 ┤"


def test_a_time_without_a_count_is_blank_and_little_is_seen():
    lines = drawn([None, 1, 100_000])
    assert lines[HEIGHT - 1].count("▁") > 0
    assert "┤ " in lines[HEIGHT - 1]
