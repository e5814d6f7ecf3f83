"""Pins: a team member's own default segment of a type, at most one for each."""

from dataclasses import dataclass
import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.errors import UsageError
from segctl.services.people import lock_team
from segctl.services.segment_uses import hold_segment
from segctl.services.visibility import Viewer, hidden_pairs, viewer
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.tables import Segment
from segctl.store.tables_team import Pin, TeamMember

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_pin: sa.Table = Pin.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class PinView:
    """A pin. While its segment is `hidden` from the team member it is there and does nothing."""

    email: str
    type: ObjectType
    segment_id: int
    segment: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class PinChange:
    """What `set_pin` did; `before` is the segment that was pinned, None if none was."""

    email: str
    active: bool
    type: ObjectType
    segment: str
    before: str | None


@dataclass(frozen=True, slots=True)
class Pins:
    """Pins by team member and type; `unseen` are left out, as hidden from whom they are shown."""

    pins: tuple[PinView, ...]
    unseen: int = 0


def set_pin(
    store: Store,
    ref: str,
    *,
    as_: str,
    type: ObjectType | None = None,
    now: dt.datetime,
    actor: str,
) -> PinChange:
    """Pin a segment for a team member; one of its type that was pinned is not pinned any more.

    UsageError if it is hidden from them.
    """
    with store.write() as session:
        lock_team(session)
        person = viewer(session, as_)
        segment = hold_segment(session, ref, type)
        of = ObjectType(segment.object_type)
        if not person.sees(segment.id):
            raise UsageError(
                f'the {of} segment "{segment.name}" is hidden from {person.hidden[segment.id]}, '
                f"so {person.email} cannot pin it",
                hint=f'segctl visibility list "{segment.name}" --type {of} tells from whom',
            )
        before = _pinned(session, person, of)
        if before is None or before[0] != segment.id:
            _unpin(session, person, of)
            session.execute(
                sa.insert(_pin).values(
                    member_id=person.id, object_type=of.value, segment_id=segment.id
                )
            )
            _audit(session, now, actor, person, of, before and before[1], segment.name)
        return PinChange(person.email, person.active, of, segment.name, before and before[1])


def clear_pins(
    store: Store, *, as_: str, type: ObjectType | None = None, now: dt.datetime, actor: str
) -> list[PinView]:
    """Take a team member's pin of a type away, or all of them; those that there were."""
    with store.write() as session:
        lock_team(session)
        person = viewer(session, as_)
        gone = _pins(session, person, type)
        for pin in gone:
            _unpin(session, person, pin.type)
            _audit(session, now, actor, person, pin.type, pin.segment, None)
        return gone


def list_pins(store: Store, *, as_: str | None = None, type: ObjectType | None = None) -> Pins:
    """Everybody's pins, or those that a team member sees of their own."""
    with store.read() as session:
        if as_ is None:
            return Pins(tuple(_pins(session, None, type)))
        pins = _pins(session, viewer(session, as_), type)
        seen = tuple(pin for pin in pins if not pin.hidden)
        return Pins(seen, len(pins) - len(seen))


def pinned(session: Session, person: Viewer) -> dict[ObjectType, int]:
    """Type: the id of the segment that the team member pinned, the hidden ones included."""
    query = sa.select(_pin.c.object_type, _pin.c.segment_id).where(_pin.c.member_id == person.id)
    return {ObjectType(row.object_type): row.segment_id for row in session.execute(query)}


def _pinned(session: Session, person: Viewer, type: ObjectType) -> tuple[int, str] | None:
    query = (
        sa.select(_segment.c.id, _segment.c.name)
        .join(_pin, _pin.c.segment_id == _segment.c.id)
        .where(_pin.c.member_id == person.id, _pin.c.object_type == type.value)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row.id, row.name)


def _unpin(session: Session, person: Viewer, type: ObjectType) -> None:
    session.execute(
        sa.delete(_pin).where(_pin.c.member_id == person.id, _pin.c.object_type == type.value)
    )


def _pins(session: Session, person: Viewer | None, type: ObjectType | None) -> list[PinView]:
    pair = hidden_pairs()
    query = (
        sa.select(
            _member.c.email,
            _pin.c.object_type,
            _segment.c.id,
            _segment.c.name,
            pair.c.member_id.label("hidden_from"),
        )
        .select_from(_pin)
        .join(_member, _member.c.id == _pin.c.member_id)
        .join(_segment, _segment.c.id == _pin.c.segment_id)
        .outerjoin(
            pair,
            sa.and_(pair.c.member_id == _pin.c.member_id, pair.c.segment_id == _pin.c.segment_id),
        )
    )
    if person is not None:
        query = query.where(_pin.c.member_id == person.id)
    if type is not None:
        query = query.where(_pin.c.object_type == type.value)
    position = {type.value: n for n, type in enumerate(SEGMENT_TYPES)}
    rows = sorted(session.execute(query), key=lambda row: (row.email, position[row.object_type]))
    return [
        PinView(
            email=row.email,
            type=ObjectType(row.object_type),
            segment_id=row.id,
            segment=row.name,
            hidden=row.hidden_from is not None,
        )
        for row in rows
    ]


def _audit(
    session: Session,
    now: dt.datetime,
    actor: str,
    person: Viewer,
    type: ObjectType,
    before: str | None,
    after: str | None,
) -> None:
    audit.record(
        session,
        now=now,
        actor=actor,
        action="clear" if after is None else "set",
        subject_type="pin",
        subject=f"{person.email}/{type}",
        before=before,
        after=after,
    )
