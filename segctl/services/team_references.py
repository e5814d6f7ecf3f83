"""What refers to a team member or a group, and how it is cleared when they are removed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import PLURALS, SEGMENT_TYPES, ObjectType
from segctl.errors import InUse
from segctl.services.people import Assignee
from segctl.services.segment_uses import close_gaps
from segctl.store.records import record_tables
from segctl.store.tables import Segment
from segctl.store.tables_team import (
    AssignmentRule,
    Conversation,
    HiddenSegment,
    Pin,
    TeamGroup,
    TeamGroupMember,
    TeamGroupTurn,
)
from segctl.store.workspace import load_catalog

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]
_belongs: sa.Table = TeamGroupMember.__table__  # type: ignore[attr-defined]
_turn: sa.Table = TeamGroupTurn.__table__  # type: ignore[attr-defined]
_pin: sa.Table = Pin.__table__  # type: ignore[attr-defined]
_hidden: sa.Table = HiddenSegment.__table__  # type: ignore[attr-defined]
_rule: sa.Table = AssignmentRule.__table__  # type: ignore[attr-defined]
_conversation: sa.Table = Conversation.__table__  # type: ignore[attr-defined]

ASSIGNEE = "assignee"


@dataclass(frozen=True, slots=True)
class TeamReferences:
    """What names a team member or a group.

    Segments stand as `deal "Big deals"`, rules as `1 (contact "VIP")`, groups by name; `records`
    are numbers of records by type whose assignee is the team member's address.
    """

    pins: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    manages: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    open_conversations: int = 0
    closed_conversations: int = 0
    records: Mapping[ObjectType, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(True for _ in self._sentences())

    @property
    def used_by(self) -> list[str]:
        """A few words about each."""
        return [what for what, _ in self._sentences()]

    @property
    def clearing(self) -> list[str]:
        """What clearing each does."""
        return [act for _, act in self._sentences()]

    @property
    def plain(self) -> dict[str, Any]:
        """What there is, as JSON values."""
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        records = {type.value: number for type, number in self.records.items()}
        return {**lists, **numbers, "assigned_records": records}

    def _sentences(self) -> Iterator[tuple[str, str]]:
        for pin in self.pins:
            yield f"the pin of {pin}", f"unpins {pin}"
        for rule in self.rules:
            yield f"assignment rule {rule}", f"deletes assignment rule {rule}"
        for group in self.groups:
            yield f'the group "{group}"', f'takes them out of the group "{group}"'
        for group in self.manages:
            yield (
                f'the group "{group}", as its manager',
                f'leaves the group "{group}" without a manager',
            )
        for segment in self.hidden:
            yield (
                f"{segment}, which is hidden from them",
                f"forgets that {segment} is hidden from them",
            )
        for number, kind in (
            (self.open_conversations, "open"),
            (self.closed_conversations, "closed"),
        ):
            if number:
                of = f"{number:,} {kind} conversation{'' if number == 1 else 's'}"
                yield of, f"takes {of} away from them"
        for type, number in self.records.items():
            of = f"{number:,} {type.value if number == 1 else PLURALS[type]}"
            yield of, f"leaves {of} without an assignee"


_LISTS = ("pins", "rules", "groups", "manages", "hidden")
_NUMBERS = ("open_conversations", "closed_conversations")


def references(session: Session, who: Assignee) -> TeamReferences:
    """What refers to a team member or a group. A group's members do not refer to it."""
    named = _segment_names(session)
    column = _column(who)
    conversations = _conversations(session, who)
    rules = (
        sa.select(_rule.c.position, _rule.c.segment_id)
        .where(_rule.c[column] == who.id)
        .order_by(_rule.c.position)
    )
    hidden = sa.select(_hidden.c.segment_id).where(_hidden.c[column] == who.id)
    common: dict[str, Any] = {
        "rules": tuple(
            f"{row.position} ({named[row.segment_id]})" for row in session.execute(rules)
        ),
        "hidden": tuple(sorted(named[id] for id in session.execute(hidden).scalars())),
        "open_conversations": conversations[0],
        "closed_conversations": conversations[1],
    }
    if isinstance(who, TeamGroup):
        return TeamReferences(**common)
    pins = sa.select(_pin.c.segment_id).where(_pin.c.member_id == who.id)
    groups = sa.select(_group.c.name).order_by(_group.c.folded_name)
    member_of = groups.join(_belongs, _belongs.c.group_id == _group.c.id).where(
        _belongs.c.member_id == who.id
    )
    return TeamReferences(
        pins=tuple(sorted(named[id] for id in session.execute(pins).scalars())),
        groups=tuple(session.execute(member_of).scalars()),
        manages=tuple(session.execute(groups.where(_group.c.manager_id == who.id)).scalars()),
        records=assigned_records(session, who.email),
        **common,
    )


