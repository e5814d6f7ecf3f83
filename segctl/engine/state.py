"""What is known of a segment's members: fresh or stale, counted or not, failed, too heavy."""

from collections.abc import Sequence
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.engine.history import INCREMENTAL, Counts, Start
from segctl.store.tables import Recalculation, SegmentState, Workspace
from segctl.store.tables_daemon import SegmentSchedule

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_schedule: sa.Table = SegmentSchedule.__table__  # type: ignore[attr-defined]

_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]
_COUNTED = (
    sa.update(_state)
    .where(_state.c.segment_id == sa.bindparam("id"))
    .values(
        count=sa.bindparam("number"),
        last_counted_at=sa.bindparam("counted"),
        last_duration=sa.bindparam("duration"),
        last_error=None,
        failures=0,
        evaluated_at=sa.bindparam("evaluated"),
        watermark=sa.bindparam("seen"),
    )
)

LIGHT_RUNS = 3
"""So many lighter runs of the same mode clear the flag "too heavy"."""
SHARE_FROM_SECONDS = 1.0
SHARE_FROM_SEGMENTS = 10
"""The share of a day's time says something from so long a run and so many segments up."""


def load_state(session: Session, segment: int) -> SegmentState:
    """The state, a new row if there is none yet."""
    state = session.get(SegmentState, segment)
    if state is None:
        state = SegmentState(segment_id=segment)
        session.add(state)
    return state


def counted(
    session: Session,
    workspace: Workspace,
    start: Start,
    definition_hash: str,
    counts: Counts,
    duration: float,
    watermark: dict[str, Any] | None,
) -> None:
    """The members were counted: what a successful recalculation leaves behind."""
    state = load_state(session, start.segment_id)
    state.count = counts.after
    state.last_counted_at = start.started_at
    state.last_duration = duration
    state.last_error = None
    state.failures = 0
    state.definition_hash = definition_hash
    state.evaluated_at = start.now
    state.watermark = watermark
    if start.mode != INCREMENTAL:
        state.full_at = start.started_at
    _weigh(session, workspace, state, start, duration)
    # Failures before it, and that it was parked, are of the past.
    mine = _schedule.c.segment_id == start.segment_id
    session.execute(sa.delete(_schedule).where(mine))


def all_counted(
    session: Session, counted: Sequence[tuple[Start, int, float, dict[str, Any]]]
) -> None:
    """What light incremental runs leave behind: start, count, duration and what was seen of each.

    Their definitions are as they were, and none of them is too heavy or was.
    """
    session.connection().execute(
        _COUNTED,
        [
            {
                "id": start.segment_id,
                "number": number,
                "counted": start.started_at,
                "duration": duration,
                "evaluated": start.now,
                "seen": seen if start.traced else None,
            }
            for start, number, duration, seen in counted
        ],
    )
    mine = _schedule.c.segment_id.in_([start.segment_id for start, *_ in counted])
    session.execute(sa.delete(_schedule).where(mine))


def failed(session: Session, segment: int, error: str) -> None:
    """The members could not be counted and stay as they are."""
    state = load_state(session, segment)
    state.last_error = error
    state.failures += 1


def _weigh(
    session: Session, workspace: Workspace, state: SegmentState, start: Start, duration: float
) -> None:
    """Flag what takes too long; clear the flag after some lighter runs of the same mode.

    The run itself is among the stored ones already.
    """
    reasons = []
    if duration > workspace.heavy_seconds:
        reasons.append(
            f"it took {duration:.1f} s, and more than {workspace.heavy_seconds:g} s is too heavy"
        )
    if duration >= SHARE_FROM_SECONDS:
        share = _share_of_day(session, start)
        if share > workspace.heavy_share:
            reasons.append(
                f"it took {share:.0%} of the time of all segments in the last day, and more than "
                f"{workspace.heavy_share:.0%} is too heavy"
            )
    if reasons:
        state.too_heavy, state.heavy_reasons = True, reasons
    elif state.too_heavy:
        last = session.execute(
            sa.select(_runs.c.duration)
            .where(
                _runs.c.segment_id == start.segment_id,
                _runs.c.mode == start.mode,
                _runs.c.error.is_(None),
                _runs.c.duration.is_not(None),
            )
            .order_by(_runs.c.id.desc())
            .limit(LIGHT_RUNS)
        ).scalars()
        durations = list(last)
        if len(durations) == LIGHT_RUNS and max(durations) <= workspace.heavy_seconds:
            state.too_heavy, state.heavy_reasons = False, []


def _share_of_day(session: Session, start: Start) -> float:
    """The segment's part of the time that all took in the last day; 0 where few were at work."""
    mine = sa.case((_runs.c.segment_id == start.segment_id, _runs.c.duration), else_=0.0)
    row = session.execute(
        sa.select(
            sa.func.count(_runs.c.segment_id.distinct()),
            sa.func.sum(_runs.c.duration),
            sa.func.sum(mine),
        ).where(
            _runs.c.started_at > start.started_at - dt.timedelta(days=1),
            _runs.c.duration.is_not(None),
        )
    ).one()
    segments, total, own = row
    return own / total if segments >= SHARE_FROM_SEGMENTS and total else 0.0
