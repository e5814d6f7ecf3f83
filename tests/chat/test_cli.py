"""`segctl assignments` and `segctl conversations` as people and programs use them."""

import io
import json

import pytest

from segctl.cli.conversation_stream import LONGEST, waiting_lines
from segctl.store.opening import Store
from tests.chat.chats import address, chat, contact, deactivate, group, order, simple, team
from tests.conftest import rows
from tests.engine.workspace import recalc, segment, sql


@pytest.fixture
def staffed(store: Store) -> Store:
    team(store, "anna", "ben")
    group(store, "Sales", "anna", "ben", strategy="round_robin")
    simple(store, "Rich", "score > 50", address("anna"))
    simple(store, "Known", "score > 10", "Sales")
    contact(store, "rich", score=60, email="rich@example.com")
    contact(store, "known", score=20)
    contact(store, "nobody")
    return store


def ok(segctl, *words, store):
    return segctl(*words, store=store).ok()


# ---------------------------------------------------------------- rules


def test_rules_by_command(staffed: Store, segctl):
    segment(staffed, "More", "score > 5", type="contact")
    words = ("create", "More", "--to", "Sales", "--position", "1", "--description", "x")
    made = ok(segctl, "assignments", *words, "-o", "json", store=staffed)
    assert made.json["position"] == 1
    assert made.json["group"] == "Sales"
    assert '"More" goes to group Sales' in made.stderr
    moved = ok(segctl, "assignments", "move", "More", "--after", "Rich", store=staffed)
    assert "group Sales" in moved.stdout
    assert order(staffed) == ["Rich", "More", "Known"]
    ok(segctl, "assignments", "edit", "More", "--to", "ben@example.com", store=staffed)
    assert "already" in ok(segctl, "assignments", "enable", "More", store=staffed).stderr
    ok(segctl, "assignments", "disable", "More", store=staffed)
    shown = ok(segctl, "assignments", "show", "More", "-o", "json", store=staffed).json
    assert (shown["member"], shown["enabled"]) == (address("ben"), False)
    refused = segctl("assignments", "delete", "More", store=staffed)
    assert (refused.code, "--yes" in refused.stderr) == (2, True)
    ok(segctl, "assignments", "delete", "More", "--yes", store=staffed)
    listed = ok(segctl, "assignments", "list", "-o", "csv", store=staffed)
    assert [line.split(",")[2] for line in listed.lines] == ["segment", "Rich", "Known"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("create", "No such", "--to", "Sales"), 5),
        (("create", "Rich", "--to", "Sales"), 1),
        (("create", "Rich"), 2),
        (("show", "No such"), 5),
        (("edit", "Rich"), 2),
        (("edit", "Rich", "--to", "nobody"), 5),
        (("move", "Rich"), 2),
        (("move", "Rich", "--to", "7"), 2),
        (("test",), 2),
        (("test", "--contact", "x", "--email", "y"), 2),
        (("test", "--contact", "x"), 5),
        (("simulate", "--since", "soon"), 2),
    ],
)
def test_bad_input_changes_nothing(staffed: Store, segctl, words, code: int):
    before = sql(staffed, "SELECT count(*) FROM audit_entry")
    result = segctl("assignments", *words, "-o", "json", store=staffed)
    if result.code == 2 and "No such option" in result.stderr:  # a verb without -o
        result = segctl("assignments", *words, store=staffed)
    assert (result.code, result.stdout) == (code, "")
    assert sql(staffed, "SELECT count(*) FROM audit_entry") == before


def test_a_decision_is_shown_rule_by_rule(staffed: Store, segctl):
    shown = ok(segctl, "assignments", "test", "--contact", "known", store=staffed)
    assert "not true: score > 50" in shown.stdout
    assert "Sales: anna@example.com" in shown.stdout
    assert "would go to Sales: anna@example.com" in shown.stderr
    words = ("assignments", "test", "--email", "rich@example.com", "-o", "json")
    row = ok(segctl, *words, store=staffed).json
    assert (row["contact"], row["member"], row["group"]) == ("rich", address("anna"), None)
    assert [step["result"] for step in row["trace"]] == ["matched", "skipped"]
    none = ok(segctl, "assignments", "test", "--contact", "nobody", store=staffed)
    assert "would stay unassigned" in none.stderr
    assert sql(staffed, "SELECT count(*) FROM conversation") == [(0,)]


