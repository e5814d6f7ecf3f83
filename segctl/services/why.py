"""Why a record is in a segment, or not: what is stored, what would be now, and how it came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.conditions import walk
from segctl.conditions.explain import EXAMPLES, event_names, explain
from segctl.conditions.explanation import Explanation, Membership
from segctl.conditions.nodes import Condition
from segctl.conditions.stored import stored_record
from segctl.conditions.time import Clock
from segctl.engine.definition import Vocabulary, vocabulary
from segctl.errors import CheckFailed, ConditionError, NotFound, SegctlError
from segctl.services.record_values import BY_NUMBER, find_record, record_name
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.store.opening import Store
from segctl.store.records import RecordTables, record_tables
from segctl.store.tables import MemberChange, Recalculation

MOVES = 5
"""The latest entries and departures of the record that are told."""

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class RecordLabel:
    """What a record is called."""

    type: ObjectType
    id: int
    external_id: str | None
    name: str | None

    def __str__(self) -> str:
        return record_name(self.id, self.external_id)


@dataclass(frozen=True, slots=True)
class Run:
    """The recalculation that let a record in. All but `id` is None where its row is gone.

    `baseline`: it was the first fill, so that the record may have belonged before.
    """

    id: int
    started_at: dt.datetime | None = None
    trigger: str | None = None
    mode: str | None = None
    baseline: bool | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """The record entered or left."""

    entered: bool
    run: Run


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is to say of a record and a segment.

    `stored` is None if the segment was never counted. `explanation` is None if its condition can no
    longer be read; `problem` says why then. `references` are the segments that it refers to, by id,
    `memberships` the runs that let records into them.
    """

    segment: SegmentView
    record: RecordLabel
    now: dt.datetime
    zone: ZoneInfo
    stored: bool | None
    run: Run | None
    moves: tuple[Move, ...]
    explanation: Explanation | None
    problem: str | None
    references: Mapping[int, SegmentView]
    memberships: Mapping[tuple[int, int], Run]

    @property
    def live(self) -> bool | None:
        """Whether it satisfies the condition now; None if that cannot be told."""
        if self.explanation is None or not self.explanation.known:
            return None
        return self.explanation.truth

    @property
    def uncounted(self) -> list[SegmentView]:
        """The segments that it refers to and that were never counted."""
        return [each for each in self.references.values() if each.count is None]


def why(
    store: Store,
    segment: str,
    record: str,
    *,
    type: ObjectType | None = None,
    now: dt.datetime,
    examples: int = EXAMPLES,
) -> Answer:
    """Why the record is in the segment, or not, as stored and at `now`. Nothing is stored.

    NotFound for the segment or the record. The record is of the segment's type.
    """
    with store.read() as session:
        seen = view(session, find_row(session, segment, type).id)
        words = vocabulary(session)
        tables = record_tables(words.catalog)
        id = _find_record(session, tables, seen, record)
        condition, problem = _condition(words, seen)
        references: dict[int, SegmentView] = {}
        explanation = None
        if condition is not None:
            references = {each: view(session, each) for each in sorted(walk.segments(condition))}
            uncounted = {each.id for each in references.values() if each.count is None}
            names = event_names(condition)
            found = stored_record(session, tables, seen.type, id, event_names=names)
            assert found is not None
            clock = Clock(now, words.zone)
            explanation = explain(condition, found, clock, uncounted=uncounted, examples=examples)
        asked = list(_memberships(explanation)) if explanation else []
        return Answer(
            segment=seen,
            record=_label(session, tables, seen.type, id),
            now=now,
            zone=words.zone,
            stored=None if seen.count is None else _is_member(session, tables, seen, id),
            run=let_in(session, tables, seen.type, seen.id, id),
            moves=tuple(_moves(session, seen.id, id)),
            explanation=explanation,
            problem=problem,
            references=references,
            memberships={
                (each.segment, each.record): run
                for each in asked
                if each.record is not None
                and (run := let_in(session, tables, each.type, each.segment, each.record))
            },
        )


