"""Which segment's condition refers to which other segment."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.conditions import walk
from segctl.conditions.nodes import Condition
from segctl.engine.order import find_cycle
from segctl.errors import ConditionError
from segctl.store.tables import Segment, SegmentReference

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_reference: sa.Table = SegmentReference.__table__  # type: ignore[attr-defined]


def used_by(session: Session, segment: int) -> list[str]:
    """The names of the segments whose conditions refer to it."""
    return [row.name for row in referring(session, segment)]


def referring(session: Session, segment: int) -> list[Segment]:
    query = (
        sa.select(Segment)
        .join(_reference, _reference.c.segment_id == _segment.c.id)
        .where(_reference.c.referenced_id == segment)
        .order_by(_segment.c.name)
    )
    return list(session.execute(query).scalars())


def load_references(session: Session) -> dict[int, set[int]]:
    """Segment: what its condition reads, of all segments that read any."""
    found: dict[int, set[int]] = {}
    for row in session.execute(sa.select(_reference)):
        found.setdefault(row.segment_id, set()).add(row.referenced_id)
    return found


def lock_references(session: Session) -> None:
    """Let no other process change conditions meanwhile, or two edits could make a cycle."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("LOCK TABLE segment_reference IN SHARE ROW EXCLUSIVE MODE"))


def keep_references(session: Session, segment: int, condition: Condition) -> None:
    session.execute(sa.delete(_reference).where(_reference.c.segment_id == segment))
    rows: list[Mapping[str, Any]] = [
        {"segment_id": segment, "referenced_id": id} for id in sorted(walk.segments(condition))
    ]
    if rows:
        session.execute(sa.insert(_reference), rows)


def refuse_cycle(session: Session, segment: Segment, condition: Condition, text: str) -> None:
    cycle = find_cycle(segment.id, walk.segments(condition), load_references(session))
    if cycle is None:
        return
    query = sa.select(_segment.c.id, _segment.c.name).where(_segment.c.id.in_(cycle.path))
    names = {row.id: row.name for row in session.execute(query)}
    raise ConditionError(
        "a segment cannot be made of itself: " + " → ".join(f'"{names[id]}"' for id in cycle.path),
        hint="repeat the conditions of one of them instead of referring to it",
        cycle=[names[id] for id in cycle.path],
    )
