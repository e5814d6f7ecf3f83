"""Fill an empty store with the demo workspace.

The rows go through the RecordWriter of the store, as an import's do, but not through the importer:
they are typed values already, and reading a CSV back that was written a moment ago would make the
demo slow for nothing. All rows are one transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
import json
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from segctl.catalog import PLURALS, RELATIONS, Attribute, Catalog, ObjectType, Storage
from segctl.errors import AlreadyExists, UsageError
from segctl.services import (
    attributes,
    defaults,
    demo_data,
    demo_words,
    demo_work,
    pins,
    segments,
    visibility,
)
from segctl.services.demo_data import Calendar, Row
from segctl.services.demo_segments import ATTRIBUTES, DEFAULTS, HIDDEN, PINS, SEGMENTS
from segctl.store import audit
from segctl.store.opening import Store, create_store, open_store
from segctl.store.records import record_tables
from segctl.store.tables import Segment
from segctl.store.tables_team import TeamGroup, TeamGroupMember, TeamMember
from segctl.store.workspace import load_catalog
from segctl.store.writing import encoder, record_writer

SMALLEST = 100
LARGEST = 2_000_000
DEFAULT_RECORDS = 24_000

Progress = Callable[[int], None]
"""Called with the number of rows written since the last call."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a demo holds: rows by type, team members, groups, segments."""

    rows: Mapping[ObjectType, int]
    team: int
    groups: int
    segments: int

    @property
    def records(self) -> int:
        """Records of the six types."""
        return sum(self.rows.values()) - self.events

    @property
    def events(self) -> int:
        return self.rows[ObjectType.EVENT]


def prepare(url: str, *, now: dt.datetime) -> Store:
    """Set up the store, or open one that holds nothing yet; AlreadyExists otherwise."""
    try:
        return create_store(url, now=now)
    except AlreadyExists:
        store = open_store(url)
    try:
        with store.read() as session:
            held = _held(session)
        if held is not None:
            raise AlreadyExists(
                f"the store {store} holds {held}; a demo goes into an empty one",
                hint="name another with --store, or delete it first",
            )
    except BaseException:
        store.close()
        raise
    return store


def _held(session: Session) -> str | None:
    """What a store holds, None if nothing that would be missed.

    The demo's own attributes may be there: an interrupted demo leaves them.
    """
    catalog = load_catalog(session)
    if not set(catalog.custom) <= set(ATTRIBUTES):
        return "attributes of its own"
    if session.exec(select(Segment.id).limit(1)).first() is not None:
        return "segments"
    tables = record_tables(catalog)
    for type in ObjectType:
        if session.execute(sa.select(tables.record(type).c.id).limit(1)).first() is not None:
            return PLURALS[type]
    return None


def fill(
    store: Store,
    *,
    records: int = DEFAULT_RECORDS,
    seed: int = 1,
    now: dt.datetime,
    actor: str,
    progress: Progress = lambda advance: None,
) -> Filled:
    """Put `records` records, their events, a team, attributes and segments into an empty store.

    The segments are not recalculated yet.
    """
    if not SMALLEST <= records <= LARGEST:
        raise UsageError(f"a demo has {SMALLEST} to {LARGEST:,} records, not {records:,}")
    with store.read() as session:
        there = load_catalog(session).custom
    missing = [attribute for attribute in ATTRIBUTES if attribute not in there]
    attributes.add_all(store, missing, now=now, actor=actor)
    with store.write() as session:
        catalog = load_catalog(session)
        written = _write(session, catalog, content(records, seed, now), progress)
        team = _team(session, now)
        audit.record(
            session,
            now=now,
            actor=actor,
            action="fill",
            subject_type="workspace",
            subject="demo",
            after={"seed": seed, **{str(type): n for type, n in written.items()}},
        )
    for segment in SEGMENTS:
        segments.create(
            store,
            type=segment.type,
            name=segment.name,
            where=segment.condition,
            description=segment.description,
            interval=segment.interval,
            now=now,
            actor=actor,
        )
    _arrange(store, now, actor)
    return Filled(written, team, len(demo_words.GROUPS), len(SEGMENTS))


def content(
    records: int, seed: int, now: dt.datetime
) -> Iterable[tuple[ObjectType, Iterable[Row]]]:
    """The rows of each type, parents first. Each type draws from a generator of its own, so that
    a change to one does not reshuffle the others."""

    def random(type: ObjectType) -> Random:
        return Random(f"{seed} {type}")  # noqa: S311  nothing here is a secret

    t = ObjectType
    size, calendar = demo_data.sizes(records), Calendar(now)
    products = demo_data.products(random(t.PRODUCT), calendar, size.products)
    yield t.PRODUCT, products
    companies = demo_data.companies(random(t.COMPANY), calendar, size.companies)
    yield t.COMPANY, (company.row for company in companies)
    contacts = demo_data.contacts(random(t.CONTACT), calendar, size.contacts, companies)
    yield t.CONTACT, (contact.row for contact in contacts)
    deals = demo_work.deals(random(t.DEAL), calendar, size.deals, companies, contacts, products)
    yield t.DEAL, deals
    yield t.TASK, demo_work.tasks(random(t.TASK), calendar, size.tasks, contacts, deals)
    yield t.TICKET, demo_work.tickets(random(t.TICKET), calendar, size.tickets, contacts, products)
    yield t.EVENT, demo_work.events(random(t.EVENT), calendar, contacts, products)


