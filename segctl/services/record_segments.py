"""The segments that a record is in: as stored, or besides as it would be now."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.conditions import walk
from segctl.conditions.explain import explain
from segctl.conditions.nodes import InSegment
from segctl.conditions.stored import StoredRecord, stored_record
from segctl.conditions.time import Clock
from segctl.engine.definition import Vocabulary, vocabulary
from segctl.errors import ConditionError, UsageError
from segctl.services.record_values import find_record
from segctl.services.segment_views import SegmentView, views
from segctl.services.why import Run
from segctl.store.opening import Store
from segctl.store.records import RecordTables, record_tables
from segctl.store.tables import Recalculation
from segctl.store.workspace import load_catalog

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Standing:
    """A segment and how the record stands to it.

    `run` let it in; None if it is no stored member. `live` is None if nobody asked, or if it cannot
    be told; `problem` says why then.
    """

    segment: SegmentView
    run: Run | None
    live: bool | None = None
    problem: str | None = None

    @property
    def stored(self) -> bool:
        return self.run is not None


def segments_of(
    store: Store, type: ObjectType, ref: str, *, live_at: dt.datetime | None = None
) -> Sequence[Standing]:
    """The segments that have the record as a member, by name; NotFound for the record.

    With `live_at` also those that it would enter or leave if they were recalculated then, and those
    of which that cannot be told.
    """
    if type is ObjectType.EVENT:
        raise UsageError(
            "events are in no segments", hint="ask for the contact: segctl records segments contact"
        )
    with store.read() as session:
        tables = record_tables(load_catalog(session))
        id = find_record(session, tables, type, ref)
        known = views(session, type)
        runs = _let_in(session, tables, type, id, [each.id for each in known])
        if live_at is None:
            return [Standing(each, runs[each.id]) for each in known if each.id in runs]
        words = vocabulary(session)
        record = stored_record(session, tables, type, id)
        assert record is not None
        clock = Clock(live_at, words.zone)
        uncounted = {each.id for each in views(session) if each.count is None}
        found = [_live(words, each, runs.get(each.id), record, clock, uncounted) for each in known]
    return [each for each in found if each.stored or each.live is not False]


def _let_in(
    session: Session, tables: RecordTables, type: ObjectType, record: int, segments: Sequence[int]
) -> dict[int, Run]:
    member = tables.member(type)
    # Named one by one, each segment is one probe of the key; a scan would read all members.
    query = (
        sa.select(
            member.c.segment_id,
            member.c.recalculation_id,
            *(_runs.c[name] for name in ("started_at", "trigger", "mode", "baseline", "owner")),
        )
        .outerjoin(_runs, _runs.c.id == member.c.recalculation_id)
        .where(member.c.segment_id.in_(segments), member.c.record_id == record)
    )
    return {row[0]: Run(*row[1:]) for row in session.execute(query)}


def _live(
    words: Vocabulary,
    segment: SegmentView,
    run: Run | None,
    record: StoredRecord,
    clock: Clock,
    uncounted: set[int],
) -> Standing:
    try:
        condition = words.parse(segment.condition, segment.type)
    except ConditionError as error:
        return Standing(segment, run, None, error.message)
    found = explain(condition, record, clock, uncounted=uncounted, examples=0)
    if found.known:
        return Standing(segment, run, found.truth)
    names = sorted(
        f'"{node.name}"'
        for node in walk.walk(condition)
        if isinstance(node, InSegment) and node.segment in uncounted
    )
    return Standing(segment, run, None, f"{', '.join(names)} was never counted")
