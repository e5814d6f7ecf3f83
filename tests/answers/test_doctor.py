"""What doctor finds, on both stores: each code by a store that has it, none in one that is well."""

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.config_hooks import read_hooks
from segctl.services.doctor import definitions, tables
from segctl.services.doctor.codes import CODES, Level
from segctl.services.doctor.examine import examine, unopenable
from segctl.services.doctor.findings import Finding
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import add, companies, edit, recalc, segment, sql
from tests.store.foreign import program

QUIET = {"unused", "sqlite-version"}
"""What is found in any small store of the tests."""


@pytest.fixture
def run(segctl, store: Store):
    def call(*words: object, **more):
        return segctl(*words, store=store, **more)

    return call


def found(store: Store, *codes: str, now: dt.datetime | None = None, hooks=()) -> list[Finding]:
    """The findings, or those of some codes; as if everything had just been counted."""
    wanted = set(codes) or CODES.keys() - QUIET
    seen = examine(store, now=now or NOW, hooks=hooks)
    return [each for each in seen if each.code.name in wanted]


def short(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(each.code.name, each.subject) for each in findings]


@pytest.fixture
def well(store: Store) -> Store:
    """Three companies in a segment that another refers to; nothing is wrong with them."""
    companies(store, [10, 60, 70])
    segment(store, "Big", "size > 50", interval=0)
    segment(store, "Polish", 'in segment "Big" and size < 65', interval=0)
    recalc(store)
    return store


def test_a_store_that_is_well_has_no_findings(well: Store):
    assert short(found(well)) == []
    assert short(found(well, "unused")) == [("unused", "Polish")]


def test_an_empty_store_has_no_findings(store: Store):
    assert short(found(store)) == []


# ---------------------------------------------------------------- definitions


def test_a_condition_that_cannot_be_read(run, well: Store):
    run("attributes", "add", "company", "mood", "--kind", "string").ok()
    segment(well, "Moody", 'mood = "good"')
    run("attributes", "drop", "company", "mood", "--force", "--yes").ok()
    [finding] = found(well, "condition-unreadable")
    assert finding.subject == "Moody"
    assert "mood" in finding.message
    assert finding.command == "segctl segments edit Moody --where …"


def test_a_reference_to_nothing(run, well: Store):
    run("segments", "delete", "Big", "--force", "--yes").ok()
    assert ("reference-missing", "Polish") in short(found(well))


def test_a_circle_that_a_foreign_program_made(well: Store):
    segment(well, "Other", "size < 5", interval=0)
    sql(well, "UPDATE segment SET condition = 'in segment \"Polish\"' WHERE name = 'Big'")
    sql(well, "UPDATE segment SET condition = 'in segment \"Other\"' WHERE name = 'Other'")
    assert [each.message for each in found(well, "cycle")] == [
        '"Big" → "Polish" → "Big"',
        '"Other" → "Other"',
    ]


def test_a_condition_that_a_foreign_program_changed(well: Store):
    sql(well, "UPDATE segment SET condition = 'size > 55' WHERE name = 'Polish'")
    assert set(short(found(well, "references-outdated", "hash-outdated"))) == {
        ("references-outdated", "Polish"),
        ("hash-outdated", "Polish"),
    }


def test_conditions_that_can_never_or_always_be_true(well: Store):
    segment(well, "Never", "size > 5 and size < 3", interval=0)
    segment(well, "Ever", "size > 5 or not size > 5", interval=0)
    segment(well, "All", "everything", interval=0)
    assert short(found(well, "contradiction", "always-true")) == [
        ("contradiction", "Never"),
        ("always-true", "Ever"),
    ]


def test_segments_with_the_same_condition(well: Store):
    segment(well, "Big too", "size   > 50 # the same", interval=0)
    segment(well, "Large", "not size <= 50 and size is set", interval=0)
    segment(well, "Deals", "value > 50", type="deal", interval=0)
    messages = {each.subject: each.message for each in found(well, "duplicate")}
    assert (
        messages
        == {
            "Big too": 'its condition is that of "Big"',
            "Large": 'its condition means the same as that of "Big"',
        }
        or messages.get("Big") == 'its condition means the same as that of "Large"'
    )


