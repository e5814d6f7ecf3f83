"""Default segments: the one of each type that everybody sees first who has no pin."""

from dataclasses import dataclass
import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.services.people import lock_team
from segctl.services.segment_uses import hold_segment
from segctl.services.visibility import viewer, who_does_not_see
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.tables import Segment
from segctl.store.tables_team import DefaultSegment

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_default: sa.Table = DefaultSegment.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class DefaultView:
    """The shared default of a type; `hidden_from` are the active team members who do not see it."""

    type: ObjectType
    segment_id: int
    segment: str
    hidden_from: tuple[str, ...]


def set_default(
    store: Store, type: ObjectType, ref: str, *, now: dt.datetime, actor: str
) -> tuple[DefaultView, str | None]:
    """Make a segment the shared default of its type: the default, and the one it replaces."""
    with store.write() as session:
        lock_team(session)
        segment = hold_segment(session, ref, type)
        before = defaults(session).get(type)
        if before is None or before[0] != segment.id:
            _clear(session, type)
            session.execute(
                sa.insert(_default).values(object_type=type.value, segment_id=segment.id)
            )
            _audit(session, now, actor, type, before and before[1], segment.name)
        hidden = tuple(who_does_not_see(session, segment.id))
        return DefaultView(type, segment.id, segment.name, hidden), before and before[1]


def clear_default(store: Store, type: ObjectType, *, now: dt.datetime, actor: str) -> str | None:
    """Have no shared default of a type; the segment that was it, None if there was none."""
    with store.write() as session:
        lock_team(session)
        before = defaults(session).get(type)
        if before is None:
            return None
        _clear(session, type)
        _audit(session, now, actor, type, before[1], None)
        return before[1]


def list_defaults(store: Store, *, as_: str | None = None) -> list[DefaultView]:
    """The shared defaults by type; those that a team member sees."""
    with store.read() as session:
        hidden = {} if as_ is None else viewer(session, as_).hidden
        found = defaults(session)
        return [
            DefaultView(type, *found[type], tuple(who_does_not_see(session, found[type][0])))
            for type in SEGMENT_TYPES
            if type in found and found[type][0] not in hidden
        ]


def defaults(session: Session) -> dict[ObjectType, tuple[int, str]]:
    """Type: the id and the name of its shared default."""
    query = sa.select(_default.c.object_type, _segment.c.id, _segment.c.name).join(
        _segment, _segment.c.id == _default.c.segment_id
    )
    return {ObjectType(row.object_type): (row.id, row.name) for row in session.execute(query)}


def _clear(session: Session, type: ObjectType) -> None:
    session.execute(sa.delete(_default).where(_default.c.object_type == type.value))


def _audit(
    session: Session,
    now: dt.datetime,
    actor: str,
    type: ObjectType,
    before: str | None,
    after: str | None,
) -> None:
    audit.record(
        session,
        now=now,
        actor=actor,
        action="clear" if after is None else "set",
        subject_type="default",
        subject=type.value,
        before=before,
        after=after,
    )
