"""The tables of the team and of what it sees of the segments: groups, views, chat assignment.

Plain rows like those of tables.py. A team member's address is kept in lower case.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from segctl.store.tables import BigInteger, key_column
from segctl.store.types import Instant, Json


def _refers(target: str, *, cascade: bool = False, **more: Any) -> Any:
    """A column of ids of `target`; with `cascade` the row goes with what it refers to."""
    key = sa.ForeignKey(f"{target}.id", ondelete="CASCADE" if cascade else None)
    return Field(sa_column=sa.Column(BigInteger, key, **more))


def _may_refer(target: str, *, cascade: bool = False, **more: Any) -> Any:
    key = sa.ForeignKey(f"{target}.id", ondelete="CASCADE" if cascade else None)
    return Field(default=None, sa_column=sa.Column(BigInteger, key, nullable=True, **more))


class TeamMember(SQLModel, table=True):
    __tablename__ = "team_member"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = key_column()
    email: str = Field(unique=True)
    name: str = ""
    role: str = "agent"
    active: bool = True
    created_at: dt.datetime = Field(sa_type=Instant)


class TeamGroup(SQLModel, table=True):
    __tablename__ = "team_group"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = key_column()
    name: str
    folded_name: str = Field(unique=True)
    description: str = ""
    manager_id: int | None = _may_refer("team_member")
    strategy: str | None = None
    created_at: dt.datetime = Field(sa_type=Instant)


class TeamGroupMember(SQLModel, table=True):
    __tablename__ = "team_group_member"

    group_id: int = _refers("team_group", cascade=True, primary_key=True)
    member_id: int = _refers("team_member", primary_key=True, index=True)


class TeamGroupTurn(SQLModel, table=True):
    """When a member of a group was last given a conversation of the group, as a running number.

    Round robin gives the next one to who has waited longest, and that is the smallest number.
    """

    __tablename__ = "team_group_turn"

    group_id: int = _refers("team_group", cascade=True, primary_key=True)
    member_id: int = _refers("team_member", cascade=True, primary_key=True)
    turn: int = Field(sa_type=BigInteger)


class DefaultSegment(SQLModel, table=True):
    """The segment of a type that everybody sees first who has no pin."""

    __tablename__ = "default_segment"

    object_type: str = Field(primary_key=True)
    segment_id: int = _refers("segment", nullable=False, index=True)


class Pin(SQLModel, table=True):
    """A team member's own default of a type."""

    __tablename__ = "pin"

    member_id: int = _refers("team_member", primary_key=True)
    object_type: str = Field(primary_key=True)
    segment_id: int = _refers("segment", nullable=False, index=True)


class HiddenSegment(SQLModel, table=True):
    """A segment is hidden from a team member or from all of a group: one of the two is set."""

    __tablename__ = "hidden_segment"
    __table_args__ = (
        sa.CheckConstraint("(member_id IS NULL) <> (group_id IS NULL)", name="hidden_from_one"),
        sa.Index("hidden_segment_member", "member_id", "segment_id", unique=True),
        sa.Index("hidden_segment_group", "group_id", "segment_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: int = key_column()
    segment_id: int = _refers("segment", cascade=True, nullable=False, index=True)
    member_id: int | None = _may_refer("team_member", cascade=True)
    group_id: int | None = _may_refer("team_group", cascade=True)


class AssignmentRule(SQLModel, table=True):
    """Who gets the chats of a contact segment: a team member or a group, one of the two.

    Rules are tried by `position`, the first one that matches wins; positions are 1, 2, 3, …
    """

    __tablename__ = "assignment_rule"
    __table_args__ = (
        sa.CheckConstraint("(member_id IS NULL) <> (group_id IS NULL)", name="assigned_to_one"),
        {"sqlite_autoincrement": True},
    )

    id: int = key_column()
    position: int
    segment_id: int = _refers("segment", nullable=False, unique=True)
    member_id: int | None = _may_refer("team_member", index=True)
    group_id: int | None = _may_refer("team_group", index=True)
    enabled: bool = True
    description: str = ""
    created_at: dt.datetime = Field(sa_type=Instant)
    modified_at: dt.datetime = Field(sa_type=Instant)


class Conversation(SQLModel, table=True):
    """A chat of a contact and to whom it was given, with the decision's trace.

    `external_id` is the chat's own id of it. `rule_id` and `segment_id` name what decided and may
    be gone by now. `member_id` without `group_id`: a rule or a person named the team member.
    """

    __tablename__ = "conversation"
    __table_args__ = (
        sa.Index("conversation_open", "member_id", "closed_at"),
        {"sqlite_autoincrement": True},
    )

    id: int = key_column()
    contact_id: int = Field(sa_type=BigInteger, index=True)
    channel: str = "chat"
    external_id: str | None = Field(default=None, unique=True)
    opened_at: dt.datetime = Field(sa_type=Instant, index=True)
    closed_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    assigned_at: dt.datetime | None = Field(default=None, sa_type=Instant)
    assigned_by: str | None = None
    rule_id: int | None = Field(default=None, sa_type=BigInteger)
    segment_id: int | None = Field(default=None, sa_type=BigInteger)
    member_id: int | None = _may_refer("team_member")
    group_id: int | None = _may_refer("team_group", index=True)
    source: str
    trace: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
