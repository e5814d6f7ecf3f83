"""From whom segments are hidden. It keeps lists tidy and protects nothing: see docs/team.md.

A segment is hidden from a team member directly or through any of their groups. Nothing is hidden
from a manager. Schedules, references and assignment rules do not look at it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.errors import UsageError
from segctl.services.people import (
    Assignee,
    Role,
    called,
    find_assignee,
    find_member,
    lock_team,
)
from segctl.services.segment_uses import hold_segment
from segctl.services.segment_views import find_row
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.tables import Segment
from segctl.store.tables_team import (
    DefaultSegment,
    HiddenSegment,
    Pin,
    TeamGroup,
    TeamGroupMember,
    TeamMember,
)

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_hidden: sa.Table = HiddenSegment.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]
_belongs: sa.Table = TeamGroupMember.__table__  # type: ignore[attr-defined]
_pin: sa.Table = Pin.__table__  # type: ignore[attr-defined]
_default: sa.Table = DefaultSegment.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Viewer:
    """A team member who looks at segments. `hidden` maps ids of segments to whom that is due.

    It is their own address or `the group "Sales"`. It is empty for a manager.
    """

    id: int
    email: str
    active: bool
    hidden: Mapping[int, str]

    def sees(self, segment: int) -> bool:
        return segment not in self.hidden


@dataclass(frozen=True, slots=True)
class HiddenFrom:
    """A segment that is hidden from a team member (their address) or a group (its name)."""

    segment_id: int
    segment: str
    type: ObjectType
    who: str
    group: bool


@dataclass(frozen=True, slots=True)
class VisibilityChange:
    """What `hide` or `show` did: `changed` names team members and groups, `remarks` are sentences
    about what a person might not expect of it."""

    segment: str
    type: ObjectType
    changed: tuple[str, ...]
    remarks: tuple[str, ...]


# ---------------------------------------------------------------- looking


def viewer(session: Session, ref: str) -> Viewer:
    """The team member of that reference, with what is hidden from them."""
    member = find_member(session, ref)
    hidden: dict[int, str] = {}
    if member.role != Role.MANAGER:
        through = sa.select(_hidden.c.segment_id, _group.c.name).join(
            _group, _group.c.id == _hidden.c.group_id
        )
        through = through.join(_belongs, _belongs.c.group_id == _group.c.id)
        through = through.where(_belongs.c.member_id == member.id).order_by(_group.c.name.desc())
        hidden = {row.segment_id: f'the group "{row.name}"' for row in session.execute(through)}
        own = sa.select(_hidden.c.segment_id).where(_hidden.c.member_id == member.id)
        hidden |= dict.fromkeys(session.execute(own).scalars(), member.email)
    return Viewer(member.id, member.email, member.active, hidden)


def hidden_pairs() -> sa.Subquery:
    """(segment_id, member_id) of everything that is really hidden from somebody, each once."""
    direct = sa.select(_hidden.c.segment_id, _hidden.c.member_id).where(
        _hidden.c.member_id.is_not(None)
    )
    through = sa.select(_hidden.c.segment_id, _belongs.c.member_id).join(
        _belongs, _belongs.c.group_id == _hidden.c.group_id
    )
    either = sa.union(direct, through).subquery()
    return (
        sa.select(either.c.segment_id, either.c.member_id)
        .join(_member, _member.c.id == either.c.member_id)
        .where(_member.c.role != Role.MANAGER.value)
        .subquery("hidden_pair")
    )


def who_does_not_see(session: Session, segment: int) -> list[str]:
    """The addresses of the active team members from whom the segment is hidden."""
    pair = hidden_pairs()
    query = (
        sa.select(_member.c.email)
        .join(pair, pair.c.member_id == _member.c.id)
        .where(pair.c.segment_id == segment, _member.c.active)
        .order_by(_member.c.email)
    )
    return list(session.execute(query).scalars())


def hidden_from(session: Session, segment: int) -> list[str]:
    """The team members and groups from whom the segment was hidden, as `hide` named them."""
    return [row.who for row in _rows(session, _hidden.c.segment_id == segment)]


def list_hidden(
    store: Store,
    ref: str | None = None,
    *,
    type: ObjectType | None = None,
    who: Sequence[str] = (),
) -> list[HiddenFrom]:
    """What is hidden from whom, by type and segment; of one segment, or from `who`.

    For a team member that holds what their groups do not see, too.
    """
    with store.read() as session:
        clauses: list[sa.ColumnElement[bool]] = []
        if type is not None:
            clauses.append(_segment.c.object_type == type.value)
        if ref is not None:
            clauses.append(_hidden.c.segment_id == find_row(session, ref, type).id)
        if who:
            clauses.append(sa.or_(*(_concerns(find_assignee(session, name)) for name in who)))
        return _rows(session, sa.and_(sa.true(), *clauses))


def _concerns(assignee: Assignee) -> sa.ColumnElement[bool]:
    if isinstance(assignee, TeamGroup):
        return _hidden.c.group_id == assignee.id
    groups = sa.select(_belongs.c.group_id).where(_belongs.c.member_id == assignee.id)
    return sa.or_(_hidden.c.member_id == assignee.id, _hidden.c.group_id.in_(groups))


def _rows(session: Session, where: sa.ColumnElement[bool]) -> list[HiddenFrom]:
    query = (
        sa.select(
            _segment.c.id,
            _segment.c.name,
            _segment.c.object_type,
            _segment.c.folded_name,
            _member.c.email,
            _group.c.name.label("group_name"),
        )
        .select_from(_hidden)
        .join(_segment, _segment.c.id == _hidden.c.segment_id)
        .outerjoin(_member, _member.c.id == _hidden.c.member_id)
        .outerjoin(_group, _group.c.id == _hidden.c.group_id)
        .where(where)
    )
    position = {type.value: n for n, type in enumerate(SEGMENT_TYPES)}
    rows = sorted(
        session.execute(query),
        key=lambda row: (
            position[row.object_type],
            row.folded_name,
            row.email is not None,
            row.email or row.group_name,
        ),
    )
    return [
        HiddenFrom(
            segment_id=row.id,
            segment=row.name,
            type=ObjectType(row.object_type),
            who=row.email or row.group_name,
            group=row.email is None,
        )
        for row in rows
    ]


# ---------------------------------------------------------------- changing


def hide(
    store: Store,
    ref: str,
    who: Sequence[str],
    *,
    type: ObjectType | None = None,
    now: dt.datetime,
    actor: str,
) -> VisibilityChange:
    """Hide a segment from team members and groups; from whom it is hidden already is no error."""
    if not who:
        raise UsageError("from whom?", hint="--from anna@example.com or --from-group Sales")
    return _change(store, ref, type, hide_from=who, show_to=(), now=now, actor=actor)


def show(
    store: Store,
    ref: str,
    who: Sequence[str],
    *,
    everybody: bool = False,
    type: ObjectType | None = None,
    now: dt.datetime,
    actor: str,
) -> VisibilityChange:
    """Undo `hide` for team members and groups, or for all of them."""
    if bool(who) == everybody:
        raise UsageError(
            "to whom?" if not who else "--everybody leaves nobody to be named",
            hint="--to anna@example.com, --to-group Sales or --everybody",
        )
    return _change(
        store, ref, type, hide_from=(), show_to=who, everybody=everybody, now=now, actor=actor
    )


def _change(
    store: Store,
    ref: str,
    type: ObjectType | None,
    *,
    hide_from: Sequence[str],
    show_to: Sequence[str],
    everybody: bool = False,
    now: dt.datetime,
    actor: str,
) -> VisibilityChange:
    with store.write() as session:
        lock_team(session)
        segment = hold_segment(session, ref, type)
        if everybody:
            show_to = [
                _reference(row) for row in _rows(session, _hidden.c.segment_id == segment.id)
            ]
        before, after = change_visibility(session, segment, hide_from, show_to)
        if before != after:
            audit.record(
                session,
                now=now,
                actor=actor,
                action="hide" if hide_from else "show",
                subject_type="segment",
                subject=f"{segment.object_type}/{segment.name}",
                before={"hidden_from": before},
                after={"hidden_from": after},
            )
        return VisibilityChange(
            segment=segment.name,
            type=ObjectType(segment.object_type),
            changed=tuple(sorted(set(before) ^ set(after))),
            remarks=remarks_of(session, segment.id, hide_from, show_to),
        )


def change_visibility(
    session: Session, segment: Segment, hide_from: Sequence[str], show_to: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Hide and show in this transaction: from whom it was hidden before, and from whom after.

    Lock the team first, and write the audit entry. UsageError if somebody is named in both.
    """
    before = hidden_from(session, segment.id)
    away = [find_assignee(session, ref) for ref in show_to]
    for ref in hide_from:
        assignee = find_assignee(session, ref)
        if any(assignee is other for other in away):
            raise UsageError(f"the segment cannot be hidden from {called(assignee)} and be shown")
        if not session.execute(sa.select(_hidden.c.id).where(_is(segment.id, assignee))).scalar():
            session.execute(sa.insert(_hidden).values(segment_id=segment.id, **_key(assignee)))
    for assignee in away:
        session.execute(sa.delete(_hidden).where(_is(segment.id, assignee)))
    return before, hidden_from(session, segment.id)


