"""Conversations of a Chatwoot: whose they are, and what has to be assigned back to it.

What a Chatwoot says of a contact is taken once, when the contact is made. It is the store that
knows contacts; a chat only brings new ones.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import STANDARD, ObjectType
from segctl.errors import InvalidValue
from segctl.services.contact_lookup import NEW, hold
from segctl.services.conversation_views import ConversationView, view
from segctl.services.conversations import Opened, OpenRequest, open_conversation
from segctl.services.decision_rules import RuleCache
from segctl.services.record_values import Assignment, RecordSetter
from segctl.services.values import Reading, key_value, parse_value, to_text
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.records import RecordTables, record_tables
from segctl.store.tables import AuditEntry
from segctl.store.tables_team import Conversation
from segctl.store.workspace import load_catalog

_entry: sa.Table = AuditEntry.__table__  # type: ignore[attr-defined]
_conversation: sa.Table = Conversation.__table__  # type: ignore[attr-defined]

CHANNEL: Final = "chatwoot"
TOLD: Final = "assign_back"
"""The action of the audit entry that says how Chatwoot took an assignment."""

_NEW_CONTACT: Final = 0x5E6C_0003
"""Of advisory locks: contacts of a Chatwoot that are about to be made."""
_CONTACT: Final = ObjectType.CONTACT


@dataclass(frozen=True, slots=True)
class Sender:
    """A contact as Chatwoot knows it. `identifier` is what the site that embeds it calls him."""

    id: int
    identifier: str | None = None
    email: str | None = None
    name: str | None = None
    phone: str | None = None


def external_id(account: int, conversation: int) -> str:
    """What a conversation of a Chatwoot is called here."""
    return f"{CHANNEL}:{account}:{conversation}"


def parse_external_id(text: str | None) -> tuple[int, int] | None:
    """Account and conversation of what `external_id` wrote; None for anything else."""
    parts = (text or "").split(":")
    if len(parts) == 3 and parts[0] == CHANNEL and parts[1].isdigit() and parts[2].isdigit():
        return int(parts[1]), int(parts[2])
    return None


def open_from_chatwoot(
    store: Store,
    sender: Sender,
    *,
    account: int,
    conversation: int,
    now: dt.datetime,
    actor: str,
    rules: RuleCache | None = None,
) -> Opened:
    """Open the conversation of a contact who is found by identifier or address, or made.

    The same one is opened once, however often Chatwoot tells of it.
    """
    contact = _contact(store, sender, account, now, actor)
    request = OpenRequest(
        contact=f"#{contact}",
        channel=CHANNEL,
        external_id=external_id(account, conversation),
    )
    return open_conversation(store, request, now=now, actor=actor, rules=rules)


def _contact(store: Store, sender: Sender, account: int, now: dt.datetime, actor: str) -> int:
    with store.read() as session:
        tables = record_tables(load_catalog(session))
        found = _find(session, tables, sender, account)
    if found is not None:
        return found
    with store.write() as session:
        hold(session, _NEW_CONTACT, _own_name(sender, account))
        tables = record_tables(load_catalog(session))
        found = _find(session, tables, sender, account)
        return found or _make(session, tables, sender, account, now, actor)


def _own_name(sender: Sender, account: int) -> str:
    return f"{CHANNEL}:{account}:contact:{sender.id}"


def _names(sender: Sender, account: int) -> list[str]:
    """The external ids that the contact may have, the best one first."""
    names = [_own_name(sender, account)]
    with suppress(InvalidValue):
        identifier = key_value(sender.identifier) if sender.identifier else None
        names = ([identifier] if identifier else []) + names
    return names


def _find(session: Session, tables: RecordTables, sender: Sender, account: int) -> int | None:
    """The contact of the identifier, else of the address; of several the one made first."""
    table = tables.record(_CONTACT)
    for name in _names(sender, account):
        id = session.scalar(sa.select(table.c.id).where(table.c.external_id == name))
        if id is not None:
            return int(id)
    if not sender.email or "\0" in sender.email:
        return None
    same = sa.func.lower(table.c.email) == sender.email.strip().lower()
    id = session.scalar(sa.select(table.c.id).where(same).order_by(table.c.id).limit(1))
    return None if id is None else int(id)


def _make(
    session: Session,
    tables: RecordTables,
    sender: Sender,
    account: int,
    now: dt.datetime,
    actor: str,
) -> int:
    given = {"email": sender.email, "name": sender.name, "phone": sender.phone}
    words = [Assignment("status", "=", NEW), Assignment("first_seen_at", "=", to_text(now))]
    for name, value in given.items():
        # What does not fit is left out: a chat must not fail for an odd name.
        with suppress(InvalidValue):
            if value and parse_value(STANDARD[_CONTACT][name], value, Reading()) is not None:
                words.append(Assignment(name, "=", value))
    setter = RecordSetter(session, tables.catalog, tables, _CONTACT, now)
    id = setter.find_or_create(_names(sender, account)[0], create=True)
    change = setter.set(id, words)
    audit.record(
        session,
        now=now,
        actor=actor,
        action="create",
        subject_type=_CONTACT.value,
        subject=change.name,
        after={
            name: to_text(value) if isinstance(value, dt.date) else value
            for name, value in change.after.items()
        },
    )
    return id


# ---------------------------------------------------------------- back to Chatwoot


def note_told(
    store: Store, conversation: int, outcome: Mapping[str, Any], *, now: dt.datetime, actor: str
) -> None:
    """Remember in the audit log how Chatwoot took the assignment of a conversation."""
    with store.write() as session:
        audit.record(
            session,
            now=now,
            actor=actor,
            action=TOLD,
            subject_type="conversation",
            subject=f"#{conversation}",
            after=dict(outcome),
        )


def untold(store: Store, account: int, *, since: dt.datetime) -> list[ConversationView]:
    """Open conversations of the account that were assigned since, and Chatwoot was not told.

    For after a restart: what was waiting in memory is found again.
    """
    with store.read() as session:
        subject = sa.literal("#").concat(sa.cast(_conversation.c.id, sa.Text))
        told = sa.exists().where(
            _entry.c.subject_type == "conversation",
            _entry.c.subject == subject,
            _entry.c.action == TOLD,
        )
        query = sa.select(_conversation.c.id).where(
            _conversation.c.external_id.startswith(f"{CHANNEL}:{account}:", autoescape=True),
            _conversation.c.opened_at >= since,
            _conversation.c.closed_at.is_(None),
            sa.or_(_conversation.c.member_id.is_not(None), _conversation.c.group_id.is_not(None)),
            ~told,
        )
        ids = session.execute(query.order_by(_conversation.c.id)).scalars().all()
        return [view(session, id) for id in ids]
