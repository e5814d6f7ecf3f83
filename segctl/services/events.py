"""Events one by one: add and list. Files of them are imported like records."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import datetime as dt
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import Attribute, Catalog, ObjectType, ValueType
from segctl.errors import AlreadyExists, InvalidValue, UsageError
from segctl.services.filters import filter_records
from segctl.services.record_values import Assignment, find_record
from segctl.services.records import Listing
from segctl.services.values import Reading, Value, parse_value, quoted, to_text
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.reading import every_column, read_records, record_columns
from segctl.store.records import record_tables
from segctl.store.types import instant_text
from segctl.store.workspace import load_catalog, load_workspace

_EVENT = ObjectType.EVENT


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: all that are given must hold. `since` is included, `until` is not."""

    contact: str | None = None
    name: str | None = None
    since: str | None = None
    until: str | None = None
    where: str | None = None


def add(
    store: Store,
    contact: str,
    name: str,
    assignments: Sequence[Assignment] = (),
    *,
    occurred_at: str | None = None,
    now: dt.datetime,
    actor: str,
) -> int:
    """Add one event; its id. `occurred_at` is `now` unless given.

    The assignments set declared event attributes, `product` and `external_id`.
    """
    with store.write() as session:
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        reading = _reading(session)
        standard = catalog.attributes[_EVENT]
        values: dict[str, object] = {
            "contact_id": find_record(session, tables, ObjectType.CONTACT, contact),
            "name": _value(standard["name"], name, reading),
            "occurred_at": now,
        }
        if occurred_at is not None:
            values["occurred_at"] = _value(standard["occurred_at"], occurred_at, reading)
        own: dict[str, object] = {}
        for assignment in assignments:
            if assignment.act != "=":
                raise UsageError(f"an event is new: {assignment.name}= sets a value")
            if assignment.name == "product":
                text = assignment.text
                product = find_record(session, tables, ObjectType.PRODUCT, text) if text else None
                values["product_id"] = product
                continue
            attribute = catalog.attribute(_EVENT, assignment.name)
            if attribute.standard and attribute.name != "external_id":
                raise UsageError(f"{attribute} is not set like this")
            if attribute.standard:
                values["external_id"] = _value(attribute, assignment.text, reading)
            else:
                own[attribute.name] = _json_value(attribute, assignment.text, reading)
        for needed in ("name", "occurred_at"):
            if values[needed] is None:
                raise UsageError(f"an event needs {needed}")
        values["attributes"] = {key: value for key, value in own.items() if value is not None}
        table = tables.record(_EVENT)
        external = values.get("external_id")
        if external is not None and session.scalar(
            sa.select(table.c.id).where(table.c.external_id == external)
        ):
            raise AlreadyExists(f"there is an event {quoted(external)} already")
        id = session.scalar(sa.insert(table).values(values).returning(table.c.id))
        audit.record(
            session,
            now=now,
            actor=actor,
            action="create",
            subject_type=_EVENT.value,
            subject=f"#{id}",
            after={"contact": contact, "name": name, **own},
        )
        return int(id or 0)


@contextmanager
def list_events(
    store: Store,
    wanted: EventFilter,
    *,
    now: dt.datetime,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
) -> Iterator[Listing]:
    """The events, by time and id; rows come while the context is open."""
    with store.read() as session:
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        chosen = every_column(catalog, _EVENT)
        if columns is not None:
            chosen = record_columns(catalog, _EVENT, columns)
        clauses = _Clauses(session, catalog, wanted, now)
        rows = read_records(
            session, tables, _EVENT, chosen, where=clauses, limit=limit, by_time=True
        )
        yield Listing(chosen, ZoneInfo(load_workspace(session).timezone), rows)


def count_events(store: Store, wanted: EventFilter, *, now: dt.datetime) -> int:
    """How many events there are."""
    with store.read() as session:
        catalog = load_catalog(session)
        table = record_tables(catalog).record(_EVENT)
        where = _Clauses(session, catalog, wanted, now)(table)
        counted = sa.select(sa.func.count()).select_from(table).where(where)
        return int(session.execute(counted).scalar_one())


class _Clauses:
    """An EventFilter as a condition on the event table."""

    def __init__(
        self, session: Session, catalog: Catalog, wanted: EventFilter, now: dt.datetime
    ) -> None:
        tables = record_tables(catalog)
        reading = _reading(session)
        occurred_at = catalog.attributes[_EVENT]["occurred_at"]
        self._name = wanted.name
        self._contact = None
        if wanted.contact is not None:
            self._contact = find_record(session, tables, ObjectType.CONTACT, wanted.contact)
        self._since = _moment(occurred_at, wanted.since, reading)
        self._until = _moment(occurred_at, wanted.until, reading)
        self._where = None
        if wanted.where is not None:
            self._where = filter_records(session, _EVENT, wanted.where, now)

    def __call__(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        clauses: list[sa.ColumnElement[bool]] = [sa.true()]
        if self._contact is not None:
            clauses.append(table.c.contact_id == self._contact)
        if self._name is not None:
            clauses.append(table.c.name == self._name)
        if self._since is not None:
            clauses.append(table.c.occurred_at >= self._since)
        if self._until is not None:
            clauses.append(table.c.occurred_at < self._until)
        if self._where is not None:
            clauses.append(self._where(table))
        return sa.and_(*clauses)


def _reading(session: Session) -> Reading:
    return Reading(ZoneInfo(load_workspace(session).timezone))


def _moment(attribute: Attribute, text: str | None, reading: Reading) -> Value:
    return None if text is None else _value(attribute, text, reading)


def _value(attribute: Attribute, text: str, reading: Reading) -> Value:
    try:
        return parse_value(attribute, text, reading)
    except InvalidValue as error:
        error.message = f"{attribute}: {error.message}"
        raise


def _json_value(attribute: Attribute, text: str, reading: Reading) -> object:
    """A value as it stands in the JSON object of an event."""
    value = _value(attribute, text, reading)
    if isinstance(value, dt.datetime):
        return instant_text(value)
    return to_text(value) if attribute.kind is ValueType.DATE and value is not None else value
