"""`segctl why` and `segctl records segments`, on both stores."""

import datetime as dt
import json

import pytest
import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.errors import CheckFailed, NotFound, SegctlError, UsageError
from segctl.services import why as service
from segctl.services.record_segments import segments_of
from segctl.services.why import why
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog
from tests.conftest import NOW
from tests.engine.workspace import add, companies, edit, recalc, segment, sql

T = ObjectType
DAY = dt.timedelta(days=1)


@pytest.fixture
def run(segctl, store: Store):
    def call(*words: object, **more):
        return segctl(*words, store=store, **more)

    return call


@pytest.fixture
def acme(store: Store) -> int:
    """A company of 60 with two contacts and three deals, in "Big" since it was first counted."""
    [acme] = add(store, "company", [{"name": "Acme", "external_id": "acme", "size": 60}])
    add(store, "contact", ({"name": n, "company_id": acme} for n in ("Ann", "Bob")))
    add(
        store,
        "deal",
        (
            {"external_id": f"d{v}", "name": f"Deal {v}", "value": v, "company_id": acme}
            for v in (10, 20, 3000)
        ),
    )
    segment(store, "Big", "size > 50")
    recalc(store, "Big")
    return acme


# ---------------------------------------------------------------- the service


def test_it_says_what_is_stored_what_is_live_and_which_run_let_it_in(store: Store, acme: int):
    answer = why(store, "Big", "acme", now=NOW)
    assert (answer.stored, answer.live, answer.record.id) == (True, True, acme)
    assert answer.run
    assert answer.run.baseline
    assert answer.run.mode == "full"
    assert answer.run.started_at is not None
    assert answer.moves == ()
    assert service.check(answer, live=False) is None


def test_the_moves_of_a_record_are_told_the_latest_first(store: Store, acme: int):
    for size in (40, 70, 45):
        sql(store, "UPDATE company SET size = :size", size=size)
        recalc(store, "Big")
    answer = why(store, "Big", f"#{acme}", now=NOW)
    assert [move.entered for move in answer.moves] == [False, True, False]
    assert answer.moves[0].run.id > answer.moves[1].run.id > answer.moves[2].run.id
    assert (answer.stored, answer.live, answer.run) == (False, False, None)


def test_stored_and_live_may_differ(store: Store, acme: int):
    sql(store, "UPDATE company SET size = 40")
    answer = why(store, "Big", "acme", now=NOW)
    assert (answer.stored, answer.live) == (True, False)
    service.check(answer, live=False)
    with pytest.raises(CheckFailed, match='would not be in "Big"'):
        service.check(answer, live=True)


def test_a_segment_that_was_never_counted_has_no_stored_answer(store: Store, acme: int):
    segment(store, "New", "size > 1")
    answer = why(store, "New", "acme", now=NOW)
    assert (answer.stored, answer.live, answer.run) == (None, True, None)
    service.check(answer, live=True)
    with pytest.raises(SegctlError, match="never counted") as error:
        service.check(answer, live=False)
    assert not isinstance(error.value, CheckFailed)


def test_an_uncounted_reference_leaves_it_unknown(store: Store, acme: int):
    segment(store, "New", "size > 1")
    segment(store, "Both", 'in segment "New" and in segment "Big"')
    answer = why(store, "Both", "acme", now=NOW)
    assert answer.live is None
    assert [each.name for each in answer.uncounted] == ["New"]
    with pytest.raises(SegctlError, match='never counted: "New"'):
        service.check(answer, live=True)


def test_a_reference_tells_since_when_the_record_is_in_it(store: Store, acme: int):
    segment(store, "Contacts of big ones", 'company in segment "Big"', type="contact")
    answer = why(store, "Contacts of big ones", "#1", now=NOW)
    [(key, run)] = answer.memberships.items()
    assert key == (answer.explanation.membership.segment, acme)
    assert run.baseline
    assert [each.name for each in answer.references.values()] == ["Big"]


