"""What the team made of a segment: pins, the shared default, its assignment rule.

Conditions that refer to a segment are in segment_references.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.errors import NotFound
from segctl.services.segment_views import find_row
from segctl.store.opening import Store
from segctl.store.tables import Segment
from segctl.store.tables_team import AssignmentRule, DefaultSegment, Pin, TeamGroup, TeamMember

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]
_pin: sa.Table = Pin.__table__  # type: ignore[attr-defined]
_default: sa.Table = DefaultSegment.__table__  # type: ignore[attr-defined]
_rule: sa.Table = AssignmentRule.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SegmentUses:
    """Who pinned a segment (addresses), the type whose shared default it is, and its rule.

    The rule is its position and to whom it gives chats.
    """

    pinned_by: tuple[str, ...]
    default_of: str | None
    rule: tuple[int, str] | None

    def __bool__(self) -> bool:
        return bool(self.pinned_by or self.default_of or self.rule)

    @property
    def texts(self) -> list[str]:
        """A few words about each."""
        found = [f"the pin of {email}" for email in self.pinned_by]
        if self.default_of is not None:
            found.append(f"the shared default of {self.default_of}")
        if self.rule is not None:
            found.append(f"assignment rule {self.rule[0]}, to {self.rule[1]}")
        return found

    @property
    def plain(self) -> dict[str, Any]:
        """What there is, as JSON values for the audit log."""
        plain: dict[str, Any] = {}
        if self.pinned_by:
            plain["pinned_by"] = list(self.pinned_by)
        if self.default_of is not None:
            plain["default_of"] = self.default_of
        if self.rule is not None:
            plain["assignment_rule"] = {"position": self.rule[0], "to": self.rule[1]}
        return plain


def uses(session: Session, segment: int) -> SegmentUses:
    """What refers to the segment of that id."""
    pins = (
        sa.select(_member.c.email)
        .join(_pin, _pin.c.member_id == _member.c.id)
        .where(_pin.c.segment_id == segment)
        .order_by(_member.c.email)
    )
    default = sa.select(_default.c.object_type).where(_default.c.segment_id == segment)
    rule = (
        sa.select(_rule.c.position, _member.c.email, _group.c.name)
        .outerjoin(_member, _member.c.id == _rule.c.member_id)
        .outerjoin(_group, _group.c.id == _rule.c.group_id)
        .where(_rule.c.segment_id == segment)
    )
    found = session.execute(rule).one_or_none()
    return SegmentUses(
        pinned_by=tuple(session.execute(pins).scalars()),
        default_of=session.execute(default).scalar(),
        rule=None if found is None else (found.position, found.email or found.name),
    )


def find_uses(store: Store, ref: str, type: ObjectType | None = None) -> SegmentUses:
    """What refers to the segment of that name or id."""
    with store.read() as session:
        return uses(session, find_row(session, ref, type).id)


def clear_uses(session: Session, segment: int) -> None:
    """Take away the pins, the default and the rule of a segment that is about to go."""
    session.execute(sa.delete(_pin).where(_pin.c.segment_id == segment))
    session.execute(sa.delete(_default).where(_default.c.segment_id == segment))
    session.execute(sa.delete(_rule).where(_rule.c.segment_id == segment))
    close_gaps(session)


def close_gaps(session: Session) -> None:
    """Number the assignment rules 1, 2, 3, … again after some are gone. Rules are few."""
    query = sa.select(_rule.c.id, _rule.c.position).order_by(_rule.c.position, _rule.c.id)
    for place, row in enumerate(session.execute(query).all(), start=1):
        if row.position != place:
            session.execute(sa.update(_rule).where(_rule.c.id == row.id).values(position=place))


def hold_segment(
    session: Session, ref: str, type: ObjectType | None = None, *, delete: bool = False
) -> Segment:
    """The segment of that name or id, held against being deleted before this transaction ends.

    With `delete` it is held against whatever would refer to it meanwhile.
    """
    segment = find_row(session, ref, type)
    held = sa.select(_segment.c.id).where(_segment.c.id == segment.id)
    lock = held.with_for_update() if delete else held.with_for_update(read=True, key_share=True)
    if session.execute(lock).scalar() is None:
        raise NotFound(f'the segment "{segment.name}" was deleted in this moment')
    return segment
