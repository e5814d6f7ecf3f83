"""The assignment rules as a decision tries them: read once, kept until something changes them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.conditions import printer, walk
from segctl.conditions.hints import short
from segctl.conditions.nodes import (
    Aggregate,
    And,
    Comparison,
    Condition,
    EventCount,
    EventEdge,
    InSegment,
    Many,
    Not,
    Or,
)
from segctl.conditions.nodes import Any as AnyRelated
from segctl.engine.definition import Vocabulary, vocabulary
from segctl.engine.order import all_references, in_order
from segctl.errors import ConditionError
from segctl.store.records import RecordTables, record_tables
from segctl.store.tables import Segment, Workspace
from segctl.store.tables_team import AssignmentRule

_rule: sa.Table = AssignmentRule.__table__  # type: ignore[attr-defined]
_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_workspace: sa.Table = Workspace.__table__  # type: ignore[attr-defined]

LONGEST = 160
"""Characters of a condition's part in a trace."""


class Source(StrEnum):
    """Where a decision takes it from who is in a segment."""

    LIVE = "live"
    """The condition, evaluated for the contact at that moment."""
    STORED = "stored"
    """The members as last counted."""


@dataclass(frozen=True, slots=True)
class Part:
    """A condition that has to hold among others, and its text."""

    condition: Condition
    text: str


@dataclass(frozen=True, slots=True)
class StoredReference:
    """A segment whose stored members a condition reads, because a relation leads to the record."""

    id: int
    type: ObjectType
    name: str

    def __str__(self) -> str:
        return f'the {self.type} segment "{self.name}"'


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. All `parts` have to hold.

    `live` are the contact segments that it asks the contact itself about, directly or through each
    other, the deepest first. `problem` says why the condition cannot be evaluated.
    """

    id: int
    position: int
    segment_id: int
    segment: str
    member_id: int | None
    group_id: int | None
    enabled: bool
    parts: tuple[Part, ...] = ()
    live: tuple[int, ...] = ()
    stored: tuple[StoredReference, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules by position, and the settings that take part in a decision."""

    source: Source
    strategy: str | None
    zone: ZoneInfo
    tables: RecordTables
    rules: tuple[Rule, ...]
    conditions: Mapping[int, Condition]
    """Of the contact segments in `Rule.live`."""
    event_names: frozenset[str] | None
    """The only events that they read; None: any."""
    reads: tuple[int, ...] = ()
    """The segments whose definitions took part."""
    seen: Any = field(default=None, compare=False, repr=False)


class RuleCache:
    """Keeps the rules from one transaction to the next; what it gives is always today's.

    One assignment replaces them, so threads may share it.
    """

    def __init__(self) -> None:
        self._rules: Rules | None = None

    def current(self, session: Session) -> Rules:
        """The rules as this transaction sees them; three small queries if nothing has changed."""
        known = self._rules
        if known is not None and known.seen == _seen(session, known.reads):
            return known
        self._rules = load_rules(session)
        return self._rules


def load_rules(session: Session) -> Rules:
    """The rules as this transaction sees them."""
    words = vocabulary(session)
    settings = session.execute(
        sa.select(_workspace.c.assignment_source, _workspace.c.group_strategy)
    ).one()
    reader = _Reader(session, words)
    rules = tuple(
        reader.rule(row)
        for row in session.execute(
            sa.select(_rule, _segment.c.name.label("segment_name"))
            .join(_segment, _segment.c.id == _rule.c.segment_id)
            .order_by(_rule.c.position, _rule.c.id)
        )
    )
    reads = tuple(sorted(reader.read))
    return Rules(
        source=Source(settings.assignment_source),
        strategy=settings.group_strategy,
        zone=words.zone,
        tables=record_tables(words.catalog),
        rules=rules,
        conditions=reader.conditions,
        event_names=_event_names(reader.conditions.values()),
        reads=reads,
        seen=_seen(session, reads),
    )