def test_a_reference_inside_brackets_is_found_as_well(store: Store, acme: int):
    segment(store, "With", 'any contacts (company in segment "Big")')
    answer = why(store, "With", "acme", now=NOW)
    assert len(answer.memberships) == 1
    assert answer.live


def test_a_condition_that_cannot_be_read_says_why(run, store: Store, acme: int):
    run("attributes", "add", "company", "mood", "--kind", "string").ok()
    segment(store, "Moody", 'mood = "good"')
    run("attributes", "drop", "company", "mood", "--force", "--yes").ok()
    answer = why(store, "Moody", "acme", now=NOW)
    assert (answer.explanation, answer.live) == (None, None)
    assert "mood" in answer.problem
    with pytest.raises(SegctlError, match="cannot be read"):
        service.check(answer, live=True)
    assert "cannot be read" in run("why", "Moody", "acme").ok().stdout


def test_a_member_whose_record_was_deleted_is_told_from_one_that_never_was(store: Store, acme: int):
    sql(store, "DELETE FROM deal")
    sql(store, "DELETE FROM contact")
    sql(store, "DELETE FROM company")
    with pytest.raises(NotFound, match="still a stored member"):
        why(store, "Big", f"#{acme}", now=NOW)
    with pytest.raises(NotFound) as error:
        why(store, "Big", "#999", now=NOW)
    assert "still" not in str(error.value)


def test_a_run_whose_row_is_gone_is_known_by_its_number(run, store: Store, acme: int):
    sql(store, "DELETE FROM recalculation")
    answer = why(store, "Big", "acme", now=NOW)
    assert answer.run
    assert answer.run.started_at is None
    assert "of which nothing more is kept" in run("why", "Big", "acme").ok().stdout


# ---------------------------------------------------------------- the command


TREE = """\
✗ all of
├─ ✓ size > 50                   60
├─ ✓ created_at in last 30 days  2026-03-01 10:00
│                                from 2026-02-13 12:00 to 2026-03-15 12:00
├─ ✗ any deals (value > 5000)    0 of 3 deals
│  ├─ deal d10 "Deal 10"
│  │  └─ ✗ value > 5000          10
│  ├─ deal d20 "Deal 20"
│  │  └─ ✗ value > 5000          20
│  └─ deal d3000 "Deal 3000"
│     └─ ✗ value > 5000          3,000
├─ ✓ industry != "x"             no value
├─ ✓ any of
│  ├─ ✗ country = "PL"           no value
│  └─ ✓ count(deals) >= 3        3
│     ├─ deal d10 "Deal 10"
│     ├─ deal d20 "Deal 20"
│     └─ deal d3000 "Deal 3000"
├─ ✓ not
│  └─ ✗ all of
│     ├─ ✓ size > 1              60
│     └─ ✗ tags has "x"          no item
└─ ✓ sum(deals.value where value > 15) = 3020
   │                             3,020
   │                             over 2 of 3 deals
   ├─ deal d20 "Deal 20"         20
   │  └─ ✓ value > 15            20
   └─ deal d3000 "Deal 3000"     3,000
      └─ ✓ value > 15            3,000
"""


def test_the_tree_fits_eighty_columns_and_shows_what_was_found(run, store: Store, acme: int):
    created = NOW - 14 * DAY - dt.timedelta(hours=2)
    with store.write() as session:
        company = record_tables(load_catalog(session)).record(T.COMPANY)
        session.execute(sa.update(company).values(created_at=created))
    text = (
        'size > 50 and created_at in last 30 days and any deals (value > 5000) and industry != "x" '
        'and (country = "PL" or count(deals) >= 3) and not (size > 1 and tags has "x") '
        "and sum(deals.value where value > 15) = 3020"
    )
    segment(store, "Long", text)
    seen = run("why", "Long", "acme", "--at", "2026-03-15T12:00Z", env={"COLUMNS": "80"}).ok()
    head, _, tree = seen.stdout.partition("\n\n✗")
    assert "✗" + tree == TREE
    assert head.splitlines() == [
        'company acme "Acme" and the segment "Long"',
        "",
        "stored  not known: the segment was never counted",
        "live    does not belong at 2026-03-15 12:00 (UTC)",
    ]
    assert max(map(len, seen.lines)) <= 80


