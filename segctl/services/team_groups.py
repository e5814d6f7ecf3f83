"""Groups of team members: a team member may be in several, and a group may have a manager."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.errors import AlreadyExists, UsageError
from segctl.services.assignments import lock_rules
from segctl.services.people import find_group, find_member, lock_team
from segctl.services.team_members import record_change
from segctl.services.team_references import (
    TeamReferences,
    clear_references,
    references,
    refuse_used,
)
from segctl.services.team_words import check_description, check_group_name, strategy_of
from segctl.store import audit
from segctl.store.functions import fold
from segctl.store.opening import Store
from segctl.store.tables_team import TeamGroup, TeamGroupMember, TeamGroupTurn, TeamMember

_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]
_belongs: sa.Table = TeamGroupMember.__table__  # type: ignore[attr-defined]
_turn: sa.Table = TeamGroupTurn.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group with the addresses of its members and, of these, how many are active.

    `strategy` is None where the workspace's own holds.
    """

    id: int
    name: str
    description: str
    manager: str | None
    strategy: str | None
    members: tuple[str, ...]
    active: int
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class GroupDetails:
    """A group and what refers to it."""

    group: GroupView
    references: TeamReferences


def create_group(
    store: Store,
    name: str,
    *,
    description: str = "",
    manager: str | None = None,
    strategy: str = "",
    members: Sequence[str] = (),
    now: dt.datetime,
    actor: str,
) -> GroupView:
    """Create a group. AlreadyExists, InvalidValue, NotFound for people."""
    word = check_group_name(name)
    with store.write() as session:
        lock_team(session)
        _refuse_taken(session, word)
        group = TeamGroup(
            name=word,
            folded_name=fold(word),
            description=check_description(description),
            manager_id=find_member(session, manager).id if manager else None,
            strategy=strategy_of(strategy),
            created_at=now,
        )
        session.add(group)
        session.flush()
        for id in {find_member(session, ref).id for ref in members}:
            session.execute(sa.insert(_belongs).values(group_id=group.id, member_id=id))
        view = _view(session, group.id)
        record_change(session, now, actor, "create", word, after=_plain(view), of="team group")
        return view


def list_groups(store: Store, *, member: str | None = None) -> list[GroupView]:
    """Groups by name; or those that a team member is in."""
    with store.read() as session:
        if member is None:
            return _views(session)
        mine = sa.select(_belongs.c.group_id).where(
            _belongs.c.member_id == find_member(session, member).id
        )
        return _views(session, _group.c.id.in_(mine))


def show_group(store: Store, ref: str) -> GroupDetails:
    """A group with all that refers to it."""
    with store.read() as session:
        group = find_group(session, ref)
        return GroupDetails(_view(session, group.id), references(session, group))


def edit_group(
    store: Store,
    ref: str,
    *,
    name: str | None = None,
    description: str | None = None,
    manager: str | None = None,
    strategy: str | None = None,
    now: dt.datetime,
    actor: str,
) -> tuple[GroupView, bool]:
    """Change what is given; an empty `manager` or `strategy` takes it away. Did anything change?"""
    if (name, description, manager, strategy) == (None, None, None, None):
        raise UsageError(
            "nothing to change was given", hint="--name, --description, --manager or --strategy"
        )
    with store.write() as session:
        lock_team(session)
        group = find_group(session, ref)
        before = _plain(_view(session, group.id))
        if name is not None:
            word = check_group_name(name)
            if fold(word) != group.folded_name:
                _refuse_taken(session, word)
            group.name, group.folded_name = word, fold(word)
        if description is not None:
            group.description = check_description(description)
        if manager is not None:
            group.manager_id = find_member(session, manager).id if manager.strip() else None
        if strategy is not None:
            group.strategy = strategy_of(strategy)
        session.flush()
        return _edited(session, group.id, before, now, actor)


