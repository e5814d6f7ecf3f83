"""What doctor does: mend, compare members with conditions, speak to people and to programs."""

import datetime as dt
import json

import pytest

from segctl.services.doctor import verify as verifying
from segctl.services.doctor.codes import CODES
from segctl.services.doctor.examine import examine
from segctl.services.doctor.mend import mend
from segctl.services.doctor.verify import Verdict, verify
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import add, companies, edit, recalc, segment, sql, stored
from tests.store.foreign import program


@pytest.fixture
def run(segctl, store: Store):
    """Without what hangs on the library and on the clock of the machine."""

    def call(*words: object, **more):
        return segctl(*words, "--ignore", "sqlite-version,late", store=store, **more)

    return call


@pytest.fixture
def well(store: Store) -> Store:
    companies(store, [10, 60, 70])
    segment(store, "Big", "size > 50", interval=0)
    segment(store, "Polish", 'in segment "Big" and size < 65', interval=0)
    recalc(store)
    return store


def codes(store: Store) -> list[str]:
    quiet = ("unused", "sqlite-version")
    return [e.code.name for e in examine(store, now=NOW) if e.code.name not in quiet]


def damage(store: Store) -> None:
    """All that can be mended."""
    sql(store, "UPDATE segment_state SET count = 9 WHERE count = 2")
    sql(store, "INSERT INTO company_member VALUES (999, 1, 1)")
    sql(store, "UPDATE segment SET condition = 'size > 55' WHERE name = 'Polish'")
    with program(store) as foreign:
        foreign.run("DROP INDEX contact_company_id")
        if store.dialect == "sqlite":
            triggers = foreign.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            foreign.run(f'DROP TRIGGER "{triggers[0][0]}"')
        else:
            foreign.run("ALTER TABLE company DISABLE TRIGGER USER")


# ---------------------------------------------------------------- mending


def test_what_is_safe_is_mended_and_written_down(well: Store):
    damage(well)
    before = examine(well, now=NOW)
    safe = [each for each in before if each.safe]
    assert {"count-differs", "members-orphaned", "references-outdated", "hash-outdated"} <= {
        each.code.name for each in safe
    }
    done = mend(well, before, now=NOW, actor="me")
    assert sorted(each.message for each in done) == sorted(each.message for each in safe)
    assert set(codes(well)) == {"stale", "contained"} | (
        set() if well.dialect == "sqlite" else {"index-missing"}
    )
    assert sql(well, "SELECT count FROM segment_state ORDER BY segment_id") == [(2,), (1,)]
    entries = sql(well, "SELECT action, subject, actor FROM audit_entry WHERE action = 'mend'")
    assert {tuple(entry) for entry in entries} == {
        ("mend", code, "me") for code in {each.code.name for each in safe}
    }
    assert mend(well, examine(well, now=NOW), now=NOW, actor="me") == []


def test_mending_takes_no_member_from_anybody(well: Store):
    before = stored(well, "Big"), stored(well, "Polish")
    damage(well)
    mend(well, examine(well, now=NOW), now=NOW, actor="me")
    assert (stored(well, "Big"), stored(well, "Polish")) == before


def test_what_was_put_right_meanwhile_is_left_alone(well: Store):
    damage(well)
    before = examine(well, now=NOW)
    recalc(well)
    mend(well, before, now=NOW, actor="me")
    assert "count-differs" not in codes(well)
    assert sql(well, "SELECT count FROM segment_state ORDER BY segment_id") == [(2,), (2,)]


def test_a_deleted_segment_is_no_harm_to_mending(run, well: Store):
    sql(well, "UPDATE segment SET condition = 'size > 55' WHERE name = 'Polish'")
    before = examine(well, now=NOW)
    run_ = [each for each in before if each.code.name == "references-outdated"]
    assert run_
    sql(well, "DELETE FROM segment WHERE name = 'Polish'")
    mend(well, run_, now=NOW, actor="me")
    assert sql(well, "SELECT count(*) FROM segment_reference") == [(0,)]


# ---------------------------------------------------------------- comparing


