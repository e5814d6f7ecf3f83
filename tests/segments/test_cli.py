"""`segctl segments`, `recalc` and `preview` as people and programs use them."""

import json
import sys

import pytest

from segctl.store.opening import Store
from tests.conftest import NOW, rows
from tests.engine.workspace import companies, edit, leases, recalc, runs, segment, sql, stored
from tests.segments.test_recalculation import break_, hold


@pytest.fixture
def run(segctl, store: Store):
    """segctl on the store of the test."""

    def call(*words: object, **more):
        return segctl(*words, store=store, **more)

    return call


def test_the_list_has_the_segment_management_columns(run, store: Store):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50", interval=60)
    segment(store, "New", "size > 55", interval=0)
    recalc(store, "Big")
    header, _, *lines = run("segments", "list").ok().lines
    titles = "Name Type Interval Count Last Counted Date Modified Too Heavy Status"
    assert header.split() == titles.split()
    assert [line.split()[:4] for line in lines] == [
        ["Big", "company", "1h", "2"],
        ["New", "company", "manual", "–"],
    ]
    assert lines[0].rstrip().endswith("up to date")
    assert "never" in lines[1]
    assert lines[1].rstrip().endswith("never counted")


def test_the_list_for_programs_has_stable_keys(run, store: Store):
    segment(store, "Big", "size > 50", description="d")
    recalc(store)
    [row] = run("segments", "list", "-o", "json").ok().json
    assert list(row) == [
        "id",
        "name",
        "type",
        "interval",
        "count",
        "last_counted_at",
        "modified_at",
        "too_heavy",
        "status",
        "stale",
        "running",
        "description",
        "condition",
        "max_change",
        "last_duration",
        "error",
        "created_at",
    ]
    assert row["modified_at"] == "2026-03-15T12:00:00Z"
    assert (row["count"], row["status"], row["stale"]) == (0, "up to date", False)
    header = run("segments", "list", "-o", "csv").ok().lines[0]
    assert header == "name,type,interval,count,last_counted_at,modified_at,too_heavy,status"


def test_the_list_of_a_type_is_only_that_type(run, store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "All", "everything", type="deal")
    assert run("segments", "list", "--type", "deals", "-o", "count").ok().stdout == "1\n"


def test_a_segment_is_created_shown_edited_renamed_and_deleted(run, store: Store):
    ids = companies(store, [60, 70])
    created = run(
        *("segments", "create", "Big", "--type", "company", "--where", "size > 50"),
        *("--interval", "1h", "--description", "The big ones"),
    ).ok()
    assert created.stdout == ""
    assert 'created "Big"' in created.stderr
    assert "segctl recalc" in created.stderr
    run("recalc", "big").ok()
    edited = run("segments", "edit", "Big", "--where", "size > 65").ok()
    assert "--recalculate" in edited.stderr
    assert stored(store, "Big") == ids
    run("segments", "edit", "Big", "--where", "size > 65", "--recalculate").ok()
    assert stored(store, "Big") == ids[1:]
    run("segments", "rename", "Big", "Large").ok()
    shown = run("segments", "show", "large", "-o", "json").ok().json
    assert (shown["name"], shown["canonical"]) == ("Large", "size > 65")
    assert [run["trigger"] for run in shown["runs"]] == ["edit", "manual"]
    deleted = run("segments", "delete", "Large", "--yes").ok()
    assert "records are untouched" in deleted.stderr
    assert sql(store, "SELECT count(*) FROM company")[0][0] == 2


def test_show_prints_condition_state_runs_and_references(run, store: Store):
    segment(store, "Big", "size>50")
    segment(store, "A", 'in segment "Big"')
    recalc(store)
    text = run("segments", "show", "Big").ok().stdout
    for part in ("size>50", "size > 50", "Read by", "up to date", "first fill"):
        assert part in text