def test_ages_of_stored_members_are_shown(staffed: Store, segctl):
    ok(segctl, "workspace", "set", "assignment_source", "stored", store=staffed)
    recalc(staffed)
    shown = ok(segctl, "assignments", "test", "--contact", "rich", store=staffed)
    assert '"Rich" as counted' in " ".join(shown.stdout.split())


def test_lint_exits_6_when_it_finds_something(staffed: Store, segctl):
    good = ok(segctl, "assignments", "lint", store=staffed)
    assert "no problems in 2 rules" in good.stderr
    ok(segctl, "assignments", "disable", "Known", store=staffed)
    assert (
        ok(segctl, "assignments", "lint", "-o", "json", store=staffed).json[0]["problem"] is False
    )
    deactivate(staffed, "anna")
    bad = segctl("assignments", "lint", "-o", "json", store=staffed)
    assert bad.code == 6
    assert bad.json[0]["finding"] == "assignee"
    assert json.loads(bad.stderr)["error"]["message"] == "1 problem in 2 rules"


def test_a_simulation_tells_what_would_differ(staffed: Store, segctl):
    chat(staffed, "rich", at=None)
    sql(staffed, "UPDATE conversation SET opened_at = :now", now=_just_now(staffed))
    words = ("assignments", "simulate", "--since", "7d", "--order", "Known")
    table = ok(segctl, *words, store=staffed)
    assert "anna@example.com  group Sales" in table.stdout
    assert "as of now" in table.stderr
    found = ok(segctl, *words, "-o", "json", store=staffed).json
    assert found["moves"] == [{"before": address("anna"), "after": "group Sales", "count": 1}]
    assert found["differences"][0]["contact"] == "rich"
    listed = ok(segctl, *words, "-o", "ndjson", store=staffed)
    assert rows(listed.stdout) == found["differences"]


def _just_now(store: Store):
    import datetime as dt

    now = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    return now if store.dialect == "postgresql" else now.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


# ---------------------------------------------------------------- conversations


def test_a_conversation_by_command(staffed: Store, segctl):
    words = ("conversations", "open", "--contact", "known", "--external-id", "x-1")
    table = ok(segctl, *words, store=staffed)
    assert "anna@example.com" in table.stdout
    again = ok(segctl, *words, "-o", "json", store=staffed)
    assert again.json["created"] is False
    assert "nothing was changed" in again.stderr
    shown = ok(segctl, "conversations", "show", "x-1", store=staffed)
    assert "not true: score > 50" in shown.stdout
    trace = ok(segctl, "conversations", "show", "x-1", "-o", "json", store=staffed).json["trace"]
    assert trace[1]["member"] == address("anna")
    moved = ok(segctl, "conversations", "reassign", "x-1", "--to", "ben@example.com", store=staffed)
    assert "is with ben@example.com" in moved.stderr
    words = ("conversations", "reassign", "x-1", "--to", "ben@example.com", "-o", "json")
    assert ok(segctl, *words, store=staffed).json["member"] == address("ben")
    words = ("conversations", "list", "--open", "--assignee", "ben@example.com", "-o", "ids")
    assert ok(segctl, *words, store=staffed).stdout == "1\n"
    closed = ok(segctl, "conversations", "close", "x-1", "-o", "json", store=staffed)
    assert closed.json["status"] == "closed"
    assert (
        ok(segctl, "conversations", "list", "--open", "-o", "count", store=staffed).stdout == "0\n"
    )


