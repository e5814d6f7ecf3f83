"""A clock that was set back: segments that were counted in what is the future now."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import MANUAL
from segctl.services.schedule import SKEW, fraction
from segctl.store.opening import Store
from segctl.store.tables import Segment, SegmentState
from segctl.store.tables_daemon import SegmentSchedule

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]
_schedule: sa.Table = SegmentSchedule.__table__  # type: ignore[attr-defined]


def reanchor(store: Store, now: dt.datetime) -> int:
    """Give segments that were counted in the future a time of their own; how many there were.

    The clock was set back. Each is due within its interval, spread over it: nothing stands still
    until the clock has caught up, and not all are due at once.
    """
    ahead = now + SKEW
    with store.read() as session:
        rows = [
            row
            for row in session.execute(_anchors(ahead))
            if row.due_at is None or row.due_at > ahead + dt.timedelta(minutes=row.interval)
        ]
    if not rows:
        return 0
    values = [
        {"segment_id": row.id, "due_at": now + _share(row.id, row.interval), "failures": 0}
        for row in rows
    ]
    with store.write() as session:
        insert = _insert(session)
        statement = insert.on_conflict_do_update(
            index_elements=["segment_id"], set_={"due_at": insert.excluded.due_at}
        )
        session.execute(statement, values)
    return len(rows)


def _anchors(ahead: dt.datetime) -> sa.Select[Any]:
    return (
        sa.select(_segment.c.id, _segment.c.interval, _schedule.c.due_at)
        .join(_state, _state.c.segment_id == _segment.c.id)
        .outerjoin(_schedule, _schedule.c.segment_id == _segment.c.id)
        .where(_segment.c.interval != MANUAL, _state.c.last_counted_at > ahead)
    )


def _share(segment: int, interval: int) -> dt.timedelta:
    return dt.timedelta(minutes=interval) * fraction(segment)


def _insert(session: Session) -> Any:
    """An INSERT with ON CONFLICT of the store's own dialect."""
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite as dialect

        return dialect.insert(_schedule)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(_schedule)