def test_events_and_references_are_shown_with_their_bounds(run, store: Store, acme: int):
    add(
        store,
        "event",
        (
            {"name": "login", "occurred_at": NOW - days * DAY, "contact_id": 1, "attributes": {}}
            for days in (1, 20, 90)
        ),
    )
    segment(
        store,
        "Active",
        'event "login" at least 2 times in last 7 days and company in segment "Big" '
        'and last event "login" in last 3 days and no event "logout" '
        'and company.name contains "acme" and company is set',
        type="contact",
    )
    at = ("--at", "2026-03-15T12:00Z")
    seen = run("why", "Active", "#1", *at, env={"COLUMNS": "120"}).ok().stdout
    assert "3 of that name, 1 in the window" in seen
    assert "from 2026-03-08 12:00 to 2026-03-15 12:00" in seen
    assert "company acme is in it since" in seen
    assert "from 2026-03-12 12:00 to 2026-03-15 12:00" in seen
    assert '✓ company.name contains "acme"' in seen
    assert "✓ company is set" in seen
    sql(store, "UPDATE contact SET company_id = NULL WHERE id = 1")
    gone = run("why", "Active", "#1", *at).ok().stdout
    assert gone.count("there is no company") == 3


def test_json_holds_the_whole_tree(run, store: Store, acme: int):
    segment(store, "Deals", "any deals (value > 1000) and created_at before now and not size < 5")
    recalc(store, "Deals")
    found = run("why", "Deals", "acme", "-o", "json").ok().json
    assert list(found) == [
        *("segment", "record", "stored", "live", "since", "run", "changes", "now", "timezone"),
        *("problem", "condition", "references"),
    ]
    assert (found["stored"], found["live"], found["record"]["external_id"]) == (
        False,
        False,
        "acme",
    )
    tree = found["condition"]
    assert (tree["form"], tree["result"]) == ("and", "false")
    deals, created, size = tree["parts"]
    assert deals["related"]["examples"][0]["why"]["found"] == 3000
    assert (deals["related"]["total"], deals["related"]["satisfying"]) == (3, 1)
    assert created["found"] is None
    assert created["bounds"][0]["low"] is None
    assert (size["result"], size["found"]) == ("true", 60)


def test_the_other_formats_give_a_line(run, store: Store, acme: int):
    header, line = run("why", "Big", "acme", "-o", "csv").ok().lines
    assert header == "segment,type,record,id,stored,live,since,run,counted_at"
    assert line.startswith(f"Big,company,acme,{acme},true,true,")
    assert run("why", "Big", "acme", "-o", "ids").ok().stdout == f"{acme}\n"


def test_exit_code_says_whether_it_is_in(run, store: Store, acme: int):
    [small] = companies(store, [10])
    assert run("why", "Big", "acme", "--exit-code").code == 0
    out = run("why", "Big", f"#{small}", "--exit-code")
    assert out.code == 6
    assert "is not in" in out.stderr
    assert "size > 50" in out.stdout
    assert run("why", "Big", f"#{small}").code == 0
    sql(store, "UPDATE company SET size = 40")
    assert run("why", "Big", "acme", "--exit-code").code == 0
    assert run("why", "Big", "acme", "--exit-code", "--live").code == 6
    out = run("why", "Big", f"#{small}", "--exit-code", "-o", "json")
    assert json.loads(out.stderr)["error"]["code"] == "check"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("Bigg", "acme"), 5, 'did you mean "Big"?'),
        (("Big", "nobody"), 5, "there is no company"),
        (("Big", ""), 5, "there is no company"),
        (("Big", "#0"), 5, "there is no company"),
        (("Big", "acme", "--at", "tomorrow"), 2, "is not a time"),
        (("Big", "acme", "--examples", "-1"), 2, "--examples"),
        (("Big", "acme", "--type", "deal"), 5, "of type deal"),
        (("Big",), 2, "RECORD"),
    ],
)
def test_bad_words(run, acme: int, words, code, said):
    result = run("why", *words)
    assert (result.code, result.stdout) == (code, "")
    assert said in result.stderr


