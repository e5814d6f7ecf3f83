"""Team members: the people of the workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.errors import AlreadyExists, UsageError
from segctl.services.assignments import lock_rules
from segctl.services.people import Role, find_group, find_member, lock_team
from segctl.services.team_references import (
    TeamReferences,
    assigned_records,
    clear_references,
    references,
    refuse_used,
)
from segctl.services.team_words import check_email, check_name, role_of
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.tables_team import TeamGroup, TeamGroupMember, TeamMember

_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]
_belongs: sa.Table = TeamGroupMember.__table__  # type: ignore[attr-defined]

INSTEAD = "segctl team members deactivate keeps them and gives them no chats"
"""What to do rather than to remove somebody who is named everywhere."""


@dataclass(frozen=True, slots=True)
class MemberView:
    """A team member with the names of their groups. One who is not `active` gets no chats."""

    id: int
    email: str
    name: str
    role: Role
    active: bool
    groups: tuple[str, ...]
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class MemberDetails:
    """A team member and what refers to them."""

    member: MemberView
    references: TeamReferences


@dataclass(frozen=True, slots=True)
class MemberEdit:
    """A team member after an edit; `left_behind` are the records that name the old address."""

    member: MemberView
    changed: bool
    old_email: str
    left_behind: Mapping[ObjectType, int]


def add_member(
    store: Store,
    email: str,
    *,
    name: str = "",
    role: str = Role.AGENT,
    groups: Sequence[str] = (),
    now: dt.datetime,
    actor: str,
) -> MemberView:
    """Add a team member, to groups that there are. AlreadyExists, InvalidValue, NotFound."""
    address = check_email(email)
    with store.write() as session:
        lock_team(session)
        _refuse_taken(session, address)
        into = [find_group(session, ref) for ref in groups]
        member = TeamMember(
            email=address,
            name=check_name(name, "a team member"),
            role=role_of(role).value,
            created_at=now,
        )
        session.add(member)
        session.flush()
        for group in {group.id for group in into}:
            session.execute(sa.insert(_belongs).values(group_id=group, member_id=member.id))
        view = _view(session, member.id)
        record_change(session, now, actor, "add", address, after=_plain(view))
        return view


def list_members(
    store: Store,
    *,
    group: str | None = None,
    role: str | None = None,
    active: bool | None = None,
) -> list[MemberView]:
    """Team members by address, those who were deactivated included; or only some of them."""
    with store.read() as session:
        clauses: list[sa.ColumnElement[bool]] = []
        if group is not None:
            within = sa.select(_belongs.c.member_id).where(
                _belongs.c.group_id == find_group(session, group).id
            )
            clauses.append(_member.c.id.in_(within))
        if role is not None:
            clauses.append(_member.c.role == role_of(role).value)
        if active is not None:
            clauses.append(_member.c.active.is_(active))
        return member_views(session, *clauses)


def show_member(store: Store, ref: str) -> MemberDetails:
    """A team member with all that refers to them."""
    with store.read() as session:
        member = find_member(session, ref)
        return MemberDetails(_view(session, member.id), references(session, member))


def edit_member(
    store: Store,
    ref: str,
    *,
    email: str | None = None,
    name: str | None = None,
    role: str | None = None,
    now: dt.datetime,
    actor: str,
) -> MemberEdit:
    """Change what is given. Records keep the assignee that they name, also an old address."""
    if (email, name, role) == (None, None, None):
        raise UsageError("nothing to change was given", hint="--email, --name or --role")
    with store.write() as session:
        lock_team(session)
        member = find_member(session, ref)
        before = _plain(_view(session, member.id))
        old = member.email
        address = old if email is None else check_email(email)
        if address != old:
            _refuse_taken(session, address)
            member.email = address
        if name is not None:
            member.name = check_name(name, "a team member")
        if role is not None:
            member.role = role_of(role).value
        session.flush()
        view = _view(session, member.id)
        changed = audit.changed(before, _plain(view))
        if changed:
            was, became = changed
            record_change(session, now, actor, "edit", old, before=was, after=became)
        behind = assigned_records(session, old) if address != old else {}
        return MemberEdit(view, changed is not None, old, behind)


def set_active(
    store: Store, ref: str, active: bool, *, now: dt.datetime, actor: str
) -> tuple[MemberDetails, bool]:
    """Deactivate or activate a team member; and whether that changed anything."""
    with store.write() as session:
        lock_team(session)
        member = find_member(session, ref)
        changed = member.active != active
        if changed:
            member.active = active
            session.flush()
            verb = "activate" if active else "deactivate"
            record_change(
                session,
                now,
                actor,
                verb,
                member.email,
                before={"active": not active},
                after={"active": active},
            )
        return MemberDetails(_view(session, member.id), references(session, member)), changed


def remove_member(
    store: Store, ref: str, *, force: bool = False, now: dt.datetime, actor: str
) -> MemberDetails:
    """Remove a team member. InUse while something refers to them; `force` clears that.

    Gives what there was. Conversations and records stay, without the name.
    """
    with store.write() as session:
        lock_team(session)
        lock_rules(session)
        member = find_member(session, ref)
        # Nothing new may refer to them from here on.
        session.execute(sa.select(_member.c.id).where(_member.c.id == member.id).with_for_update())
        there = references(session, member)
        if not force:
            refuse_used(member.email, there, instead=INSTEAD)
        was = _view(session, member.id)
        clear_references(session, member, now)
        session.execute(sa.delete(_member).where(_member.c.id == member.id))
        before = {**_plain(was), **({"cleared": there.plain} if there else {})}
        record_change(session, now, actor, "remove", was.email, before=before)
        return MemberDetails(was, there)


def member_views(session: Session, *where: sa.ColumnElement[bool]) -> list[MemberView]:
    """Team members by address, with the names of their groups."""
    groups: dict[int, list[str]] = {}
    query = sa.select(_belongs.c.member_id, _group.c.name).join(
        _group, _group.c.id == _belongs.c.group_id
    )
    for row in session.execute(query.order_by(_group.c.folded_name)):
        groups.setdefault(row.member_id, []).append(row.name)
    members = sa.select(_member).where(*where).order_by(_member.c.email)
    return [
        MemberView(
            id=row.id,
            email=row.email,
            name=row.name,
            role=Role(row.role),
            active=row.active,
            groups=tuple(groups.get(row.id, ())),
            created_at=row.created_at,
        )
        for row in session.execute(members)
    ]


def record_change(
    session: Session,
    now: dt.datetime,
    actor: str,
    action: str,
    subject: str,
    *,
    before: Any = None,
    after: Any = None,
    of: str = "team member",
) -> None:
    """One audit entry about a team member or (`of`) a group."""
    audit.record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_type=of,
        subject=subject,
        before=before,
        after=after,
    )


def _view(session: Session, id: int) -> MemberView:
    return member_views(session, _member.c.id == id)[0]


def _plain(view: MemberView) -> dict[str, Any]:
    return {
        "email": view.email,
        "name": view.name,
        "role": view.role.value,
        "active": view.active,
        "groups": list(view.groups),
    }


def _refuse_taken(session: Session, email: str) -> None:
    taken = sa.select(_member.c.id).where(_member.c.email == email)
    if session.execute(taken).scalar() is not None:
        raise AlreadyExists(
            f"there is a team member {email} already", hint=f"segctl team members edit {email}"
        )
