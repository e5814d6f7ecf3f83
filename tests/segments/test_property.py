"""After any edits of records: members = truth, and the changes replay."""

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.conditions.stored import stored_record
from segctl.conditions.truth import holds
from segctl.engine.definition import load_definition, vocabulary
from segctl.services import segments
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog
from tests.conftest import NOW
from tests.engine.workspace import changes, recalc, segment, sql, stored

SEGMENTS = {
    "Big": ("company", "size > 5"),
    "Unknown": ("company", 'size is empty or name != "a"'),
    "Busy": ("company", "count(contacts where score >= 3) >= 2"),
    "Big or busy": ("company", 'in segment "Big" or in segment "Busy"'),
    "At big": ("contact", 'company in segment "Big" and not score < 2'),
    "Alone": ("contact", "company is empty"),
}

# An update or delete names a place in the list of the records that there are.
numbers = st.none() | st.integers(0, 9)
company = st.tuples(st.just("company"), numbers, st.sampled_from(["a", "b", None]))
contact = st.tuples(st.just("contact"), numbers, numbers)
insert = st.tuples(st.just("insert"), company | contact)
update = st.tuples(st.just("update"), company | contact, st.integers(1, 12))
delete = st.tuples(st.just("delete"), st.sampled_from(["company", "contact"]), st.integers(1, 12))
rounds = st.lists(st.lists(insert | update | delete, max_size=8), min_size=1, max_size=4)


def apply(store: Store, edits) -> None:
    with store.write() as session:
        tables = record_tables(load_catalog(session))

        def pick(type: str, place: int | None) -> int | None:
            query = sa.select(tables.record(ObjectType(type)).c.id).order_by(sa.column("id"))
            ids = session.execute(query).scalars().all()
            return None if place is None or not ids else ids[place % len(ids)]

        for edit in edits:
            kind, what = edit[0], edit[1]
            type = what if kind == "delete" else what[0]
            table = tables.record(ObjectType(type))
            if kind == "delete":
                session.execute(sa.delete(table).where(table.c.id == pick(type, edit[2])))
                continue
            if type == "company":
                values = {"size": what[1], "name": what[2]}
            else:
                values = {"score": what[1], "company_id": pick("company", what[2])}
            if kind == "insert":
                session.execute(sa.insert(table).values(**values))
            else:
                id = pick(type, edit[2])
                session.execute(sa.update(table).where(table.c.id == id).values(**values))


def empty(store: Store) -> None:
    sql(store, "DELETE FROM contact")
    sql(store, "DELETE FROM company")


def truth(store: Store, name: str) -> list[int]:
    """The members by the third reading of the condition, record by record."""
    with store.read() as session:
        words = vocabulary(session)
        definition = load_definition(session, segments.find(store, name).id, words)
        tables = record_tables(words.catalog)
        clock = words.scope(session, NOW).clock
        ids = session.execute(sa.select(tables.record(definition.type).c.id)).scalars().all()
        records = [stored_record(session, tables, definition.type, id) for id in sorted(ids)]
        return [r.id for r in records if r and holds(definition.condition, r, clock)]


@pytest.fixture
def prepared(store: Store) -> Store:
    for name, (type, where) in SEGMENTS.items():
        segment(store, name, where, type=type)
    return store


def test_members_are_the_truth_and_changes_replay(prepared: Store):
    @settings(max_examples=max(10, settings.default.max_examples // 4))
    @given(rounds)
    def check(edits) -> None:
        empty(prepared)
        recalc(prepared)
        for some in edits:
            before = {name: set(stored(prepared, name)) for name in SEGMENTS}
            apply(prepared, some)
            outcomes = recalc(prepared)
            for name in SEGMENTS:
                outcome, after = outcomes[name], stored(prepared, name)
                assert outcome.done, outcome.error
                assert after == truth(prepared, name)
                assert outcome.count_after == len(after)
                if outcome.baseline:
                    continue
                mine = [
                    (id, is_new)
                    for run, id, is_new in changes(prepared, name)
                    if run == outcome.run
                ]
                entered = {id for id, is_new in mine if is_new}
                left = {id for id, is_new in mine if not is_new}
                assert (len(entered), len(left)) == (outcome.entered, outcome.left)
                assert len(mine) == len(entered) + len(left)
                assert not entered & before[name]
                assert left <= before[name]
                assert (before[name] | entered) - left == set(after)

    check()