_WORDS = sa.select(
    _workspace.c.catalog_version,
    _workspace.c.timezone,
    _workspace.c.assignment_source,
    _workspace.c.group_strategy,
    sa.select(sa.func.count()).select_from(_segment).scalar_subquery(),
    sa.select(sa.func.max(_segment.c.id)).scalar_subquery(),
)
_RULES = sa.select(
    *(_rule.c[name] for name in ("id", "position", "segment_id", "member_id", "group_id")),
    _rule.c.enabled,
).order_by(_rule.c.position, _rule.c.id)
_DEFINITIONS = (
    sa.select(_segment.c.id, _segment.c.name, _segment.c.definition_hash)
    .where(_segment.c.id.in_(sa.bindparam("reads", expanding=True)))
    .order_by(_segment.c.id)
)


def _seen(session: Session, reads: Iterable[int]) -> Any:
    """What would differ if anything that the rules are made of had changed.

    The number of segments and the highest id change whenever a name comes to mean another segment.
    """
    return (
        session.execute(_WORDS).all(),
        session.execute(_RULES).all(),
        session.execute(_DEFINITIONS, {"reads": list(reads)}).all(),
    )


class _Reader:
    """Conditions of contact segments, each read once."""

    def __init__(self, session: Session, words: Vocabulary) -> None:
        self._session = session
        self._words = words
        self.conditions: dict[int, Condition] = {}
        self.read: set[int] = set()
        self._problems: dict[int, str] = {}
        self._own: dict[int, set[int]] = {}
        self._stored: dict[int, set[StoredReference]] = {}

    def rule(self, row: Any) -> Rule:
        id = row.segment_id
        self._load(id)
        order = in_order([*all_references([id], self._own), id], self._own)
        broken = next((segment for segment in order if segment in self._problems), None)
        stored = {each for segment in order for each in self._stored.get(segment, ())}
        self.read.update(each.id for each in stored)
        return Rule(
            id=row.id,
            position=row.position,
            segment_id=id,
            segment=row.segment_name,
            member_id=row.member_id,
            group_id=row.group_id,
            enabled=bool(row.enabled),
            parts=() if broken is not None else _parts(self.conditions[id]),
            live=tuple(segment for segment in order if segment != id),
            stored=tuple(sorted(stored, key=lambda each: (each.type, each.name))),
            problem=None if broken is None else self._problems[broken],
        )

    def _load(self, id: int) -> None:
        waiting = [id]
        while waiting:
            segment = waiting.pop()
            if segment in self.read:
                continue
            self.read.add(segment)
            row = self._session.get(Segment, segment)
            assert row is not None  # foreign keys hold it
            try:
                condition = self._words.parse(row.condition, ObjectType.CONTACT)
            except ConditionError as error:
                self._problems[segment] = (
                    f'the condition of "{row.name}" can no longer be read: {error.message}'
                )
                continue
            self.conditions[segment] = condition
            own, stored = split_references(condition)
            self._own[segment] = own
            self._stored[segment] = stored
            waiting += own


def split_references(condition: Condition) -> tuple[set[int], set[StoredReference]]:
    """The segments that are asked about the record itself, and those about records that a relation
    or an event leads to."""
    own: set[int] = set()
    stored: set[StoredReference] = set()
    waiting = [condition]
    while waiting:
        match waiting.pop():
            case And(items) | Or(items):
                waiting += items
            case Not(item):
                waiting.append(item)
            case InSegment(hops=(), segment=segment):
                own.add(segment)
            case other:
                stored.update(
                    StoredReference(node.segment, node.type, node.name)
                    for node in walk.walk(other)
                    if isinstance(node, InSegment)
                )
    return own, stored


def _parts(condition: Condition) -> tuple[Part, ...]:
    items = condition.items if isinstance(condition, And) else (condition,)
    return tuple(Part(item, short(printer.to_text(item), LONGEST)) for item in items)


def _event_names(conditions: Iterable[Condition]) -> frozenset[str] | None:
    names: set[str] = set()
    for node in _nodes(conditions):
        match node:
            case EventCount(name=name) | EventEdge(name=name):
                names.add(name)
            case AnyRelated(many=Many() as many) | Comparison(Aggregate(many=Many() as many)):
                if many.target is ObjectType.EVENT:
                    return None
    return frozenset(names)


def _nodes(conditions: Iterable[Condition]) -> Iterator[Condition]:
    for condition in conditions:
        yield from walk.walk(condition)