def test_a_condition_can_come_from_standard_input(run, store: Store):
    call = ("segments", "create", "Big", "--type", "company", "--where", "-")
    run(*call, input="size > 50\n").ok()
    assert run("segments", "show", "Big", "-o", "json").ok().json["canonical"] == "size > 50"


def test_a_bad_condition_exits_2_and_points_at_the_place(run, store: Store):
    result = run("segments", "create", "Big", "--type", "company", "--where", "sise > 50")
    assert result.code == 2
    assert "  sise > 50\n  ^^^^" in result.stderr
    assert 'did you mean "size"?' in result.stderr


def test_a_taken_name_exits_1(run, store: Store):
    segment(store, "Big", "size > 50")
    call = ("segments", "create", "BIG", "--type", "company", "--where", "size > 50")
    assert run(*call).code == 1


def test_an_unknown_segment_exits_5(run, store: Store):
    for call in (
        ("segments", "show", "Nobody"),
        ("segments", "members", "Nobody"),
        ("segments", "count", "Nobody"),
        ("segments", "delete", "Nobody", "--yes"),
        ("recalc", "Nobody"),
    ):
        assert run(*call).code == 5


def test_deleting_a_referenced_segment_exits_4_before_it_asks(run, store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "A", 'in segment "Big"')
    result = run("segments", "delete", "Big", "--yes")
    assert result.code == 4
    assert '"A"' in result.stderr
    forced = run("segments", "delete", "Big", "--yes", "--force").ok()
    assert "fail until their condition is changed: A" in forced.stderr


def test_deleting_without_a_terminal_needs_yes(run, store: Store):
    segment(store, "Big", "size > 50")
    result = run("segments", "delete", "Big")
    assert result.code == 2
    assert "--yes" in result.stderr


# ---------------------------------------------------------------- recalc


def test_recalc_prints_a_row_for_each_segment(run, store: Store):
    companies(store, [60])
    segment(store, "Z", "size > 50")
    segment(store, "A", 'in segment "Z"')
    found = run("recalc", "--all", "-o", "ndjson").ok()
    outcomes = rows(found.stdout)
    assert [(o["name"], o["result"], o["count"]) for o in outcomes] == [
        ("Z", "done", 1),
        ("A", "done", 1),
    ]
    assert outcomes[0]["mode"] == "full"
    assert outcomes[0]["why"] == "first fill"


def test_recalc_of_nothing_is_wrong_usage(run):
    assert run("recalc").code == 2
    assert run("recalc", "X", "--all").code == 2


def test_recalc_in_an_empty_workspace_is_fine(run):
    assert run("recalc", "--all").code == 0
    assert run("recalc", "--all", "-o", "json").ok().json == []


def test_a_batch_that_failed_in_part_exits_3_and_says_which_and_why(run, store: Store):
    companies(store, [60])
    segment(store, "Bad", "size > 50")
    segment(store, "Good", "size > 50")
    break_(store, "Bad")
    result = run("recalc", "--all", "-o", "json")
    assert result.code == 3
    error = json.loads(result.stderr.splitlines()[-1])["error"]
    assert error["code"] == "partial"
    assert [entry["name"] for entry in error["failed"]] == ["Bad"]
    assert 'unknown attribute "gone"' in error["failed"][0]["error"]
    assert {row["name"]: row["result"] for row in result.json} == {
        "Bad": "failed",
        "Good": "done",
    }


def test_one_segment_that_fails_exits_1(run, store: Store):
    segment(store, "Bad", "size > 50")
    break_(store, "Bad")
    result = run("recalc", "Bad")
    assert result.code == 1
    assert '"Bad" was not recalculated: unknown attribute "gone"' in result.stderr


def test_all_failed_exits_1(run, store: Store):
    for name in ("Bad", "Worse"):
        segment(store, name, "size > 50")
        break_(store, name)
    assert run("recalc", "--all").code == 1


