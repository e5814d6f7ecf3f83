"""Records one by one: show, list, set, delete."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import datetime as dt
import re
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import (
    PLURALS,
    Attribute,
    Catalog,
    ObjectType,
    Relation,
    Storage,
    did_you_mean,
)
from segctl.errors import AlreadyExists, InvalidValue, NotFound, UsageError
from segctl.services.filters import filter_records
from segctl.services.values import (
    Reading,
    key_value,
    parse_items,
    parse_value,
    quoted,
    split_items,
    to_text,
)
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.reading import (
    RecordColumn,
    count_records,
    every_column,
    read_records,
    record_columns,
)
from segctl.store.records import RecordTables, record_tables
from segctl.store.workspace import load_catalog, load_workspace

BY_NUMBER: Final = re.compile(r"#([1-9][0-9]{0,17})")
_ASSIGNMENT: Final = re.compile(r"([a-z][a-z0-9_]*)(\+=|-=|=)(.*)", re.DOTALL)
_TOUCHED: Final = "updated_at"

Act = Literal["=", "+=", "-="]


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name=value`; `+=` and `-=` add and remove items or related records of a to-many relation."""

    name: str
    act: Act
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one record. `before` and `after` hold only what differs."""

    type: ObjectType
    id: int
    external_id: str | None
    created: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def name(self) -> str:
        return record_name(self.id, self.external_id)


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows to come, and what they will have."""

    columns: tuple[RecordColumn, ...]
    zone: ZoneInfo
    rows: Iterator[dict[str, Any]]


def record_name(id: int, external_id: str | None) -> str:
    """How a record is called: its external id, or `#12`."""
    return external_id if external_id is not None else f"#{id}"


def parse_assignment(word: str) -> Assignment:
    """`name=value`, `name+=value` or `name-=value`."""
    found = _ASSIGNMENT.fullmatch(word)
    if found is None:
        raise UsageError(
            f"{quoted(word)} is not of the form name=value",
            hint="for example status=won, tags+=vip, company=acme, score= (no value)",
        )
    act: Any = found[2]
    return Assignment(found[1], act, found[3])


# ---------------------------------------------------------------- looking


@contextmanager
def list_records(
    store: Store,
    type: ObjectType,
    *,
    now: dt.datetime,
    where: str | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
) -> Iterator[Listing]:
    """Rows `{"id": …, column: value}` in the order of their ids, to be read within the context.

    Without `columns` they have all attributes and relations.
    """
    with store.read() as session:
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        chosen = every_column(catalog, type)
        if columns is not None:
            chosen = record_columns(catalog, type, columns)
        clause = None if where is None else filter_records(session, type, where, now)
        rows = read_records(session, tables, type, chosen, where=clause, limit=limit)
        yield Listing(chosen, ZoneInfo(load_workspace(session).timezone), rows)


def count(store: Store, type: ObjectType, *, now: dt.datetime, where: str | None = None) -> int:
    """How many records there are, or how many of them satisfy the condition."""
    with store.read() as session:
        tables = record_tables(load_catalog(session))
        clause = None if where is None else filter_records(session, type, where, now)
        return count_records(session, tables, type, clause)


def show(
    store: Store, type: ObjectType, ref: str
) -> tuple[dict[str, Any], tuple[RecordColumn, ...], ZoneInfo]:
    """Everything about one record, by external id or `#id`; NotFound otherwise."""
    with store.read() as session:
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        id = find(session, tables, type, ref)
        columns = every_column(catalog, type)
        zone = ZoneInfo(load_workspace(session).timezone)
        return _whole(session, tables, type, id, columns), columns, zone


def find(session: Session, tables: RecordTables, type: ObjectType, ref: str) -> int:
    """The id of the record called `ref`; NotFound if there is none."""
    table = tables.record(type)
    if ref and "\0" not in ref:
        id = session.scalar(sa.select(table.c.id).where(table.c.external_id == ref))
        if id is not None:
            return int(id)
    numbered = BY_NUMBER.fullmatch(ref)
    if numbered is not None:
        id = session.scalar(sa.select(table.c.id).where(table.c.id == int(numbered[1])))
        if id is not None:
            return int(id)
    raise NotFound(
        f"there is no {type} {quoted(ref)}",
        hint="a record is named by its external id, or by #id",
        type=type.value,
        ref=ref,
    )


def _whole(
    session: Session,
    tables: RecordTables,
    type: ObjectType,
    id: int,
    columns: Sequence[RecordColumn],
) -> dict[str, Any]:
    rows = read_records(session, tables, type, columns, where=lambda table: table.c.id == id)
    return next(rows)


# ---------------------------------------------------------------- changing


