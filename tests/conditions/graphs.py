"""Random records: graphs in memory that conditions can be asked of."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
import datetime as dt

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from segctl.catalog import (
    SEGMENT_TYPES,
    Attribute,
    Catalog,
    ObjectType,
    Relation,
    Storage,
    ValueType,
)
from segctl.conditions import nodes as n
from segctl.conditions.nodes import Condition, Order
from segctl.conditions.stored import json_value
from segctl.conditions.time import Clock, intervals
from segctl.conditions.truth import Value
from tests.conditions.pools import (
    CATALOG,
    DATES,
    EVENT_NAMES,
    FLOATS,
    INTEGERS,
    ITEMS,
    NOON,
    RAW,
    SEGMENTS,
    TEMPORAL,
    TEXTS,
    TO_ONE,
    UTC,
    SegmentNames,
    clocks,
    pick,
    some,
)
from tests.conditions.trees import conditions, mentioned, parts

T = ObjectType
V = ValueType


@dataclass(eq=False)
class Row:
    """A record in memory; satisfies truth.Record.

    `values`, `lists` and `ones` are keyed by attribute or relation name. `raw` is what the JSON of
    an event holds where that is not what the attribute's type would be written as; it hides the
    value of the same name.
    """

    workspace: "Workspace"
    type: ObjectType
    id: int
    values: dict[str, Value] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ones: dict[str, int] = field(default_factory=dict)
    raw: dict[str, object] = field(default_factory=dict)

    def value(self, attribute: Attribute) -> Value:
        if attribute.name in self.raw:
            return json_value(self.raw[attribute.name], attribute.kind)
        return self.values.get(attribute.name)

    def items(self, attribute: Attribute) -> Sequence[str]:
        return self.lists.get(attribute.name, ())

    def one(self, relation: Relation) -> "Row | None":
        id = self.ones.get(relation.name)
        return None if id is None else self.workspace.rows[relation.target][id]

    def many(self, relation: Relation) -> Sequence["Row"]:
        rows = self.workspace.rows[relation.target].values()
        if relation.storage is Storage.CHILD:
            return [row for row in rows if row.ones.get(relation.inverse) == self.id]
        if relation.source is T.DEAL:
            return [row for row in rows if (self.id, row.id) in self.workspace.links]
        return [row for row in rows if (row.id, self.id) in self.workspace.links]

    def is_member(self, segment: int) -> bool:
        return (segment, self.id) in self.workspace.members.get(self.type, ())

    def __repr__(self) -> str:
        parts = {
            **self.values,
            **self.lists,
            **{f"{k}_id": v for k, v in self.ones.items()},
            **self.raw,
        }
        return f"{self.type} {self.id} {parts}"


@dataclass(eq=False)
class Workspace:
    """A graph of records in memory.

    `links` are pairs (deal id, product id); `members` are pairs (segment id, record id) by type.
    """

    catalog: Catalog
    rows: dict[ObjectType, dict[int, Row]] = field(
        default_factory=lambda: {type: {} for type in ObjectType}
    )
    links: set[tuple[int, int]] = field(default_factory=set)
    members: dict[ObjectType, set[tuple[int, int]]] = field(default_factory=dict)

    def add(self, type: ObjectType, id: int | None = None) -> Row:
        """A new record without values; by default its id is the next of its type."""
        row = Row(self, type, len(self.rows[type]) + 1 if id is None else id)
        self.rows[type][row.id] = row
        return row

    def records(self, type: ObjectType) -> list[Row]:
        return list(self.rows[type].values())

    def __repr__(self) -> str:
        rows = [repr(row) for rows in self.rows.values() for row in rows.values()]
        return "\n".join([*rows, f"links {self.links}", f"members {self.members}"])


def moments_near(
    clock: Clock, condition: Condition | None
) -> tuple[list[dt.date], list[dt.datetime]]:
    """Days and instants on and beside the bounds of the condition's time forms, and near now."""
    days, times = list(DATES[:12]), [clock.now]
    tests = [part for part in parts(condition) if isinstance(part, n.TimeTest)] if condition else []
    for test in (*tests, n.Versus(Order.EQ, n.Day(n.Anchor.TODAY))):
        for kind in TEMPORAL:
            try:
                found = intervals(test, kind, clock)
            except ValueError:  # hours, on a date
                continue
            for interval in (*found[:2], *found[-2:], *found[len(found) // 2 :][:2]):
                for bound in (interval.low, interval.high):
                    if bound is not None:
                        (times if kind is V.DATETIME else days).extend(_beside(bound))
    return list(dict.fromkeys(days)), list(dict.fromkeys(times))


def _beside(bound: dt.date) -> Iterator[dt.date]:
    step = dt.timedelta(microseconds=1) if isinstance(bound, dt.datetime) else dt.timedelta(days=1)
    yield bound
    for away in (-step, step):
        try:
            yield bound + away
        except OverflowError:
            continue


@st.composite
def workspaces(
    draw: DrawFn,
    catalog: Catalog = CATALOG,
    clock: Clock = NOON,
    fill: Iterable[Attribute] | None = None,
    condition: Condition | None = None,
    segments: SegmentNames = SEGMENTS,
    most: int = 3,
    subject: ObjectType | None = None,
) -> Workspace:
    """Up to `most` records a type (events: twice that; of `subject`: one more), with gaps.

    Only the attributes in `fill` (default: all) get values; external_id and an event's own name and
    time always do. Times lie around `clock` and the bounds of `condition`.
    """
    workspace = Workspace(catalog)
    days, times = moments_near(clock, condition)
    times += [moment.replace(tzinfo=UTC) for moment in (dt.datetime(2026, 3, 15), dt.datetime.max)]
    wanted = None if fill is None else set(fill)
    for type in ObjectType:
        number = pick(draw, range(2 * most + 1 if type is T.EVENT else most + 1))
        if type is subject:
            number += 1
        if type is T.EVENT and not workspace.rows[T.CONTACT]:
            number = 0
        for _ in range(number):
            row = workspace.add(type)
            row.values["external_id"] = f"{type}-{row.id}"
            for attribute in catalog.attributes[type].values():
                fixed = attribute.name == "external_id"
                if not fixed and (wanted is None or attribute in wanted):
                    _fill(draw, row, attribute, days, times)
            if type is T.EVENT:
                row.values["name"] = pick(draw, EVENT_NAMES)
                row.values["occurred_at"] = pick(draw, times)
    _relate(draw, workspace)
    for type, listed in segments.items():
        pairs = [(id, row) for id, _ in listed for row in workspace.rows[type]]
        workspace.members[type] = set(some(draw, pairs, least=0, most=4)) if pairs else set()
    return workspace


def _fill(
    draw: DrawFn,
    row: Row,
    attribute: Attribute,
    days: Sequence[dt.date],
    times: Sequence[dt.datetime],
) -> None:
    if attribute.kind.many:
        pool = attribute.choices or ITEMS
        if items := some(draw, pool, least=0):
            row.lists[attribute.name] = items
        return
    pools: dict[ValueType, Sequence[Value]] = {
        V.STRING: TEXTS,
        V.CHOICE: attribute.choices,
        V.INTEGER: INTEGERS,
        V.FLOAT: FLOATS,
        V.BOOLEAN: (True, False),
        V.DATE: days,
        V.DATETIME: times,
    }
    if row.type is T.EVENT and not attribute.standard and pick(draw, (False,) * 5 + (True,)):
        row.raw[attribute.name] = pick(draw, RAW)
    elif pick(draw, (True, True, True, True, False)):
        row.values[attribute.name] = pick(draw, pools[attribute.kind])


def _relate(draw: DrawFn, workspace: Workspace) -> None:
    for type in ObjectType:
        for row in workspace.records(type):
            for relation in TO_ONE[type]:
                targets = list(workspace.rows[relation.target])
                owner = type is T.EVENT and relation.target is T.CONTACT
                if targets and (owner or pick(draw, (True, True, False))):
                    row.ones[relation.name] = pick(draw, targets)
    pairs = [(d, p) for d in workspace.rows[T.DEAL] for p in workspace.rows[T.PRODUCT]]
    if pairs:
        workspace.links = set(some(draw, pairs, least=0, most=6))


# ---------------------------------------------------------------- whole examples


@dataclass(frozen=True)
class Case:
    """One example of agreement: which records of `type` satisfy the condition?"""

    type: ObjectType
    condition: Condition
    workspace: Workspace
    clock: Clock


@st.composite
def cases(
    draw: DrawFn,
    catalog: Catalog = CATALOG,
    segments: SegmentNames = SEGMENTS,
    depth: int = 3,
    types: Sequence[ObjectType] = (*SEGMENT_TYPES, T.CONTACT, T.CONTACT, T.DEAL),
) -> Case:
    """A type, a condition, a clock, and a workspace filled with what the condition asks for."""
    type = pick(draw, types)
    condition = draw(conditions(type, catalog, segments, depth))
    clock = draw(clocks())
    fill = mentioned(condition)
    workspace = draw(workspaces(catalog, clock, fill, condition, segments, subject=type))
    return Case(type, condition, workspace, clock)
