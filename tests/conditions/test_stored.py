"""Records as a condition reads them from a store: lazily, each once, on both kinds."""

from collections.abc import Iterator
import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from segctl.catalog import RELATIONS, STANDARD, Attribute, Catalog, ObjectType, ValueType
from segctl.conditions.stored import StoredRecord, json_items, json_value, stored_record
from segctl.store.opening import Store
from segctl.store.records import record_tables
from tests.conditions.loading import clear, load
from tests.conditions.strategies import Workspace

T = ObjectType
V = ValueType
TABLES = record_tables(Catalog())
MOMENT = dt.datetime(2026, 3, 1, 10, 0, 0, 1, tzinfo=dt.UTC)


def attribute(type: ObjectType, name: str) -> Attribute:
    return STANDARD[type][name]


def workspace() -> Workspace:
    """A company, its contact, a deal of both with a product, and an event of the contact."""
    made = Workspace(Catalog())
    acme, ann, pen, deal, event = (
        made.add(type) for type in (T.COMPANY, T.CONTACT, T.PRODUCT, T.DEAL, T.EVENT)
    )
    acme.values = {"name": "Acme"}
    ann.values = {"name": "Ann", "unsubscribed": False, "score": 7, "created_at": MOMENT}
    ann.lists = {"tags": ("vip", "new"), "lists": ("news",)}
    ann.ones = {"company": acme.id}
    pen.values = {"price": 2.0}
    deal.values = {"expected_close_date": dt.date(2026, 3, 1)}
    deal.ones = {"contact": ann.id, "company": acme.id}
    event.values = {"name": "purchase", "occurred_at": MOMENT}
    event.raw = {"amount": 5, "labels": ["a", "", 1, "a", "b"]}
    event.ones = {"contact": ann.id}
    made.links = {(deal.id, pen.id)}
    made.members = {T.CONTACT: {(11, ann.id)}}
    return made


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.write() as session:
        load(session, TABLES, workspace())
    with store.read() as session:
        yield session


def record(session: Session, type: ObjectType, id: int = 1) -> StoredRecord:
    found = stored_record(session, TABLES, type, id)
    assert found is not None
    return found


def test_there_is_none_for_an_unknown_id(session: Session) -> None:
    assert stored_record(session, TABLES, T.CONTACT, 99) is None


def test_values_have_the_types_of_python(session: Session) -> None:
    ann, deal = record(session, T.CONTACT), record(session, T.DEAL)
    assert ann.value(attribute(T.CONTACT, "name")) == "Ann"
    assert ann.value(attribute(T.CONTACT, "unsubscribed")) is False
    assert ann.value(attribute(T.CONTACT, "score")) == 7
    assert ann.value(attribute(T.CONTACT, "created_at")) == MOMENT
    assert ann.value(attribute(T.CONTACT, "email")) is None
    assert deal.value(attribute(T.DEAL, "expected_close_date")) == dt.date(2026, 3, 1)
    assert deal.value(attribute(T.DEAL, "value")) is None


def test_items_are_those_of_their_attribute(session: Session) -> None:
    ann = record(session, T.CONTACT)
    assert sorted(ann.items(attribute(T.CONTACT, "tags"))) == ["new", "vip"]
    assert list(ann.items(attribute(T.CONTACT, "lists"))) == ["news"]
    assert list(record(session, T.COMPANY).items(attribute(T.COMPANY, "tags"))) == []


def test_relations_lead_there_and_back_to_the_same_record(session: Session) -> None:
    ann = record(session, T.CONTACT)
    acme = ann.one(RELATIONS[T.CONTACT]["company"])
    assert acme is not None
    assert acme.value(attribute(T.COMPANY, "name")) == "Acme"
    assert list(acme.many(RELATIONS[T.COMPANY]["contacts"])) == [ann]
    assert next(iter(acme.many(RELATIONS[T.COMPANY]["contacts"]))) is ann


def test_a_relation_to_nobody_is_none(session: Session) -> None:
    event = record(session, T.EVENT)
    assert event.one(RELATIONS[T.EVENT]["product"]) is None
    assert list(record(session, T.COMPANY).many(RELATIONS[T.COMPANY]["tickets"])) == []


def test_the_link_is_read_from_both_ends(session: Session) -> None:
    deal, pen = record(session, T.DEAL), record(session, T.PRODUCT)
    assert [r.id for r in deal.many(RELATIONS[T.DEAL]["products"])] == [pen.id]
    assert [r.id for r in pen.many(RELATIONS[T.PRODUCT]["deals"])] == [deal.id]


