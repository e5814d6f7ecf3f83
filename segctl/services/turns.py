"""Which member of a group gets its next conversation."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.store.tables_team import (
    Conversation,
    TeamGroup,
    TeamGroupMember,
    TeamGroupTurn,
    TeamMember,
)

_conversation: sa.Table = Conversation.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]
_grouped: sa.Table = TeamGroupMember.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_turn: sa.Table = TeamGroupTurn.__table__  # type: ignore[attr-defined]


class Strategy(StrEnum):
    """How a group hands on its conversations."""

    ROUND_ROBIN = "round_robin"
    """To the member who has waited longest."""
    LEAST_OPEN = "least_open"
    """To the member with the fewest open conversations."""
    NONE = "none"
    """To nobody: the group sorts it out."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A group, and whom it picked: None with the strategy `none`."""

    group: str
    strategy: Strategy
    member_id: int | None
    member: str | None


@dataclass(frozen=True, slots=True)
class Nobody:
    """A group in which nobody can take a conversation."""

    group: str
    empty: bool

    @property
    def reason(self) -> str:
        if self.empty:
            return f'the group "{self.group}" has no members'
        return f'the group "{self.group}" has no active member'


def pick(session: Session, group: int, default: str | None, *, take: bool) -> Picked | Nobody:
    """Whom the group's strategy, else the `default`, gives the next conversation.

    With `take` it counts as given, in the transaction of the session; the group's row is held to
    its end, so that two conversations at the same time go to two members.
    """
    # SQLite has no row locks and needs none: a write holds its only write lock.
    held = _HELD if take else _SEEN
    row = session.execute(held, {"group": group}).one()
    strategy = Strategy(row.strategy or default or Strategy.NONE)
    chosen = session.execute(_CANDIDATES[strategy], {"group": group}).first()
    if chosen is None:
        return Nobody(row.name, session.execute(_ANYBODY, {"group": group}).first() is None)
    if strategy is Strategy.NONE:
        return Picked(row.name, strategy, None, None)
    if take:
        turn = {"group": group, "member": chosen.id, "turn": (chosen.last or 0) + 1}
        if session.execute(_NEXT_TURN, turn).first() is None:
            session.execute(_FIRST_TURN, turn)
    return Picked(row.name, strategy, chosen.id, chosen.email)


# ---------------------------------------------------------------- statements, each made once

_THIS = sa.bindparam("group", type_=_group.c.id.type)
_SEEN = sa.select(_group.c.name, _group.c.strategy).where(_group.c.id == _THIS)
_HELD = _SEEN.with_for_update()
_ANYBODY = sa.select(_grouped.c.member_id).where(_grouped.c.group_id == _THIS).limit(1)


def _candidates(*order: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The active member who comes first, with the last turn that the group has given."""
    last = sa.select(sa.func.max(_turn.c.turn)).where(_turn.c.group_id == _THIS)
    mine = sa.and_(_turn.c.group_id == _THIS, _turn.c.member_id == _member.c.id)
    return (
        sa.select(_member.c.id, _member.c.email, last.scalar_subquery().label("last"))
        .join(_grouped, _grouped.c.member_id == _member.c.id)
        .outerjoin(_turn, mine)
        .where(_grouped.c.group_id == _THIS, _member.c.active)
        .order_by(*order)
        .limit(1)
    )


_BY_TURN = (_turn.c.turn.asc().nulls_first(), _member.c.id)
_OPEN = (
    sa.select(sa.func.count())
    .where(_conversation.c.member_id == _member.c.id, _conversation.c.closed_at.is_(None))
    .scalar_subquery()
)
_CANDIDATES = {
    Strategy.ROUND_ROBIN: _candidates(*_BY_TURN),
    Strategy.LEAST_OPEN: _candidates(_OPEN, *_BY_TURN),
    Strategy.NONE: _candidates(_member.c.id),
}
_NEXT_TURN = (
    sa.update(_turn)
    .where(_turn.c.group_id == _THIS, _turn.c.member_id == sa.bindparam("member"))
    .values(turn=sa.bindparam("turn"))
    .returning(_turn.c.turn)
)
_FIRST_TURN = sa.insert(_turn).values(
    group_id=_THIS, member_id=sa.bindparam("member"), turn=sa.bindparam("turn")
)
