"""Writing what an incremental recalculation has found."""

from collections.abc import Sequence
import json
import time

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from segctl.engine import commit, history
from segctl.engine.full import Done, persistently
from segctl.engine.history import Counts, Start
from segctl.engine.interruption import interruptible
from segctl.engine.limits import check_change
from segctl.engine.plans import Change
from segctl.engine.rowcount import written
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import MemberChange, SegmentState
from segctl.store.workspace import load_catalog

_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]

_MEMBER = ["segment_id", "record_id", "recalculation_id"]
_CHANGE = [*_MEMBER, "entered", "since_id"]


def apply(store: Store, start: Start, token: str, change: Change) -> Done:
    """Write the difference, and give the lease back. Raises what a full recalculation raises."""
    definition = change.definition
    counts = _counted(change.before, len(change.entered), len(change.left))
    check_change(start.max_change or definition.max_change, counts, definition.name)
    return persistently(lambda: _write(store, start, token, change))


def _write(store: Store, start: Start, token: str, change: Change) -> Done:
    definition, began = change.definition, time.perf_counter() - change.seconds
    with store.write() as session, interruptible(session):
        commit.guard(session, definition, token)
        # Erasing a record takes it out of the members meanwhile, and counts it.
        state = session.get_one(SegmentState, definition.id, with_for_update=True)
        before = state.count
        assert before is not None
        run = history.add_run(session, start, definition.hash, baseline=False)
        member = record_tables(load_catalog(session)).member(definition.type)
        entered = _let_in(session, member, definition.id, run, change.entered)
        left = _put_out(session, member, definition.id, run, change.left)
        counts = _counted(before, entered, left)
        commit.finish(session, start, definition, run, counts, began, change.seen.as_json())
    return Done(run, counts, False, time.perf_counter() - began)


def _counted(before: int, entered: int, left: int) -> Counts:
    return Counts(before, before + entered - left, entered, left)


def _let_in(
    session: Session, member: sa.Table, segment: int, run: int, records: Sequence[int]
) -> int:
    """Add members and log them; how many."""
    if not records:
        return 0
    ids = _rows(session, records)
    mine, it = sa.literal(segment, sa.BigInteger), sa.literal(run, sa.BigInteger)
    rows = sa.select(mine, ids, it).order_by(ids)
    number = written(session, sa.insert(member).from_select(_MEMBER, rows))
    logged = sa.select(mine, ids, it, sa.true(), sa.null().cast(sa.BigInteger)).order_by(ids)
    session.execute(sa.insert(_changes).from_select(_CHANGE, logged))
    return number


def _put_out(
    session: Session, member: sa.Table, segment: int, run: int, records: Sequence[int]
) -> int:
    """Log who leaves, with the run that had let each in, and take them out; how many."""
    if not records:
        return 0
    ids = _rows(session, records)
    gone = sa.and_(member.c.segment_id == segment, member.c.record_id.in_(sa.select(ids)))
    mine, it = sa.literal(segment, sa.BigInteger), sa.literal(run, sa.BigInteger)
    logged = sa.select(mine, member.c.record_id, it, sa.false(), member.c.recalculation_id)
    rows = logged.where(gone).order_by(member.c.record_id)
    session.execute(sa.insert(_changes).from_select(_CHANGE, rows))
    return written(session, sa.delete(member).where(gone))


def _rows(session: Session, ids: Sequence[int]) -> sa.ColumnElement[int]:
    """The column of a table of these ids, which are one parameter."""
    if session.get_bind().dialect.name == "sqlite":
        listed = sa.func.json_each(json.dumps(list(ids))).table_valued("value", name="listed")
    else:
        array = sa.literal(list(ids), ARRAY(sa.BigInteger))
        listed = sa.func.unnest(array).table_valued("value", name="listed").render_derived()
    return sa.type_coerce(listed.c.value, sa.BigInteger)
