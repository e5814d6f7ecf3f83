"""One record: found by its name, read whole, set to other values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
import re
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import Attribute, Catalog, ObjectType, Relation, Storage, did_you_mean
from segctl.errors import AlreadyExists, InvalidValue, NotFound, UsageError
from segctl.services.values import (
    Reading,
    key_value,
    parse_items,
    parse_value,
    quoted,
    split_items,
)
from segctl.store.reading import RecordColumn, every_column, read_records
from segctl.store.records import RecordTables
from segctl.store.workspace import load_workspace

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


def find_record(session: Session, tables: RecordTables, type: ObjectType, ref: str) -> int:
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


def whole_record(
    session: Session,
    tables: RecordTables,
    type: ObjectType,
    id: int,
    columns: Sequence[RecordColumn],
) -> dict[str, Any]:
    rows = read_records(session, tables, type, columns, where=lambda table: table.c.id == id)
    return next(rows)


class RecordSetter:
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
            id = find_record(self._session, self._tables, self._type, ref)
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
        before = whole_record(self._session, self._tables, self._type, id, columns)
        values: dict[str, Any] = {}
        for assignment in assignments:
            self._assign(id, assignment, values)
        if values:
            self._check_external_id(id, values)
            self._update(id, values)
        after = whole_record(self._session, self._tables, self._type, id, columns)
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
        return find_record(self._session, self._tables, relation.target, text)


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