def only(store: Store, name: str, **more) -> verifying.Verified:
    [found] = verify(store, [name], now=NOW, **more)
    return found


def test_what_was_just_counted_agrees(well: Store):
    assert [each.verdict for each in verify(well, now=NOW)] == [Verdict.AGREES] * 2
    assert verifying.findings(verify(well, now=NOW)) == []


@pytest.mark.parametrize("sample", [None, 2, 100])
def test_members_that_a_foreign_program_wrote_are_drift(well: Store, sample: int | None):
    big = sql(well, "SELECT id FROM segment WHERE name = 'Big'")[0][0]
    sql(well, "INSERT INTO company_member VALUES (:id, 1, 1)", id=big)
    sql(well, "DELETE FROM company_member WHERE segment_id = :id AND record_id = 3", id=big)
    if sample == 2:
        # Every other record: one of the two moments looks at the first and the third.
        sets = [
            {id for each in verify(well, ["Big"], sample=2, now=now) for id in each.records}
            for now in (NOW, NOW + dt.timedelta(seconds=1))
        ]
        assert sorted(map(len, sets)) == [0, 2]
        return
    found = only(well, "Big", sample=sample)
    assert (found.verdict, found.entering, found.leaving, found.drift) == (Verdict.DRIFT, 1, 1, 2)
    assert found.records == (1, 3)
    assert found.looked_at == (None if sample is None else 3)
    [finding] = verifying.findings([found])
    assert finding.message == "2 records are not where the condition puts them: #1, #3"
    assert finding.code is CODES["drift"]


def test_more_drift_than_is_named(store: Store):
    companies(store, range(60, 70))
    segment(store, "Big", "size > 50", interval=0)
    recalc(store)
    sql(store, "DELETE FROM company_member")
    [finding] = verifying.findings([only(store, "Big")])
    assert finding.message.endswith("#1, #2, #3, #4, #5, …")


def test_records_that_were_written_since_explain_it(well: Store):
    sql(well, "UPDATE company SET size = 99 WHERE id = 1")
    found = only(well, "Big")
    assert (found.verdict, found.entering, found.why) == (
        Verdict.CHANGES_WAIT,
        1,
        "the records were written since",
    )
    [finding] = verifying.findings([found])
    assert finding.message == "1 would enter and 0 leave: the records were written since"
    big = sql(well, "SELECT id FROM segment WHERE name = 'Big'")[0][0]
    sql(well, "DELETE FROM company_member WHERE segment_id = :id AND record_id = 3", id=big)
    both = only(well, "Big")
    assert (both.verdict, both.drift, both.records) == (Verdict.DRIFT, 1, (3,))


def test_the_passing_of_time_is_no_drift(store: Store):
    add(store, "company", [{"name": "New", "updated_at": NOW - dt.timedelta(days=6)}])
    segment(store, "Week", "updated_at in last 7 days", interval=0)
    recalc(store)
    [found] = verify(store, now=NOW + dt.timedelta(days=30))
    assert found.verdict is Verdict.AGREES


def test_a_deleted_record_is_no_drift(well: Store):
    sql(well, "DELETE FROM company WHERE id = 3")
    assert only(well, "Big").verdict is Verdict.AGREES


def test_related_records_that_were_written_leave_it_untold(store: Store):
    [acme] = companies(store, [10])
    add(store, "deal", [{"value": 5, "company_id": acme}])
    segment(store, "Buyers", "any deals (value > 100)", interval=0)
    recalc(store)
    sql(store, "UPDATE deal SET value = 500")
    found = only(store, "Buyers")
    assert found.verdict is Verdict.CHANGES_WAIT
    assert found.why == "deal records that it reads were written since"


def test_a_segment_that_was_counted_since_leaves_it_untold(well: Store):
    sql(well, "UPDATE company SET size = 40 WHERE id = 2")
    recalc(well, "Big")
    found = only(well, "Polish")
    assert found.verdict is Verdict.CHANGES_WAIT
    assert found.why == '"Big", which it refers to, was counted since'


