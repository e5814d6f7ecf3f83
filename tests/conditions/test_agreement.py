"""The three readings of a condition agree: SQLite, Postgres and Python, on anything.

One example is a small random workspace at a random clock, asked many random conditions about one
type of record, because loading it is what takes the time. The workspace is filled with what the
conditions ask for, and its times lie on and beside their bounds.
"""

from dataclasses import dataclass, replace

from hypothesis import event, given, target
from hypothesis import strategies as st
import sqlalchemy as sa
from sqlmodel import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.conditions.nodes import And, Condition, Not
from segctl.conditions.printer import to_text
from segctl.conditions.sql import Scope, matching, predicate
from segctl.conditions.stored import stored_record
from segctl.conditions.time import Clock
from segctl.conditions.truth import holds
from segctl.store.records import record_tables
from tests.conditions.loading import load
from tests.conditions.strategies import (
    CATALOG,
    Workspace,
    clocks,
    conditions,
    mentioned,
    pick,
    workspaces,
)

TABLES = record_tables(CATALOG)
CONDITIONS = 10
"""Asked of each workspace."""


@dataclass(frozen=True)
class Questions:
    """Conditions about the records of one type, and what they are asked of."""

    type: ObjectType
    conditions: tuple[Condition, ...]
    workspace: Workspace
    clock: Clock


@st.composite
def questions(draw: st.DrawFn) -> Questions:
    type = pick(draw, (*SEGMENT_TYPES, ObjectType.CONTACT, ObjectType.CONTACT, ObjectType.DEAL))
    asked = tuple(draw(conditions(type)) for _ in range(CONDITIONS))
    clock = draw(clocks())
    together = And(asked)
    filled = workspaces(CATALOG, clock, mentioned(together), together, subject=type)
    return Questions(type, asked, draw(filled), clock)


@given(asked=questions())
def test_sqlite_postgres_and_python_agree_on_who_satisfies_a_condition(
    sqlite: sa.Engine, postgres: sa.Engine, asked: Questions
) -> None:
    rows = asked.workspace.records(asked.type)
    expected = [
        {row.id for row in rows if holds(condition, row, asked.clock)}
        for condition in asked.conditions
    ]
    splits = sum(0 < len(ids) < len(rows) for ids in expected)
    target(float(splits), label="conditions that part the records")
    event(f"{splits} of {CONDITIONS} conditions part the records")
    everybody = {row.id for row in rows}
    for engine in (sqlite, postgres):
        scope = Scope(TABLES, engine.dialect.name, asked.clock)
        few = replace(scope, few=True)
        with Session(engine) as session:
            load(session, TABLES, asked.workspace)
            for condition, ids in zip(asked.conditions, expected, strict=True):
                place = f"{scope.dialect}: {asked.type} where {to_text(condition)}"
                assert _matching(session, condition, asked.type, scope) == ids, place
                assert _matching(session, condition, asked.type, few) == ids, f"few, {place}"
                others = _marked(session, Not(condition), asked.type, scope)
                assert others == everybody - ids, f"not, {place}"
            session.rollback()


@given(asked=questions())
def test_a_stored_record_satisfies_the_same_conditions_as_the_one_in_memory(
    sqlite: sa.Engine, postgres: sa.Engine, asked: Questions
) -> None:
    for engine in (sqlite, postgres):
        with Session(engine) as session:
            load(session, TABLES, asked.workspace)
            for row in asked.workspace.records(asked.type):
                stored = stored_record(session, TABLES, asked.type, row.id)
                assert stored is not None
                for condition in asked.conditions:
                    found = holds(condition, stored, asked.clock)
                    place = f"{engine.dialect.name}: {row} where {to_text(condition)}"
                    assert found == holds(condition, row, asked.clock), place
            session.rollback()


def _matching(session: Session, condition: Condition, type: ObjectType, scope: Scope) -> set[int]:
    """By `matching`; every id once."""
    ids = list(session.scalars(matching(condition, type, scope)))
    assert len(ids) == len(set(ids))
    return set(ids)


def _marked(session: Session, condition: Condition, type: ObjectType, scope: Scope) -> set[int]:
    """By `predicate` in the result of a scan, as the shared scan of many segments uses it."""
    table = TABLES.record(type).alias("scanned")
    clause = predicate(condition, table, type, scope)
    marked = sa.select(table.c.id, sa.case((clause, 1), else_=0))
    return {id for id, mark in session.execute(marked) if mark}
