"""What the team made of segments: defaults and pins that nobody sees, rules that never decide."""

from collections.abc import Iterator, Sequence
import shlex

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.conditions.satisfiable import implies
from segctl.services.doctor.codes import CODES
from segctl.services.doctor.examination import Examination
from segctl.services.doctor.findings import Finding, named, of_segment
from segctl.store.functions import fold
from segctl.store.tables_daemon import HookDelivery
from segctl.store.tables_team import (
    AssignmentRule,
    DefaultSegment,
    HiddenSegment,
    Pin,
    TeamGroup,
    TeamGroupMember,
    TeamMember,
)

_rule: sa.Table = AssignmentRule.__table__  # type: ignore[attr-defined]
_default: sa.Table = DefaultSegment.__table__  # type: ignore[attr-defined]
_hidden: sa.Table = HiddenSegment.__table__  # type: ignore[attr-defined]
_pin: sa.Table = Pin.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]
_belongs: sa.Table = TeamGroupMember.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_delivery: sa.Table = HookDelivery.__table__  # type: ignore[attr-defined]


def look(seen: Examination) -> Iterator[Finding]:
    yield from _defaults(seen)
    yield from _pins(seen)
    yield from _rules(seen)
    yield from _hooks(seen)


def _defaults(seen: Examination) -> Iterator[Finding]:
    for id in seen.session.execute(sa.select(_default.c.segment_id)).scalars().all():
        unseen = _who_does_not_see(seen, id)
        if unseen:
            segment = seen.segments[id]
            names = ", ".join(unseen[:3]) + (f" and {len(unseen) - 3} more" * (len(unseen) > 3))
            yield of_segment(
                "default-hidden",
                segment,
                f"the shared default of {segment.type} is hidden from {names}",
                "visibility list",
            )


def _pins(seen: Examination) -> Iterator[Finding]:
    query = (
        sa.select(_member.c.email, _pin.c.segment_id)
        .join(_pin, _pin.c.member_id == _member.c.id)
        .order_by(_member.c.email)
    )
    for email, id in seen.session.execute(query).all():
        if email in _who_does_not_see(seen, id):
            segment = seen.segments[id]
            command = f"segctl visibility show {named(segment)} --to {shlex.quote(email)}"
            yield Finding(
                CODES["pin-hidden"],
                "pin",
                f"of {email}",
                f'"{segment.name}" is hidden from {email}, who pinned it',
                segment.type,
                command=command,
            )


def _who_does_not_see(seen: Examination, segment: int) -> list[str]:
    """The addresses of active team members; nothing is hidden from a manager."""
    groups = sa.select(_belongs.c.member_id).join(
        _hidden, _hidden.c.group_id == _belongs.c.group_id
    )
    own = sa.select(_hidden.c.member_id).where(
        _hidden.c.segment_id == segment, _hidden.c.member_id.is_not(None)
    )
    hidden = sa.or_(
        _member.c.id.in_(own), _member.c.id.in_(groups.where(_hidden.c.segment_id == segment))
    )
    query = sa.select(_member.c.email).where(hidden, _member.c.active, _member.c.role != "manager")
    return [row.email for row in seen.session.execute(query.order_by(_member.c.email))]


# ---------------------------------------------------------------- rules


def _rules(seen: Examination) -> Iterator[Finding]:
    rows = seen.session.execute(
        sa.select(
            _rule.c.id, _rule.c.position, _rule.c.segment_id, _rule.c.member_id, _rule.c.group_id
        )
        .where(_rule.c.enabled)
        .order_by(_rule.c.position, _rule.c.id)
    ).all()
    earlier: dict[int, int] = {}  # segment: position
    for row in rows:
        segment = seen.segments[row.segment_id]
        if nobody := _nobody(seen, row.member_id, row.group_id):
            yield Finding(
                CODES["rule-nobody"],
                "rule",
                str(row.position),
                f'chats of "{segment.name}" go to nobody: {nobody}',
                command="segctl assignments lint",
            )
            continue  # whoever it is for goes on to the next rule
        by = _shadow(seen, row.segment_id, list(earlier))
        if by is not None:
            position = earlier[by[0]]
            yield Finding(
                CODES["rule-shadowed"],
                "rule",
                str(row.position),
                f'chats of "{segment.name}" are decided by rule {position}: {by[1]}',
                command=f"segctl assignments move {named(segment)} --to {position}",
            )
        earlier[row.segment_id] = row.position


def _nobody(seen: Examination, member: int | None, group: int | None) -> str | None:
    """Why nobody can take what a rule gives."""
    if member is not None:
        query = sa.select(_member.c.email).where(_member.c.id == member, ~_member.c.active)
        email = seen.session.execute(query).scalar()
        return None if email is None else f"{email} was deactivated"
    active = (
        sa.select(_member.c.id)
        .join(_belongs, _belongs.c.member_id == _member.c.id)
        .where(_belongs.c.group_id == group, _member.c.active)
    )
    if seen.session.execute(active.limit(1)).first() is not None:
        return None
    name = seen.session.execute(sa.select(_group.c.name).where(_group.c.id == group)).scalar()
    return f'the group "{name}" has no active member'


def _shadow(seen: Examination, id: int, earlier: Sequence[int]) -> tuple[int, str] | None:
    """The earlier segment that holds all of this one's members, and how that is known."""
    condition = seen.conditions.get(id)
    for other in earlier:
        theirs = seen.conditions.get(other)
        if condition and theirs and implies(condition, theirs, seen.words.zone):
            return (
                other,
                f'whoever satisfies its condition satisfies that of "{_name(seen, other)}"',
            )
    if not seen.segments[id].count:
        return None
    mine = seen.tables.member(ObjectType.CONTACT).alias()
    for other in earlier:
        theirs_too = seen.tables.member(ObjectType.CONTACT).alias()
        covered = sa.exists().where(
            theirs_too.c.segment_id == other, theirs_too.c.record_id == mine.c.record_id
        )
        alone = sa.select(mine.c.record_id).where(mine.c.segment_id == id, ~covered).limit(1)
        if seen.session.execute(alone).first() is None:
            return other, f'all of its members are in "{_name(seen, other)}", as last counted'
    return None


def _name(seen: Examination, id: int) -> str:
    return seen.segments[id].name


# ---------------------------------------------------------------- hooks


def _hooks(seen: Examination) -> Iterator[Finding]:
    names = {fold(each.name) for each in seen.segments.values()}
    names |= {f"#{id}" for id in seen.segments}
    for hook in seen.hooks:
        lost = [name for name in hook.segments if fold(name.strip()) not in names]
        if lost:
            listed = ", ".join(f'"{name}"' for name in lost)
            yield Finding(CODES["hook-lost"], "hook", hook.name, f"there is no segment {listed}")
    dead = (
        sa.select(_delivery.c.hook, sa.func.count())
        .where(_delivery.c.dead_at.is_not(None))
        .group_by(_delivery.c.hook)
        .order_by(_delivery.c.hook)
    )
    for hook_name, count in seen.session.execute(dead).all():
        deliveries = "1 delivery was" if count == 1 else f"{count:,} deliveries were"
        yield Finding(
            CODES["hook-dead"],
            "hook",
            hook_name,
            f"{deliveries} given up",
            command=f"segctl hooks retry --hook {shlex.quote(hook_name)}",
        )
