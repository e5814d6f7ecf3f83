"""Who was in a segment at a time: rebuilt from the member changes, never approximated."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
import datetime as dt
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.engine import past
from segctl.engine.interruption import interruptible
from segctl.errors import GuardStopped, SegctlError, UsageError
from segctl.services.members import CHUNK, DEFAULT_COLUMNS, Reader, among
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.store.opening import Store
from segctl.store.reading import ID, RecordColumn
from segctl.store.tables import Recalculation

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]


@dataclass(slots=True)
class PastMembers:
    """Members as they stream in. Values are those of today, only membership is of the past.

    A record that was deleted since has nothing but its id; `deleted` counts those while the rows
    are read. `counted_at` is when the members of that time were counted.
    """

    segment: SegmentView
    columns: tuple[RecordColumn, ...]
    counted_at: dt.datetime
    rows: Iterator[dict[str, Any]] = field(default_factory=lambda: iter(()))
    deleted: int = 0


@contextmanager
def as_of(
    store: Store,
    ref: str,
    *,
    at: dt.datetime,
    now: dt.datetime,
    type: ObjectType | None = None,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    limit: int | None = None,
) -> Iterator[PastMembers]:
    """The members that were stored at a time, by id; records that were erased are left out.

    GuardStopped if the changes since then are not kept any more, SegctlError if the segment was
    not counted yet.
    """
    if at > now:
        raise UsageError("--as-of lies in the future", hint="--live --at evaluates at any time")
    with store.read() as session:
        segment = view(session, find_row(session, ref, type).id)
        run, counted_at = _run_at(session, segment, at)
        read = Reader(session, segment.type, columns)
        member = read.tables.member(segment.type)
        ids = past.members_before(session, member, segment.id, run + 1).limit(limit)
        found = PastMembers(segment, read.columns, counted_at)
        found.rows = _rows(session, ids, read, found)
        yield found


def _run_at(session: Session, segment: SegmentView, at: dt.datetime) -> tuple[int, dt.datetime]:
    """The run after which the members were those of `at`, and when it started."""
    horizon = past.horizon(session, segment.id)
    if horizon is not None and at < horizon.started_at:
        raise GuardStopped(
            f'who was in "{segment.name}" can be told from '
            f"{horizon.started_at:%Y-%m-%d %H:%M:%S} UTC on; earlier changes have been pruned",
            hint="segctl workspace set change_keep_days keeps them longer from now on",
            oldest=horizon.started_at.isoformat(),
        )
    done = (_runs.c.segment_id == segment.id) & _runs.c.error.is_(None)
    query = sa.select(_runs.c.id, _runs.c.started_at, _runs.c.mode, _runs.c.count_after)
    row = session.execute(
        query.where(done, _runs.c.started_at <= at).order_by(_runs.c.id.desc()).limit(1)
    ).first()
    if horizon is not None and (row is None or row.id <= horizon.run):
        row = session.execute(query.where(_runs.c.id == horizon.run)).first()
        if row is None:
            return horizon.run, horizon.started_at
    if row is not None and not (row.mode == past.UNDO and row.count_after is None):
        return row.id, row.started_at
    first = session.execute(query.where(done).order_by(_runs.c.id).limit(1)).first()
    if first is None:
        raise SegctlError(
            f'the segment "{segment.name}" was never counted',
            hint=f'segctl recalc "{segment.name}"',
        )
    when = f"it was counted first at {first.started_at:%Y-%m-%d %H:%M:%S} UTC"
    if row is not None:
        when = f"its first fill had been undone at {row.started_at:%Y-%m-%d %H:%M:%S} UTC"
    raise SegctlError(f'the segment "{segment.name}" was not counted then: {when}')


def _rows(
    session: Session, ids: sa.Select[tuple[int]], read: Reader, found: PastMembers
) -> Iterator[dict[str, Any]]:
    with interruptible(session):
        found_ids: sa.Result[Any] = session.execute(ids, execution_options={"yield_per": CHUNK})
    streamed: Iterator[int] = iter(found_ids.scalars())
    if [column.name for column in read.columns] == [ID]:
        for id in streamed:
            yield {ID: id}
        return
    nothing = dict.fromkeys(column.name for column in read.columns)
    while chunk := list(islice(streamed, CHUNK)):
        there = {row[ID]: row for row in read(among(chunk), None)}
        found.deleted += len(chunk) - len(there)
        for id in chunk:
            yield there.get(id, {**nothing, ID: id})
