"""An empty store becomes the demo workspace, on both stores."""

import pytest
import sqlalchemy as sa

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.errors import AlreadyExists, UsageError
from segctl.services import attributes, demo, recalculation
from segctl.services.demo_segments import ATTRIBUTES, SEGMENTS
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog
from tests.conftest import NOW

RECORDS = 1_500


def filled(store: Store, records: int = RECORDS) -> demo.Filled:
    return demo.fill(store, records=records, now=NOW, actor="test")


def test_the_store_holds_what_was_reported(store: Store) -> None:
    made = filled(store)
    assert made.records == RECORDS
    with store.read() as session:
        tables = record_tables(load_catalog(session))
        for type, number in made.rows.items():
            count = sa.select(sa.func.count()).select_from(tables.record(type))
            assert session.execute(count).scalar_one() == number


def test_every_segment_of_the_demo_can_be_counted_and_most_have_members(store: Store) -> None:
    filled(store)
    outcomes = recalculation.recalculate(store, now=NOW)
    assert [outcome.name for outcome in outcomes if not outcome.done] == []
    assert len(outcomes) == len(SEGMENTS)
    assert sum(1 for outcome in outcomes if outcome.count_after) >= len(SEGMENTS) * 0.8
    nonempty = {outcome.type for outcome in outcomes if outcome.count_after}
    assert nonempty == set(ObjectType) - {ObjectType.EVENT}


def test_attributes_of_several_kinds_are_declared_and_used(store: Store) -> None:
    filled(store)
    with store.read() as session:
        catalog = load_catalog(session)
        assert set(catalog.custom) == set(ATTRIBUTES)
        contact = record_tables(catalog).record(ObjectType.CONTACT)
        birthdays, plans = session.execute(
            sa.select(sa.func.count(contact.c.birthday), sa.func.count(contact.c.plan))
        ).one()
    assert birthdays > 0
    assert plans > 0


def test_records_can_be_added_afterwards(store: Store) -> None:
    filled(store, 200)
    with store.write() as session:
        contact = record_tables(load_catalog(session)).record(ObjectType.CONTACT)
        highest = session.execute(sa.select(sa.func.max(contact.c.id))).scalar_one()
        session.execute(sa.insert(contact).values(external_id="new"))
        added = sa.select(contact.c.id).where(contact.c.external_id == "new")
        assert session.execute(added).scalar_one() > highest


def test_a_store_that_holds_a_demo_is_refused(store: Store) -> None:
    filled(store, 200)
    with pytest.raises(AlreadyExists, match="holds segments"):
        demo.prepare(store.url, now=NOW)


def test_a_store_with_attributes_of_its_own_is_refused(store: Store) -> None:
    own = Attribute(ObjectType.DEAL, "margin", ValueType.FLOAT, standard=False)
    attributes.add(store, own, now=NOW, actor="test")
    with pytest.raises(AlreadyExists, match="attributes of its own"):
        demo.prepare(store.url, now=NOW)


def test_an_interrupted_demo_can_be_made_again(store: Store) -> None:
    def interrupt(advance: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.fill(store, records=200, now=NOW, actor="test", progress=interrupt)
    with demo.prepare(store.url, now=NOW) as prepared:
        assert filled(prepared, 200).records == 200


def test_an_empty_store_is_used(store: Store) -> None:
    with demo.prepare(store.url, now=NOW) as prepared:
        assert filled(prepared, 100).records == 100


@pytest.mark.parametrize("records", [0, 99, demo.LARGEST + 1])
def test_a_size_that_makes_no_sense_is_refused(sqlite_store: Store, records: int) -> None:
    with pytest.raises(UsageError, match="records"):
        filled(sqlite_store, records)