def delete_group(
    store: Store, ref: str, *, force: bool = False, now: dt.datetime, actor: str
) -> GroupDetails:
    """Delete a group; its members stay team members. InUse while something else refers to it.

    With `force` that is cleared. Gives what there was.
    """
    with store.write() as session:
        lock_team(session)
        lock_rules(session)
        group = find_group(session, ref)
        # Nothing new may refer to it from here on.
        session.execute(sa.select(_group.c.id).where(_group.c.id == group.id).with_for_update())
        there = references(session, group)
        if not force:
            refuse_used(group.name, there)
        was = _view(session, group.id)
        clear_references(session, group, now)
        session.execute(sa.delete(_group).where(_group.c.id == group.id))
        before = {**_plain(was), **({"cleared": there.plain} if there else {})}
        record_change(session, now, actor, "delete", was.name, before=before, of="team group")
        return GroupDetails(was, there)


def add_to_group(
    store: Store, ref: str, members: Sequence[str], *, now: dt.datetime, actor: str
) -> tuple[GroupView, bool]:
    """Put team members into a group; who is in it already is no error. Did anything change?"""
    with store.write() as session:
        lock_team(session)
        group = find_group(session, ref)
        before = _plain(_view(session, group.id))
        there = sa.select(_belongs.c.member_id).where(_belongs.c.group_id == group.id)
        found = {find_member(session, name).id for name in members}
        for id in found - set(session.execute(there).scalars()):
            session.execute(sa.insert(_belongs).values(group_id=group.id, member_id=id))
        return _edited(session, group.id, before, now, actor)


def remove_from_group(
    store: Store, ref: str, members: Sequence[str], *, now: dt.datetime, actor: str
) -> tuple[GroupView, bool]:
    """Take team members out of a group; who is not in it is no error. Did anything change?"""
    with store.write() as session:
        lock_team(session)
        group = find_group(session, ref)
        before = _plain(_view(session, group.id))
        ids = [find_member(session, name).id for name in members]
        for table in (_belongs, _turn):
            session.execute(
                sa.delete(table).where(table.c.group_id == group.id, table.c.member_id.in_(ids))
            )
        return _edited(session, group.id, before, now, actor)


def _edited(
    session: Session, id: int, before: dict[str, Any], now: dt.datetime, actor: str
) -> tuple[GroupView, bool]:
    view = _view(session, id)
    changed = audit.changed(before, _plain(view))
    if changed:
        was, became = changed
        name = before["name"]
        record_change(session, now, actor, "edit", name, before=was, after=became, of="team group")
    return view, changed is not None


def _views(session: Session, *where: sa.ColumnElement[bool]) -> list[GroupView]:
    members: dict[int, list[tuple[str, bool]]] = {}
    query = sa.select(_belongs.c.group_id, _member.c.email, _member.c.active).join(
        _member, _member.c.id == _belongs.c.member_id
    )
    for row in session.execute(query.order_by(_member.c.email)):
        members.setdefault(row.group_id, []).append((row.email, bool(row.active)))
    groups = (
        sa.select(_group, _member.c.email.label("manager"))
        .outerjoin(_member, _member.c.id == _group.c.manager_id)
        .where(*where)
        .order_by(_group.c.folded_name)
    )
    return [
        GroupView(
            id=row.id,
            name=row.name,
            description=row.description,
            manager=row.manager,
            strategy=row.strategy,
            members=tuple(email for email, _ in members.get(row.id, ())),
            active=sum(active for _, active in members.get(row.id, ())),
            created_at=row.created_at,
        )
        for row in session.execute(groups)
    ]


def _view(session: Session, id: int) -> GroupView:
    return _views(session, _group.c.id == id)[0]


def _plain(view: GroupView) -> dict[str, Any]:
    return {
        "name": view.name,
        "description": view.description,
        "manager": view.manager,
        "strategy": view.strategy,
        "members": list(view.members),
    }


def _refuse_taken(session: Session, name: str) -> None:
    taken = sa.select(_group.c.name).where(_group.c.folded_name == fold(name))
    found = session.execute(taken).scalar()
    if found is not None:
        raise AlreadyExists(
            f'there is a group "{found}" already',
            hint=f'another name, or: segctl team groups edit "{found}"',
        )