def test_a_segment_that_is_contained_in_another(well: Store):
    segment(well, "Huge in Poland", 'size > 500 and country = "PL"', interval=0)
    segment(well, "In Poland", 'country in ("PL", "SE")', interval=0)
    messages = {each.subject: each.message for each in found(well, "contained")}
    assert messages == {
        "Huge in Poland": 'whoever satisfies its condition satisfies that of "Big", "In Poland"'
    }


def test_a_segment_that_says_what_it_is_contained_in_is_fine(well: Store):
    assert found(well, "contained") == []  # Polish refers to Big


def test_very_many_segments_are_not_all_compared(well: Store, monkeypatch: pytest.MonkeyPatch):
    for n in range(4):
        segment(well, f"Over {n}", f"size > {n}", interval=0)
    assert len(found(well, "contained")) == 4
    monkeypatch.setattr(definitions, "MOST_PAIRS", 3)
    assert len(found(well, "contained")) < 4


# ---------------------------------------------------------------- how they stand


def test_never_counted_and_stale(well: Store):
    segment(well, "New", "size > 900", interval=0)
    edit(well, "Big", where="size > 51")
    assert set(short(found(well, "never-counted", "stale"))) == {
        ("never-counted", "New"),
        ("stale", "Big"),
    }


def test_failing_parked_and_held(well: Store):
    for name in ("Failing", "Parked", "Held"):
        segment(well, name, "size > 1", interval=0)
    recalc(well)
    of = dict(sql(well, "SELECT name, id FROM segment"))
    for name in ("Failing", "Parked"):
        sql(
            well,
            "UPDATE segment_state SET last_error = 'no room' WHERE segment_id = :id",
            id=of[name],
        )
    at = NOW if well.dialect == "postgresql" else "2026-03-15T12:00:00.000000Z"
    sql(
        well,
        "INSERT INTO segment_schedule (segment_id, parked_at, failures, error) "
        "VALUES (:id, :at, 10, 'no room')",
        id=of["Parked"],
        at=at,
    )
    sql(
        well,
        "INSERT INTO segment_schedule (segment_id, held_at, failures) VALUES (:id, :at, 0)",
        id=of["Held"],
        at=at,
    )
    assert short(found(well, "failing", "parked", "held")) == [
        ("failing", "Failing"),
        ("parked", "Parked"),
        ("held", "Held"),
    ]
    [parked] = found(well, "parked")
    assert (parked.message, parked.command) == ("no room", "segctl retry Parked")


def test_late_empty_and_of_no_use(well: Store):
    segment(well, "Hourly", "size > 900", interval=60)
    recalc(well, "Hourly")
    assert set(short(found(well, "late", "empty", "unused"))) == {
        ("empty", "Hourly"),
        ("unused", "Hourly"),
        ("unused", "Polish"),
    }
    for hours, text in ((3, "3 h"), (240, "10 days")):
        later = NOW + dt.timedelta(hours=hours)
        [late] = found(well, "late", now=later)
        assert (late.subject, late.level) == ("Hourly", Level.WARNING)
        assert text in late.message


def test_a_segment_that_a_hook_names_is_of_use(well: Store):
    hooks = read_hooks([{"webhook": "https://a.example/x", "segments": ["polish"]}], Path("x"))
    assert found(well, "unused", hooks=hooks) == []
    everything = read_hooks([{"webhook": "https://a.example/x"}], Path("x"))
    assert short(found(well, "unused", hooks=everything)) == [("unused", "Polish")]


def test_an_interval_that_is_shorter_than_the_work(well: Store):
    segment(well, "Slow", "size > 9", interval=30)
    recalc(well, "Slow")
    id = sql(well, "SELECT id FROM segment WHERE name = 'Slow'")[0][0]
    sql(well, "UPDATE segment_state SET last_duration = 3600 WHERE segment_id = :id", id=id)
    assert found(well, "interval-short") == []  # the last runs were fast
    sql(well, "UPDATE recalculation SET duration = 3600 WHERE segment_id = :id", id=id)
    [finding] = found(well, "interval-short")
    assert finding.message == "a recalculation takes 60 min, and its interval is 30m"


