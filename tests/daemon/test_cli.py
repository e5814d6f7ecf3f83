"""The commands around the daemon, as a person and a script use them."""

import datetime as dt
import json
from pathlib import Path
import sys

import pytest

from segctl.errors import SegctlError
from segctl.services import segments, workspace
from segctl.store.opening import Store
from tests.cli.terminal import on_a_terminal
from tests.conftest import NOW
from tests.daemon.processes import Daemons, until
from tests.daemon.test_failures import fail
from tests.engine.workspace import ACTOR, companies, recalc, segment, sql


@pytest.fixture
def big(store: Store) -> Store:
    companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    return store


# ---------------------------------------------------------------- intervals


def test_an_interval_is_set_and_listed(big: Store, segctl):
    done = segctl("intervals", "set", "big", "1h30m", store=big).ok()
    assert done.stderr == 'the interval of "Big" is 1h30m now; it was 4h\n'
    assert done.stdout == ""
    again = segctl("intervals", "set", "big", "90m", store=big).ok()
    assert again.stderr == 'the interval of "Big" is 1h30m already\n'
    (row,) = segctl("intervals", "list", "-o", "json", store=big).ok().json
    assert (row["interval"], row["state"], row["reason"]) == ("1h30m", "due", "never counted")
    assert row["lag"] > 0
    actions = sql(big, "SELECT action FROM audit_entry ORDER BY id")
    assert [action for (action,) in actions] == ["create", "edit"]


def test_an_interval_may_be_set_for_programs(big: Store, segctl):
    row = segctl("intervals", "set", "Big", "manual", "-o", "json", store=big).ok().json
    assert (row["interval"], row["due_at"], row["lag"]) == ("manual", None, None)


def test_an_interval_is_at_least_half_an_hour_unless_the_workspace_allows_less(big: Store, segctl):
    refused = segctl("intervals", "set", "Big", "10m", store=big)
    assert refused.code == 2
    assert "too short" in refused.stderr
    assert "min_interval" in refused.stderr
    workspace.set_value(big, "min_interval", "5", now=NOW, actor=ACTOR)
    segctl("intervals", "set", "Big", "10m", store=big).ok()
    assert segments.find(big, "Big").interval == 10


def test_segments_edit_sets_the_same_interval(big: Store, segctl):
    segctl("segments", "edit", "Big", "--interval", "1d", store=big).ok()
    (row,) = segctl("intervals", "list", "-o", "json", store=big).ok().json
    assert row["interval"] == "1d"


def test_a_segment_that_there_is_not_has_no_interval(big: Store, segctl):
    assert segctl("intervals", "set", "Bug", "1h", store=big).code == 5
    assert segctl("intervals", "set", "Big", "often", store=big).code == 2


# ---------------------------------------------------------------- status


def test_status_says_that_no_daemon_is_alive_and_what_is_late(big: Store, segctl):
    sql(big, "UPDATE segment SET created_at = :then", then=_stored(big, hours=3))
    done = segctl("status", store=big).ok()
    assert done.lines[:2] == [
        "no daemon is alive",
        "1 segments, 0 running, 1 due, 1 late, 0 failed, 0 parked, 0 too heavy",
    ]
    assert '  "Big" (company) by 3 h 0 min' in done.lines


def _stored(store: Store, **ago: float) -> object:
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(**ago)
    if store.dialect == "postgresql":
        return moment
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def test_status_check_exits_with_6(big: Store, segctl):
    sql(big, "UPDATE segment SET created_at = :then", then=_stored(big, days=3))
    bad = segctl("status", "--check", "-o", "json", store=big)
    assert bad.code == 6
    assert bad.json["problems"] == ['1 segment is late: "Big"']
    assert json.loads(bad.stderr)["error"]["problems"] == bad.json["problems"]
    segctl("status", "--check", "--max-lag", "30x", store=big).ok()
    recalc(big, now=dt.datetime.now(dt.UTC))
    segctl("status", "--check", store=big).ok()
    assert segctl("status", "--check", "--need-daemon", store=big).code == 6
    fail(big, "Big", SegctlError("no luck"))
    assert segctl("status", "--check", "--max-failed", "0", store=big).code == 6
    segctl("status", "--check", "--max-failed", "1", store=big).ok()
    assert segctl("status", "--max-lag", "soon", store=big).code == 2


