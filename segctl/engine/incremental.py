"""Incremental recalculation: evaluate the records whose truth can have changed, and no others.

`prepare` looks at several segments in one snapshot and decides for each what is to be done. What
it finds is written by apply.py, segment by segment, and by skip.py, all at once. In between nobody
else writes the members: the leases are held from before the snapshot until the commit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
import datetime as dt
from functools import lru_cache
import re
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.conditions.sql import Scope, predicate
from segctl.conditions.time import Clock
from segctl.engine import choice
from segctl.engine.candidates import Candidates, Past, Sets, Stretch, Untold, stretches
from segctl.engine.definition import Definition, Vocabulary, load_definition, vocabulary
from segctl.engine.influences import Influence, influences
from segctl.engine.interruption import interruptible
from segctl.engine.modes import Mode
from segctl.engine.plans import Change, Full, Plan, Skip
from segctl.engine.seen import Seen, last_runs, parse_seen, rules, text_hash, untold, zone_of
from segctl.engine.state import SHARE_FROM_SECONDS
from segctl.errors import ConditionError
from segctl.store.opening import Store
from segctl.store.tables import Segment, SegmentState
from segctl.store.trace import Readability
from segctl.store.workspace import load_workspace

_MOVING = re.compile(r"\b(?:last|next|this|today|yesterday|tomorrow|now|ago)\b", re.IGNORECASE)
"""A condition without any of these words says the same at all times."""

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]


def prepare(
    store: Store, segments: Sequence[int], *, now: dt.datetime, mode: Mode, traced: bool
) -> dict[int, Plan]:
    """What is to be done with each segment. Their leases are held, and what they read is done.

    `traced`: whether writes are traced. A segment that cannot be read is left to a full
    recalculation, which says why.
    """
    if mode is Mode.FULL:
        return dict.fromkeys(segments, Full("all records were asked for"))
    if not traced:
        return dict.fromkeys(segments, Full("writes are not traced"))
    with _snapshot(store) as session, interruptible(session):
        return dict(_Look(session, now, mode).plans(segments))


@contextmanager
def _snapshot(store: Store) -> Iterator[Session]:
    """One snapshot, with temporary tables."""
    # Postgres makes no temporary table in a transaction that only reads.
    reading = (
        store.read() if store.dialect == "sqlite" else store.write(isolation="REPEATABLE READ")
    )
    with reading as session:
        yield session


@dataclass(slots=True)
class _Known:
    """A segment whose changes can be told."""

    segment: Segment
    state: SegmentState
    seen: Seen
    before: dt.datetime
    """The clock of the last evaluation."""


class _Look:
    """One look at several segments."""

    def __init__(self, session: Session, now: dt.datetime, mode: Mode) -> None:
        self.session = session
        self.now = now
        self.mode = mode
        self.workspace = load_workspace(session)  # kept, or it would be read again and again
        self.words: Vocabulary = vocabulary(session)
        self.rules = {rules(self.words.zone.key), rules("")}
        self.scope = self.words.scope(session, now)
        self.sets = Sets(session, self.scope)
        self.readability = Readability(session)
        self._population: dict[ObjectType, int] = {}

    def plans(self, segments: Sequence[int]) -> Iterator[tuple[int, Plan]]:
        known: list[_Known] = []
        for id, found in self._known(segments).items():
            if isinstance(found, Full):
                yield id, found
            else:
                known.append(found)
        parts = stretches(self.session, [one.seen.trace for one in known])
        references = {id for one in known for id in one.seen.references}
        self.last_runs = last_runs(self.session, references)
        open: list[tuple[_Known, Definition, Past, frozenset[Influence]]] = []
        for one, part in zip(known, parts, strict=True):
            if self._is_still(one, part):
                yield one.segment.id, self._skip(one)
                continue
            read = self._read(one)
            if isinstance(read, Full):
                yield one.segment.id, read
            else:
                past = Past(part, Clock(one.before, self.words.zone), one.seen.references)
                open.append((one, read, past, influences(read.condition, read.type)))
        self.sets.scan((influence, past) for _, _, past, some in open for influence in some)
        for one, definition, past, some in open:
            yield definition.id, self._plan(one, definition, past, some)

    def _known(self, segments: Sequence[int]) -> dict[int, _Known | Full]:
        """The segments, or why they have to be recalculated in full; one that is gone too."""
        query = sa.select(Segment).where(_segment.c.id.in_(segments))
        rows = {row.id: row for row in self.session.execute(query).scalars()}
        mine = _state.c.segment_id.in_(segments)
        states = {
            row.segment_id: row
            for row in self.session.execute(sa.select(SegmentState).where(mine)).scalars()
        }
        found: dict[int, _Known | Full] = {}
        for id in segments:
            row, state = rows.get(id), states.get(id)
            if row is None:
                found[id] = Full("")
                continue
            full = choice.obstacle(row, state)
            if full is not None or state is None:
                found[id] = full or Full("first fill")
                continue
            seen = parse_seen(state.watermark)
            refused = self.readability.refuse(seen.trace if seen else None)
            if seen is None or refused or state.evaluated_at is None:
                found[id] = Full(refused or "what its last run had seen is not known")
                continue
            due = None
            if self.mode is Mode.AUTO:
                due = choice.due_in_full(state, self.workspace, self.now)
            found[id] = due or _Known(row, state, seen, state.evaluated_at)
        return found

    def _is_still(self, one: _Known, part: Stretch) -> bool:
        """Whether nothing at all has happened that it could read; without reading its condition."""
        text, seen = one.segment.condition, one.seen
        return (
            not part.written
            and (one.before == self.now or not _MOVING.search(text))
            and seen.catalog == self.words.catalog.version
            and seen.rules in self.rules
            and seen.text == text_hash(text)
            and all(self.last_runs[id] == run for id, run in seen.references.items())
        )

    def _skip(self, one: _Known) -> Skip:
        assert one.state.count is not None
        return Skip(one.segment.definition_hash, one.state.count, self._seen(one))

    def _seen(self, one: _Known) -> Seen:
        """What this look sees, of a segment whose meaning is what it was."""
        return replace(
            one.seen,
            trace=self.readability.here,
            catalog=self.words.catalog.version,
            text=text_hash(one.segment.condition),
            references={id: self.last_runs[id] for id in one.seen.references},
        )

    def _read(self, one: _Known) -> Definition | Full:
        """The definition, or what about it makes the last evaluation worthless."""
        try:
            definition = load_definition(self.session, one.segment.id, self.words)
        except ConditionError:
            return Full("")
        if self.words.hash(definition.type, definition.condition) != one.seen.meaning:
            return Full("the condition has changed")
        if one.seen.rules != rules(zone_of(definition.condition, self.words)):
            return Full("the rules of time zones or of letters have changed")
        moved = {
            id: run for id, run in one.seen.references.items() if self.last_runs.get(id) != run
        }
        if unknown := untold(self.session, moved):
            named = sa.select(_segment.c.name).where(_segment.c.id == min(unknown))
            name = self.session.execute(named).scalar()
            return Full(f'who entered and left "{name}" is not known')
        return definition

    def _plan(
        self, one: _Known, definition: Definition, past: Past, some: frozenset[Influence]
    ) -> Plan:
        began = time.perf_counter()
        try:
            candidates = self.sets.candidates(some, past)
        except Untold as untold:
            return Full(str(untold))
        assert one.state.count is not None
        if not candidates.places:
            return self._skip(one)
        population = self._people(definition.type)
        why = choice.told(candidates.size, population)
        if self.mode is Mode.AUTO and choice.too_many(
            self.session, definition.id, candidates.size, population
        ):
            return Full(f"{why} are too many")
        try:
            entered, left = self._evaluate(definition, candidates)
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise
            return Full(f"{why} could not be evaluated alone")
        return Change(
            definition,
            candidates.size,
            why,
            one.state.count,
            entered,
            left,
            self._seen(one),
            seconds := time.perf_counter() - began,
            one.state.too_heavy or seconds >= min(SHARE_FROM_SECONDS, self.workspace.heavy_seconds),
        )

    def _evaluate(
        self, definition: Definition, candidates: Candidates
    ) -> tuple[list[int], list[int]]:
        """The candidates that satisfy the condition and are no members, and those vice versa."""
        # Not around what makes the sets: these must stay when one evaluation fails.
        apart = nullcontext() if self.scope.sqlite else self.session.begin_nested()
        entered: list[int] = []
        left: list[int] = []
        with apart:
            changed = self.session.execute(difference(definition, candidates, self.scope))
            for id, since in changed:
                (entered if since is None else left).append(id)
        return entered, left

    def _people(self, type: ObjectType) -> int:
        if type not in self._population:
            self._population[type] = choice.population(self.session, self.scope.tables, type)
        return self._population[type]


def difference(definition: Definition, candidates: Candidates, scope: Scope) -> sa.Select[Any]:
    """(id, since): the candidates that enter (since is NULL), and those that leave.

    Candidates come first in the joins, and what is related to each is looked up.
    """
    chosen = candidates.select().subquery("candidate")
    member = _alias(scope.tables.member(definition.type), "stored")
    record = _alias(scope.tables.record(definition.type), "record")
    holds = predicate(definition.condition, record, definition.type, replace(scope, few=True))
    found = sa.exists().where(record.c.id == chosen.c.id, holds).correlate(chosen)
    mine = sa.and_(member.c.segment_id == definition.id, member.c.record_id == chosen.c.id)
    return (
        sa.select(chosen.c.id, member.c.recalculation_id)
        # An outer join, which SQLite does not turn round.
        .select_from(chosen.outerjoin(member, mine))
        .where(member.c.record_id.is_not(None) != found)
    )


@lru_cache(maxsize=64)
def _alias(table: sa.Table, name: str) -> sa.FromClause:
    """Made once: a table has many columns."""
    return table.alias(name)
