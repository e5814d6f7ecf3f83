"""A workspace under random edits, recalculated after each: incremental = full = truth.

Conditions are random trees over the whole language, records lie on and beside the bounds of their
time forms, and the clock moves by steps that cross these. Half of the edits are made by a session
that knows nothing of segctl.
"""

from collections.abc import Sequence
import datetime as dt
from random import Random
from typing import Any

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import (
    RELATIONS,
    SEGMENT_TYPES,
    Attribute,
    Catalog,
    ObjectType,
    ValueType,
)
from segctl.conditions.nodes import (
    And,
    Comparison,
    Condition,
    Everything,
    Field,
    Not,
    NumberVersus,
    Order,
)
from segctl.conditions.printer import to_text
from segctl.conditions.sql import matching
from segctl.conditions.stored import stored_record
from segctl.conditions.truth import holds
from segctl.engine.definition import load_definition, vocabulary
from segctl.engine.modes import Mode
from segctl.errors import SegctlError
from segctl.services import attributes, batches, recalculation, segments, stores, workspace
from segctl.services.outcomes import Outcome
from segctl.store.address import PostgresAddress
from segctl.store.opening import Store
from segctl.store.records import RecordTables, columns, record_tables
from segctl.store.workspace import load_catalog
from tests.conditions.loading import clear, load
from tests.conditions.pools import CUSTOM, EVENT_NAMES, FLOATS, INTEGERS, ITEMS, RAW, TEXTS, TO_ONE
from tests.conditions.strategies import conditions, mentioned, moments_near, workspaces
from tests.conftest import NOW
from tests.engine.workspace import ACTOR

T = ObjectType
V = ValueType
Draw = Any

ATTRIBUTES = tuple(
    attribute
    for attribute in CUSTOM
    if attribute.name
    in ("birthday", "interests", "level", "tier", "margin", "due_on", "amount", "plan", "sent_at")
)
EXTRA = Attribute(T.CONTACT, "extra", V.INTEGER, standard=False)
"""An attribute that comes and goes."""
STEPS = tuple(
    dt.timedelta(**step)
    for step in (
        *({"microseconds": 1}, {"seconds": 1}, {"hours": 1}, {"hours": 1}, {"hours": 12}),
        *({"days": 1}, {"days": 1}, {"days": 3}, {"days": 7}, {"days": 31}, {"days": 366}),
    )
)
ZONES = ("UTC", "Europe/Warsaw", "America/Sao_Paulo", "Pacific/Apia")
MOST = 6
"""Segments at a time."""


def prepare(store: Store) -> None:
    """What all examples on a store share."""
    attributes.add_all(store, list(ATTRIBUTES), now=NOW, actor=ACTOR)


FIRST = (T.COMPANY, T.CONTACT, T.PRODUCT, T.CONTACT, T.DEAL, T.DEAL, T.TASK, T.TICKET)
FIRST += (T.EVENT,) * 3
RELATED = {
    T.CONTACT: (
        "any deals (value > 0.2)",
        "count(deals) >= 2",
        "no tasks",
        "company.size > 2",
        "any company.deals (value > 0.2)",
        'event "login"',
        'event "purchase" at least 2 times in last 7 days',
        'no event "login" in last 30 days',
        'last event "login" more than 3 days ago',
        'first event "purchase" with (product.price > 0.2)',
        'tags has "vip"',
        "created_at in last 7 days or last_seen_at in next 3 days",
        "anniversary of birthday in next 7 days",
        "any deals (any products (price > 0.2))",
        "max(deals.won_at) in last 7 days",
    ),
    T.COMPANY: (
        "count(contacts where score > 2) >= 1",
        'any contacts (event "login" in last 7 days)',
        "sum(deals.value) > 1",
        'any contacts (tags has "vip")',
    ),
    T.DEAL: (
        "contact.company.size > 2",
        "count(products) >= 1",
        "any products (price > 0.2)",
        "contact is set and company is empty",
        "expected_close_date in next 7 days",
    ),
    T.TASK: ("deal.contact.score > 2", "due_at before now"),
    T.TICKET: ("product.price > 0.2", "contact.company.size > 2"),
    T.PRODUCT: ("count(deals where value > 0.2) >= 1", "any deals", "any events", "no tickets"),
}
"""Conditions about related records and about time that a few edits are likely to touch."""