def test_without_a_trace_it_cannot_be_told(well: Store):
    sql(well, "UPDATE company SET size = 99 WHERE id = 1")
    sql(well, "INSERT INTO trace (object_type) VALUES ('company')")
    assert only(well, "Big").why == "any company may have been written since"
    sql(well, "UPDATE workspace SET store_id = 'another'")
    assert "cannot be told" in str(only(well, "Big").why)


def test_what_cannot_be_compared_says_why(well: Store):
    segment(well, "New", "size > 5", interval=0)
    segment(well, "Odd", "size > 6", interval=0)
    segment(well, "Held", "size > 7", interval=0)
    recalc(well, "Odd", "Held")
    edit(well, "Big", where="size > 51")
    sql(well, "UPDATE segment SET condition = 'nothing = 3' WHERE name = 'Odd'")
    at = NOW if well.dialect == "postgresql" else "2026-03-15T12:00:00.000000Z"
    sql(
        well,
        "INSERT INTO segment_schedule (segment_id, held_at, failures) "
        "SELECT id, :at, 0 FROM segment WHERE name = 'Held'",
        at=at,
    )
    why = {each.segment.name: str(each.why) for each in verify(well, now=NOW)}
    assert why["New"] == "it was never counted"
    assert why["Big"] == "it is stale: its definition was changed since"
    assert why["Odd"] == 'unknown attribute "nothing" of company'
    assert why["Held"] == "it is held: its last runs were undone"
    assert why["Polish"] == "None"
    names = [each.subject for each in verifying.findings(verify(well, now=NOW))]
    assert sorted(names) == ["Big", "Held", "New", "Odd"]


# ---------------------------------------------------------------- the command


def test_all_is_well(run, well: Store):
    result = run("doctor", "--level", "warning")
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == "1 note\n"
    assert run("doctor", "--ignore", "unused").stderr == "nothing is wrong\n"


def test_findings_are_told_to_people(run, well: Store):
    segment(well, "Never", "size > 5 and size < 3", interval=0)
    segment(well, "Empty", "size > 500", interval=0)
    segment(well, "Void", "size > 5000", interval=0)
    recalc(well)
    sql(well, "UPDATE segment_state SET count = 9 WHERE count = 2")
    result = run("doctor", env={"COLUMNS": "80"})
    assert result.code == 6
    assert max(map(len, result.lines)) <= 80
    text = result.stdout
    assert text.startswith("error count-differs\n  The stored count is not the number of members.")
    assert '• "Big" (company): it says 9 members and has 2\n    → segctl doctor --fix\n' in text
    assert "→ segctl segments edit Never --where …" in text
    assert '• "Empty" (company), "Never" (company), "Void" (company)\n' in text
    assert "1 error, 1 warning" in result.stderr
    assert "segctl: error: 1 error, 1 warning: count-differs, contradiction\n" in result.stderr
    assert "hint: segctl doctor --fix mends what is safe" in result.stderr


def test_long_lists_are_cut_short(run, store: Store):
    for n in range(25):
        segment(store, f"S{n}", f"size > {n} and size < {n}", interval=0)
    text = run("doctor").stdout
    assert "… and 5 more; -v shows them" in text
    assert "… and" not in run("doctor", "-v").stdout


def test_fix_mends_and_says_what_is_left(run, well: Store):
    sql(well, "UPDATE segment_state SET count = 9 WHERE count = 2")
    result = run("doctor", "--fix").ok()
    assert "it says 9 members and has 2; mended" in result.stdout
    assert result.stderr == "mended 1; left: 1 note\n"
    sql(well, "UPDATE segment_state SET count = 9 WHERE count = 2")
    rows = run("doctor", "--fix", "-o", "json").ok().json
    assert [(row["code"], row["mended"]) for row in rows] == [
        ("count-differs", True),
        ("unused", False),
    ]