def test_status_names_parked_and_stopped_segments_with_what_helps(big: Store, segctl):
    from tests.segments.test_recalculation import break_

    segment(big, "Broken", "size > 60")
    break_(big, "Broken")
    for _ in range(10):
        fail(big, "Big", SegctlError("no luck"), dt.datetime.now(dt.UTC))
    segctl("daemon", "--once", store=big)
    shown = segctl("status", store=big).ok().stdout
    assert 'is parked after 10 failures: no luck (segctl retry "Big")' in shown
    assert "is stopped until it is edited" in shown
    row = segctl("status", "-o", "json", store=big).ok().json
    assert [s["name"] for s in row["parked_segments"]] == ["Big", "Broken"]
    assert {s["error_class"] for s in row["failed_segments"]} == {"error", "definition"}


def test_status_cannot_be_made_to_steer_a_terminal(store: Store, segctl):
    segment(store, "x", "size > 50")
    sql(store, "UPDATE segment SET name = :name", name="\x1b[2Jx")
    assert "\x1b" not in segctl("status", store=store).ok().stdout
    assert "\x1b" not in segctl("daemon", "--once", store=store).ok().stdout


def test_status_sees_a_daemon_from_another_terminal(big: Store, segctl, daemons: Daemons):
    daemon = daemons(big, slow="60")
    until(lambda: segctl("status", "-o", "json", store=big).json["running"])
    row = until(lambda: _with_running(segctl("status", "-o", "json", store=big).json))
    (seen,) = row["daemons"]
    assert (seen["pid"], seen["alive"], seen["lanes"]) == (daemon.pid, True, ["light", "heavy"])
    assert seen["running"][0]["name"] == "Big"
    assert row["running_segments"][0]["pid"] == daemon.pid
    shown = segctl("status", store=big).ok().stdout
    assert f"alive: process {daemon.pid} on " in shown
    assert f'"Big" (company) in process {daemon.pid}' in shown


def _with_running(row: dict) -> dict | None:
    return row if row["daemons"] and row["daemons"][0]["running"] else None


# ---------------------------------------------------------------- retry


def test_retry_clears_a_parked_segment(big: Store, segctl):
    for _ in range(10):
        fail(big, "Big", SegctlError("no luck"), dt.datetime.now(dt.UTC))
    assert segctl("daemon", "--once", store=big).ok().stdout == ""
    done = segctl("retry", "Big", store=big).ok()
    assert "1 segment will be tried again" in done.stderr
    assert "recalculated" in segctl("daemon", "--once", store=big).ok().stdout
    assert "none of them has failed" in segctl("retry", "Big", store=big).ok().stderr
    assert "no segment has failed" in segctl("retry", "--all", store=big).ok().stderr


def test_retry_wants_to_know_what(big: Store, segctl):
    assert segctl("retry", store=big).code == 2
    assert segctl("retry", "Big", "--all", store=big).code == 2
    assert segctl("retry", "Bug", store=big).code == 5
    sql(big, "UPDATE segment SET interval = 0")
    fail(big, "Big", SegctlError("no luck"))
    done = segctl("retry", "--all", store=big).ok()
    assert '"Big" is manual' in done.stderr
    assert segctl("retry", "--all", "-o", "ids", store=big).ok().stdout == ""


# ---------------------------------------------------------------- hooks


def config(folder: Path, store: Store, text: str) -> None:
    (folder / "segctl.toml").write_text(f'store = "{store.url}"\n{text}')


SAVE = [sys.executable, "-c", "import sys; open('said', 'ab').write(sys.stdin.buffer.read())"]


def test_recalc_feeds_hooks_and_deliver_calls_them(big: Store, segctl, clean_environment: Path):
    config(clean_environment, big, f'[[hooks]]\nname = "h"\non_change = {json.dumps(SAVE)}\n')
    segctl("recalc", "--all").ok()
    (row,) = segctl("hooks", "list", "-o", "json").ok().json
    assert (row["name"], row["waiting"], row["delivered"]) == ("h", 1, 0)
    assert segctl("hooks", "deliver").ok().stderr == "1 delivered, 0 failed\n"
    assert len((clean_environment / "said").read_text().splitlines()) == 2
    (row,) = segctl("hooks", "deliveries", "-o", "json").ok().json
    assert (row["state"], row["segment"], row["entered"]) == ("delivered", "Big", 2)