class Incremental(RuleBasedStateMachine):
    """Subclasses name the store, which `prepare` has been called on."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.conditions: dict[int, Condition] = {}
        self.next_id = 1000
        self.number = 0
        self.foreign = _foreign(self.store)

    def teardown(self) -> None:
        self.foreign.dispose()

    # -- the beginning

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        draw = data.draw
        self._reset()
        workspace.set_value(
            self.store, "timezone", draw(st.sampled_from(ZONES)), now=NOW, actor=ACTOR
        )
        for _ in range(MOST - 1):
            self._define(draw)
        with self.store.write() as session:
            catalog = load_catalog(session)
            clock = vocabulary(session).scope(session, self.now).clock
            together = self._together()
            filled = draw(
                workspaces(catalog, clock, mentioned(together), together, segments={}, most=2)
            )
            load(session, record_tables(catalog), filled)
            times = moments_near(clock, together)
            writer = _Writer(
                self._random(draw), record_tables(catalog), *times, mentioned(together), self
            )
            for type in (*FIRST, *FIRST, *FIRST):
                writer.insert(session.connection(), type)
            for _ in range(6):
                writer.link(session.connection(), there=True)
                writer.item(session.connection(), T.CONTACT, there=True)
        self._check(draw, list(self.conditions))

    def _reset(self) -> None:
        with self.store.read() as session:
            there = load_catalog(session).attributes[EXTRA.type]
        if EXTRA.name in there:
            attributes.drop(self.store, EXTRA.type, EXTRA.name, now=NOW, actor=ACTOR, force=True)
        with self.store.write() as session:
            clear(session, record_tables(load_catalog(session)))
            for table in (
                *("member_change", "recalculation", "change_horizon", "segment_schedule"),
                *("segment_reference", "segment_state", "segment", "audit_entry"),
            ):
                session.execute(sa.text(f"DELETE FROM {table}"))
            session.execute(
                sa.text(
                    "UPDATE workspace SET full_every_days = 100000, trace_keep_rows = 1000000, "
                    "change_keep_rows = 1000000"
                )
            )

    # -- steps

    @rule(data=st.data())
    def write_records(self, data: st.DataObject) -> None:
        self._edit(data.draw)
        self._check(data.draw, list(self.conditions))

    @rule(data=st.data())
    def write_more_records(self, data: st.DataObject) -> None:
        self._edit(data.draw)
        self._check(data.draw, list(self.conditions))

    @rule(data=st.data())
    def write_records_and_wait(self, data: st.DataObject) -> None:
        """Some segments are recalculated later than others."""
        self._edit(data.draw)
        chosen = [id for id in self.conditions if data.draw(st.booleans())]
        if chosen:
            self._check(data.draw, chosen)

    @rule(data=st.data(), step=st.sampled_from(STEPS), back=st.sampled_from((False, False, True)))
    def move_the_clock(self, data: st.DataObject, step: dt.timedelta, back: bool) -> None:
        self.now = self.now - step if back else self.now + step
        self._check(data.draw, list(self.conditions))

    @rule(data=st.data())
    def wait_and_write(self, data: st.DataObject) -> None:
        self.now += data.draw(st.sampled_from(STEPS))
        self._edit(data.draw)
        self._check(data.draw, list(self.conditions))

    @rule(data=st.data())
    def disturb(self, data: st.DataObject) -> None:
        """What happens less often, and makes some recalculations full."""
        what = (
            self.define_a_segment,
            self.edit_a_segment,
            self.rename_a_segment,
            self.change_the_attributes,
            self.move_the_workspace,
            self.prune,
            self.write_without_triggers,
        )
        data.draw(st.sampled_from(what))(data)

    def define_a_segment(self, data: st.DataObject) -> None:
        if len(self.conditions) < MOST:
            self._define(data.draw)
            self._check(data.draw, list(self.conditions))

    def edit_a_segment(self, data: st.DataObject) -> None:
        if self.conditions:
            id = data.draw(st.sampled_from(sorted(self.conditions)))
            view = segments.find(self.store, f"#{id}")
            condition = data.draw(conditions(view.type, self._catalog(), self._names(), depth=2))
            try:
                self._redefine(id, condition)
            except SegctlError:  # a cycle
                return
            self._check(data.draw, list(self.conditions))

    def rename_a_segment(self, data: st.DataObject) -> None:
        if self.conditions:
            id = data.draw(st.sampled_from(sorted(self.conditions)))
            self.number += 1
            segments.rename(self.store, f"#{id}", f"S{self.number}", now=self.now, actor=ACTOR)
            self._edit(data.draw)
            self._check(data.draw, list(self.conditions))

    def change_the_attributes(self, data: st.DataObject) -> None:
        """An attribute comes, and a segment that reads it; or it goes, with its values."""
        if EXTRA.name in self._catalog().attributes[EXTRA.type]:
            for id, condition in self.conditions.items():
                if EXTRA.name in {a.name for a in mentioned(condition)}:
                    self._redefine(id, Everything())
            attributes.drop(self.store, EXTRA.type, EXTRA.name, now=self.now, actor=ACTOR)
        else:
            attributes.add(self.store, EXTRA, now=self.now, actor=ACTOR)
            extra = Comparison(Field((), EXTRA), NumberVersus(Order.GE, 1))
            for id in self.conditions:
                if segments.find(self.store, f"#{id}").type is EXTRA.type:
                    self._redefine(id, data.draw(st.sampled_from((extra, Not(extra)))))
                    break
        self._check(data.draw, list(self.conditions))

    def move_the_workspace(self, data: st.DataObject) -> None:
        zone = data.draw(st.sampled_from(ZONES))
        workspace.set_value(self.store, "timezone", zone, now=self.now, actor=ACTOR)
        self._check(data.draw, list(self.conditions))

    def prune(self, data: st.DataObject) -> None:
        """Some of the trace and of the history is gone."""
        self._edit(data.draw)
        keep = data.draw(st.sampled_from((0, 3)))
        with self.store.write() as session:
            session.execute(
                sa.text("UPDATE workspace SET trace_keep_rows = :keep, change_keep_rows = :keep"),
                {"keep": keep},
            )
        stores.prune(self.store, now=self.now, actor=ACTOR)
        with self.store.write() as session:
            session.execute(
                sa.text("UPDATE workspace SET trace_keep_rows = 999, change_keep_rows = 999")
            )
        self._check(data.draw, list(self.conditions))

    def write_without_triggers(self, data: st.DataObject) -> None:
        """Somebody takes triggers away, and writes what they would have traced."""
        type = data.draw(st.sampled_from(list(ObjectType)))
        with self.foreign.begin() as connection:
            if self.store.dialect == "sqlite":
                for kind in ("insert", "update", "delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER segctl_trace_{type}_{kind}")
            else:
                connection.exec_driver_sql(f"ALTER TABLE {type} DISABLE TRIGGER ALL")
        self._edit(data.draw)
        self._check(data.draw, list(self.conditions))

    # -- writing

    def _define(self, draw: Draw) -> None:
        random = self._random(draw)
        type = random.choice((*SEGMENT_TYPES, T.CONTACT, T.CONTACT, T.DEAL))
        kind = random.choice(("any", "related", "related", "reference"))
        references = self._references(type) if kind == "reference" else []
        if kind == "related" or references:
            text = random.choice(references or RELATED[type])
            with self.store.read() as session:
                condition = vocabulary(session).parse(text, type)
        else:
            condition = draw(conditions(type, self._catalog(), self._names(), depth=2))
        self.number += 1
        view = segments.create(
            self.store,
            type=type,
            name=f"S{self.number}",
            where=to_text(condition),
            now=self.now,
            actor=ACTOR,
        )
        self.conditions[view.id] = condition

    def _references(self, type: ObjectType) -> list[str]:
        """Conditions that read the members of the segments that there are."""
        names = self._names()
        found = [f'in segment "{name}"' for _, name in names.get(type, ())]
        found += [f"not {text}" for text in found]
        for relation in RELATIONS[type].values():
            for _, name in names.get(relation.target, ()):
                member = f'in segment "{name}"'
                way = f"any {relation.name} ({member})" if relation.to_many else ""
                found.append(way or f"{relation.name} {member}")
        return found

    def _redefine(self, id: int, condition: Condition) -> None:
        segments.edit(self.store, f"#{id}", where=to_text(condition), now=self.now, actor=ACTOR)
        self.conditions[id] = condition

    def _edit(self, draw: Draw) -> None:
        together = self._together()
        with self.store.read() as session:
            clock = vocabulary(session).scope(session, self.now).clock
            tables = record_tables(load_catalog(session))
        random = self._random(draw)
        writer = _Writer(random, tables, *moments_near(clock, together), mentioned(together), self)
        number = random.randint(1, 6)
        if draw(st.booleans()):
            with self.foreign.begin() as connection:
                for _ in range(number):
                    writer.edit(connection)
        else:
            with self.store.write() as session:
                for _ in range(number):
                    writer.edit(session.connection())

    def _random(self, draw: Draw) -> Random:
        """Hypothesis likes small examples; what it draws here is only where a sequence starts."""
        return Random(draw(st.integers(0, 2**32)))

    def _together(self) -> Condition:
        return And(tuple(self.conditions.values()))

    def _catalog(self) -> Catalog:
        with self.store.read() as session:
            return load_catalog(session)

    def _names(self) -> dict[ObjectType, Sequence[tuple[int, str]]]:
        names: dict[ObjectType, list[tuple[int, str]]] = {}
        for view in segments.list_segments(self.store):
            names.setdefault(view.type, []).append((view.id, view.name))
        return names  # type: ignore[return-value]

    # -- checking

    def _check(self, draw: Draw, chosen: Sequence[int]) -> None:
        mode = draw(st.sampled_from((Mode.INCREMENTAL, Mode.INCREMENTAL, Mode.AUTO)))
        before = {id: _stored(self.store, id) for id in self.conditions}
        batch = batches.choose(self.store, [f"#{id}" for id in chosen])
        outcomes = recalculation.recalculate(self.store, batch, now=self.now, mode=mode)
        with self.store.read() as session:
            for outcome in outcomes:
                assert outcome.done, outcome.error
                event(outcome.mode)
                if outcome.entered or outcome.left:
                    event(f"{outcome.mode}, some change")
                self._compare(session, outcome, before[outcome.segment_id])

    def _compare(self, session: Session, outcome: Outcome, before: set[int]) -> None:
        words = vocabulary(session)
        definition = load_definition(session, outcome.segment_id, words)
        scope = words.scope(session, self.now)
        type, tables = definition.type, scope.tables
        place = f"{outcome.mode} ({outcome.why}) {type} where {definition.text}"
        after = _members(session, tables, type, outcome.segment_id)
        full = set(session.scalars(matching(definition.condition, type, scope)))
        assert after == full, place
        ids = session.scalars(sa.select(tables.record(type).c.id))
        records = [stored_record(session, tables, type, id) for id in ids]
        true = {r.id for r in records if r and holds(definition.condition, r, scope.clock)}
        assert after == true, place
        assert outcome.count_after == len(after), place
        assert (outcome.entered, outcome.left) == (len(after - before), len(before - after)), place


class _Writer:
    """Writes records as any program could."""

    def __init__(
        self,
        random: Random,
        tables: RecordTables,
        days: Sequence[dt.date],
        times: Sequence[dt.datetime],
        wanted: set[Attribute],
        machine: Incremental,
    ) -> None:
        self.random = random
        self.tables = tables
        self.days = days
        self.times = times
        self.wanted = wanted
        self.machine = machine

    def edit(self, connection: sa.Connection) -> None:
        kind = self.pick(
            (
                *("update", "update", "update", "insert", "insert", "delete", "delete", "move"),
                *("move", "move", "link", "unlink", "item", "item", "no item", "event", "again"),
            )
        )
        type = self.pick((*ObjectType, T.CONTACT, T.DEAL, T.EVENT))
        match kind:
            case "update":
                self.update(connection, type)
            case "insert":
                self.insert(connection, type)
            case "event":
                self.insert(connection, T.EVENT)
            case "delete":
                self.delete(connection, type)
            case "move":
                self.move(connection, type)
            case "link" | "unlink":
                self.link(connection, there=kind == "link")
            case "item" | "no item":
                self.item(connection, type, there=kind == "item")
            case "again":
                self.again(connection, type)

    def pick(self, options: Sequence[Any]) -> Any:
        return self.random.choice(options)

    def ids(self, connection: sa.Connection, type: ObjectType) -> list[int]:
        table = self.tables.record(type)
        return list(connection.scalars(sa.select(table.c.id).order_by(table.c.id)))

    def value(self, attribute: Attribute) -> Any:
        pools: dict[ValueType, Sequence[Any]] = {
            V.STRING: EVENT_NAMES if attribute.type is T.EVENT else TEXTS[:24],
            V.CHOICE: attribute.choices,
            V.INTEGER: INTEGERS,
            V.FLOAT: FLOATS,
            V.BOOLEAN: (True, False),
            V.DATE: self.days,
            V.DATETIME: self.times,
        }
        return self.pick(pools[attribute.kind])

    def attribute(self, type: ObjectType) -> Attribute:
        plain = [a for a in columns(self.tables.catalog, type) if a.name != "external_id"]
        return self.pick([a for a in plain if a in self.wanted] or plain)

    def update(self, connection: sa.Connection, type: ObjectType) -> None:
        if not (ids := self.ids(connection, type)):
            return
        table = self.tables.record(type)
        mine = table.c.id == self.pick(ids)
        if type is T.EVENT and self.pick((True, False)):
            connection.execute(sa.update(table).where(mine).values(attributes=self.document()))
            return
        attribute = self.attribute(type)
        fixed = type is T.EVENT
        value = self.value(attribute) if fixed or self.pick((True, True, False)) else None
        connection.execute(sa.update(table).where(mine).values({attribute.name: value}))

    def document(self) -> dict[str, Any]:
        """The attributes of an event."""
        document: dict[str, Any] = {}
        for attribute in self.tables.catalog.attributes[T.EVENT].values():
            if attribute.standard or self.pick((True, False)):
                continue
            value = self.pick(RAW) if self.pick((False, False, True)) else self.value(attribute)
            if isinstance(value, dt.datetime):
                value = value.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
            elif isinstance(value, dt.date):
                value = value.isoformat()
            document[attribute.name] = value
        return document

    def insert(self, connection: sa.Connection, type: ObjectType) -> None:
        table = self.tables.record(type)
        self.machine.next_id += 1
        id = self.machine.next_id
        values: dict[str, Any] = {"id": id, "external_id": f"x{id}"}
        if type is T.EVENT:
            values |= {"attributes": self.document(), "name": self.pick(EVENT_NAMES)}
            values["occurred_at"] = self.pick(self.times)
        else:
            some = [self.attribute(type) for _ in range(3)]
            for attribute in dict.fromkeys(some):
                values[attribute.name] = self.value(attribute)
        for relation in TO_ONE[type]:
            if ids := self.ids(connection, relation.target):
                values[relation.column] = self.pick(ids)
        if type is not T.EVENT or "contact_id" in values:
            connection.execute(sa.insert(table).values(**values))

    def delete(self, connection: sa.Connection, type: ObjectType) -> None:
        if ids := self.ids(connection, type):
            table = self.tables.record(type)
            connection.execute(sa.delete(table).where(table.c.id == self.pick(ids)))

    def move(self, connection: sa.Connection, type: ObjectType) -> None:
        ids, relations = self.ids(connection, type), TO_ONE[type]
        if not ids or not relations:
            return
        table, relation = self.tables.record(type), self.pick(relations)
        targets: list[int | None] = [*self.ids(connection, relation.target)]
        if table.c[relation.column].nullable:
            targets.append(None)
        mine = table.c.id == self.pick(ids)
        connection.execute(
            sa.update(table).where(mine).values({relation.column: self.pick(targets)})
        )

    def link(self, connection: sa.Connection, *, there: bool) -> None:
        link = self.tables.link()
        pairs = [tuple(row) for row in connection.execute(sa.select(link))]
        if not there and pairs:
            deal, product = self.pick(pairs)
            connection.execute(
                sa.delete(link).where(link.c.deal_id == deal, link.c.product_id == product)
            )
        elif there:
            deals, products = self.ids(connection, T.DEAL), self.ids(connection, T.PRODUCT)
            new = [(d, p) for d in deals for p in products if (d, p) not in pairs]
            if new:
                deal, product = self.pick(new)
                connection.execute(sa.insert(link).values(deal_id=deal, product_id=product))

    def item(self, connection: sa.Connection, type: ObjectType, *, there: bool) -> None:
        if type is T.EVENT:
            return
        item = self.tables.item(type)
        rows = [tuple(row) for row in connection.execute(sa.select(item))]
        many = [a for a in self.tables.catalog.attributes[type].values() if a.kind.many]
        if not there and rows:
            attribute, text, record = self.pick(rows)
            connection.execute(
                sa.delete(item).where(
                    item.c.attribute == attribute, item.c.item == text, item.c.record_id == record
                )
            )
        elif there and (ids := self.ids(connection, type)):
            chosen = self.pick(many)
            row = (chosen.name, self.pick(chosen.choices or ITEMS), self.pick(ids))
            if row not in rows:
                connection.execute(
                    sa.insert(item).values(attribute=row[0], item=row[1], record_id=row[2])
                )

    def again(self, connection: sa.Connection, type: ObjectType) -> None:
        """A record takes the place of another with its external id; REPLACE where there is that."""
        table = self.tables.record(type)
        names = list(
            connection.scalars(
                sa.select(table.c.external_id).where(table.c.external_id.is_not(None))
            )
        )
        if type is T.EVENT or not names:
            return
        name = self.pick(sorted(names))
        if connection.dialect.name == "sqlite":
            self.machine.next_id += 1
            insert = sa.insert(table).prefix_with("OR REPLACE")
            connection.execute(insert.values(id=self.machine.next_id, external_id=name))
        else:
            attribute = self.attribute(type)
            connection.execute(
                sa.text(
                    f"MERGE INTO {type} t USING (SELECT CAST(:name AS text) AS name) s "
                    f"ON t.external_id = s.name WHEN MATCHED THEN UPDATE SET {attribute.name} = "
                    "NULL WHEN NOT MATCHED THEN INSERT (external_id) VALUES (s.name)"
                ),
                {"name": name},
            )


def _foreign(store: Store) -> sa.Engine:
    """A program that does not know segctl: no functions of ours, no settings but foreign keys."""
    if isinstance(store.address, PostgresAddress):
        url = sa.make_url(store.address.url).set(drivername="postgresql+psycopg")
        return sa.create_engine(url)
    engine = sa.create_engine(f"sqlite:///{store.address.path}")

    @sa.event.listens_for(engine, "connect")
    def _foreign_keys(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def _members(session: Session, tables: RecordTables, type: ObjectType, segment: int) -> set[int]:
    member = tables.member(type)
    return set(session.scalars(sa.select(member.c.record_id).where(member.c.segment_id == segment)))


def _stored(store: Store, segment: int) -> set[int]:
    with store.read() as session:
        type = segments.find(store, f"#{segment}").type
        return _members(session, record_tables(load_catalog(session)), type, segment)