def test_too_heavy(well: Store):
    json = "CAST(:why AS json)" if well.dialect == "postgresql" else ":why"
    sql(
        well,
        f"UPDATE segment_state SET too_heavy = true, heavy_reasons = {json} "
        "WHERE segment_id = (SELECT id FROM segment WHERE name = 'Big')",
        why='["it took an hour"]',
    )
    [finding] = found(well, "too-heavy")
    assert (finding.subject, finding.message) == ("Big", "it took an hour")


def test_a_trace_that_no_longer_reaches_back(well: Store):
    assert found(well, "trace-lost") == []
    sql(well, "UPDATE workspace SET store_id = 'another'")
    assert short(found(well, "trace-lost")) == [("trace-lost", "Big"), ("trace-lost", "Polish")]


# ---------------------------------------------------------------- members


def member(store: Store, segment: int, record: int) -> None:
    sql(
        store,
        "INSERT INTO company_member (segment_id, record_id, recalculation_id) VALUES (:s, :r, 1)",
        s=segment,
        r=record,
    )


def test_a_count_that_is_not_the_number_of_members(well: Store):
    big = sql(well, "SELECT id FROM segment WHERE name = 'Big'")[0][0]
    member(well, big, 1)
    new = segment(well, "New", "size > 5", interval=0)
    member(well, new.id, 1)
    messages = {each.subject: (each.message, each.safe) for each in found(well, "count-differs")}
    assert messages == {
        "Big": ("it says 2 members and has 3", True),
        "New": ("it was never counted and has members: 1", False),
    }


def test_members_of_no_segment_and_of_no_record(well: Store):
    member(well, 999, 1)
    sql(well, "DELETE FROM company WHERE size = 70")
    assert [(each.code.name, each.message) for each in found(well)] == [
        ("members-orphaned", "1 member of segment 999, which does not exist"),
        ("members-deleted", "1 record was deleted that it has as members"),
    ]
    sql(well, "DELETE FROM company")
    assert "2 records" in {each.subject: each.message for each in found(well)}["Big"]


# ---------------------------------------------------------------- the team


@pytest.fixture
def team(run, well: Store) -> Store:
    for name in ("ann", "bob", "eve", "max"):
        run("team", "members", "add", f"{name}@example.com").ok()
    run("team", "members", "add", "boss@example.com", "--role", "manager").ok()
    run("team", "groups", "create", "Sales", "--member", "ann@example.com").ok()
    return well


def test_a_default_and_a_pin_that_are_hidden(run, team: Store):
    run("defaults", "set", "company", "Big").ok()
    run("pins", "set", "Polish", "--as", "ann@example.com").ok()
    run("pins", "set", "Polish", "--as", "bob@example.com").ok()
    assert found(team) == []
    run("visibility", "hide", "Big", "--from", "boss@example.com").ok()
    assert found(team) == []  # nothing is hidden from a manager
    for name in ("bob", "eve", "max"):
        run("visibility", "hide", "Big", "--from", f"{name}@example.com").ok()
    run("visibility", "hide", "Big", "--from-group", "Sales").ok()
    run("visibility", "hide", "Polish", "--from-group", "Sales").ok()
    hidden, pin = found(team)
    assert hidden.message == (
        "the shared default of company is hidden from ann@example.com, bob@example.com, "
        "eve@example.com and 1 more"
    )
    assert (pin.code.name, pin.place) == ("pin-hidden", "pin of ann@example.com")
    assert pin.command == "segctl visibility show Polish --to ann@example.com"


@pytest.fixture
def rules(run, team: Store) -> Store:
    add(team, "contact", ({"name": n, "score": n_} for n, n_ in (("a", 1), ("b", 5), ("c", 9))))
    for name, where in (("Any", "score > 0"), ("Five", "score > 4"), ("Nine", 'name = "c"')):
        segment(team, name, where, type="contact", interval=0)
    recalc(team)
    return team


