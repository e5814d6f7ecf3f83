"""A full recalculation on SQLite: evaluate under a read transaction, write under a short one.

The first fill of a cheap condition is the exception: to go through a temporary table would add a
sixth to it, and the write lock is held for little longer without.
"""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.conditions import walk
from segctl.conditions.sql import Scope, matching
from segctl.engine import commit, drift, history, temporary
from segctl.engine.definition import Definition, load_definition, vocabulary
from segctl.engine.history import Counts, Start
from segctl.engine.interruption import interruptible
from segctl.engine.limits import check_change
from segctl.engine.rowcount import written
from segctl.engine.seen import look
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import MemberChange, SegmentState
from segctl.store.workspace import load_catalog

CHEAP = 3_000_000
"""So many records may be looked at under the write lock; it takes about a second."""

_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]


def recalculate(store: Store, start: Start, token: str, began: float) -> tuple[int, Counts, bool]:
    """The run, what it did, and whether it was a first fill."""
    segment = start.segment_id
    with store.read() as session:
        words = vocabulary(session)
        definition = load_definition(session, segment, words)
        state = session.get(SegmentState, segment)
        before = None if state is None else state.count
        seen = look(session, words, definition).as_json()
        scope = words.scope(session, start.now)
        member = scope.tables.member(definition.type)
        # A segment without members needs no difference.
        empty = _is_empty(session, member, segment)
        baseline = before is None and empty
        cheap = baseline and _is_cheap(session, definition, scope)
        if not cheap:
            with interruptible(session):
                after = temporary.find(session, definition.condition, definition.type, scope)
                entered, left = (after, 0) if empty else temporary.compare(session, member, segment)
                strays = None
                if start.audited and entered + left:
                    new = temporary.found if empty else temporary.entered
                    changed = sa.union_all(sa.select(new.c.id), sa.select(temporary.left.c.id))
                    ids = sa.select(changed.subquery().c.id)
                    strays = drift.strays(session, words, definition, start.now, ids)
    if cheap:
        return _fill(store, start, token, began)
    counts = Counts(before, after, entered, left, strays)
    check_change(start.max_change or definition.max_change, counts, definition.name)
    with store.write() as session, interruptible(session):
        commit.guard(session, definition, token)
        run = history.add_run(session, start, definition.hash, baseline=baseline)
        member = record_tables(load_catalog(session)).member(definition.type)
        new = temporary.found if empty else temporary.entered
        _let_in(session, member, sa.select(new.c.id), segment, run)
        if not baseline:
            _log(session, new, segment, run)
        if left:
            gone = sa.select(temporary.left.c.id)
            mine = member.c.segment_id == segment
            session.execute(sa.delete(member).where(mine, member.c.record_id.in_(gone)))
        commit.finish(session, start, definition, run, counts, began, seen)
    return run, counts, baseline


def _fill(store: Store, start: Start, token: str, began: float) -> tuple[int, Counts, bool]:
    """Evaluate and write the first members in one statement, under the write lock."""
    with store.write() as session, interruptible(session):
        words = vocabulary(session)
        definition = load_definition(session, start.segment_id, words)
        seen = look(session, words, definition).as_json()
        scope = words.scope(session, start.now)
        commit.guard(session, definition, token)
        run = history.add_run(session, start, definition.hash, baseline=True)
        ids = matching(definition.condition, definition.type, scope)
        filled = _let_in(session, scope.tables.member(definition.type), ids, definition.id, run)
        counts = Counts(None, filled, filled, 0)
        commit.finish(session, start, definition, run, counts, began, seen)
    return run, counts, True


def _is_cheap(session: Session, definition: Definition, scope: Scope) -> bool:
    """Whether a condition reads nothing but the records themselves, and these are not too many."""
    if walk.relations(definition.condition) or walk.segments(definition.condition):
        return False
    record = scope.tables.record(definition.type)
    last = session.execute(sa.select(sa.func.max(record.c.id))).scalar()
    return (last or 0) <= CHEAP


def _is_empty(session: Session, member: sa.Table, segment: int) -> bool:
    one = sa.select(member.c.record_id).where(member.c.segment_id == segment).limit(1)
    return session.execute(one).first() is None


def _let_in(
    session: Session, member: sa.Table, ids: sa.Select[tuple[int]], segment: int, run: int
) -> int:
    """Add the members that a query gives; how many."""
    found = ids.subquery()
    rows = sa.select(sa.literal(segment), found.c.id, sa.literal(run)).order_by(found.c.id)
    names = ["segment_id", "record_id", "recalculation_id"]
    return written(session, sa.insert(member).from_select(names, rows))


def _log(session: Session, new: sa.Table, segment: int, run: int) -> None:
    """Write down who enters and who leaves."""
    names = ["segment_id", "record_id", "recalculation_id", "entered", "since_id"]
    for table, entered, since in (
        (new, True, sa.null()),
        (temporary.left, False, temporary.left.c.since),
    ):
        rows = sa.select(
            sa.literal(segment), table.c.id, sa.literal(run), sa.literal(entered), since
        )
        session.execute(sa.insert(_changes).from_select(names, rows.order_by(table.c.id)))
