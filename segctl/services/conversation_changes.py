"""What happens to a conversation after it was opened: closed, reassigned, swept up."""

from collections.abc import Callable
from dataclasses import dataclass, replace
import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.errors import NotFound, SegctlError, UsageError
from segctl.services.conversation_views import ConversationView, find_conversation, view
from segctl.services.conversations import TOGETHER, assignment
from segctl.services.decision import Judge
from segctl.services.decision_rules import RuleCache
from segctl.services.people import called, find_assignee
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.tables_team import Conversation, TeamMember

_conversation: sa.Table = Conversation.__table__  # type: ignore[attr-defined]

BY_SWEEP: Final = "sweep"
"""What `assigned_by` says where a sweep did it."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did, or would do, with one conversation."""

    conversation: ConversationView
    assigned: bool


def close(store: Store, ref: str, *, now: dt.datetime, actor: str) -> tuple[ConversationView, bool]:
    """Close a conversation; it, and whether it was open."""
    with store.write() as session:
        before = _held(session, find_conversation(session, ref))
        if not before.open:
            return before, False
        _update(session, before.id, closed_at=now)
        _audit(session, before, now, actor, "close", None, {"closed_at": now.isoformat()})
        return replace(before, closed_at=now), True


def reassign(
    store: Store, ref: str, to: str, *, now: dt.datetime, actor: str
) -> tuple[ConversationView, bool]:
    """Give a conversation to a team member or a group; it, and whether anything changed.

    A group picks a member by its strategy. NotFound; UsageError for whoever cannot take it;
    SegctlError if it is closed.
    """
    with store.write() as session:
        before = _held(session, find_conversation(session, ref))
        if not before.open:
            raise SegctlError(
                f"the conversation {before.id} is closed", hint="a closed one stays as it is"
            )
        assignee = find_assignee(session, to)
        judge = Judge(session, RuleCache().current(session))
        if isinstance(assignee, TeamMember):
            if (before.member, before.group) == (assignee.email, None):
                return before, False
            found = judge.assign_member(assignee.id)
        else:
            found = judge.assign_group(assignee.id, take=True)
        if isinstance(found, str):
            raise UsageError(f"{called(assignee)} can take no conversation: {found}")
        step = {
            "result": "reassigned",
            "reason": f"by {actor} at {_seconds(now)}",
            "member": found.member,
            "group": found.group,
        }
        _update(
            session,
            before.id,
            member_id=found.member_id,
            group_id=found.group_id,
            rule_id=None,
            segment_id=None,
            assigned_at=now,
            assigned_by=actor,
            trace=[*before.trace, step],
        )
        after = view(session, before.id)
        _audit(session, before, now, actor, "reassign", assignment(before), assignment(after))
        return after, True


def sweep(
    store: Store,
    *,
    max_age: dt.timedelta,
    dry_run: bool = False,
    now: dt.datetime,
    actor: str,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Swept]:
    """Apply the rules, as they are, to open conversations that nobody was given; oldest first.

    The conditions are evaluated at `now`. What no rule matches stays as it is. With `dry_run`
    nothing is stored, and no member of a group is picked.
    """
    since = now - max_age
    with store.read() as session:
        waiting = list(session.execute(_unassigned(since)).scalars())
    cache = RuleCache()
    swept: list[Swept] = []
    size = TOGETHER if store.dialect == "sqlite" else 1
    for place in range(0, len(waiting), size):
        ids = waiting[place : place + size]
        with store.read() if dry_run else store.write() as session:
            judge = Judge(session, cache.current(session))
            for id in ids:
                done = _sweep_one(judge, id, since, now, actor, dry_run)
                if done is not None:
                    swept.append(done)
        progress(len(ids))
    return swept


def _unassigned(since: dt.datetime) -> sa.Select[tuple[int]]:
    table = _conversation.c
    return (
        sa.select(table.id)
        .where(
            table.closed_at.is_(None),
            table.member_id.is_(None),
            table.group_id.is_(None),
            table.opened_at >= since,
        )
        .order_by(table.opened_at, table.id)
    )


def _sweep_one(
    judge: Judge, id: int, since: dt.datetime, now: dt.datetime, actor: str, dry_run: bool
) -> Swept | None:
    """What became of it; None if somebody was faster."""
    session = judge.session
    still = _unassigned(since).where(_conversation.c.id == id)
    if session.execute(still if dry_run else still.with_for_update()).scalar() is None:
        return None
    before = view(session, id)
    try:
        decision = judge.decide(before.contact_id, now, take=not dry_run)
    except NotFound:  # the contact was deleted
        return Swept(before, assigned=False)
    rule, to = decision.rule, decision.assigned
    if rule is None or to is None:
        return Swept(before, assigned=False)
    after = replace(
        before,
        member=None if dry_run and to.group is not None else to.member,
        group=to.group,
        rule_id=rule.id,
        segment=rule.segment,
        assigned_at=now,
        assigned_by=BY_SWEEP,
        source=decision.source.value,
        trace=decision.trace,
    )
    if not dry_run:
        _update(
            session,
            id,
            member_id=to.member_id,
            group_id=to.group_id,
            rule_id=rule.id,
            segment_id=rule.segment_id,
            assigned_at=now,
            assigned_by=BY_SWEEP,
            source=decision.source.value,
            trace=list(decision.trace),
        )
        _audit(session, before, now, actor, "sweep", None, assignment(after))
    return Swept(after, assigned=True)


# ---------------------------------------------------------------- parts


def _held(session: Session, id: int) -> ConversationView:
    """The conversation, its row held against other writers."""
    query = sa.select(_conversation.c.id).where(_conversation.c.id == id).with_for_update()
    session.execute(query)
    return view(session, id)


def _update(session: Session, id: int, **values: Any) -> None:
    session.execute(sa.update(_conversation).where(_conversation.c.id == id).values(**values))


def _seconds(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _audit(
    session: Session,
    conversation: ConversationView,
    now: dt.datetime,
    actor: str,
    action: str,
    before: Any,
    after: Any,
) -> None:
    audit.record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_type="conversation",
        subject=f"#{conversation.id}",
        before=before,
        after=after,
    )