def set_values(
    store: Store,
    type: ObjectType,
    ref: str,
    assignments: Sequence[Assignment],
    *,
    create: bool = False,
    now: dt.datetime,
    actor: str,
) -> Change:
    """Set attributes and relations of one record; with `create`, make it if there is none.

    InvalidValue for a value that does not fit, NotFound for the record, a related one or an
    attribute. `updated_at` moves if anything really changed, unless it is set itself.
    """
    if not assignments and not create:
        raise UsageError("nothing to set", hint="write name=value, for example status=won")
    with store.write() as session:
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        setter = _Setter(session, catalog, tables, type, now)
        id = setter.find_or_create(ref, create)
        change = setter.set(id, assignments)
        if change.created or change.after:
            audit.record(
                session,
                now=now,
                actor=actor,
                action="create" if change.created else "set",
                subject_type=type.value,
                subject=change.name,
                before=None if change.created else _plain(change.before),
                after=_plain(change.after),
            )
        return change


def delete(
    store: Store, type: ObjectType, refs: Sequence[str], *, now: dt.datetime, actor: str
) -> int:
    """Delete the records of these names, all or (NotFound) none; how many there were."""
    with store.write() as session:
        tables = record_tables(load_catalog(session))
        catalog = tables.catalog
        ids = dict.fromkeys(find(session, tables, type, ref) for ref in refs)
        columns = every_column(catalog, type)
        for id in ids:
            before = _whole(session, tables, type, id, columns)
            audit.record(
                session,
                now=now,
                actor=actor,
                action="delete",
                subject_type=type.value,
                subject=record_name(id, before["external_id"]),
                before=_plain({k: v for k, v in before.items() if v not in (None, [])}),
            )
            table = tables.record(type)
            session.execute(sa.delete(table).where(table.c.id == id))
        return len(ids)


def delete_where(
    store: Store, type: ObjectType, where: str, *, now: dt.datetime, actor: str
) -> int:
    """Delete the records that satisfy the condition; how many there were."""
    with store.write() as session:
        tables = record_tables(load_catalog(session))
        clause = filter_records(session, type, where, now)
        table = tables.record(type)
        matching = table.alias("matching")
        # By id, because a condition may not look at the table that it is deleting from.
        ids = sa.select(matching.c.id).where(clause(matching))
        result: Any = session.execute(sa.delete(table).where(table.c.id.in_(ids)))
        audit.record(
            session,
            now=now,
            actor=actor,
            action="delete",
            subject_type=type.value,
            subject=where,
            before={"records": result.rowcount},
        )
        return int(result.rowcount)