def test_busy_exits_75_and_waiting_queues(run, store: Store):
    segment(store, "Big", "size > 50")
    hold(store, "Big", seconds=1.5)
    result = run("recalc", "Big")
    assert result.code == 75
    assert "--wait" in result.stderr
    run("recalc", "Big", "--wait", "30s").ok()


def test_a_guard_exits_4(run, store: Store):
    segment(store, "Big", "size > 50")
    recalc(store)
    companies(store, [60])
    assert run("recalc", "Big", "--max-change", "0").code == 4
    run("recalc", "Big").ok()


def test_a_dry_run_stores_nothing_and_takes_another_time(run, store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    call = ("recalc", "--all", "--dry-run", "--at", "2026-01-31T10:00", "-o", "json")
    [row] = run(*call).ok().json
    assert (row["entered"], row["run"]) == (1, None)
    assert runs(store, "Big") == []


def test_another_time_needs_a_dry_run(run, store: Store):
    segment(store, "Big", "size > 50")
    result = run("recalc", "Big", "--at", "2026-01-31")
    assert result.code == 2
    assert "--dry-run" in result.stderr


def test_old_members_that_were_read_are_warned_of(run, store: Store):
    segment(store, "Bad", "size > 50")
    segment(store, "A", 'in segment "Bad"')
    recalc(store)
    break_(store, "Bad")
    result = run("recalc", "--all")
    assert result.code == 3
    assert '"A" was counted on old members of "Bad"' in result.stderr


def test_create_and_recalculate_in_one_command(run, store: Store):
    companies(store, [60])
    call = ("segments", "create", "Big", "--type", "company", "--where", "size > 50")
    result = run(*call, "--recalculate", "-o", "json").ok()
    assert (result.json["name"], result.json["count"]) == ("Big", 1)


# ---------------------------------------------------------------- members


def test_members_come_in_every_format_with_their_age_on_stderr(run, store: Store):
    ids = companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    table = run("segments", "members", "Big").ok()
    assert '"Big" was counted' in table.stderr
    assert "ago" in table.stderr
    assert "Company 60" in table.stdout
    assert run("segments", "members", "Big", "-o", "ids").ok().lines == [str(id) for id in ids]
    assert run("segments", "members", "Big", "-o", "count").ok().stdout == "2\n"
    call = ("segments", "members", "Big", "--columns", "name,size", "-o")
    assert run(*call, "csv").ok().lines == ["name,size", "Company 60,60", "Company 70,70"]
    assert run(*call, "json").ok().json[0] == {"id": ids[0], "name": "Company 60", "size": 60}
    assert len(run(*call, "ndjson").ok().lines) == 2


def test_live_and_stored_members_differ_by_what_diff_shows(run, store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store)
    new = companies(store, [70])
    live = run("segments", "members", "Big", "--live", "-o", "count").ok()
    assert live.stdout == "2\n"
    assert "was counted" not in live.stderr
    diff = run("segments", "members", "Big", "--diff", "-o", "csv").ok()
    assert diff.lines == ["change,id,external_id,name", f"entered,{new[0]},,Company 70"]


def test_stored_members_of_another_time_are_refused(run, store: Store):
    segment(store, "Big", "size > 50")
    recalc(store)
    for command in ("members", "count"):
        result = run("segments", command, "Big", "--at", "2026-01-31")
        assert result.code == 2
        assert "--live" in result.stderr


def test_a_time_without_an_offset_is_in_the_workspaces_zone(run, store: Store):
    sql(store, "UPDATE workspace SET timezone = 'Asia/Tokyo'")
    sql(store, "INSERT INTO company (name, created_at) VALUES ('x', :at)", at=at(store))
    segment(store, "Today", "created_at on today")
    call = ("segments", "count", "Today", "--live", "--at")
    # 12:00 UTC is 21:00 in Tokyo.
    assert run(*call, "2026-03-15T23:59").ok().stdout == "1\n"
    assert run(*call, "2026-03-16T00:00").ok().stdout == "0\n"


def at(store: Store):
    return NOW if store.dialect == "postgresql" else "2026-03-15T12:00:00.000000Z"


def test_members_of_an_uncounted_segment_are_no_empty_list(run, store: Store):
    segment(store, "Big", "size > 50")
    for command in ("members", "count"):
        result = run("segments", command, "Big")
        assert result.code == 1
        assert "never counted" in result.stderr
        assert result.stdout == ""


def test_the_count_says_its_age_and_that_it_is_of_an_old_condition(run, store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store)
    edit(store, "Big", where="size > 90")
    result = run("segments", "count", "Big").ok()
    assert result.stdout == "1\n"
    assert "before its condition was changed" in result.stderr
    shown = run("segments", "count", "Big", "--live", "-o", "json").ok().json
    assert (shown["count"], shown["live"]) == (0, True)


# ---------------------------------------------------------------- preview


def test_preview_counts_shows_and_stores_nothing(run, store: Store):
    companies(store, range(60, 75))
    result = run("preview", "--type", "company", "--where", "size>50", "-o", "csv").ok()
    assert len(result.lines) == 11
    assert "15 companies match; the first 10 are shown" in result.stderr
    call = ("preview", "--type", "company", "--where", "size>50")
    assert run(*call, "-o", "count").ok().stdout == "15\n"
    assert len(rows(run(*call, "--limit", "3", "-o", "ndjson").ok().stdout)) == 3
    assert leases(store) == []


# ---------------------------------------------------------------- starting fast


def test_listing_imports_no_language_and_no_migrations(sqlite_store: Store, segctl_process):
    segment(sqlite_store, "Big", "size > 50")
    script = (
        "import sys\n"
        "from segctl.cli.main import run\n"
        "run(sys.argv[1:])\n"
        "print([m for m in ('lark', 'alembic', 're2', 'psycopg', 'segctl.conditions.parser')"
        " if m in sys.modules], file=sys.stderr)\n"
    )
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", script, "--store", sqlite_store.url, "segments", "list"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_recalculating_all_keeps_the_history_within_its_bounds(run, store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store)
    recalc(store)
    sql(store, "UPDATE workspace SET run_keep_days = 1")
    run("recalc", "Big").ok()
    assert len(runs(store, "Big")) == 3
    run("recalc", "--all").ok()
    first, *later = runs(store, "Big")
    assert first.baseline
    assert len(later) == 2  # of today; the second one of March is gone


def test_recalc_says_what_it_did_and_why(run, store: Store):
    companies(store, [10, 60])
    segment(store, "Big", "size > 50")
    run("recalc", "--all").ok()
    assert "nothing has changed" in run("recalc", "--all", "-v").ok().stdout
    companies(store, [70])
    shown = run("recalc", "--all", "-v").ok().stdout
    assert "incremental" in shown
    assert "1 candidate of 3" in shown
    [row] = rows(run("recalc", "Big", "--full", "-o", "ndjson").ok().stdout)
    assert (row["mode"], row["why"], row["candidates"]) == (
        "full",
        "all records were asked for",
        None,
    )
    sql(store, "UPDATE company SET size = 5")
    [row] = rows(run("recalc", "Big", "--mode", "incremental", "-o", "ndjson").ok().stdout)
    assert (row["mode"], row["candidates"], row["left"]) == ("incremental", 3, 2)


def test_full_and_another_mode_exclude_each_other(run):
    result = run("recalc", "--all", "--full", "--mode", "incremental")
    assert result.code == 2
    assert "--full and --mode incremental exclude each other" in result.stderr


def test_recalc_tells_what_a_full_run_has_mended(run, store: Store):
    companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "DELETE FROM company_member WHERE record_id = 1")
    # NOW of the tests is longer ago than a full run may be.
    result = run("recalc", "Big").ok()
    assert '"Big": mended 1 member that earlier runs had got wrong' in result.stderr