def test_a_rule_that_can_never_decide(run, rules: Store):
    for name in ("Any", "Five", "Nine"):
        run("assignments", "create", name, "--to", "ann@example.com").ok()
    first, second = found(rules, "rule-shadowed")
    assert first.message == (
        'chats of "Five" are decided by rule 1: whoever satisfies its condition satisfies that of '
        '"Any"'
    )
    assert first.command == "segctl assignments move Five --to 1"
    assert 'all of its members are in "Any", as last counted' in second.message
    run("assignments", "move", "Any", "--to", "3").ok()
    assert [each.subject for each in found(rules, "rule-shadowed")] == ["2"]
    run("assignments", "disable", "Five").ok()
    assert found(rules, "rule-shadowed") == []


def test_a_rule_that_gives_to_nobody_shadows_nothing(run, rules: Store):
    run("assignments", "create", "Any", "--to", "eve@example.com").ok()
    run("assignments", "create", "Five", "--to", "group:Sales").ok()
    sql(rules, "UPDATE team_member SET active = false WHERE email LIKE 'eve%'")
    assert [
        (each.code.name, each.subject) for each in found(rules, "rule-nobody", "rule-shadowed")
    ] == [("rule-nobody", "1")]
    sql(rules, "UPDATE team_member SET active = false WHERE email LIKE 'ann%'")
    assert [each.message.partition(": ")[2] for each in found(rules, "rule-nobody")] == [
        "eve@example.com was deactivated",
        'the group "Sales" has no active member',
    ]


def test_hooks_that_hear_of_nothing_and_deliveries_that_were_given_up(well: Store):
    hooks = read_hooks(
        [{"name": "crm", "webhook": "https://a.example/x", "segments": ["Big", "Gone", "#99"]}],
        Path("x"),
    )
    [lost] = found(well, hooks=hooks)
    assert (lost.code.name, lost.message) == ("hook-lost", 'there is no segment "Gone", "#99"')
    at = NOW if well.dialect == "postgresql" else "2026-03-15T12:00:00.000000Z"
    for _ in range(2):
        sql(
            well,
            "INSERT INTO hook_delivery (hook, segment_id, recalculation_id, created_at, attempts, "
            "dead_at) VALUES ('crm x', 1, 1, :at, 3, :at)",
            at=at,
        )
    [dead] = found(well)
    assert (dead.message, dead.command) == (
        "2 deliveries were given up",
        "segctl hooks retry --hook 'crm x'",
    )


# ---------------------------------------------------------------- the store


def test_triggers_that_are_gone_or_off(well: Store):
    with program(well) as foreign:
        if well.dialect == "sqlite":
            [(name,)] = foreign.rows(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name LIMIT 1"
            )
            foreign.run(f'DROP TRIGGER "{name}"')
        else:
            foreign.run("ALTER TABLE company DISABLE TRIGGER USER")
    assert {each.code.name for each in found(well)} == {"trigger-missing"}
    assert all(each.safe for each in found(well))


def test_indexes_that_are_gone(well: Store):
    with program(well) as foreign:
        foreign.run("DROP INDEX contact_company_id")
    [finding] = found(well)
    assert (finding.code.name, finding.subject) == ("index-missing", "contact_company_id")
    assert finding.safe is (well.dialect == "sqlite")
    if not finding.safe:
        assert finding.command == (
            "CREATE INDEX CONCURRENTLY contact_company_id ON contact (company_id)"
        )


def test_columns_that_a_foreign_program_made(well: Store):
    with program(well) as foreign:
        foreign.run("ALTER TABLE company ADD COLUMN strange TEXT")
    [finding] = found(well)
    assert finding.code.name == "column-missing"
    assert "strange" in finding.message


def test_ids_that_were_overtaken(postgres_store: Store):
    sql(postgres_store, "INSERT INTO company (id) OVERRIDING SYSTEM VALUE VALUES (99)")
    [finding] = found(postgres_store)
    assert finding.code.name == "id-overtaken"


