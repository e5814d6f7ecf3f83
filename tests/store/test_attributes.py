"""Custom attributes: columns that come and go while others work."""

from collections.abc import Callable
import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.errors import (
    AlreadyExists,
    Busy,
    InUse,
    NotFound,
    StoreError,
    UsageError,
)
from segctl.services import attributes
from segctl.store import attribute_ddl
from segctl.store.opening import Store, open_store
from segctl.store.records import record_tables
from segctl.store.tables import AuditEntry, Segment
from segctl.store.triggers import verify_triggers
from segctl.store.workspace import load_catalog
from tests.conftest import NOW, Processes, Result
from tests.store.foreign import program, traced

COMPANY = ObjectType.COMPANY
HOSTILE = ("plain", "it's", '"quoted"', "50%", "a:b", "ü", "$segctl$", "%(x)s", "back\\slash")


def attribute(
    name: str,
    kind: ValueType = ValueType.STRING,
    choices: tuple[str, ...] = (),
    type: ObjectType = COMPANY,
) -> Attribute:
    return Attribute(type, name, kind, choices, standard=False)


def add(store: Store, wanted: Attribute) -> Attribute:
    return attributes.add(store, wanted, now=NOW, actor="me")


def drop(store: Store, name: str, type: ObjectType = COMPANY, **more: bool) -> list[str]:
    return attributes.drop(store, type, name, now=NOW, actor="me", **more)


def change(store: Store, name: str, **more: Any) -> Attribute:
    return attributes.change_choices(store, COMPANY, name, now=NOW, actor="me", **more)


def put(store: Store, **values: Any) -> None:
    """Insert a company as a foreign program would."""
    with store.write() as session:
        company = record_tables(load_catalog(session)).record(COMPANY)
        session.execute(sa.insert(company).values(**values))


def get(store: Store, name: str) -> list[Any]:
    with store.read() as session:
        company = record_tables(load_catalog(session)).record(COMPANY)
        return list(session.execute(sa.select(company.c[name]).order_by(company.c.id)).scalars())


def add_segment(store: Store, name: str, condition: str, type: str = "company") -> None:
    with store.write() as session:
        session.add(
            Segment(
                object_type=type,
                name=name,
                folded_name=name.lower(),
                condition=condition,
                definition_hash="x",
                modified_at=NOW,
                created_at=NOW,
            )
        )


# ---------------------------------------------------------------- adding


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (ValueType.STRING, "text", ""),
        (ValueType.INTEGER, -(2**53), 2**53 + 1),
        (ValueType.FLOAT, 1.5, float("inf")),
        (ValueType.BOOLEAN, True, None),
        (ValueType.DATE, NOW.date(), None),
        (ValueType.DATETIME, NOW, None),
    ],
)
def test_an_added_attribute_is_a_column_with_a_check(
    store: Store, kind: ValueType, good: object, bad: object
) -> None:
    add(store, attribute("extra", kind))
    put(store, extra=good)
    put(store, extra=None)
    assert get(store, "extra") == [good, None]
    if bad is not None:
        with pytest.raises(sa.exc.IntegrityError):
            put(store, extra=bad)


def test_a_choice_takes_its_choices_and_nothing_else(store: Store) -> None:
    add(store, attribute("extra", ValueType.CHOICE, HOSTILE))
    for choice in HOSTILE:
        put(store, extra=choice)
    assert get(store, "extra") == list(HOSTILE)
    with pytest.raises(sa.exc.IntegrityError):
        put(store, extra="other")


@pytest.mark.parametrize("name", ["order", "group", "select", "user", "table", "default", "end"])
def test_a_word_of_sql_can_be_an_attribute(store: Store, name: str) -> None:
    add(store, attribute(name, ValueType.CHOICE, ("a", "b")))
    put(store, **{name: "a"})
    change(store, name, add=["c"])
    put(store, **{name: "c"})
    assert get(store, name) == ["a", "c"]
    drop(store, name)