def refuse_used(name: str, there: TeamReferences, *, instead: str | None = None) -> None:
    """InUse if something refers to a team member or a group."""
    if there:
        raise InUse(
            f"{name} is named by " + ", ".join(there.used_by),
            hint="; ".join([*([instead] if instead else []), "--force clears all of it"]),
            used_by=there.used_by,
            references=there.plain,
        )


def clear_references(session: Session, who: Assignee, now: dt.datetime) -> None:
    """Undo all of them, so that nothing refers to a team member or a group any more.

    Records are written as by any other change: they leave a trace, and `updated_at` moves.
    """
    column = _column(who)
    for table in (_rule, _hidden):
        session.execute(sa.delete(table).where(table.c[column] == who.id))
    close_gaps(session)
    _leave_conversations(session, who)
    if isinstance(who, TeamGroup):
        return
    session.execute(sa.delete(_pin).where(_pin.c.member_id == who.id))
    session.execute(sa.delete(_belongs).where(_belongs.c.member_id == who.id))
    session.execute(sa.delete(_turn).where(_turn.c.member_id == who.id))
    session.execute(sa.update(_group).where(_group.c.manager_id == who.id).values(manager_id=None))
    for table in _assignable(session).values():
        values: dict[str, Any] = {ASSIGNEE: None}
        if "updated_at" in table.c:
            values["updated_at"] = now
        session.execute(sa.update(table).where(_is_assigned(table, who.email)).values(values))


def assigned_records(session: Session, email: str) -> dict[ObjectType, int]:
    """Type: how many of its records have that address as assignee; types with none are left out."""
    found: dict[ObjectType, int] = {}
    for type, table in _assignable(session).items():
        count = sa.select(sa.func.count()).select_from(table).where(_is_assigned(table, email))
        number = int(session.execute(count).scalar_one())
        if number:
            found[type] = number
    return found


def _leave_conversations(session: Session, who: Assignee) -> None:
    column, other = _column(who), "member_id" if isinstance(who, TeamGroup) else "group_id"
    mine = _conversation.c[column] == who.id
    unassigned = mine & _conversation.c[other].is_(None) & _conversation.c.closed_at.is_(None)
    session.execute(
        sa.update(_conversation).where(unassigned).values(assigned_at=None, assigned_by=None)
    )
    session.execute(sa.update(_conversation).where(mine).values({column: None}))


def _conversations(session: Session, who: Assignee) -> tuple[int, int]:
    """How many open and how many closed ones."""
    closed = _conversation.c.closed_at.is_not(None).label("closed")
    query = (
        sa.select(closed, sa.func.count())
        .where(_conversation.c[_column(who)] == who.id)
        .group_by(closed)
    )
    numbers = {bool(row[0]): int(row[1]) for row in session.execute(query)}
    return numbers.get(False, 0), numbers.get(True, 0)


def _column(who: Assignee) -> str:
    return "group_id" if isinstance(who, TeamGroup) else "member_id"


def _segment_names(session: Session) -> dict[int, str]:
    """Id: the segment as texts show it."""
    query = sa.select(_segment.c.id, _segment.c.object_type, _segment.c.name)
    return {row.id: f'{row.object_type} "{row.name}"' for row in session.execute(query)}


def _assignable(session: Session) -> dict[ObjectType, sa.Table]:
    """The record tables of the types that have an assignee."""
    catalog = load_catalog(session)
    tables = record_tables(catalog)
    return {
        type: tables.record(type)
        for type in SEGMENT_TYPES
        if ASSIGNEE in catalog.attributes[type] and catalog.attributes[type][ASSIGNEE].standard
    }


def _is_assigned(table: sa.Table, email: str) -> sa.ColumnElement[bool]:
    return sa.func.lower(table.c[ASSIGNEE]) == email
