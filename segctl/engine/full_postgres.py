"""A full recalculation on Postgres: one statement evaluates, compares and writes."""

from contextlib import ExitStack
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.conditions.sql import Scope, matching
from segctl.engine import commit, drift, history, joined, lease
from segctl.engine.definition import Definition, load_definition, vocabulary
from segctl.engine.history import Counts, Start
from segctl.engine.limits import check_change
from segctl.engine.seen import look
from segctl.store.opening import Store
from segctl.store.tables import MemberChange, SegmentState

_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]

PATIENCE = lease.LEASE_TIME
"""Seconds after which the server ends the transaction of a process that hangs.

Its rows are locked until then, for whoever took its lease over.
"""

_SETTINGS = sa.text(
    "SELECT set_config('idle_in_transaction_session_timeout', :patience, true), "
    # Only some systems let the server notice in mid-statement that the client has gone.
    "CASE WHEN version() LIKE '%linux%' "
    "THEN set_config('client_connection_check_interval', '5s', true) END"
)
_MEMBER = ["segment_id", "record_id", "recalculation_id"]
_CHANGE = ["segment_id", "record_id", "recalculation_id", "entered", "since_id"]


def recalculate(store: Store, start: Start, token: str, began: float) -> tuple[int, Counts, bool]:
    """The run, what it did, and whether it was a first fill."""
    with ExitStack() as afterwards, store.write(isolation="REPEATABLE READ") as session:
        session.execute(_SETTINGS, {"patience": f"{round(PATIENCE * 1000)}ms"})
        words = vocabulary(session)
        definition = load_definition(session, start.segment_id, words)
        state = session.get(SegmentState, start.segment_id)
        before = None if state is None else state.count
        seen = look(session, words, definition).as_json()
        scope = words.scope(session, start.now)
        empty = _is_empty(session, definition, scope)
        baseline = before is None and empty
        run = history.add_run(session, start, definition.hash, baseline=baseline)
        if baseline:
            filled = _fill(session, definition, scope, run)
            counts = Counts(None, filled, filled, 0)
        else:
            counts = Counts(before, *_change(session, definition, scope, run))
            if start.audited and counts.entered + counts.left:
                mine = (_changes.c.segment_id == definition.id) & (
                    _changes.c.recalculation_id == run
                )
                changed = sa.select(_changes.c.record_id).where(mine)
                strays = drift.strays(session, words, definition, start.now, changed)
                counts = replace(counts, strays=strays)
        check_change(start.max_change or definition.max_change, counts, definition.name)
        # This snapshot is as old as the evaluation, so the lease and the definition are looked at
        # by another transaction, which holds them until this one has committed.
        commit.guard(afterwards.enter_context(store.write()), definition, token)
        commit.finish(session, start, definition, run, counts, began, seen)
    return run, counts, baseline


def _is_empty(session: Session, definition: Definition, scope: Scope) -> bool:
    member = scope.tables.member(definition.type)
    one = sa.select(member.c.record_id).where(member.c.segment_id == definition.id).limit(1)
    return session.execute(one).first() is None


def _fill(session: Session, definition: Definition, scope: Scope, run: int) -> int:
    """The first members, in record order; how many."""
    member = scope.tables.member(definition.type)
    ids = matching(definition.condition, definition.type, scope).subquery("found")
    rows = sa.select(sa.literal(definition.id), ids.c.id, sa.literal(run)).order_by(ids.c.id)
    done = session.execute(
        sa.insert(member).from_select(_MEMBER, rows), execution_options={"preserve_rowcount": True}
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def _change(
    session: Session, definition: Definition, scope: Scope, run: int
) -> tuple[int, int, int]:
    """Write the difference and log it; how many there are now, have entered and left."""
    member = scope.tables.member(definition.type)
    segment = sa.literal(definition.id)
    found = joined.found(definition.condition, definition.type, scope)
    rows = joined.difference(found, member, definition.id)
    new, old = rows.alias("new"), rows.alias("old")
    let_in = (
        sa.insert(member)
        .from_select(
            _MEMBER,
            sa.select(segment, new.c.entered_id, sa.literal(run))
            .where(new.c.entered_id.is_not(None))
            .order_by(new.c.entered_id),
        )
        .returning(member.c.record_id)
        .cte("let_in")
    )
    put_out = (
        sa.delete(member)
        .where(member.c.segment_id == definition.id, member.c.record_id == old.c.left_id)
        .returning(member.c.record_id)
        .cte("put_out")
    )
    record = sa.func.coalesce(rows.c.entered_id, rows.c.left_id)
    log = (
        sa.insert(_changes)
        .from_select(
            _CHANGE,
            sa.select(
                segment, record, sa.literal(run), rows.c.left_id.is_(None), rows.c.since
            ).order_by(record),
        )
        .cte("log")
    )
    counts = sa.select(
        *(
            sa.select(sa.func.count()).select_from(part).scalar_subquery()
            for part in (found, let_in, put_out)
        )
    ).add_cte(log)
    row = session.execute(counts).one()
    return row[0], row[1], row[2]
