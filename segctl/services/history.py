"""The runs of a segment over time."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.engine.history import last_runs
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.store.opening import Store
from segctl.store.tables import Recalculation

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Point:
    """So many members since a run that started then; None if it was not counted any more."""

    at: dt.datetime
    count: int | None


@dataclass(frozen=True, slots=True)
class History:
    """A segment's latest runs, the newest first, and its count over the time they span."""

    segment: SegmentView
    runs: Sequence[Recalculation]
    counts: Sequence[Point]


def history(
    store: Store,
    ref: str,
    *,
    type: ObjectType | None = None,
    since: dt.datetime | None = None,
    limit: int | None = None,
) -> History:
    """The runs of a segment; those that started at `since` or later, at most `limit`.

    The count is told for as long as runs are kept, or since `since`, whatever the limit.
    """
    with store.read() as session:
        segment = view(session, find_row(session, ref, type).id)
        wanted = [_runs.c.segment_id == segment.id]
        if since is not None:
            wanted.append(_runs.c.started_at >= since)
        runs = last_runs(session, segment.id, limit, since=since)
        counts = (
            sa.select(_runs.c.started_at, _runs.c.count_after)
            .where(*wanted, _runs.c.error.is_(None))
            .order_by(_runs.c.id)
        )
        points = [Point(at, count) for at, count in session.execute(counts)]
    return History(segment, runs, points)
