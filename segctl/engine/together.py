"""Writing the small differences of several segments in one transaction.

A transaction for each costs more than what it writes. What is large, heavy or guarded is written by
apply.py, each for itself, and so is everything if this fails.
"""

from collections.abc import Iterable, Mapping, Sequence
import json
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.engine import commit, history, state
from segctl.engine.full import Done
from segctl.engine.history import Counts, Start
from segctl.engine.interruption import interruptible
from segctl.engine.limits import passes
from segctl.engine.plans import Change
from segctl.engine.rowcount import written
from segctl.store import outbox
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import MemberChange, SegmentState
from segctl.store.workspace import load_catalog

SMALL = 5_000
"""Rows that a difference may have here, …"""
MOST = 200_000
"""… and all of one transaction together: others wait for it."""

_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]

_MEMBER = ["segment_id", "record_id", "recalculation_id"]
_CHANGE = [*_MEMBER, "entered", "since_id"]

_Rows = list[tuple[int, int, int]]
"""(segment, record, run)"""


class _Moved(Exception):
    """The members are not those that were looked at: a record was erased meanwhile."""


def write(
    store: Store, changes: Mapping[int, Change], starts: Mapping[int, Start], token: str
) -> dict[int, Done]:
    """Write what fits, and give those leases back; what became of each that was written."""
    chosen: dict[int, Change] = {}
    room = MOST
    for id, change in changes.items():
        size = len(change.entered) + len(change.left)
        if not change.heavy and size <= min(SMALL, room) and _is_let_pass(change, starts[id]):
            chosen[id] = change
            room -= size
    if len(chosen) < 2:
        return {}
    try:
        with store.write() as session, interruptible(session):
            return _write(session, chosen, starts, token)
    except _Moved:
        return {}


def _is_let_pass(change: Change, start: Start) -> bool:
    after = change.before + len(change.entered) - len(change.left)
    counts = Counts(change.before, after, len(change.entered), len(change.left))
    return passes(start.max_change or change.definition.max_change, counts)


def _write(
    session: Session, changes: Mapping[int, Change], starts: Mapping[int, Start], token: str
) -> dict[int, Done]:
    began = time.perf_counter()
    hashes = {id: change.definition.hash for id, change in changes.items()}
    kept = commit.guard_all(session, hashes, token)
    if not kept:
        return {}
    counts = _counts(session, {id: changes[id] for id in kept})
    runs = history.add_finished(
        session,
        [(starts[id], hashes[id], counts[id], changes[id].seconds) for id in kept],
    )
    tables = record_tables(load_catalog(session))
    for type in sorted({changes[id].definition.type for id in kept}):
        some = [id for id in kept if changes[id].definition.type is type]
        entered = [(id, record, runs[id]) for id in some for record in changes[id].entered]
        left = [(id, record, runs[id]) for id in some for record in changes[id].left]
        _move(session, tables.member(ObjectType(type)), entered, left)
    for id in kept:
        if starts[id].hooks and counts[id].entered + counts[id].left:
            outbox.add(session, starts[id].hooks, segment=id, run=runs[id], now=starts[id].now)
    each = (time.perf_counter() - began) / len(kept)
    durations = {id: changes[id].seconds + each for id in kept}
    history.add_durations(session, [runs[id] for id in kept], each)
    state.all_counted(
        session,
        [(starts[id], counts[id].after, durations[id], changes[id].seen.as_json()) for id in kept],
    )
    return {id: Done(runs[id], counts[id], False, durations[id]) for id in kept}


def _counts(session: Session, changes: Mapping[int, Change]) -> dict[int, Counts]:
    """From the numbers that are stored now; erasing a record changes them meanwhile."""
    query = (
        sa.select(_state.c.segment_id, _state.c.count)
        .where(_state.c.segment_id.in_(list(changes)))
        .order_by(_state.c.segment_id)
        .with_for_update()
    )
    found = {}
    for id, before in session.execute(query):
        entered, left = len(changes[id].entered), len(changes[id].left)
        found[id] = Counts(before, before + entered - left, entered, left)
    return found


def _move(session: Session, member: sa.Table, entered: _Rows, left: _Rows) -> None:
    """Log who enters and leaves, and do it; _Moved if that is not possible any more."""
    if entered:
        segment, record, run = _columns(session, entered)
        rows = sa.select(segment, record, run).order_by(segment, record)
        session.execute(sa.insert(member).from_select(_MEMBER, rows))
        nobody = sa.null().cast(sa.BigInteger)
        logged = sa.select(segment, record, run, sa.true(), nobody).order_by(run, record)
        session.execute(sa.insert(_changes).from_select(_CHANGE, logged))
    if left:
        segment, record, run = _columns(session, left)
        mine = sa.and_(member.c.segment_id == segment, member.c.record_id == record)
        logged = (
            sa.select(segment, record, run, sa.false(), member.c.recalculation_id)
            .where(mine)
            .order_by(run, record)
        )
        number = written(session, sa.insert(_changes).from_select(_CHANGE, logged))
        gone = sa.tuple_(member.c.segment_id, member.c.record_id).in_(sa.select(segment, record))
        session.execute(sa.delete(member).where(gone))
        if number != len(left):
            raise _Moved


def _columns(session: Session, rows: _Rows) -> Sequence[sa.ColumnElement[int]]:
    """The columns of a table of these rows, which are one parameter each."""
    if session.get_bind().dialect.name == "sqlite":
        listed = sa.func.json_each(json.dumps(rows)).table_valued("value", name="listed")
        paths: Iterable[str] = ("$[0]", "$[1]", "$[2]")
        values: list[Any] = [sa.func.json_extract(listed.c.value, path) for path in paths]
    else:
        arrays = [sa.literal(list(part), ARRAY(sa.BigInteger)) for part in zip(*rows, strict=True)]
        names = ("segment", "record", "run")
        listed = sa.func.unnest(*arrays).table_valued(*names, name="listed").render_derived()
        values = [listed.c[name] for name in names]
    return [sa.type_coerce(value, sa.BigInteger) for value in values]