def test_attributes_come_back_as_they_were_added(store: Store, store_url: str) -> None:
    wanted = [
        attribute("sector", ValueType.MULTICHOICE, ("b", "a")),
        Attribute(ObjectType.EVENT, "amount", ValueType.FLOAT, (), False, "what was paid"),
    ]
    attributes.add_all(store, wanted, now=NOW, actor="me")
    with open_store(store_url) as other, other.read() as session:
        catalog = load_catalog(session)
    assert set(catalog.custom) == set(wanted)
    assert catalog.version == 2


def test_another_open_store_sees_a_new_attribute_in_its_next_transaction(
    store: Store, store_url: str
) -> None:
    with open_store(store_url) as other:
        with other.read() as session:
            assert load_catalog(session).version == 0
        add(store, attribute("extra"))
        with other.read() as session:
            assert "extra" in load_catalog(session).attributes[COMPANY]


def test_an_unchanged_catalog_is_not_read_again(store: Store) -> None:
    with store.read() as session:
        first = load_catalog(session)
    with store.read() as session:
        assert load_catalog(session) is first


def test_a_catalog_that_was_rolled_back_is_forgotten(store: Store, store_url: str) -> None:
    def fail(session: object) -> None:
        raise RuntimeError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "bump_catalog", fail)
        with pytest.raises(RuntimeError):
            add(store, attribute("extra"))
    with open_store(store_url) as other:
        add(other, attribute("other"))
    with store.read() as session:
        assert [a.name for a in load_catalog(session).custom] == ["other"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (attribute("Upper"), "lower-case"),
        (attribute("between"), "word of the condition language"),
        (attribute("id"), "the store uses it itself"),
        (attribute("deals"), "it is a relation"),
        (attribute("contact_id", type=ObjectType.DEAL), "column of the relation"),
        (attribute("industry"), "standard attribute"),
        (attribute("x", ValueType.CHOICE), "needs choices"),
        (attribute("x", ValueType.CHOICE, ("",)), "it is empty"),
        (attribute("x", ValueType.CHOICE, ("a\nb",)), "line break"),
        (attribute("x", ValueType.CHOICE, ("a" * 501,)), "more than 500"),
        (attribute("x", ValueType.STRING, ("a",)), "only choice and multichoice"),
        (attribute("x", ValueType.TAGS, type=ObjectType.EVENT), "an event cannot have"),
    ],
)
def test_what_cannot_be_an_attribute_is_refused(
    store: Store, wanted: Attribute, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        add(store, wanted)


def test_an_attribute_is_not_added_twice(store: Store) -> None:
    add(store, attribute("extra"))
    with pytest.raises(AlreadyExists):
        add(store, attribute("extra", ValueType.FLOAT))


def test_several_attributes_are_added_all_or_none(store: Store) -> None:
    wanted = [attribute("first"), attribute("second"), attribute("first")]
    with pytest.raises(AlreadyExists):
        attributes.add_all(store, wanted, now=NOW, actor="me")
    with store.read() as session:
        assert load_catalog(session).custom == ()
    add(store, attribute("first"))


def test_a_table_that_is_full_of_columns_says_so(store: Store) -> None:
    with store.read() as session:
        left = attribute_ddl.columns_left(session, COMPANY)
    assert left > 1500
    with program(store) as foreign:
        if store.dialect == "postgresql":
            columns = ", ".join(f"ADD COLUMN x{n} int" for n in range(left - 1))
            foreign.run(f"ALTER TABLE company {columns}")
        else:
            # Two thousand ALTERs take half a minute; the schema's text can be written at once.
            columns = ", ".join(f"x{n} INTEGER" for n in range(left - 1))
            foreign.run(
                "PRAGMA writable_schema = ON",
                "UPDATE sqlite_master SET sql = replace(sql, 'UNIQUE (external_id)', "
                f"'{columns}, UNIQUE (external_id)') WHERE name = 'company'",
                "PRAGMA schema_version = 1000",
                "PRAGMA writable_schema = OFF",
            )
    add(store, attribute("last"))
    with pytest.raises(StoreError, match="cannot have another attribute"):
        add(store, attribute("too_many"))


# ---------------------------------------------------------------- listing


def test_the_list_shows_standard_custom_and_relations(store: Store) -> None:
    add(store, attribute("sector", ValueType.CHOICE, ("a",)))
    views = {view.name: view for view in attributes.list_attributes(store, COMPANY)}
    assert views["industry"].source == "standard"
    assert (views["sector"].source, views["sector"].choices) == ("custom", ("a",))
    assert (views["deals"].kind, views["deals"].target) == ("many", ObjectType.DEAL)
    assert {view.type for view in attributes.list_attributes(store)} == set(ObjectType)


# ---------------------------------------------------------------- dropping


@pytest.mark.parametrize("kind", list(ValueType))
def test_a_dropped_attribute_takes_its_values_along(store: Store, kind: ValueType) -> None:
    choices = ("a",) if "choice" in kind else ()
    add(store, attribute("extra", kind, choices))
    put(store, name="a")
    if kind.many:
        with program(store) as foreign:
            foreign.run(
                "INSERT INTO company_item (attribute, item, record_id) VALUES ('extra', 'a', 1)"
            )
    drop(store, "extra")
    with program(store) as foreign:
        assert foreign.rows("SELECT count(*) FROM company_item") == [(0,)]
    add(store, attribute("extra"))
    assert get(store, "extra") == [None]


def test_dropping_an_attribute_marks_its_type(store: Store) -> None:
    add(store, attribute("extra"))
    drop(store, "extra")
    with program(store) as foreign:
        assert traced(foreign) == [("company", None, None, None, None)]


def test_a_used_attribute_is_not_dropped(store: Store) -> None:
    add(store, attribute("extra"))
    add_segment(store, "Users", 'extra = "x"')
    add_segment(store, "Through", "any contacts (company.extra is set)", "company")
    add_segment(store, "Others", 'industry = "extra"')
    with pytest.raises(InUse) as caught:
        drop(store, "extra")
    assert caught.value.fields["used_by"] == ["Users", "Through"]
    put(store, extra="still there")


def test_force_drops_a_used_attribute_and_names_who_used_it(store: Store) -> None:
    add(store, attribute("extra"))
    add_segment(store, "Users", 'extra = "x"')
    assert drop(store, "extra", force=True) == ["Users"]


def test_a_used_attribute_of_events_is_not_dropped(store: Store) -> None:
    add(store, attribute("amount", ValueType.FLOAT, type=ObjectType.EVENT))
    add_segment(store, "Buyers", 'event "purchase" where amount > 5', "contact")
    with pytest.raises(InUse):
        drop(store, "amount", ObjectType.EVENT)


def test_a_standard_attribute_is_not_dropped(store: Store) -> None:
    with pytest.raises(UsageError, match="standard attribute"):
        drop(store, "industry")
    with pytest.raises(UsageError, match="is a relation"):
        drop(store, "deals")


def test_an_attribute_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        drop(store, "industri")
    assert caught.value.hint == 'did you mean "industry"?'


def test_an_index_of_another_program_stands_in_the_way_on_sqlite(sqlite_store: Store) -> None:
    add(sqlite_store, attribute("extra"))
    with program(sqlite_store, "CREATE INDEX theirs ON company (extra)"):
        pass
    with pytest.raises(InUse, match="theirs"):
        drop(sqlite_store, "extra")


def test_a_view_of_another_program_stands_in_the_way(store: Store) -> None:
    add(store, attribute("extra"))
    with program(store, "CREATE VIEW theirs AS SELECT extra FROM company"):
        pass
    with pytest.raises(InUse, match="theirs"):
        drop(store, "extra")


# ---------------------------------------------------------------- choices


def test_a_choice_can_be_added(store: Store) -> None:
    add(store, attribute("sector", ValueType.CHOICE, ("a",)))
    put(store, sector="a")
    assert change(store, "sector", add=HOSTILE).choices == ("a", *HOSTILE)
    for choice in HOSTILE:
        put(store, sector=choice)
    with pytest.raises(sa.exc.IntegrityError):
        put(store, sector="other")
    assert get(store, "sector") == ["a", *HOSTILE]
    with store.read() as session:
        assert verify_triggers(session) == []


def test_changing_choices_traces_nothing(store: Store) -> None:
    add(store, attribute("sector", ValueType.CHOICE, ("a",)))
    put(store, sector="a")
    with program(store) as foreign:
        foreign.run("DELETE FROM trace")
        change(store, "sector", add=["b"])
        assert traced(foreign) == []


def test_an_unused_choice_can_be_removed(store: Store) -> None:
    add(store, attribute("sector", ValueType.CHOICE, ("a", "b")))
    put(store, sector="a")
    change(store, "sector", remove=["b"])
    with pytest.raises(sa.exc.IntegrityError):
        put(store, sector="b")
    assert get(store, "sector") == ["a"]


@pytest.mark.parametrize("kind", [ValueType.CHOICE, ValueType.MULTICHOICE])
def test_a_used_choice_is_removed_by_force_only(store: Store, kind: ValueType) -> None:
    add(store, attribute("sector", kind, ("a", "b")))
    word = "has" if kind.many else "="
    add_segment(store, "Users", f'sector {word} "a"')
    put(store, **({} if kind.many else {"sector": "a"}), name="x")
    if kind.many:
        with program(store) as foreign:
            foreign.run(
                "INSERT INTO company_item (attribute, item, record_id) VALUES ('sector', 'a', 1)"
            )
    with pytest.raises(InUse, match="held by 1 record") as caught:
        change(store, "sector", remove=["a"])
    assert caught.value.fields["used_by"] == ["Users"]
    change(store, "sector", remove=["a"], force=True)
    if not kind.many:
        assert get(store, "sector") == [None]
    with program(store) as foreign:
        assert foreign.rows("SELECT count(*) FROM company_item") == [(0,)]


def test_a_choice_that_is_not_there_cannot_be_removed(store: Store) -> None:
    add(store, attribute("sector", ValueType.CHOICE, ("a",)))
    with pytest.raises(NotFound):
        change(store, "sector", remove=["z"])


def test_the_last_choice_cannot_be_removed(store: Store) -> None:
    add(store, attribute("sector", ValueType.CHOICE, ("a",)))
    with pytest.raises(UsageError, match="needs choices"):
        change(store, "sector", remove=["a"])


# ---------------------------------------------------------------- under the eyes of others


def test_a_reader_goes_on_while_an_attribute_is_added(store: Store) -> None:
    put(store, name="a")
    with store.read() as session:
        catalog = load_catalog(session)
        if store.dialect == "postgresql":
            # A transaction that has read another table.
            contact = record_tables(catalog).record(ObjectType.CONTACT)
            session.execute(sa.select(contact.c.id)).all()
        else:
            company = record_tables(catalog).record(COMPANY)
            session.execute(sa.select(company.c.id)).all()
        add(store, attribute("extra"))
        company = record_tables(catalog).record(COMPANY)
        assert session.execute(sa.select(company.c.name)).scalars().all() == ["a"]


@pytest.fixture
def reading(postgres_store: Store) -> Any:
    """A long reading transaction of another program."""
    with program(postgres_store, "BEGIN", "SELECT * FROM company") as reader:
        yield reader


def test_a_long_reading_transaction_makes_it_busy(
    postgres_store: Store, reading: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(postgres_store.url, busy_timeout=3) as hurried:
        begun = time.monotonic()
        with pytest.raises(Busy, match="another transaction is using its tables"):
            add(hurried, attribute("extra"))
        assert 1 < time.monotonic() - begun < 10


def test_other_readers_get_through_while_a_change_waits(
    postgres_store: Store, reading: Any
) -> None:
    failed: list[BaseException] = []

    def waiting() -> None:
        try:
            with open_store(postgres_store.url, busy_timeout=3) as hurried:
                add(hurried, attribute("extra"))
        except Busy as error:
            failed.append(error)

    thread = threading.Thread(target=waiting)
    thread.start()
    longest = 0.0
    while thread.is_alive():
        begun = time.monotonic()
        put(postgres_store, name="a")
        get(postgres_store, "name")
        longest = max(longest, time.monotonic() - begun)
        time.sleep(0.05)
    thread.join()
    assert failed
    assert longest < 2 * attributes.LOCK_TIMEOUT + 1


def test_a_change_gets_through_when_the_reader_ends(postgres_store: Store, reading: Any) -> None:
    timer = threading.Timer(1.2, lambda: reading.run("COMMIT"))
    timer.start()
    add(postgres_store, attribute("extra"))
    timer.join()
    put(postgres_store, extra="x")


def test_a_busy_table_exits_with_75(
    postgres_store: Store, reading: Any, segctl_process: Processes
) -> None:
    busy = segctl_process(
        "attributes",
        "add",
        "company",
        "extra",
        "--kind",
        "string",
        store=postgres_store,
        env={"SEGCTL_BUSY_TIMEOUT": "1"},
    )
    assert busy.code == 75
    assert "another transaction is using its tables" in busy.stderr


def test_two_processes_add_attributes_at_once(store: Store, segctl_process: Processes) -> None:
    words = ("attributes", "add", "company")
    running = [
        segctl_process.start(*words, f"extra{n}", "--kind", "string", store=store) for n in range(3)
    ]
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
    with store.read() as session:
        assert len(load_catalog(session).custom) == 3
        assert load_catalog(session).version == 3


# ---------------------------------------------------------------- audit and the command line


def test_every_change_of_an_attribute_is_audited(store: Store) -> None:
    add(store, attribute("sector", ValueType.CHOICE, ("a",)))
    change(store, "sector", add=["b"])
    drop(store, "sector")
    with store.read() as session:
        entries = session.exec(select(AuditEntry)).all()
    assert [(e.actor, e.action, e.subject_type, e.subject) for e in entries] == [
        ("me", action, "attribute", "company.sector") for action in ("add", "edit", "drop")
    ]
    assert entries[0].before is None
    assert entries[1].before == {"kind": "choice", "choices": ["a"]}
    assert entries[1].after == {"kind": "choice", "choices": ["a", "b"]}
    assert entries[2].after is None


def test_attributes_are_kept_by_the_command_line(
    store: Store, segctl: Callable[..., Result]
) -> None:
    call = ("attributes", "add", "companies", "sector", "--kind", "choice")
    segctl(*call, "--choices", 'public,"a, b"', "--description", "which", store=store).ok()
    listed = segctl("attributes", "list", "company", "-o", "json", store=store).ok().json
    (sector,) = [row for row in listed if row["name"] == "sector"]
    assert sector == {
        "id": "company.sector",
        "type": "company",
        "name": "sector",
        "kind": "choice",
        "source": "custom",
        "choices": ["public", "a, b"],
        "target": None,
        "description": "which",
    }
    change = ("attributes", "choices", "company", "sector")
    assert segctl(*change, "--add", "c", "--remove", "public", store=store).ok().lines == [
        "a, b",
        "c",
    ]
    assert segctl(*change, store=store).ok().lines == ["a, b", "c"]
    segctl("attributes", "drop", "company", "sector", "--yes", store=store).ok()
    ids = segctl("attributes", "list", "company", "-o", "ids", store=store).ok().lines
    assert "company.sector" not in ids
    assert "company.industry" in ids


def test_dropping_without_yes_is_refused(store: Store, segctl: Callable[..., Result]) -> None:
    add(store, attribute("extra"))
    refused = segctl("attributes", "drop", "company", "extra", store=store)
    assert refused.code == 2
    assert "--yes" in refused.stderr


def test_dropping_a_used_attribute_exits_with_4(
    store: Store, segctl: Callable[..., Result]
) -> None:
    add(store, attribute("extra"))
    add_segment(store, "Users", 'extra = "x"')
    call = ("attributes", "drop", "company", "extra", "--yes")
    assert segctl(*call, store=store).code == 4
    forced = segctl(*call, "--force", store=store).ok()
    assert "Users" in forced.stderr


def test_an_unknown_kind_is_refused_with_the_nearest(
    store: Store, segctl: Callable[..., Result]
) -> None:
    wrong = segctl("attributes", "add", "company", "x", "--kind", "flaot", store=store)
    assert wrong.code == 2
    assert 'did you mean "float"?' in wrong.stderr