def test_many_of_a_to_one_relation_is_a_mistake(session: Session) -> None:
    with pytest.raises(ValueError, match="leads to one"):
        record(session, T.CONTACT).many(RELATIONS[T.CONTACT]["company"])


def test_members_are_the_stored_ones(session: Session) -> None:
    ann = record(session, T.CONTACT)
    assert ann.is_member(11)
    assert not ann.is_member(12)


def test_attributes_of_an_event_are_read_from_its_json(session: Session) -> None:
    event = record(session, T.EVENT)
    assert event.value(Attribute(T.EVENT, "amount", V.FLOAT, standard=False)) == 5.0
    assert event.value(Attribute(T.EVENT, "absent", V.FLOAT, standard=False)) is None
    assert event.value(attribute(T.EVENT, "name")) == "purchase"
    assert event.items(Attribute(T.EVENT, "labels", V.TAGS, standard=False)) == ("a", "b")


def test_nothing_is_read_twice(session: Session) -> None:
    ann = record(session, T.CONTACT)

    def look() -> None:
        ann.items(attribute(T.CONTACT, "tags"))
        ann.one(RELATIONS[T.CONTACT]["company"])
        list(ann.many(RELATIONS[T.CONTACT]["deals"]))
        ann.is_member(11)

    look()
    statements: list[str] = []
    engine = session.get_bind()
    listen = sa.event.listens_for(engine, "before_cursor_execute")

    def note(*seen: Any) -> None:
        statements.append(seen[2])

    listen(note)
    look()
    sa.event.remove(engine, "before_cursor_execute", note)
    assert statements == []


def test_a_cleared_store_is_empty(store: Store) -> None:
    with store.write() as session:
        load(session, TABLES, workspace())
        clear(session, TABLES)
        tables = [TABLES.record(type) for type in ObjectType]
        tables += [TABLES.link(), TABLES.trace(), TABLES.member(T.CONTACT), TABLES.item(T.CONTACT)]
        counts = [
            session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables
        ]
    assert counts == [0] * len(tables)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (V.STRING, "x", "x"),
        (V.STRING, "", None),
        (V.STRING, 5, None),
        (V.CHOICE, "x", "x"),
        (V.INTEGER, 5, 5),
        (V.INTEGER, 5.0, 5),
        (V.INTEGER, 5.5, None),
        (V.INTEGER, True, None),
        (V.INTEGER, "5", None),
        (V.INTEGER, 2**53, 2**53),
        (V.INTEGER, 2**53 + 1, None),
        (V.INTEGER, 10**400, None),
        (V.INTEGER, float("inf"), None),
        (V.FLOAT, 5, 5.0),
        (V.FLOAT, 5.5, 5.5),
        (V.FLOAT, False, None),
        (V.FLOAT, 10**400, None),
        (V.FLOAT, float("inf"), None),
        (V.FLOAT, "5.5", None),
        (V.BOOLEAN, True, True),
        (V.BOOLEAN, 1, None),
        (V.BOOLEAN, "true", None),
        (V.DATE, "2026-03-01", dt.date(2026, 3, 1)),
        (V.DATE, "20260301", None),
        (V.DATE, "2026-02-30", None),
        (V.DATE, "0000-01-01", None),
        (V.DATE, 20260301, None),
        (V.DATETIME, "2026-03-01T10:00:00.000001Z", MOMENT),
        (V.DATETIME, "2026-03-01T10:00:00Z", None),
        (V.DATETIME, "2026-03-01T10:00:00.000001+00:00", None),
        (V.DATETIME, "2026-03-01T10:00:00.000001", None),
        (V.DATETIME, "2026-03-01", None),
        (V.DATETIME, "2026-02-30T10:00:00.000001Z", None),
        (V.DATETIME, 5, None),
        (V.TAGS, ["a"], None),
        (V.STRING, None, None),
    ],
)
def test_a_json_value_of_another_type_is_missing(
    kind: ValueType, value: object, expected: object
) -> None:
    found = json_value(value, kind)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "expected"), [(["a", "", 1, "a", None, "b"], ("a", "b")), ("a", ()), (None, ())]
)
def test_items_in_json_are_the_texts_of_an_array(value: object, expected: object) -> None:
    assert json_items(value) == expected
