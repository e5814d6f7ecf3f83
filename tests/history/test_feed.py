"""The feed of changes."""

from contextlib import suppress
from dataclasses import replace
import json
import select
import signal

import pytest
import sqlalchemy as sa

from segctl.engine import history
from segctl.engine.history import Counts, Start
from segctl.errors import GuardStopped, UsageError
from segctl.services import changes, failures, segments
from segctl.services.cursors import Cursor
from segctl.store.opening import Store, open_store
from segctl.store.tables import MemberChange
from segctl.store.workspace import load_workspace
from tests.conftest import NOW, Processes, rows
from tests.engine.workspace import ACTOR, companies, recalc, segment, sql, stored
from tests.history.past import feed, hour, replayed, undone


@pytest.fixture
def moved(store: Store) -> list[int]:
    """Two segments that filled at hour 0 and changed at hours 1 and 2."""
    ids = companies(store, [60, 70, 80, 10])
    segment(store, "Big", "size > 50")
    segment(store, "Small", "size <= 50")
    recalc(store, now=hour(0))
    sql(store, "UPDATE company SET size = 1 WHERE id = :id", id=ids[0])
    recalc(store, now=hour(1))
    sql(store, "UPDATE company SET size = 99 WHERE id in (:a, :b)", a=ids[0], b=ids[3])
    recalc(store, now=hour(2))
    return ids


def test_replaying_everything_gives_the_members(store: Store, moved):
    found, _ = feed(store, changes.beginning(store))
    assert replayed(found) == {"Big": set(stored(store, "Big")), "Small": set()}
    assert stored(store, "Small") == []


def test_a_first_fill_is_expanded_from_what_came_later(store: Store, moved):
    found, _ = feed(store, changes.beginning(store, "Big"))
    first = [change for change in found if change.baseline]
    assert [change.record_id for change in first] == moved[:3]
    assert all(change.entered for change in first)
    assert {change.segment for change in found} == {"Big"}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_feed_goes_on_behind_any_row(store: Store, moved, limit):
    whole, end = feed(store, changes.beginning(store))
    seen = []
    cursor = changes.beginning(store)
    while page := changes.page(store, cursor, limit).changes:
        seen += page
        cursor = changes.resume(store, page[-1].cursor)
    assert [replace(c, cursor="") for c in seen] == [replace(c, cursor="") for c in whole]
    assert feed(store, end)[0] == []
    for place, change in enumerate(whole):
        rest, _ = feed(store, Cursor.parse(change.cursor))
        assert [c.cursor for c in rest] == [c.cursor for c in whole[place + 1 :]]


def test_many_runs_come_in_parts(store: Store, moved, monkeypatch):
    whole, _ = feed(store, changes.beginning(store))
    monkeypatch.setattr(changes, "RUNS", 1)
    parts, _ = feed(store, changes.beginning(store))
    assert [c.record_id for c in parts] == [c.record_id for c in whole]


def test_from_now_on_only_what_is_new_comes(store: Store, moved):
    cursor = changes.end(store)
    assert feed(store, cursor)[0] == []
    [new] = companies(store, [77])
    recalc(store, now=hour(3))
    [change] = feed(store, cursor)[0]
    assert (change.segment, change.record_id, change.entered) == ("Big", new, True)
    assert change.external_id is None


def test_from_a_time_on_come_the_runs_since(store: Store, moved):
    found, _ = feed(store, changes.since(store, hour(1.5)))
    assert {change.at > hour(2) for change in found} == {True}
    assert len(found) == 4
    assert feed(store, changes.since(store, hour(9)))[0] == []


def test_a_cursor_of_one_segment_is_not_good_for_all(store: Store, moved):
    text = str(changes.end(store, "Big"))
    assert changes.resume(store, text, "Big") == Cursor.parse(text)
    with pytest.raises(UsageError, match="one segment"):
        changes.resume(store, text)
    with pytest.raises(UsageError, match="one segment"):
        changes.resume(store, text, "Small")
    changes.resume(store, str(changes.end(store)), "Small")


def test_a_cursor_of_another_store_is_refused(store: Store, moved):
    other = replace(changes.end(store), store="00000000")
    with pytest.raises(UsageError, match="another store"):
        changes.resume(store, str(other))


@pytest.mark.parametrize(
    "text", ["", "c1", "c1.00000000.0.1", "c1.00000000.0.1.x.0.0", "c1.00000000.0.1.1-9999999.0.0"]
)
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(UsageError, match="no cursor"):
        Cursor.parse(text)


