"""Segments that are held: their last runs were undone, and a person has to say what comes next."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.errors import Held
from segctl.store.tables_daemon import SegmentSchedule

_schedule: sa.Table = SegmentSchedule.__table__  # type: ignore[attr-defined]


def held_among(session: Session, segments: Iterable[int]) -> set[int]:
    """Those of the segments that are held."""
    query = sa.select(_schedule.c.segment_id).where(
        _schedule.c.segment_id.in_(list(segments)), _schedule.c.held_at.is_not(None)
    )
    return set(session.execute(query).scalars())


def refusal(name: str) -> Held:
    """Why a held segment is not recalculated."""
    return Held(
        f'"{name}" is held: its last runs were undone, and a recalculation would do it all again',
        hint=f'when its condition and the records are right: segctl retry "{name}"',
    )