class _Setter:
    """One record on its way to other values."""

    def __init__(
        self,
        session: Session,
        catalog: Catalog,
        tables: RecordTables,
        type: ObjectType,
        now: dt.datetime,
    ) -> None:
        self._session = session
        self._catalog = catalog
        self._tables = tables
        self._type = type
        self._table = tables.record(type)
        self._now = now
        self._created = False
        self._reading = Reading(ZoneInfo(load_workspace(session).timezone), separator=",")

    def find_or_create(self, ref: str, create: bool) -> int:
        """The record's id, its row held against other writers."""
        try:
            id = find(self._session, self._tables, self._type, ref)
        except NotFound as error:
            if not create:
                error.hint = "--create makes it"
                raise
            return self._create(ref)
        held = sa.select(self._table.c.id).where(self._table.c.id == id)
        self._session.execute(held.with_for_update(key_share=True))
        return id

    def _create(self, ref: str) -> int:
        if BY_NUMBER.fullmatch(ref):
            raise UsageError(
                f"{quoted(ref)} cannot be an external id: it names a record by its number"
            )
        values: dict[str, Any] = {"external_id": _named(ref)}
        for name in ("created_at", _TOUCHED):
            values[name] = self._now
        statement = sa.insert(self._table).values(values).returning(self._table.c.id)
        self._created = True
        return int(self._session.scalar(statement) or 0)

    def set(self, id: int, assignments: Sequence[Assignment]) -> Change:
        """Carry the assignments out, in order."""
        columns = every_column(self._catalog, self._type)
        before = _whole(self._session, self._tables, self._type, id, columns)
        values: dict[str, Any] = {}
        for assignment in assignments:
            self._assign(id, assignment, values)
        if values:
            self._check_external_id(id, values)
            self._update(id, values)
        after = _whole(self._session, self._tables, self._type, id, columns)
        names = [name for name in after if after[name] != before[name]]
        if names and not self._created and _TOUCHED not in values and _TOUCHED in self._table.c:
            self._update(id, {_TOUCHED: self._now})
        start = {} if self._created else {name: before[name] for name in names}
        if self._created:
            names = [name for name, value in after.items() if value not in (None, [])]
        return Change(
            self._type,
            id,
            after["external_id"],
            self._created,
            start,
            {name: after[name] for name in names},
        )

    def _update(self, id: int, values: Mapping[str, Any]) -> None:
        table = self._table
        self._session.execute(sa.update(table).where(table.c.id == id).values(dict(values)))

    def _assign(self, id: int, assignment: Assignment, values: dict[str, Any]) -> None:
        name = assignment.name
        relation = self._catalog.relation(self._type, name)
        if relation is not None:
            self._relate(id, relation, assignment, values)
            return
        attribute = self._attribute(name)
        try:
            if attribute.kind.many:
                self._set_items(id, attribute, assignment)
            elif assignment.act != "=":
                raise UsageError(f"{attribute} has one value: {name}{assignment.act} cannot be")
            else:
                values[name] = parse_value(attribute, assignment.text, self._reading)
        except InvalidValue as error:
            error.message = f"{attribute}: {error.message}"
            raise

    def _attribute(self, name: str) -> Attribute:
        try:
            return self._catalog.attribute(self._type, name)
        except NotFound as error:
            error.hint = (
                did_you_mean(name, self._catalog.names(self._type))
                or f"segctl attributes list {self._type} shows them all"
            )
            raise

    def _check_external_id(self, id: int, values: Mapping[str, Any]) -> None:
        wanted = values.get("external_id")
        table = self._table
        taken = wanted is not None and self._session.scalar(
            sa.select(table.c.id).where(table.c.external_id == wanted, table.c.id != id)
        )
        if taken:
            raise AlreadyExists(f"there is another {self._type} {quoted(wanted)}")

    def _set_items(self, id: int, attribute: Attribute, assignment: Assignment) -> None:
        item = self._tables.item(self._type)
        given = set(parse_items(attribute, assignment.text, self._reading))
        mine = sa.and_(item.c.record_id == id, item.c.attribute == attribute.name)
        there = set(self._session.scalars(sa.select(item.c.item).where(mine)))
        added, removed = _steps(assignment.act, given, there)
        if removed:
            self._session.execute(sa.delete(item).where(mine, item.c.item.in_(removed)))
        if added:
            row = {"attribute": attribute.name, "record_id": id}
            self._session.execute(sa.insert(item), [{**row, "item": one} for one in sorted(added)])

    def _relate(
        self, id: int, relation: Relation, assignment: Assignment, values: dict[str, Any]
    ) -> None:
        match relation.storage:
            case Storage.COLUMN:
                if assignment.act != "=":
                    raise UsageError(
                        f"{relation} leads to one {relation.target}, so only = sets it"
                    )
                text = assignment.text
                values[relation.column] = self._related(relation, text) if text else None
            case Storage.LINK:
                self._set_links(id, relation, assignment)
            case Storage.CHILD:
                raise UsageError(
                    f"{relation} is kept with the {relation.name}",
                    hint=f"segctl records set {relation.target} … {relation.inverse}=…",
                )

    def _set_links(self, id: int, relation: Relation, assignment: Assignment) -> None:
        link = self._tables.link()
        near, far = link.c[f"{relation.source}_id"], link.c[f"{relation.target}_id"]
        texts = split_items(assignment.text, self._reading)
        given = {self._related(relation, text) for text in texts}
        there = set(self._session.scalars(sa.select(far).where(near == id)))
        added, removed = _steps(assignment.act, given, there)
        if removed:
            self._session.execute(sa.delete(link).where(near == id, far.in_(removed)))
        if added:
            rows = [{near.name: id, far.name: other} for other in sorted(added)]
            self._session.execute(sa.insert(link), rows)

    def _related(self, relation: Relation, text: str) -> int:
        return find(self._session, self._tables, relation.target, text)


def _steps(act: Act, given: set[Any], there: set[Any]) -> tuple[set[Any], set[Any]]:
    """What to add and what to remove."""
    match act:
        case "=":
            return given - there, there - given
        case "+=":
            return given - there, set()
        case "-=":
            return set(), there & given


def _named(ref: str) -> str:
    try:
        name = key_value(ref)
    except InvalidValue as error:
        error.message = f"external_id: {error.message}"
        raise
    if name is None:
        raise UsageError("a record needs a name, its external id")
    return name


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the audit trail keeps them: JSON, times as text."""
    return {
        name: to_text(value) if isinstance(value, dt.date) else value
        for name, value in values.items()
    }


def plural(type: ObjectType, number: int) -> str:
    """`1 deal`, `2,000 deals`."""
    return f"{number:,} {type.value if number == 1 else PLURALS[type]}"