def test_a_cursor_reads_back_as_it_was():
    cursor = Cursor("00ab00cd", 3, 90, frozenset({5, 7, 8, 9, 80}), 91, 12)
    assert Cursor.parse(str(cursor)) == cursor
    assert str(cursor) == "c1.00ab00cd.3.90.5_7-9_80.91.12"
    plain = Cursor("00ab00cd", 0, 0)
    assert Cursor.parse(str(plain)) == plain


def test_beyond_retention_the_feed_is_refused(store: Store, moved):
    start, end = changes.beginning(store), changes.end(store)
    late = changes.since(store, hour(1.5))
    with store.write() as session:
        workspace = load_workspace(session)
        workspace.change_keep_days = 1.5 / 24
        history.prune_changes(session, workspace, hour(3))
    with pytest.raises(GuardStopped, match=r"2026-03-15 13:00:0\d UTC") as raised:
        feed(store, start)
    assert raised.value.exit_code == 4
    assert "oldest" in raised.value.fields
    with pytest.raises(GuardStopped):
        feed(store, replace(end, gaps=frozenset({1})))
    with pytest.raises(GuardStopped):
        feed(store, changes.beginning(store, "Big"))
    assert len(feed(store, late)[0]) == 4
    assert feed(store, end)[0] == []


def test_a_deleted_segment_says_nothing_more(store: Store, moved):
    segments.delete(store, "Big", now=NOW, actor=ACTOR)
    found, _ = feed(store, changes.beginning(store))
    assert {change.segment for change in found} == {"Small"}


# ---------------------------------------------------------------- numbers that commit out of order


def run_of(session, segment: int, record: int) -> int:
    """A run in which one record enters, as a recalculation writes it."""
    start = Start(segment, "manual", "test", NOW, NOW)
    run = history.add_run(session, start, "hash", baseline=False)
    row = {"segment_id": segment, "record_id": record, "recalculation_id": run, "entered": True}
    session.execute(sa.insert(MemberChange).values(**row))
    history.finish_run(session, run, Counts(0, 1, 1, 0), 0.1)
    return run


def test_a_run_that_commits_late_is_neither_missed_nor_waited_for(postgres_store: Store):
    store = postgres_store
    slow, quick = segment(store, "Slow", "size > 1").id, segment(store, "Quick", "size > 2").id
    cursor = changes.beginning(store)
    with open_store(store.url) as other, other.write() as session:
        late = run_of(session, slow, 7)
        with store.write() as mine:
            early = run_of(mine, quick, 8)
        assert early > late
        found, cursor = feed(store, cursor)
        assert [change.run for change in found] == [early]
        # The place is kept as text, as a consumer would.
        cursor = changes.resume(store, str(cursor))
        assert cursor.gaps == {late}
        assert feed(store, cursor)[0] == []
        newest = changes.end(store)
        assert late in newest.gaps
        by_row = changes.resume(store, found[0].cursor)
        assert feed(store, by_row)[0] == []
    for place in (cursor, by_row, newest):
        found, after = feed(store, place)
        assert [change.run for change in found] == [late]
        assert after.gaps == frozenset()
        assert feed(store, after)[0] == []


def test_many_late_runs_come_in_parts(postgres_store: Store, monkeypatch):
    """More of them than one page looks at: none is lost between two pages."""
    store = postgres_store
    ids = [segment(store, f"S{n}", f"size > {n}").id for n in range(5)]
    late = []
    with open_store(store.url) as other, other.write() as session:
        late += [run_of(session, id, 7) for id in ids[:4]]
        with store.write() as mine:
            early = run_of(mine, ids[4], 8)
        found, cursor = feed(store, changes.beginning(store))
        assert [change.run for change in found] == [early]
        assert cursor.gaps == {*late}
    monkeypatch.setattr(changes, "RUNS", 1)
    page = changes.page(store, cursor)
    assert [change.run for change in page.changes] == late[:1]
    rest, _ = feed(store, changes.resume(store, str(page.cursor)))
    assert [change.run for change in rest] == late[1:]


def test_a_run_that_is_rolled_back_is_forgotten(postgres_store: Store):
    store = postgres_store
    slow, quick = segment(store, "Slow", "size > 1").id, segment(store, "Quick", "size > 2").id
    with open_store(store.url) as other, suppress(ZeroDivisionError), other.write() as session:
        gone = run_of(session, slow, 7)
        with store.write() as mine:
            run_of(mine, quick, 8)
        _, cursor = feed(store, changes.beginning(store))
        assert cursor.gaps == {gone}
        raise ZeroDivisionError
    found, cursor = feed(store, cursor)
    assert (found, cursor.gaps) == ([], frozenset())