def test_the_daemon_delivers_once(big: Store, segctl, clean_environment: Path):
    config(clean_environment, big, f'[[hooks]]\nname = "h"\non_change = {json.dumps(SAVE)}\n')
    assert "hook_delivered" in segctl("daemon", "--once").ok().stdout
    assert len((clean_environment / "said").read_text().splitlines()) == 2


def test_dead_letters_are_listed_and_retried(big: Store, segctl, clean_environment: Path):
    hook = '[[hooks]]\nname = "h"\nattempts = 1\non_change = {}\n'
    config(clean_environment, big, hook.format('["false"]'))
    segctl("recalc", "--all").ok()
    failed = segctl("hooks", "deliver")
    assert failed.code == 1
    assert "the command ended with 1" in failed.stderr
    (row,) = segctl("hooks", "deliveries", "--state", "dead", "-o", "json").ok().json
    config(clean_environment, big, hook.format('["true"]'))
    assert "1 delivery will" in segctl("hooks", "retry", row["id"]).ok().stderr
    segctl("hooks", "deliver", "--hook", "h").ok()
    assert segctl("hooks", "deliveries", "--state", "dead", "-o", "count").ok().stdout == "0\n"
    assert "0 deliveries will" in segctl("hooks", "retry", "--all").ok().stderr
    (row,) = segctl("hooks", "retry", "--hook", "x", "-o", "json").ok().json or [None]
    assert row is None


def test_hooks_that_are_not_there(big: Store, segctl, clean_environment: Path):
    assert "there are no hooks" in segctl("hooks", "list", store=big).ok().stderr
    assert segctl("hooks", "deliver", "--hook", "x", store=big).code == 5
    assert segctl("hooks", "retry", store=big).code == 2
    assert segctl("hooks", "retry", "1", "--all", store=big).code == 2
    assert segctl("hooks", "retry", "1", store=big).code == 5
    config(clean_environment, big, "[[hooks]]\non_chance = 1\n")
    bad = segctl("hooks", "list")
    assert bad.code == 2
    assert "on_change" in bad.stderr


# ---------------------------------------------------------------- the daemon


def test_the_daemon_refuses_what_makes_no_sense(big: Store, segctl, tmp_path: Path):
    for words in (
        ("--once", "--for", "1s"),
        ("--lanes", "fast"),
        ("--lanes", ""),
        ("--metrics-file", tmp_path / "no" / "m"),
    ):
        assert segctl("daemon", *words, store=big).code == 2, words
    missing = segctl("daemon", "--for", "1s", store=tmp_path / "none.sqlite")
    assert missing.code == 1
    assert "segctl init" in missing.stderr


def test_the_daemon_runs_for_a_while_and_tells_in_words(big: Store, segctl_process):
    done = segctl_process("daemon", "--for", "2s", "--log-format", "text", store=big).ok()
    assert [line.split()[1] for line in done.lines] == [
        "started",
        "recalculated",
        "stopping",
        "stopped",
    ]


def test_only_a_type_and_only_a_lane(big: Store, segctl):
    sql(big, "INSERT INTO deal (name) VALUES ('d')")
    segment(big, "Deals", "everything", "deal")
    segctl("daemon", "--once", "--type", "deal", store=big).ok()
    assert segments.find(big, "Deals").count == 1
    assert segments.find(big, "Big").count is None
    segctl("daemon", "--once", "--lanes", "heavy", store=big).ok()
    assert segments.find(big, "Big").count is None


def test_a_terminal_shows_the_table_live(sqlite_store: Store, clean_environment: Path):
    store = sqlite_store
    companies(store, [60, 70])
    for n in range(40):
        segment(store, f"Segment number {n}", "size > 50")
    for _ in range(10):
        fail(store, "Segment number 3", SegctlError("no luck"))
    code, seen = on_a_terminal(["--store", store.url, "daemon", "--for", "3s"], 80)
    assert code == 0
    assert "parked" in seen
    for word in ("Interval", "Counted", "Modified", "Heavy", "Segment numb", "no luck"):
        assert word in seen, word
    assert "recalculated" not in seen
    code, seen = on_a_terminal(["--store", store.url, "top", "--for", "1s"], 120)
    assert code == 0
    assert "Date Modified" in seen
    code, seen = on_a_terminal(
        ["--store", store.url, "daemon", "--for", "1s", "--log-format", "text"], 80
    )
    assert "started" in seen


def test_top_needs_a_terminal(big: Store, segctl):
    refused = segctl("top", store=big)
    assert refused.code == 2
    assert "segctl status" in refused.stderr
