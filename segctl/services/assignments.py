"""Assignment rules: whose chats go to whom, tried by position, the first one that matches."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.errors import AlreadyExists, NotFound, UsageError, did_you_mean
from segctl.services.people import called, find_assignee, lock_team
from segctl.services.segment_uses import hold_segment
from segctl.services.segment_views import find_row
from segctl.services.team_words import check_description
from segctl.store import audit
from segctl.store.functions import fold
from segctl.store.opening import Store
from segctl.store.tables import Segment
from segctl.store.tables_team import AssignmentRule, TeamGroup, TeamMember

_rule: sa.Table = AssignmentRule.__table__  # type: ignore[attr-defined]
_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]

_READING = {
    ObjectType.COMPANY: 'company in segment "{}"',
    ObjectType.DEAL: 'any deals (in segment "{}")',
    ObjectType.TASK: 'any tasks (in segment "{}")',
    ObjectType.TICKET: 'any tickets (in segment "{}")',
    ObjectType.PRODUCT: 'any tickets (product in segment "{}")',
}
"""How the condition of a contact segment reads a segment of another type."""


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule as listings show it. One of `member` (an address) and `group` (a name) is set."""

    id: int
    position: int
    segment_id: int
    segment: str
    member: str | None
    group: str | None
    enabled: bool
    description: str
    created_at: dt.datetime
    modified_at: dt.datetime

    @property
    def to(self) -> str:
        return self.member or f"group {self.group}"


def create(
    store: Store,
    segment: str,
    to: str,
    *,
    position: int | None = None,
    enabled: bool = True,
    description: str = "",
    now: dt.datetime,
    actor: str,
) -> RuleView:
    """A rule for a contact segment, at a position or last.

    NotFound and UsageError for the segment, the assignee and the position; AlreadyExists if the
    segment has a rule.
    """
    check_description(description)
    with store.write() as session:
        lock_team(session)
        lock_rules(session)
        row = _contact_segment(session, segment)
        _refuse_second(session, row)
        rules = _all(session)
        place = _check_position(position, len(rules) + 1)
        member, group = _assignee(session, to)
        rule = AssignmentRule(
            position=place,
            segment_id=row.id,
            member_id=member,
            group_id=group,
            enabled=enabled,
            description=description,
            created_at=now,
            modified_at=now,
        )
        session.add(rule)
        rules.insert(place - 1, rule)
        _number(rules)
        session.flush()
        made = _view(session, rule.id)
        _audit(session, now, actor, "create", made, after=_definition(made))
        return made


def list_rules(store: Store) -> list[RuleView]:
    """All rules by position."""
    with store.read() as session:
        return rule_views(session)


def show(store: Store, ref: str) -> RuleView:
    """The rule of a segment (by name), or of that id; NotFound."""
    with store.read() as session:
        return _view(session, find_rule(session, ref).id)


def edit(
    store: Store,
    ref: str,
    *,
    segment: str | None = None,
    to: str | None = None,
    description: str | None = None,
    now: dt.datetime,
    actor: str,
) -> RuleView:
    """Change what is given; None leaves a thing as it is."""
    if (segment, to, description) == (None, None, None):
        raise UsageError("nothing to change was given", hint="--to, --segment, --description")
    with store.write() as session:
        lock_team(session)
        lock_rules(session)
        rule = find_rule(session, ref)
        before = _view(session, rule.id)
        if segment is not None:
            row = _contact_segment(session, segment)
            if row.id != rule.segment_id:
                _refuse_second(session, row)
                rule.segment_id = row.id
        if to is not None:
            rule.member_id, rule.group_id = _assignee(session, to)
        if description is not None:
            rule.description = check_description(description)
        return _changed(session, rule, before, "edit", now, actor)


def switch(
    store: Store, ref: str, *, enabled: bool, now: dt.datetime, actor: str
) -> tuple[RuleView, bool]:
    """Enable or disable a rule; it, and whether that changed anything. Its position stays."""
    with store.write() as session:
        lock_rules(session)
        rule = find_rule(session, ref)
        before = _view(session, rule.id)
        rule.enabled = enabled
        action = "enable" if enabled else "disable"
        after = _changed(session, rule, before, action, now, actor)
        return after, before.enabled != enabled


def move(
    store: Store,
    ref: str,
    *,
    position: int | None = None,
    before: str | None = None,
    after: str | None = None,
    now: dt.datetime,
    actor: str,
) -> list[RuleView]:
    """Give a rule another position, or the one before or after another rule; all rules then."""
    if sum(place is not None for place in (position, before, after)) != 1:
        raise UsageError("say where to: one of --to, --before and --after")
    with store.write() as session:
        lock_rules(session)
        rule = find_rule(session, ref)
        order = _all(session)
        others = [other for other in order if other.id != rule.id]
        if position is not None:
            place = _check_position(position, len(order)) - 1
        else:
            beside = find_rule(session, before if before is not None else after or "")
            if beside.id == rule.id:
                raise UsageError("a rule cannot stand before or after itself")
            place = [other.id for other in others].index(beside.id) + (after is not None)
        old = rule.position
        others.insert(place, rule)
        _number(others)
        if rule.position != old:
            rule.modified_at = now
            session.flush()
            made = _view(session, rule.id)
            _audit(session, now, actor, "move", made, before=old, after=rule.position)
        return rule_views(session)


