"""Indexes that a workspace adds, and the profile that asks for them."""

import json
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.engine import measuring
from segctl.errors import AlreadyExists, NotFound, StoreError, UsageError
from segctl.services import attributes, indexes, profile
from segctl.store import creation
from segctl.store import indexes as stored_indexes
from segctl.store.opening import Store, open_store
from tests.conftest import NOW
from tests.engine.workspace import ACTOR, add, recalc, segment, sql
from tests.store.foreign import program

COMPANY, CONTACT = ObjectType.COMPANY, ObjectType.CONTACT
LATER = Path(__file__).parent.parent / "store" / "migrations"


def make(store: Store, *names: str, type: ObjectType = COMPANY) -> str:
    return indexes.add(store, type, names, now=NOW, actor=ACTOR).name


def actions(store: Store) -> list[tuple[str, str]]:
    rows = sql(store, "SELECT action, subject FROM audit_entry WHERE subject_type = 'index'")
    return [tuple(row) for row in rows]


def test_an_index_is_added_listed_and_dropped(store: Store):
    name = make(store, "size", "industry")
    assert name == "segctl_index_company_size_industry"
    [index] = indexes.list_indexes(store)
    assert (index.type, index.attributes, index.valid) == (COMPANY, ("size", "industry"), True)
    indexes.drop(store, name, now=NOW, actor=ACTOR)
    assert indexes.list_indexes(store) == []
    assert actions(store) == [("add", name), ("drop", name)]


def test_segctls_own_and_foreign_indexes_are_left_alone(store: Store):
    with program(store) as foreign:
        foreign.run("CREATE INDEX mine ON company (size)")
    assert indexes.list_indexes(store) == []
    with pytest.raises(NotFound):
        indexes.drop(store, "mine", now=NOW, actor=ACTOR)
    with pytest.raises(AlreadyExists, match="mine"):
        make(store, "size")


@pytest.mark.parametrize(
    ("type", "names", "kind", "said"),
    [
        ("company", ["external_id"], AlreadyExists, "already"),
        ("contact", ["tags"], AlreadyExists, "already"),
        ("contact", ["company"], UsageError, "relation"),
        ("company", ["size", "size"], UsageError, "once"),
        ("company", [], UsageError, "needs an attribute"),
        ("company", ["sice"], NotFound, "sice"),
        ("event", ["amount"], UsageError, "JSON"),
        ("event", ["contact"], UsageError, "relation"),
        ("company", ["deals"], UsageError, "relation"),
    ],
)
def test_what_no_index_can_serve_is_refused(store: Store, type, names, kind, said):
    amount = Attribute(ObjectType.EVENT, "amount", ValueType.FLOAT, standard=False)
    attributes.add(store, amount, now=NOW, actor=ACTOR)
    with pytest.raises(kind, match=said):
        make(store, *names, type=ObjectType(type))
    assert actions(store) == []


def test_an_index_twice_is_refused(store: Store):
    make(store, "size", "industry")
    with pytest.raises(AlreadyExists):
        make(store, "size")
    make(store, "industry", "size")
    assert len(indexes.list_indexes(store)) == 2


def test_the_time_of_events_can_be_indexed(store: Store):
    make(store, "occurred_at", type=ObjectType.EVENT)
    assert len(indexes.list_indexes(store)) == 1


def test_long_names_are_cut_and_stay_apart(store: Store):
    names = []
    for letter in "ab":
        columns = [f"{letter * 30}{number}" for number in range(2)]
        for column in columns:
            attribute = Attribute(COMPANY, column, ValueType.INTEGER, standard=False)
            attributes.add(store, attribute, now=NOW, actor=ACTOR)
        names.append(make(store, *columns))
    assert len({*names}) == 2
    assert all(len(name) <= 63 for name in names)
    assert {index.name for index in indexes.list_indexes(store)} == {*names}