CHUNK = 5_000


def _write(
    session: Session,
    catalog: Catalog,
    content: Iterable[tuple[ObjectType, Iterable[Row]]],
    progress: Progress,
) -> dict[ObjectType, int]:
    """Write the rows of each type; the number of each."""
    ids: dict[ObjectType, dict[str, int]] = {}
    counts = dict.fromkeys(ObjectType, 0)
    for type, rows in content:
        ids[type] = {}
        chunk: list[Row] = []
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK:
                _write_chunk(session, catalog, type, chunk, ids)
                progress(len(chunk))
                counts[type] += len(chunk)
                chunk = []
        _write_chunk(session, catalog, type, chunk, ids)
        progress(len(chunk))
        counts[type] += len(chunk)
    return counts


def _write_chunk(
    session: Session,
    catalog: Catalog,
    type: ObjectType,
    rows: Sequence[Row],
    ids: dict[ObjectType, dict[str, int]],
) -> None:
    """Write rows of one type whose relations lead to `ids`, and add theirs."""
    tables = record_tables(catalog)
    table = tables.record(type)
    writer = record_writer(session, tables, type, [c.name for c in table.c if c.name != "id"])
    own = writer.allocate(len(rows))
    ids[type].update((row["external_id"], id) for row, id in zip(rows, own, strict=True))
    dialect = session.get_bind().dialect.name
    columns = [_column(catalog, type, name, dialect, ids) for name in writer.columns]
    writer.insert(
        [(id, *(read(row) for read in columns)) for row, id in zip(rows, own, strict=True)]
    )
    for attribute in catalog.attributes[type].values():
        if attribute.kind.many:
            writer.change_items(
                attribute,
                [
                    (id, item)
                    for row, id in zip(rows, own, strict=True)
                    for item in row.get(attribute.name) or ()
                ],
                [],
            )
    if type is ObjectType.DEAL:
        products = ids[ObjectType.PRODUCT]
        writer.change_links(
            RELATIONS[type]["products"],
            [
                (id, products[external_id])
                for row, id in zip(rows, own, strict=True)
                for external_id in row["products"]
            ],
            [],
        )


def _column(
    catalog: Catalog,
    type: ObjectType,
    name: str,
    dialect: str,
    ids: Mapping[ObjectType, Mapping[str, int]],
) -> Callable[[Row], Any]:
    """How a row gives the stored value of a column."""
    if type is ObjectType.EVENT and name == "attributes":
        return lambda row: json.dumps(row["attributes"], ensure_ascii=False)
    attribute: Attribute | None = catalog.attributes[type].get(name)
    if attribute is None:
        relation = next(
            r for r in RELATIONS[type].values() if r.storage is Storage.COLUMN and r.column == name
        )
        found = ids[relation.target]
        return lambda row: None if row[relation.name] is None else found[row[relation.name]]
    encode = encoder(attribute.kind, dialect)
    if encode is None:
        return lambda row: row.get(name)
    to_stored = encode
    return lambda row: None if row.get(name) is None else to_stored(row[name])


def _arrange(store: Store, now: dt.datetime, actor: str) -> None:
    """What the team sees of the segments."""
    for type, name in DEFAULTS:
        defaults.set_default(store, type, name, now=now, actor=actor)
    for person, name in PINS:
        pins.set_pin(store, name, as_=person, now=now, actor=actor)
    for name, group in HIDDEN:
        visibility.hide(store, name, [group], now=now, actor=actor)


def _team(session: Session, now: dt.datetime) -> int:
    """Team members in their groups; the number of members."""
    groups = {
        name: TeamGroup(
            name=name, folded_name=name.lower(), description=description, created_at=now
        )
        for name, description in demo_words.GROUPS
    }
    session.add_all(groups.values())
    people = [
        (
            TeamMember(email=demo_data.address(name), name=name, role=role, created_at=now),
            groups[group],
        )
        for name, role, group in demo_words.TEAM
    ]
    session.add_all(person for person, _ in people)
    session.flush()
    for person, group in people:
        session.add(TeamGroupMember(group_id=group.id, member_id=person.id))
        if person.role == "manager":
            group.manager_id = person.id
    return len(people)