def delete(store: Store, ref: str, *, now: dt.datetime, actor: str) -> RuleView:
    """Delete a rule; it as it was. Conversations that it assigned stay as they are."""
    with store.write() as session:
        lock_rules(session)
        rule = find_rule(session, ref)
        was = _view(session, rule.id)
        session.delete(rule)
        session.flush()
        _number(_all(session))
        session.flush()
        _audit(session, now, actor, "delete", was, before=_definition(was))
        return was


# ---------------------------------------------------------------- for other services


def lock_rules(session: Session) -> None:
    """Let no other process change rules meanwhile, or two moves could mix up the positions.

    SQLite has one writer anyway. Decisions go on: they only read.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("LOCK TABLE assignment_rule IN SHARE ROW EXCLUSIVE MODE"))


def rule_views(session: Session) -> list[RuleView]:
    """All rules by position, as this transaction sees them."""
    query = (
        sa.select(
            _rule.c.id,
            _rule.c.position,
            _rule.c.segment_id,
            _segment.c.name.label("segment"),
            _member.c.email.label("member"),
            _group.c.name.label("group"),
            _rule.c.enabled,
            _rule.c.description,
            _rule.c.created_at,
            _rule.c.modified_at,
        )
        .select_from(_rule)
        .join(_segment, _segment.c.id == _rule.c.segment_id)
        .outerjoin(_member, _member.c.id == _rule.c.member_id)
        .outerjoin(_group, _group.c.id == _rule.c.group_id)
        .order_by(_rule.c.position, _rule.c.id)
    )
    return [RuleView(**row) for row in session.execute(query).mappings()]


def find_rule(session: Session, ref: str) -> AssignmentRule:
    """The rule of the segment of that name, or of that id (`12` or `#12`); NotFound."""
    word = ref.strip()
    query = sa.select(AssignmentRule).join(_segment, _segment.c.id == _rule.c.segment_id)
    named = session.execute(query.where(_segment.c.folded_name == fold(word))).scalar()
    if named is not None:
        return named
    number = word.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 19:
        by_id = session.get(AssignmentRule, int(number))
        if by_id is not None:
            return by_id
    names = [view.segment for view in rule_views(session)]
    raise NotFound(
        f'there is no assignment rule "{word}"',
        hint=did_you_mean(word, names)
        or "a rule is named by its segment or its id; segctl assignments list shows them all",
    )


# ---------------------------------------------------------------- parts


def _all(session: Session) -> list[AssignmentRule]:
    query = sa.select(AssignmentRule).order_by(_rule.c.position, _rule.c.id)
    return list(session.execute(query).scalars())


def _number(rules: Sequence[AssignmentRule]) -> None:
    for position, rule in enumerate(rules, 1):
        if rule.position != position:
            rule.position = position


def _check_position(position: int | None, last: int) -> int:
    if position is None:
        return last
    if not 1 <= position <= last:
        raise UsageError(f"there is no position {position}", hint=f"the positions are 1 to {last}")
    return position


def _contact_segment(session: Session, ref: str) -> Segment:
    try:
        return hold_segment(session, ref, ObjectType.CONTACT)
    except NotFound:
        other = find_row(session, ref)
        raise UsageError(
            f'"{other.name}" is a {other.object_type} segment, and chats are assigned by segments '
            "of contacts",
            hint="make a contact segment that reads it: "
            + _READING[ObjectType(other.object_type)].format(other.name),
        ) from None


def _refuse_second(session: Session, segment: Segment) -> None:
    taken = sa.select(_rule.c.position).where(_rule.c.segment_id == segment.id)
    position = session.execute(taken).scalar()
    if position is not None:
        raise AlreadyExists(
            f'the segment "{segment.name}" has a rule already, at position {position}; a second '
            "one could never decide",
            hint=f'segctl assignments edit "{segment.name}" --to …',
        )


def _assignee(session: Session, ref: str) -> tuple[int | None, int | None]:
    """The ids of the team member and of the group, one of them None."""
    found = find_assignee(session, ref)
    if isinstance(found, TeamMember):
        if not found.active:
            raise UsageError(
                f"{called(found)} is deactivated and gets no conversations",
                hint=f"segctl team members activate {called(found)}",
            )
        return found.id, None
    return None, found.id


def _view(session: Session, id: int) -> RuleView:
    return next(view for view in rule_views(session) if view.id == id)


def _changed(
    session: Session,
    rule: AssignmentRule,
    before: RuleView,
    action: str,
    now: dt.datetime,
    actor: str,
) -> RuleView:
    """Write the change and its audit entry, if there is one."""
    session.flush()
    changed = audit.changed(_definition(before), _definition(_view(session, rule.id)))
    if changed:
        rule.modified_at = now
        session.flush()
        was, became = changed
        _audit(session, now, actor, action, before, before=was, after=became)
    return _view(session, rule.id)


def _definition(view: RuleView) -> dict[str, Any]:
    return {
        "position": view.position,
        "segment": view.segment,
        "member": view.member,
        "group": view.group,
        "enabled": view.enabled,
        "description": view.description,
    }


def _audit(
    session: Session,
    now: dt.datetime,
    actor: str,
    action: str,
    view: RuleView,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    audit.record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_type="assignment",
        subject=view.segment,
        before=before,
        after=after,
    )
