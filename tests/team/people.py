"""Team members, groups and what they see, in few words."""

from typing import Any

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.services import defaults, pins, team_groups, team_members, visibility
from segctl.services.team_groups import GroupView
from segctl.services.team_members import MemberView
from segctl.store.opening import Store
from segctl.store.tables import AuditEntry
from tests.conftest import NOW
from tests.engine.workspace import ACTOR, sql

ANNA, BEN, CLEO = "anna@example.com", "ben@example.com", "cleo@example.com"
BY = {"now": NOW, "actor": ACTOR}


def member(store: Store, email: str, **more: Any) -> MemberView:
    return team_members.add_member(store, email, **BY, **more)


def group(store: Store, name: str, *members: str, **more: Any) -> GroupView:
    return team_groups.create_group(store, name, members=members, **BY, **more)


def hide(store: Store, segment: str, *who: str, **more: Any) -> visibility.VisibilityChange:
    return visibility.hide(store, segment, who, **BY, **more)


def pin(store: Store, who: str, segment: str, **more: Any) -> pins.PinChange:
    return pins.set_pin(store, segment, as_=who, **BY, **more)


def default(store: Store, type: str, segment: str) -> defaults.DefaultView:
    return defaults.set_default(store, ObjectType(type), segment, **BY)[0]


def rule(store: Store, segment: int, position: int = 1, **to: int) -> None:
    """An assignment rule; `to` is member or group."""
    sql(
        store,
        "INSERT INTO assignment_rule (position, segment_id, member_id, group_id, enabled, "
        "description, created_at, modified_at) VALUES (:position, :segment, :member, :group, "
        + ("true" if store.dialect == "postgresql" else "1")
        + ", '', :now, :now)",
        position=position,
        segment=segment,
        member=to.get("member"),
        group=to.get("group"),
        now="2026-03-15T12:00:00.000000Z",
    )


def conversation(store: Store, *, closed: bool = False, **to: int) -> None:
    now = "2026-03-15T12:00:00.000000Z"
    sql(
        store,
        "INSERT INTO conversation (contact_id, channel, opened_at, closed_at, assigned_at, "
        "assigned_by, member_id, group_id, source, trace) VALUES (1, 'chat', :now, :closed, :now, "
        "'rule', :member, :group, 'live', '[]')",
        now=now,
        closed=now if closed else None,
        member=to.get("member"),
        group=to.get("group"),
    )


def audit(store: Store) -> list[AuditEntry]:
    with store.read() as session:
        return list(session.execute(sa.select(AuditEntry).order_by(AuditEntry.id)).scalars())


def last_audit(store: Store) -> AuditEntry:
    return audit(store)[-1]