def test_a_half_read_run_is_finished_before_one_that_came_late(postgres_store: Store):
    store = postgres_store
    slow, quick = segment(store, "Slow", "size > 1").id, segment(store, "Quick", "size > 2").id
    with open_store(store.url) as other, other.write() as session:
        late = run_of(session, slow, 7)
        with store.write() as mine:
            early = run_of(mine, quick, 8)
            more = {"segment_id": quick, "record_id": 9, "recalculation_id": early}
            mine.execute(sa.insert(MemberChange).values(**more, entered=True))
            history.finish_run(mine, early, Counts(0, 2, 2, 0), 0.1)
        page = changes.page(store, changes.beginning(store), 1)
        assert page.more
    rest, cursor = feed(store, changes.resume(store, page.changes[-1].cursor), limit=1)
    assert [(c.run, c.record_id) for c in rest] == [(early, 9), (late, 7)]
    assert feed(store, cursor)[0] == []


# ---------------------------------------------------------------- the command


@pytest.fixture
def run(segctl, store: Store):
    return lambda *words, **more: segctl("changes", *words, store=store, **more)


def test_the_command_gives_rows_for_programs(run, store: Store, moved):
    found = rows(run("--since", "beginning", "-o", "ndjson").ok().stdout)
    assert len(found) == 10
    assert list(found[0]) == [
        "change",
        "record_id",
        "external_id",
        "segment",
        "segment_id",
        "type",
        "run",
        "mode",
        "baseline",
        "at",
        "cursor",
    ]
    rest = rows(run("--since", found[3]["cursor"], "-o", "ndjson").ok().stdout)
    assert rest == found[4:]
    first = rows(run("--since", "beginning", "--limit", "4", "-o", "ndjson").ok().stdout)
    assert first == found[:4]


def test_the_table_says_where_to_go_on(run, store: Store, moved):
    done = run("--since", "beginning", "--segment", "Big").ok()
    assert "go on with --since c1." in done.stderr
    cursor = done.stderr.split("--since ")[1].strip()
    assert run("--since", cursor, "--segment", "big", "-o", "count").ok().stdout == "0\n"


def test_the_place_behind_everything_can_be_asked_for(run, store: Store, moved):
    cursor = run("--print-cursor").ok().stdout.strip()
    assert cursor == str(changes.end(store))
    assert run("--since", cursor, "-o", "ndjson").ok().stdout == ""
    assert run("--since", "now", "-o", "count").ok().stdout == "0\n"
    assert run("--since", "2026-03-15T13:30Z", "-o", "count").ok().stdout == "4\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "from which place on?"),
        (["--since", "yesterday-ish"], "is not a time"),
        (["--since", "c1.nonsense"], "no cursor"),
        (["--since", "now", "--print-cursor"], "stands alone"),
        (["--since", "now", "--follow"], "never ends"),
        (["--since", "now", "--type", "deal"], "name a --segment"),
    ],
)
def test_wrong_calls_are_refused(run, store: Store, words, said):
    done = run(*words)
    assert done.code == 2
    assert said in done.stderr


def test_following_goes_on_until_it_is_stopped(store: Store, moved, segctl_process: Processes):
    process = segctl_process.start(
        "changes", "--since", "now", "--follow", "-o", "ndjson", store=store
    )
    assert process.stdout is not None
    sent = []
    # Nobody knows when it begins, so it is given one change after the other.
    for number in range(500):
        sent += companies(store, [100 + number])
        recalc(store, "Big", now=hour(3 + number))
        if select.select([process.stdout], [], [], 0.3)[0]:
            break
    line = json.loads(process.stdout.readline())
    assert (line["change"], line["segment"]) == ("entered", "Big")
    assert line["record_id"] in sent
    rest, _ = feed(store, changes.resume(store, line["cursor"]))
    following = [json.loads(process.stdout.readline()) for _ in rest]
    assert [row["record_id"] for row in following] == [change.record_id for change in rest]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_who_left_twice_takes_no_place_in_the_expansion_of_a_first_fill(store: Store, limit: int):
    ids = companies(store, [60, 70, 80])
    segment(store, "Big", "size > 50")
    recalc(store, now=hour(0))
    sql(store, "UPDATE company SET size = 1 WHERE id = :id", id=ids[0])
    left = recalc(store, now=hour(1))["Big"].run
    assert left is not None
    undone(store, left, now=hour(2))
    failures.retry(store, ["Big"], now=hour(2), actor=ACTOR)
    recalc(store, now=hour(3))
    sql(store, "UPDATE company SET size = 1 WHERE id = :id", id=ids[1])
    recalc(store, now=hour(4))
    found, _ = feed(store, changes.beginning(store), limit)
    assert [change.record_id for change in found if change.baseline] == ids
    assert replayed(found) == {"Big": {ids[2]}}