def test_an_unassigned_conversation_is_visible(staffed: Store, segctl):
    opened = ok(segctl, "conversations", "open", "--contact", "nobody", store=staffed)
    assert "unassigned" in opened.stdout
    assert "warning: nobody was given the conversation 1" in opened.stderr
    words = ("conversations", "sweep", "--unassigned", "--max-age", "1d")
    dry = ok(segctl, *words, "--dry-run", store=staffed)
    assert "0 would be assigned; 1 stay unassigned" in dry.stderr
    sql(staffed, "UPDATE contact SET score = 11")
    swept = ok(segctl, *words, "-o", "json", store=staffed)
    assert swept.json[0]["assigned_by"] == "sweep"


def test_a_skipped_rule_is_warned_of(staffed: Store, segctl):
    deactivate(staffed, "anna")
    opened = ok(segctl, "conversations", "open", "--contact", "rich", store=staffed)
    assert 'the rule of "Rich" was skipped: anna@example.com is deactivated' in opened.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("open",), 2),
        (("open", "--contact", "x"), 5),
        (("open", "--email", "x@example.com"), 5),
        (("open", "--contact", "rich", "--at", "soon"), 2),
        (("open", "--stdin", "--contact", "rich"), 2),
        (("open", "--stdin", "-o", "csv"), 2),
        (("show", "x"), 5),
        (("close", "x"), 5),
        (("reassign", "x", "--to", "Sales"), 5),
        (("list", "--assignee", "x"), 5),
        (("sweep",), 2),
        (("sweep", "--unassigned", "--max-age", "old"), 2),
    ],
)
def test_bad_input_opens_nothing(staffed: Store, segctl, words, code: int):
    assert segctl("conversations", *words, store=staffed).code == code
    assert sql(staffed, "SELECT count(*) FROM conversation") == [(0,)]


def test_lines_are_answered_in_order_and_bad_ones_too(staffed: Store, segctl):
    lines = [
        '{"contact": "rich", "at": "2026-01-31T10:00"}',
        "",
        "{",
        '{"contact": "x"}',
        '{"email": "new@example.com", "create": true, "external_id": "n-1"}',
        '{"contact": "' + "x" * LONGEST + '"}',
        '{"external_id": "n-1"}',
        "[" * 50_000,
        '"caf\xe9"',
    ]
    result = segctl("conversations", "open", "--stdin", input="\n".join(lines), store=staffed)
    answers = rows(result.stdout)
    codes = [answer["error"]["code"] if "error" in answer else "ok" for answer in answers]
    assert codes == ["ok", "usage", "not_found", "ok", "usage", "ok", "usage", "usage"]
    assert answers[0]["opened_at"] == "2026-01-31T10:00:00Z"
    assert answers[3]["new_contact"] is True
    assert answers[5]["created"] is False
    assert answers[5]["id"] == answers[3]["id"]
    assert result.code == 3
    assert "5 of 8 lines failed" in result.stderr


def test_bytes_that_are_no_text_are_one_bad_line(staffed: Store, segctl):
    input = b'\xff\xfe\n{"contact": "rich"}\n'
    result = segctl("conversations", "open", "--stdin", "-o", "ndjson", input=input, store=staffed)
    assert [next(iter(answer)) for answer in rows(result.stdout)] == ["error", "id"]


def test_no_lines_are_no_failure(staffed: Store, segctl):
    assert ok(segctl, "conversations", "open", "--stdin", store=staffed).stdout == ""


def test_lines_of_a_stream_without_a_file_come_in_batches():
    stream = io.BytesIO(b"a\n\nb\nc\n  \nd")
    assert list(waiting_lines(stream, 2)) == [[b"a", b"b"], [b"c", b"d"]]


def test_lines_of_a_file_come_in_batches(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"a\n\nb\nc\n" + b"x" * 300_000 + b"\nlast")
    with path.open("rb") as stream:
        found = [line for batch in waiting_lines(stream, 2) for line in batch]
    assert [line[:1] for line in found] == [b"a", b"b", b"c", b"x", b"l"]
    assert len(found[3]) > LONGEST
    with path.open("rb") as stream:
        assert max(len(batch) for batch in waiting_lines(stream, 2)) == 2