def test_a_trace_that_nobody_prunes(run, well: Store):
    run("store", "prune").ok()  # it marks where the trace is now
    companies(well, [1])
    recalc(well)
    marked = dt.datetime.now(dt.UTC)  # the command has no other clock
    days = marked + dt.timedelta(days=7.5)
    assert found(well, "trace-grows", now=days) == []
    later = marked + dt.timedelta(days=9)
    [finding] = found(well, "trace-grows", now=later)
    assert finding.command == "segctl store prune"


@pytest.mark.parametrize(
    ("version", "damaged"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_which_sqlite_can_damage_a_store(version: tuple[int, ...], damaged: bool):
    assert tables.damaged_library(version) is damaged


def test_the_library_is_looked_at(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables.sqlite3, "sqlite_version_info", (3, 45, 1))
    assert short(found(sqlite_store, "sqlite-version")) == [("sqlite-version", "")]
    monkeypatch.setattr(tables.sqlite3, "sqlite_version_info", (3, 51, 3))
    assert found(sqlite_store, "sqlite-version") == []


def test_a_store_that_cannot_be_opened(
    segctl, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, clean_environment: Path
):
    from segctl.services.doctor import examine as module
    from segctl.store import sqlite

    monkeypatch.setattr(module, "network_file_system", lambda path: "nfs4")
    monkeypatch.setattr(sqlite, "network_file_system", lambda path: "nfs4")
    [finding] = unopenable(sqlite_url)
    assert finding.code.name == "network-file-system"
    result = segctl("doctor", "-o", "json", store=sqlite_url)
    assert result.code == 6
    assert [row["code"] for row in result.json] == ["network-file-system"]
    assert segctl("doctor", "--ignore", "network-file-system", store=sqlite_url).code == 0
    assert unopenable("postgresql://a@b/c") == []


def test_a_schema_of_another_version(run, store: Store):
    sql(store, "UPDATE alembic_version SET version_num = '0001'")
    result = run("doctor", "-o", "json")
    assert (result.code, [row["code"] for row in result.json]) == (6, ["schema-version"])


def test_a_store_that_is_not_there_is_an_error(segctl, tmp_path: Path):
    result = segctl("doctor", store=f"sqlite:///{tmp_path}/none.sqlite")
    assert (result.code, result.stdout) == (1, "")
    assert "there is no store" in result.stderr


# ---------------------------------------------------------------- the codes


def test_every_code_is_found_somewhere():
    """Each code is raised in the package, by its name."""
    folder = Path(tables.__file__).parent
    text = "\n".join(path.read_text() for path in folder.glob("*.py") if path.stem != "codes")
    assert [name for name in CODES if f'"{name}"' not in text] == []


def test_the_most_serious_come_first(well: Store):
    segment(well, "Never", "size > 5 and size < 3", interval=0)
    sql(well, "UPDATE segment_state SET count = 99")
    levels = [each.level.rank for each in found(well, *CODES)]
    assert levels == sorted(levels)
    assert len(set(levels)) == 3


def test_a_fingerprint_does_not_hang_on_numbers(well: Store):
    sql(well, "UPDATE segment_state SET count = 99")
    before = {each.fingerprint for each in found(well)}
    sql(well, "UPDATE segment_state SET count = 100")
    assert {each.fingerprint for each in found(well)} == before
    assert len(before) == 2


def test_hostile_names_are_quoted_in_commands(store: Store):
    segment(store, "a'; rm -rf / #`$(x)`", "size > 5", type=ObjectType.COMPANY)
    [finding] = found(store, "never-counted")
    assert finding.command == "segctl recalc 'a'\"'\"'; rm -rf / #`$(x)`'"
    with store.write() as session:
        session.execute(sa.text("UPDATE segment SET name = 'a' || :esc"), {"esc": "\x1b[31m"})
    [finding] = found(store, "never-counted")
    assert finding.command == "segctl recalc '#1'"
