"""Conversations: opened and assigned in one transaction.

A program that opens many keeps a RuleCache and hands it in each time:

    rules = RuleCache()
    opened = open_conversation(store, OpenRequest(email="anna@example.com"), now=…, actor=…,
                               rules=rules)
    opened.conversation.member, opened.conversation.group, opened.created
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.errors import AlreadyExists, InvalidValue, NotFound, SegctlError
from segctl.services.contact_lookup import Contact, find_contact, find_or_create, hold
from segctl.services.conversation_views import ConversationView, view
from segctl.services.decision import Decision, Judge
from segctl.services.decision_rules import RuleCache
from segctl.services.values import key_value, quoted
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.tables_team import Conversation

_conversation: sa.Table = Conversation.__table__  # type: ignore[attr-defined]

TOGETHER: Final = 32
"""Conversations in one transaction where writers take turns anyway (SQLite)."""

BY_RULE: Final = "rule"
"""What `assigned_by` says where a rule did it."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A conversation to open. `contact` is an external id or `#id`; it comes before `email`.

    `external_id` is the chat's own id of the conversation: opened again, it is the same one. `at`
    is when it was opened and what the conditions are evaluated at; None is now. With `create` a
    contact that is not known is made, of status `visitor`.
    """

    contact: str | None = None
    email: str | None = None
    channel: str = "chat"
    external_id: str | None = None
    at: dt.datetime | None = None
    create: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The conversation; `created` is False if it was there before. `new_contact`: so was it."""

    conversation: ConversationView
    created: bool
    new_contact: bool = False
    skipped: Sequence[Mapping[str, Any]] = ()
    """The steps of the trace in which a rule could not be asked or could not assign."""


def open_conversation(
    store: Store,
    request: OpenRequest,
    *,
    now: dt.datetime,
    actor: str,
    rules: RuleCache | None = None,
) -> Opened:
    """Open a conversation and assign it by the rules, at this moment and never later.

    NotFound for the contact, UsageError or InvalidValue for what does not fit, AlreadyExists if
    the external id is that of another contact's conversation.
    """
    cache = rules or RuleCache()
    with store.write() as session:
        return _open(Judge(session, cache.current(session)), request, now, actor)


def open_conversations(
    store: Store,
    requests: Sequence[OpenRequest],
    *,
    now: dt.datetime,
    actor: str,
    rules: RuleCache,
) -> list[Opened | SegctlError]:
    """Open one after the other; what became of each, in order. All of it is committed.

    On SQLite they share transactions: its writers take turns, and a commit waits for the disk. On
    Postgres a transaction for each holds the row of one group only, so that two cannot deadlock.
    """
    if store.dialect == "sqlite":
        answers: list[Opened | SegctlError] = []
        for place in range(0, len(requests), TOGETHER):
            some = requests[place : place + TOGETHER]
            answers += _open_together(store, some, rules, now, actor)
        return answers
    return [_open_alone(store, request, rules, now, actor) for request in requests]


def _open_together(
    store: Store,
    requests: Sequence[OpenRequest],
    rules: RuleCache,
    now: dt.datetime,
    actor: str,
) -> list[Opened | SegctlError]:
    answers: list[Opened | SegctlError] = []
    try:
        # The audit entries are written together at the end.
        with store.write() as session, session.no_autoflush:
            judge = Judge(session, rules.current(session))
            for request in requests:
                try:
                    answers.append(_open(judge, request, now, actor))
                except SegctlError as error:  # raised before anything is written for this one
                    answers.append(error)
    except SegctlError as error:
        # The transaction itself failed, and with it all that was in it.
        return [error] * len(requests)
    return answers


def _open_alone(
    store: Store, request: OpenRequest, rules: RuleCache, now: dt.datetime, actor: str
) -> Opened | SegctlError:
    try:
        return open_conversation(store, request, now=now, actor=actor, rules=rules)
    except SegctlError as error:
        return error


_EXTERNAL: Final = 0x5E6C_0002
"""Of advisory locks: external ids of conversations that are about to be opened."""


def _open(judge: Judge, request: OpenRequest, now: dt.datetime, actor: str) -> Opened:
    session = judge.session
    channel, external = _checked(request)
    at = request.at or now
    if external is not None:
        hold(session, _EXTERNAL, external)
        query = sa.select(_conversation.c.id).where(_conversation.c.external_id == external)
        id = session.execute(query).scalar()
        if id is not None:
            there = view(session, id)
            _refuse_other_contact(judge, request, there)
            return Opened(there, created=False)
    tables = judge.rules.tables
    if request.create:
        contact = find_or_create(
            session, tables, request.contact, request.email, now=at, actor=actor
        )
    else:
        try:
            contact = find_contact(session, tables, request.contact, request.email)
        except NotFound as error:
            error.hint = "--create-contact (create: true) makes one"
            raise
    decision = judge.decide(contact.id, at, take=True)
    made = _insert(session, channel, external, contact, at, decision)
    audit.record(
        session,
        now=now,
        actor=actor,
        action="open",
        subject_type="conversation",
        subject=f"#{made.id}",
        after={
            "contact_id": contact.id,
            "channel": channel,
            "external_id": external,
            **assignment(made),
        },
    )
    return Opened(made, True, contact.created, decision.skipped)


def _checked(request: OpenRequest) -> tuple[str, str | None]:
    """Channel and external id as they are kept."""
    found: list[str | None] = []
    for name, text in (("channel", request.channel), ("external_id", request.external_id)):
        try:
            found.append(None if text is None else key_value(text))
        except InvalidValue as error:
            error.message = f"{name}: {error.message}"
            raise
    if found[0] is None:
        raise InvalidValue("channel: a conversation needs one", hint="leave it out for chat")
    return found[0], found[1]


def _refuse_other_contact(judge: Judge, request: OpenRequest, there: ConversationView) -> None:
    if request.contact is None and request.email is None:
        return
    contact = find_contact(judge.session, judge.rules.tables, request.contact, request.email)
    if contact.id != there.contact_id:
        raise AlreadyExists(
            f"the conversation {quoted(there.external_id)} is one of the contact {there.contact}, "
            f"not of {contact.name}",
            hint="another --external-id, or none",
            conversation=there.id,
        )


_INSERT = sa.insert(_conversation).returning(_conversation.c.id)


def _insert(
    session: Session,
    channel: str,
    external: str | None,
    contact: Contact,
    at: dt.datetime,
    decision: Decision,
) -> ConversationView:
    rule, to = decision.rule, decision.assigned
    values: dict[str, Any] = {
        "contact_id": contact.id,
        "channel": channel,
        "external_id": external,
        "opened_at": at,
        "assigned_at": None if to is None else at,
        "assigned_by": None if to is None else BY_RULE,
        "rule_id": None if rule is None else rule.id,
        "source": decision.source.value,
        "trace": list(decision.trace),
    }
    ids = {
        "segment_id": None if rule is None else rule.segment_id,
        "member_id": None if to is None else to.member_id,
        "group_id": None if to is None else to.group_id,
    }
    return ConversationView(
        id=int(session.execute(_INSERT, {**values, **ids}).scalar_one()),
        contact=contact.name,
        closed_at=None,
        member=None if to is None else to.member,
        group=None if to is None else to.group,
        segment=None if rule is None else rule.segment,
        **values,
    )


def assignment(view: ConversationView) -> dict[str, Any]:
    """To whom it is given, as the audit log keeps it."""
    return {"member": view.member, "group": view.group, "rule": view.rule_id}