def _key(assignee: Assignee) -> dict[str, Any]:
    column = "group_id" if isinstance(assignee, TeamGroup) else "member_id"
    return {column: assignee.id}


def _is(segment: int, assignee: Assignee) -> sa.ColumnElement[bool]:
    [(column, id)] = _key(assignee).items()
    return sa.and_(_hidden.c.segment_id == segment, _hidden.c[column] == id)


def _reference(row: HiddenFrom) -> str:
    return f"group:{row.who}" if row.group else f"member:{row.who}"


# ---------------------------------------------------------------- what it leads to


def remarks(
    store: Store, segment: int, hide_from: Sequence[str], show_to: Sequence[str]
) -> tuple[str, ...]:
    """Sentences about what hiding or showing a segment did not do, or did besides."""
    with store.read() as session:
        return remarks_of(session, segment, hide_from, show_to)


def remarks_of(
    session: Session, segment: int, hide_from: Sequence[str], show_to: Sequence[str]
) -> tuple[str, ...]:
    found: list[str] = []
    hidden = [find_assignee(session, ref) for ref in hide_from]
    found += [
        f"{who.email} is a manager and goes on seeing it"
        for who in hidden
        if isinstance(who, TeamMember) and who.role == Role.MANAGER
    ]
    if hidden:
        found += _overridden(session, segment)
    for assignee in (find_assignee(session, ref) for ref in show_to):
        if isinstance(assignee, TeamMember):
            why = viewer(session, assignee.email).hidden.get(segment)
            if why is not None:
                found.append(f"{assignee.email} still does not see it: it is hidden from {why}")
    return tuple(found)


def _overridden(session: Session, segment: int) -> list[str]:
    """Pins and the shared default that do not open any more for those who do not see it."""
    unseen = who_does_not_see(session, segment)
    if not unseen:
        return []
    pinned = (
        sa.select(_member.c.email)
        .join(_pin, _pin.c.member_id == _member.c.id)
        .where(_pin.c.segment_id == segment, _member.c.email.in_(unseen))
        .order_by(_member.c.email)
    )
    found = [
        f"{email} has pinned it; the pin is skipped while it is hidden"
        for email in session.execute(pinned).scalars()
    ]
    default = sa.select(_default.c.object_type).where(_default.c.segment_id == segment)
    type = session.execute(default).scalar()
    if type is not None:
        found.append(f"it is the shared default of {type}, hidden from {', '.join(unseen)}")
    return found