def test_what_a_failed_attempt_left_is_not_valid_and_made_anew(postgres_store: Store):
    store = postgres_store
    name = make(store, "size")
    sql(store, f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")
    assert [index.valid for index in indexes.list_indexes(store)] == [False]
    assert make(store, "size") == name
    assert [index.valid for index in indexes.list_indexes(store)] == [True]


def test_a_failed_attempt_can_be_repeated(postgres_store: Store, segctl):
    """An open transaction keeps it waiting, until the server loses patience."""
    store = postgres_store
    with psycopg.connect(store.url) as writer:
        writer.execute("INSERT INTO company (name) VALUES ('open')")
        with (
            open_store(f"{store.url}&options=-cstatement_timeout%3D700") as impatient,
            pytest.raises(StoreError, match="cancelled"),
        ):
            make(impatient, "size")
        assert [index.valid for index in indexes.list_indexes(store)] == [False]
        assert actions(store) == []
        rows = segctl("store", "index", "list", store=store).ok().lines
        assert rows[-1].split()[-2] == "no"
    make(store, "size")
    assert [index.valid for index in indexes.list_indexes(store)] == [True]


def test_an_attempt_that_is_refused_leaves_nothing(postgres_store: Store, monkeypatch):
    store = postgres_store
    name = stored_indexes.index_name(COMPANY, ["size"])
    wrong = f'CREATE INDEX "{name}" ON company (size) WHERE 1 / (id - id) = 1'
    add(store, "company", [{"size": 1}])
    monkeypatch.setattr(
        stored_indexes, "_create", lambda *_: wrong.replace("X ", "X CONCURRENTLY ", 1)
    )
    with pytest.raises(sa.exc.DBAPIError, match="division by zero"):
        make(store, "size")
    assert indexes.list_indexes(store) == []


def test_an_index_survives_an_upgrade(store: Store):
    name = make(store, "email", type=CONTACT)
    creation.upgrade(store, versions=[LATER])
    if store.dialect == "sqlite":
        query = "SELECT count(*) FROM sqlite_master WHERE name = 'NAME'"
    else:
        query = "SELECT count(*) FROM pg_indexes WHERE indexname = 'NAME'"
    with program(store) as foreign:
        assert foreign.rows(query.replace("NAME", name)) == [(1,)]


SECTOR = Attribute(COMPANY, "sector", ValueType.CHOICE, ("a", "b"), standard=False)


def test_other_choices_keep_the_index(store: Store):
    attributes.add(store, SECTOR, now=NOW, actor=ACTOR)
    name = make(store, "sector", "size")
    attributes.change_choices(store, COMPANY, "sector", add=["c"], now=NOW, actor=ACTOR)
    assert [index.name for index in indexes.list_indexes(store)] == [name]


def test_dropping_the_attribute_takes_the_index_along_and_says_so(store: Store, segctl):
    attributes.add(store, SECTOR, now=NOW, actor=ACTOR)
    name = make(store, "sector")
    done = segctl("attributes", "drop", "company", "sector", "--yes", store=store).ok()
    assert f"dropped the index {name} with it" in done.stderr
    assert indexes.list_indexes(store) == []


def test_the_commands(segctl, store: Store):
    assert "no index was added" in segctl("store", "index", "list", store=store).ok().stderr
    added = segctl("store", "index", "add", "company", "size", "-o", "json", store=store).ok()
    assert added.json["attributes"] == ["size"]
    [row] = segctl("store", "index", "list", "-o", "json", store=store).ok().json
    assert row == added.json
    segctl("store", "index", "drop", row["name"], store=store).ok()
    done = segctl("store", "index", "drop", row["name"], store=store)
    assert done.code == 5


# ---------------------------------------------------------------- the profile


@pytest.fixture
def many(store: Store) -> Store:
    """2000 companies, few of them large."""
    rows = [
        {"name": f"C{n}", "size": n, "industry": "Tools" if n % 2 else None} for n in range(2000)
    ]
    add(store, "company", rows)
    if store.dialect == "postgresql":
        sql(store, "ANALYZE company")
    return store


def parts(store: Store, where: str) -> list[profile.Part]:
    segment(store, "Big", where)
    return list(profile.profile(store, "Big", now=NOW).parts)


def test_each_condition_is_measured(many: Store):
    found = parts(many, 'size >= 1990 and (industry = "Tools" or not name contains "9")')
    assert [part.condition for part in found] == [
        "size >= 1990",
        'industry = "Tools"',
        'name not contains "9"',
    ]
    assert [part.rows_out for part in found] == [10, 1000, 1458]
    assert {part.rows_in for part in found} == {2000}
    assert all(part.seconds > 0 for part in found)
    assert abs(sum(part.share for part in found) - 1) < 1e-6
    whole = profile.profile(many, "Big", now=NOW).whole
    assert whole.rows_out == recalc(many)["Big"].count_after
    assert (whole.blocks is None) == (many.dialect == "sqlite")


def test_what_takes_long_is_run_once(many: Store, monkeypatch):
    monkeypatch.setattr(measuring, "AGAIN_BELOW", 0.0)
    [part] = parts(many, "size >= 1990")
    assert part.rows_out == 10


def test_the_index_that_would_help_is_named_and_then_used(many: Store):
    [part] = parts(many, "size >= 1990")
    assert part.helps == "segctl store index add company size"
    assert part.indexes == ()
    name = make(many, "size")
    if many.dialect == "postgresql":
        sql(many, "ANALYZE company")
    [part] = profile.profile(many, "Big", now=NOW).parts
    assert part.helps is None
    assert part.indexes == (name,)


@pytest.mark.parametrize(
    ("where", "helps"),
    [
        ("size = 3", True),
        ("size in (3, 4)", True),
        ("size between 3 and 9", True),
        ('name = "C7"', True),
        ("created_at >= 2020-01-01", True),
        ('name in ("C7", "C8")', True),
        ('name = "c7" ignoring case', False),
        ('name starts with "C199"', False),
        ("not size < 1990", False),
        ("size >= 3", False),
        ('external_id = "x"', False),
        ("any deals (value > 5)", False),
        ("anniversary of created_at on today", False),
        ("everything", False),
    ],
)
def test_which_conditions_an_index_would_help(many: Store, where: str, helps: bool):
    [part] = parts(many, where)
    assert (part.helps is not None) == helps


def test_conditions_on_a_related_record_ask_for_its_index(many: Store):
    rows = [{"name": f"P{n}", "company_id": n % 2000 + 1} for n in range(2000)]
    add(many, "contact", rows)
    segment(
        many,
        "Theirs",
        'company.size >= 1990 and not (name = "P1" and email is set)',
        type="contact",
    )
    found = profile.profile(many, "Theirs", now=NOW).parts
    assert found[0].helps == "segctl store index add company size"
    assert [part.condition for part in found][1:] == ['name != "P1"', "email is empty"]


def test_few_records_need_no_index(store: Store):
    add(store, "company", [{"size": 1}])
    [part] = parts(store, "size > 5")
    assert part.helps is None


def test_the_profile_as_a_command(many: Store, segctl):
    segment(many, "Big", 'size >= 1990 and industry = "Tools"')
    done = segctl("segments", "profile", "Big", store=many, env={"COLUMNS": "80"}).ok()
    assert "all of it" in done.stdout
    assert "an index would help: segctl store index add company size" in done.stderr
    assert max(map(len, done.lines)) <= 80
    rows = segctl("segments", "profile", "Big", "-o", "json", store=many).ok().json
    assert [row["whole"] for row in rows] == [False, False, True]
    assert rows[0]["helps"] == "segctl store index add company size"
    assert json.dumps(rows)
