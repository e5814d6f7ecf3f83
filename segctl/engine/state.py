"""What is known of a segment's members: fresh or stale, counted or not, failed, too heavy."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.engine.history import Counts, Start
from segctl.store.tables import Recalculation, SegmentState, Workspace

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]

LIGHT_RUNS = 3
"""So many lighter runs of the same mode clear the flag "too heavy"."""


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
    """The members were counted: what a successful full recalculation leaves behind."""
    state = load_state(session, start.segment_id)
    state.count = counts.after
    state.last_counted_at = start.started_at
    state.last_duration = duration
    state.last_error = None
    state.failures = 0
    state.definition_hash = definition_hash
    state.evaluated_at = start.now
    state.watermark = watermark
    state.full_at = start.started_at
    _weigh(session, workspace, state, start, duration)


def failed(session: Session, segment: int, error: str) -> None:
    """The members could not be counted and stay as they are."""
    state = load_state(session, segment)
    state.last_error = error
    state.failures += 1


def _weigh(
    session: Session, workspace: Workspace, state: SegmentState, start: Start, duration: float
) -> None:
    """Flag a run that took too long; clear the flag after some lighter ones of the same mode."""
    limit = workspace.heavy_seconds
    if duration > limit:
        state.too_heavy = True
        state.heavy_reasons = [f"it took {duration:.1f} s, and more than {limit:g} s is too heavy"]
        return
    if not state.too_heavy:
        return
    before = session.execute(
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
    # The run that is being stored is among them.
    durations = list(before)
    if len(durations) == LIGHT_RUNS and max(durations) <= limit:
        state.too_heavy = False
        state.heavy_reasons = []


def is_stale(definition_hash: str, counted_hash: str | None) -> bool:
    """Whether the members are those of another definition than today's."""
    return counted_hash is not None and counted_hash != definition_hash
