"""A full recalculation on SQLite: evaluate under a read transaction, write under a short one."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.engine import commit, history, temporary
from segctl.engine.definition import load_definition, vocabulary
from segctl.engine.history import Counts, Start
from segctl.engine.interruption import interruptible
from segctl.engine.limits import check_change
from segctl.store import trace
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import MemberChange, SegmentState
from segctl.store.workspace import load_catalog

_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]


def recalculate(store: Store, start: Start, token: str, began: float) -> tuple[int, Counts, bool]:
    """The run, what it did, and whether it was a first fill."""
    segment = start.segment_id
    with store.read() as session:
        words = vocabulary(session)
        definition = load_definition(session, segment, words)
        state = session.get(SegmentState, segment)
        before = None if state is None else state.count
        seen = trace.watermark(session)
        scope = words.scope(session, start.now)
        member = scope.tables.member(definition.type)
        with interruptible(session):
            after = temporary.find(session, definition.condition, definition.type, scope)
            # A segment without members needs no difference.
            empty = _is_empty(session, member, segment)
            entered, left = (after, 0) if empty else temporary.compare(session, member, segment)
    baseline = before is None and empty
    counts = Counts(before, after, entered, left)
    check_change(start.max_change or definition.max_change, counts, definition.name)
    with store.write() as session, interruptible(session):
        commit.guard(session, definition, token)
        run = history.add_run(session, start, definition.hash, baseline=baseline)
        member = record_tables(load_catalog(session)).member(definition.type)
        new = temporary.found if empty else temporary.entered
        _let_in(session, member, new, segment, run)
        if not baseline:
            _log(session, new, segment, run)
        if left:
            gone = sa.select(temporary.left.c.id)
            mine = member.c.segment_id == segment
            session.execute(sa.delete(member).where(mine, member.c.record_id.in_(gone)))
        commit.finish(session, start, definition, run, counts, began, seen)
    return run, counts, baseline


def _is_empty(session: Session, member: sa.Table, segment: int) -> bool:
    one = sa.select(member.c.record_id).where(member.c.segment_id == segment).limit(1)
    return session.execute(one).first() is None


def _let_in(session: Session, member: sa.Table, new: sa.Table, segment: int, run: int) -> None:
    rows = sa.select(sa.literal(segment), new.c.id, sa.literal(run)).order_by(new.c.id)
    names = ["segment_id", "record_id", "recalculation_id"]
    session.execute(sa.insert(member).from_select(names, rows))


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