def check(answer: Answer, *, live: bool) -> None:
    """CheckFailed if the record is not in the segment: as stored, or as it would be now.

    SegctlError if that is not known.
    """
    name = f'"{answer.segment.name}"'
    inside = answer.live if live else answer.stored
    if inside is None:
        if not live:
            raise SegctlError(
                f"the segment {name} was never counted",
                hint=f"segctl recalc {name}, or --live to evaluate it now",
            )
        if answer.problem is not None:
            raise SegctlError(
                f"the condition of {name} cannot be read: {answer.problem}",
                hint=f"segctl segments edit {name} --where …",
            )
        raise SegctlError(
            "whether it belongs hangs on a segment that was never counted: "
            + ", ".join(f'"{each.name}"' for each in answer.uncounted),
            hint="segctl recalc " + " ".join(f'"{each.name}"' for each in answer.uncounted),
        )
    if not inside:
        when = "would not be in" if live else "is not in"
        raise CheckFailed(f"{answer.segment.type} {answer.record} {when} {name}")


def let_in(
    session: Session, tables: RecordTables, type: ObjectType, segment: int, record: int
) -> Run | None:
    """The run that let a stored member in; None if it is none."""
    member = tables.member(type)
    mine = (member.c.segment_id == segment) & (member.c.record_id == record)
    query = (
        sa.select(member.c.recalculation_id, *_RUN)
        .outerjoin(_runs, _runs.c.id == member.c.recalculation_id)
        .where(mine)
    )
    row = session.execute(query).first()
    return None if row is None else Run(*row)


_RUN = tuple(_runs.c[name] for name in ("started_at", "trigger", "mode", "baseline", "owner"))


def _is_member(session: Session, tables: RecordTables, seen: SegmentView, record: int) -> bool:
    return let_in(session, tables, seen.type, seen.id, record) is not None


def _moves(session: Session, segment: int, record: int) -> Iterator[Move]:
    """The latest first. By run, which the index of changes is in the order of."""
    query = (
        sa.select(_changes.c.entered, _changes.c.recalculation_id, *_RUN)
        .outerjoin(_runs, _runs.c.id == _changes.c.recalculation_id)
        .where(_changes.c.segment_id == segment, _changes.c.record_id == record)
        .order_by(_changes.c.recalculation_id.desc())
        .limit(MOVES)
    )
    for row in session.execute(query):
        yield Move(bool(row[0]), Run(*row[1:]))


def _condition(words: Vocabulary, seen: SegmentView) -> tuple[Condition | None, str | None]:
    try:
        return words.parse(seen.condition, seen.type), None
    except ConditionError as error:
        return None, error.message


def _find_record(session: Session, tables: RecordTables, seen: SegmentView, ref: str) -> int:
    try:
        return find_record(session, tables, seen.type, ref)
    except NotFound as error:
        numbered = BY_NUMBER.fullmatch(ref)
        if numbered and let_in(session, tables, seen.type, seen.id, int(numbered[1])):
            error.message += (
                f'; it was deleted, and is still a stored member of "{seen.name}" until that is '
                "recalculated"
            )
            error.hint = f'segctl recalc "{seen.name}"'
        raise


def _label(session: Session, tables: RecordTables, type: ObjectType, id: int) -> RecordLabel:
    table = tables.record(type)
    row = session.execute(
        sa.select(table.c.external_id, table.c.name).where(table.c.id == id)
    ).one()
    return RecordLabel(type, id, row.external_id, row.name)


def _memberships(explanation: Explanation) -> Iterator[Membership]:
    if explanation.membership is not None:
        yield explanation.membership
    inner: Sequence[Explanation] = explanation.children
    if explanation.related is not None:
        shown = [example.why for example in explanation.related.examples]
        inner = [*inner, *(each for each in shown if each is not None)]
    for each in inner:
        yield from _memberships(each)
