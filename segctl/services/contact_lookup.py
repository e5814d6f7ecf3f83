"""The contact that a chat names: by its id, by its e-mail address, or made if it is new."""

from dataclasses import dataclass
import datetime as dt
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import STANDARD, ObjectType
from segctl.errors import InvalidValue, NotFound, UsageError
from segctl.services.record_values import BY_NUMBER, record_name
from segctl.services.values import Reading, key_value, parse_value, quoted
from segctl.store import audit
from segctl.store.records import RecordTables

_EMAIL: Final = STANDARD[ObjectType.CONTACT]["email"]
NEW: Final = "visitor"
"""The status of a contact that a chat makes."""


@dataclass(frozen=True, slots=True)
class Contact:
    """`name` is its external id, or `#12`."""

    id: int
    name: str
    created: bool = False


def find_contact(
    session: Session, tables: RecordTables, ref: str | None, email: str | None
) -> Contact:
    """The contact of that external id or `#id`; without a `ref`, the one with that address.

    Addresses are compared as they are, and then ignoring case. NotFound; UsageError if several
    have the address.
    """
    table = tables.record(ObjectType.CONTACT)
    if ref is not None:
        return _by_ref(session, table, ref)
    if email is None or not email.strip():
        raise UsageError("say whose conversation it is", hint="--contact ID or --email ADDRESS")
    word = _address(email)
    query = sa.select(table.c.id, table.c.external_id, table.c.email).order_by(table.c.id)
    found = session.execute(query.where(sa.func.lower(table.c.email) == word.lower())).all()
    exact = [row for row in found if row.email == word]
    if exact:
        found = exact
    if not found:
        raise NotFound(
            f"there is no contact with the e-mail address {quoted(word)}",
            hint="segctl records list contact --where 'email contains …' looks for it",
            email=word,
        )
    names = [record_name(row.id, row.external_id) for row in found]
    if len(found) > 1:
        some = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise UsageError(
            f"{len(found)} contacts have the e-mail address {quoted(word)}: {some}",
            hint="name one of them: --contact ID",
            contacts=names,
        )
    return Contact(found[0].id, names[0])


def _by_ref(session: Session, table: sa.Table, ref: str) -> Contact:
    """As `find_record` finds it, in one query."""
    numbered = BY_NUMBER.fullmatch(ref)
    keys = {"ref": ref, "number": int(numbered[1]) if numbered else None}
    rows = [] if not ref or "\0" in ref else session.execute(_named_or_numbered(table), keys).all()
    row = max(rows, key=lambda row: row.external_id == ref, default=None)
    if row is None:
        raise NotFound(
            f"there is no contact {quoted(ref)}",
            hint="a contact is named by its external id, or by #id",
            type=ObjectType.CONTACT.value,
            ref=ref,
        )
    return Contact(row.id, record_name(row.id, row.external_id))


@lru_cache(maxsize=16)
def _named_or_numbered(table: sa.Table) -> sa.Select[Any]:
    named = table.c.external_id == sa.bindparam("ref")
    return sa.select(table.c.id, table.c.external_id).where(
        named | (table.c.id == sa.bindparam("number", type_=table.c.id.type))
    )


def find_or_create(
    session: Session,
    tables: RecordTables,
    ref: str | None,
    email: str | None,
    *,
    now: dt.datetime,
    actor: str,
) -> Contact:
    """The contact; one of status `visitor` is made if there is none."""
    if ref is None and email is not None:
        # Two conversations of one new address would make two contacts.
        hold(session, _CLASS, email.strip().lower())
    elif ref is not None:
        hold(session, _CLASS, ref)
    try:
        return find_contact(session, tables, ref, email)
    except NotFound:
        if ref is not None and BY_NUMBER.fullmatch(ref):
            raise
    external = None if ref is None else _named(ref)
    table = tables.record(ObjectType.CONTACT)
    values: dict[str, Any] = {
        "external_id": external,
        "email": None if email is None else _address(email),
        "status": NEW,
        "first_seen_at": now,
        "created_at": now,
        "updated_at": now,
    }
    statement = sa.insert(table).values(values).returning(table.c.id)
    id = int(session.execute(statement).scalar_one())
    name = record_name(id, external)
    audit.record(
        session,
        now=now,
        actor=actor,
        action="create",
        subject_type=ObjectType.CONTACT.value,
        subject=name,
        after={
            key: value
            for key, value in values.items()
            if value is not None and not isinstance(value, dt.datetime)
        },
    )
    return Contact(id, name, created=True)


_CLASS: Final = 0x5E6C_0001
"""Of advisory locks: contacts that are about to be made."""


def hold(session: Session, kind: int, word: str) -> None:
    """Let no other transaction go on here with the same word before this one has ended.

    For what no row stands for yet. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        lock = sa.func.pg_advisory_xact_lock(
            sa.cast(kind, sa.Integer), sa.func.hashtext(sa.cast(word, sa.Text))
        )
        session.execute(sa.select(lock))


def _address(email: str) -> str:
    try:
        word = parse_value(_EMAIL, email.strip(), Reading())
    except InvalidValue as error:
        error.message = f"email: {error.message}"
        raise
    if not isinstance(word, str) or not 0 < word.find("@") < len(word) - 1:
        raise InvalidValue(f"{quoted(email)} is no e-mail address")
    return word


def _named(ref: str) -> str:
    try:
        name = key_value(ref)
    except InvalidValue as error:
        error.message = f"contact: {error.message}"
        raise
    if name is None:
        raise UsageError("a contact needs a name, its external id")
    return name
