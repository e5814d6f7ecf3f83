"""Finding team members and groups by what people call them. Others build on these look-ups.

A reference is an e-mail address, a name (case is ignored) or an id, written `#12`. Team members who
were deactivated are found too; `active` tells. Imports no condition.
"""

from collections.abc import Sequence
from enum import StrEnum
import re
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.errors import NotFound, UsageError, did_you_mean
from segctl.store.functions import fold
from segctl.store.tables_team import TeamGroup, TeamMember

_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]

MEMBER: Final = "member:"
"""Before a reference: it means a team member, where a group would do as well."""
GROUP: Final = "group:"

Assignee = TeamMember | TeamGroup


class Role(StrEnum):
    """What a team member may see: nothing is hidden from a manager."""

    AGENT = "agent"
    MANAGER = "manager"


def find_member(session: Session, ref: str) -> TeamMember:
    """The team member of that address, name or `#id`.

    NotFound, with the nearest address or name; UsageError if several are called so.
    """
    found = _members(session, ref)
    if len(found) > 1:
        raise UsageError(
            f'there are {len(found)} team members called "{found[0].name}"',
            hint="name one by address: " + ", ".join(member.email for member in found),
        )
    if not found:
        raise NotFound(
            f'there is no team member "{ref.strip()}"',
            hint=_nearest_member(session, ref) or "segctl team members list shows them all",
        )
    return found[0]


def find_group(session: Session, ref: str) -> TeamGroup:
    """The group of that name or `#id`; NotFound, with the nearest name."""
    found = _find_group(session, ref)
    if found is None:
        raise NotFound(
            f'there is no group "{ref.strip()}"',
            hint=_nearest_group(session, ref) or "segctl team groups list shows them all",
        )
    return found


def find_assignee(session: Session, ref: str) -> Assignee:
    """The team member or the group; `member:` or `group:` before it says which is meant.

    NotFound, or UsageError if both are called so.
    """
    word = ref.strip()
    if word.lower().startswith(MEMBER):
        return find_member(session, word[len(MEMBER) :])
    if word.lower().startswith(GROUP):
        return find_group(session, word[len(GROUP) :])
    group = _find_group(session, word)
    if group is None:
        if not _members(session, word):
            raise NotFound(
                f'there is no team member and no group "{word}"',
                hint=_nearest_member(session, word)
                or _nearest_group(session, word)
                or "segctl team members list, segctl team groups list",
            )
        return find_member(session, word)
    if _members(session, word):
        raise UsageError(
            f'"{word}" is a team member and a group',
            hint=f'write "{MEMBER}{word}" or "{GROUP}{word}"',
        )
    return group


def called(assignee: Assignee) -> str:
    """How texts name somebody: a team member by address, a group by name."""
    return assignee.email if isinstance(assignee, TeamMember) else assignee.name


def lock_team(session: Session) -> None:
    """Let no other process change the team, its pins or what is hidden from it meanwhile.

    SQLite has one writer anyway. Conversations go on being opened: they do not write these tables.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("LOCK TABLE team_member IN SHARE ROW EXCLUSIVE MODE"))


def _members(session: Session, ref: str) -> Sequence[TeamMember]:
    word = ref.strip()
    query = sa.select(TeamMember).order_by(_member.c.email)
    if not word.startswith("#"):
        by_address = session.execute(query.where(_member.c.email == word.lower())).scalars().all()
        if by_address:
            return by_address
        # Names are folded here, because the two stores do not fold alike. Teams are small.
        names = session.execute(sa.select(_member.c.id, _member.c.name).where(_member.c.name != ""))
        ids = [row.id for row in names if fold(row.name) == fold(word)]
        if ids:
            return session.execute(query.where(_member.c.id.in_(ids))).scalars().all()
    id = _number(word)
    if id is None:
        return ()
    return session.execute(query.where(_member.c.id == id)).scalars().all()


def _find_group(session: Session, ref: str) -> TeamGroup | None:
    word = ref.strip()
    query = sa.select(TeamGroup)
    named = session.execute(query.where(_group.c.folded_name == fold(word))).scalar()
    id = _number(word)
    if named is not None or id is None:
        return named
    return session.execute(query.where(_group.c.id == id)).scalar()


def _number(word: str) -> int | None:
    """The id in `12` or `#12`."""
    number = word.removeprefix("#")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


def _nearest_member(session: Session, ref: str) -> str | None:
    rows = session.execute(sa.select(_member.c.email, _member.c.name)).all()
    known = [row.email for row in rows] + [row.name for row in rows if row.name]
    # A first name is nearer than anything that is only spelled alike.
    parts = (name for name in known if fold(ref.strip()) in re.split(r"[ .@]", fold(name)))
    part = next(parts, None) if ref.strip() else None
    return f'did you mean "{part}"?' if part else did_you_mean(ref.strip(), known)


def _nearest_group(session: Session, ref: str) -> str | None:
    return did_you_mean(ref.strip(), session.execute(sa.select(_group.c.name)).scalars())