def test_hostile_values_cannot_steer_a_terminal(run, store: Store):
    evil = "\x1b[31mred\x07 \u202egnp"
    add(store, "company", [{"external_id": "x", "name": evil, "industry": evil}])
    segment(store, "Odd", 'industry contains "red"')
    seen = run("why", "Odd", "x").ok().stdout
    assert "\x1b" not in seen
    assert "\x07" not in seen
    assert "\u202e" not in seen
    found = run("why", "Odd", "x", "-o", "json").ok().json
    assert found["condition"]["found"] == evil


def test_a_long_list_is_cut_short_for_people(run, store: Store, acme: int):
    values = ", ".join(f'"value {n}"' for n in range(500))
    segment(store, "Listed", f"industry in ({values})")
    seen = run("why", "Listed", "acme").ok().stdout
    assert "…" in seen
    assert len(seen) < 1500
    assert (
        len(run("why", "Listed", "acme", "-o", "json").ok().json["condition"]["condition"]) > 5000
    )


# ---------------------------------------------------------------- the segments of a record


def test_every_segment_of_a_record_with_since_when(run, store: Store, acme: int):
    segment(store, "All", "everything")
    segment(store, "None", "size > 5000")
    segment(store, "New", "everything")
    recalc(store, "All", "None")
    rows = run("records", "segments", "company", "acme", "-o", "json").ok().json
    assert [row["name"] for row in rows] == ["All", "Big"]
    assert all(row["since"] and row["run"] and row["first_count"] for row in rows)
    assert rows[0]["live"] is None
    assert "in no segment" in run("records", "segments", "contact", "#1").ok().stderr


def test_live_shows_what_it_would_enter_and_leave(run, store: Store, acme: int):
    segment(store, "New", "size < 50")
    segment(store, "Reads new", 'in segment "New"')
    sql(store, "UPDATE company SET size = 40")
    result = run("records", "segments", "company", "acme", "--live", "-o", "json").ok()
    found = {row["name"]: (row["stored"], row["live"]) for row in result.json}
    assert found == {"Big": (True, False), "New": (False, True), "Reads new": (False, None)}
    assert '"Reads new" cannot be evaluated: "New" was never counted' in result.stderr


def test_a_condition_that_cannot_be_read_is_no_answer(run, store: Store, acme: int):
    run("attributes", "add", "company", "mood", "--kind", "string").ok()
    segment(store, "Moody", 'mood = "good"')
    run("attributes", "drop", "company", "mood", "--force", "--yes").ok()
    standing = {
        each.segment.name: each for each in segments_of(store, T.COMPANY, "acme", live_at=NOW)
    }
    assert standing["Moody"].live is None
    assert "mood" in standing["Moody"].problem


def test_bad_words_about_the_segments_of_a_record(run, store: Store, acme: int):
    assert run("records", "segments", "company", "none").code == 5
    assert run("records", "segments", "event", "1").code == 2
    assert run("records", "segments", "company", "acme", "--at", "2026-01-01").code == 2
    with pytest.raises(UsageError, match="events are in no segments"):
        segments_of(store, T.EVENT, "1")


def test_a_stale_segment_says_so(run, store: Store, acme: int):
    edit(store, "Big", where="size > 55")
    assert "its condition was changed since" in run("why", "Big", "acme").ok().stdout
