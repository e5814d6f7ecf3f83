"""Stored members against their conditions.

They are compared at the clock of the last recalculation, so that the passing of time makes no
difference. Records that were written since are left out, and so is a segment of which it cannot be
told: other records that its condition reads were written since, or a segment that it refers to was
recalculated. What differs then is drift: somebody wrote to the members, or a recalculation was
wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.conditions import walk
from segctl.conditions.nodes import Condition
from segctl.conditions.sql import Scope, predicate
from segctl.engine import difference
from segctl.engine.definition import Vocabulary, vocabulary
from segctl.engine.history import SKIPPED
from segctl.engine.interruption import interruptible
from segctl.errors import ConditionError
from segctl.services.doctor.examination import of_trace
from segctl.services.doctor.findings import Finding, of_segment
from segctl.services.holding import held_among
from segctl.services.segment_views import SegmentView, find_row, view, views
from segctl.store import trace
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import Recalculation, SegmentState

SHOWN = 5
"""Ids of records that a finding names."""

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]


class Verdict(StrEnum):
    """What comparing a segment gave."""

    AGREES = "agrees"
    CHANGES_WAIT = "changes wait"
    """They differ, as far as can be told because of what was written since."""
    DRIFT = "drift"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class Verified:
    """A segment that was looked at.

    `entering` and `leaving` are what a recalculation would change at that clock, `drift` how many
    of these nothing explains; `records` are some of them. `why` says why it was not compared, or
    why what differs is no drift. `looked_at` is None where all records were.
    """

    segment: SegmentView
    verdict: Verdict
    entering: int = 0
    leaving: int = 0
    drift: int = 0
    records: tuple[int, ...] = ()
    why: str | None = None
    looked_at: int | None = None


def verify(
    store: Store,
    refs: Sequence[str] = (),
    *,
    type: ObjectType | None = None,
    sample: int | None = None,
    now: dt.datetime,
) -> list[Verified]:
    """Compare the segments of these names, or all. Nothing is stored.

    With `sample` only about so many records of each are looked at, others each time.
    """
    with store.read() as session:
        if refs:
            chosen = [view(session, find_row(session, ref, type).id) for ref in refs]
        else:
            chosen = views(session, type)
        words = vocabulary(session)
        return [_Comparison(session, words, each, sample, now).verified() for each in chosen]


def findings(verified: Iterable[Verified]) -> list[Finding]:
    """What comparing has found; nothing about those that agree."""
    found = []
    for each in verified:
        differ = f"{each.entering:,} would enter and {each.leaving:,} leave"
        match each.verdict:
            case Verdict.DRIFT:
                shown = ", ".join(f"#{id}" for id in each.records)
                more = ", …" if each.drift > len(each.records) else ""
                records = "1 record is" if each.drift == 1 else f"{each.drift:,} records are"
                message = f"{records} not where the condition puts them: {shown}{more}"
                found.append(of_segment("drift", each.segment, message, "recalc"))
            case Verdict.CHANGES_WAIT:
                message = f"{differ}: {each.why}"
                found.append(of_segment("changes-wait", each.segment, message, "recalc"))
            case Verdict.NOT_COMPARED:
                found.append(of_segment("not-compared", each.segment, str(each.why)))
            case Verdict.AGREES:
                pass
    return found


class _Comparison:
    def __init__(
        self,
        session: Session,
        words: Vocabulary,
        segment: SegmentView,
        sample: int | None,
        now: dt.datetime,
    ) -> None:
        self._session = session
        self._words = words
        self._segment = segment
        self._sample = sample
        self._now = now
        self._tables = record_tables(words.catalog)
        state = sa.select(_state.c.evaluated_at, _state.c.watermark)
        self._state: Any = session.execute(state.where(_state.c.segment_id == segment.id)).first()

    def verified(self) -> Verified:
        segment = self._segment
        if segment.count is None or self._state is None or self._state.evaluated_at is None:
            return self._not_compared("it was never counted")
        if held_among(self._session, [segment.id]):
            return self._not_compared("it is held: its last runs were undone")
        if segment.stale:
            return self._not_compared("it is stale: its definition was changed since")
        try:
            condition = self._words.parse(segment.condition, segment.type)
        except ConditionError as error:
            return self._not_compared(error.message)
        scope = self._words.scope(self._session, self._state.evaluated_at)
        with interruptible(self._session):
            looked_at, changes = self._changes(condition, scope)
        if not changes:
            return Verified(segment, Verdict.AGREES, looked_at=looked_at)
        unsure = self._unsure(condition)
        moved = [id for id, _ in changes]
        if unsure is None:
            moved = self._unexplained(moved)
        verdict = Verdict.DRIFT if unsure is None and moved else Verdict.CHANGES_WAIT
        drift = len(moved) if verdict is Verdict.DRIFT else 0
        return Verified(
            segment,
            verdict,
            entering=sum(enters for _, enters in changes),
            leaving=sum(not enters for _, enters in changes),
            drift=drift,
            records=tuple(sorted(moved)[:SHOWN]) if drift else (),
            why=None if drift else unsure or "the records were written since",
            looked_at=looked_at,
        )

    def _not_compared(self, why: str) -> Verified:
        return Verified(self._segment, Verdict.NOT_COMPARED, why=why)

    # ------------------------------------------------------------ what differs

    def _changes(
        self, condition: Condition, scope: Scope
    ) -> tuple[int | None, list[tuple[int, bool]]]:
        """How many records were looked at, None for all; which would enter (True) or leave.

        Members whose records are gone are left out.
        """
        segment, record = self._segment, self._tables.record(self._segment.type)
        if self._sample is None:
            moved = difference.changes(self._session, condition, segment.type, segment.id, scope)
            there = sa.select(moved.c.record_id, moved.c.entered).join(
                record, record.c.id == moved.c.record_id
            )
            return None, [(row[0], bool(row[1])) for row in self._session.execute(there)]
        member = self._tables.member(segment.type)
        table = record.alias("record")
        newest = self._session.execute(sa.select(sa.func.max(record.c.id))).scalar() or 0
        step = max(1, -(-newest // self._sample))
        first = int(self._now.timestamp()) % step
        live = sa.case((predicate(condition, table, segment.type, scope), 1), else_=0)
        stored = sa.exists().where(
            member.c.segment_id == segment.id, member.c.record_id == table.c.id
        )
        query = sa.select(table.c.id, live, sa.case((stored, 1), else_=0)).where(
            table.c.id % step == first
        )
        rows = self._session.execute(query).all()
        return len(rows), [(id, bool(now)) for id, now, before in rows if now != before]

    # ------------------------------------------------------------ what explains it

    def _unsure(self, condition: Condition) -> str | None:
        """Why it cannot be told whether a difference is drift."""
        watermark = of_trace(self._state.watermark)
        why = trace.unreadable(self._session, watermark)
        if why is not None:
            return f"what was written since cannot be told: {why}"
        for type in sorted({each.target for each in walk.relations(condition)}):
            changed = trace.changed_since(self._session, watermark, type)
            if changed is None or self._session.execute(changed.limit(1)).first() is not None:
                return f"{type} records that it reads were written since"
        mine = self._last_run(self._segment.id)
        for id in sorted(walk.segments(condition)):
            if self._last_run(id) > mine:
                return f'"{view(self._session, id).name}", which it refers to, was counted since'
        if trace.changed_since(self._session, watermark, self._segment.type) is None:
            return f"any {self._segment.type} may have been written since"
        return None

    def _last_run(self, segment: int) -> int:
        good = sa.and_(
            _runs.c.segment_id == segment, _runs.c.error.is_(None), _runs.c.mode != SKIPPED
        )
        return self._session.execute(sa.select(sa.func.max(_runs.c.id)).where(good)).scalar() or 0

    def _unexplained(self, records: Sequence[int]) -> list[int]:
        """Those that have not been written since the last recalculation."""
        watermark = of_trace(self._state.watermark)
        changed = trace.changed_since(self._session, watermark, self._segment.type)
        assert changed is not None
        ids: Any = self._session.execute(changed).scalars()
        written: set[int] = set(ids)
        return [id for id in records if id not in written]