def test_levels_decide_what_is_shown_and_what_fails(run, well: Store):
    segment(well, "Never", "size > 5 and size < 3", interval=0)
    recalc(well)
    assert run("doctor").code == 6
    assert run("doctor", "--fail-on", "error").code == 0
    assert run("doctor", "--fail-on", "never").code == 0
    assert run("doctor", "--ignore", "contradiction").code == 0
    assert run("doctor", "--ignore", "contradiction", "--fail-on", "Note").code == 6
    assert run("doctor", "--level", "error").stdout == ""


def test_json_is_one_array_of_findings(run, well: Store):
    segment(well, "Never", "size > 5 and size < 3", interval=0)
    rows = run("doctor", "-o", "json").json
    assert list(rows[0]) == [
        *("code", "level", "kind", "subject", "type", "id", "message", "title", "explanation"),
        *("mend", "command", "safe", "mended", "fingerprint"),
    ]
    assert {row["code"] for row in rows} == {"contradiction", "never-counted", "unused"}
    assert run("doctor", "-o", "count").stdout == f"{len(rows)}\n"
    header = run("doctor", "-o", "csv").lines[0]
    assert header == "level,code,kind,subject,type,message,command,safe,mended"


def test_findings_of_some_segments(run, well: Store):
    segment(well, "Never", "size > 5 and size < 3", interval=0)
    segment(well, "Deals", "everything", type="deal", interval=0)
    rows = run("doctor", "Polish", "-o", "json").json
    assert {row["subject"] for row in rows} == {"Polish"}
    rows = run("doctor", "--type", "deal", "-o", "json").json
    assert {row["type"] for row in rows} == {"deal"}
    assert run("doctor", "Nobody").code == 5


def test_verify_compares(run, well: Store):
    result = run("doctor", "--verify").ok()
    assert "2 of 2 segments agree with their conditions" in result.stderr
    big = sql(well, "SELECT id FROM segment WHERE name = 'Big'")[0][0]
    sql(well, "INSERT INTO company_member VALUES (:id, 1, 1)", id=big)
    result = run("doctor", "--verify", "Big", "-o", "json")
    assert result.code == 6
    assert [row["code"] for row in result.json] == ["count-differs", "drift"]
    assert "0 of 1 segments" in run("doctor", "--verify", "Big", "--sample", "5").stderr


def test_sarif_has_a_rule_for_each_result(run, well: Store):
    segment(well, "a/ü", "size > 5 and size < 3", interval=0)
    sql(well, "UPDATE segment_state SET count = 9 WHERE count = 2")
    result = run("doctor", "--sarif", "--fail-on", "never").ok()
    document = json.loads(result.stdout)
    assert document["version"] == "2.1.0"
    [one] = document["runs"]
    rules = [rule["id"] for rule in one["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for found in one["results"]:
        assert rules[found["ruleIndex"]] == found["ruleId"]
        assert found["level"] in ("error", "warning", "note")
        [location] = found["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert " " not in uri
        assert found["partialFingerprints"]["segctl/v1"]
    uris = {
        f["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for f in one["results"]
    }
    assert "segments/company/a/%C3%BC" in uris


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--level", "fatal"), 'no level "fatal"'),
        (("--level", "never"), 'no level "never"'),
        (("--fail-on", "x"), "error, warning, note, never"),
        (("--ignore", "emty"), 'did you mean "empty"?'),
        (("--sample", "5"), "segctl doctor --verify"),
        (("--verify", "--sample", "0"), "--sample"),
    ],
)
def test_bad_words(run, store: Store, words, said):
    result = run("doctor", *words)
    assert (result.code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_read_only_look_writes_nothing(run, well: Store):
    before = sql(well, "SELECT count(*) FROM audit_entry")
    run("doctor", "--verify").ok()
    assert sql(well, "SELECT count(*) FROM audit_entry") == before


def test_a_lock_in_the_way_of_mending_is_busy(segctl, well: Store):
    if well.dialect != "sqlite":
        pytest.skip("another lock")
    sql(well, "UPDATE segment_state SET count = 9 WHERE count = 2")
    with program(well, "BEGIN IMMEDIATE"):
        result = segctl("doctor", "--fix", store=well, env={"SEGCTL_BUSY_TIMEOUT": "0.2"})
    assert result.code == 75
