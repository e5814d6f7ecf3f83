"""Mending what is safe: what can be told from the store again, and takes no member from anybody."""

from collections.abc import Callable, Iterable, Mapping, Sequence
import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES
from segctl.services.doctor.examination import examination
from segctl.services.doctor.findings import Finding
from segctl.services.doctor.tables import missing_indexes
from segctl.services.segment_references import keep_references, lock_references
from segctl.services.segments import rehash
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import Segment, SegmentState
from segctl.store.triggers import install_triggers
from segctl.store.workspace import load_catalog

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]

LOCK_TIMEOUT = 5.0
"""Seconds that putting a trigger or an index in may wait for writers on Postgres."""


def mend(
    store: Store, findings: Iterable[Finding], *, now: dt.datetime, actor: str
) -> list[Finding]:
    """Mend the safe ones among the findings; those that were.

    Each kind in a transaction of its own, with an entry in the audit log. Whatever has been put
    right meanwhile is left alone.
    """
    safe: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.safe:
            safe.setdefault(finding.code.name, []).append(finding)
    done: list[Finding] = []
    for code, some in safe.items():
        work = _IN_TABLES.get(code)
        if work is not None:
            with store.write() as session:
                _mended(session, code, some, work, now, actor)
        else:
            with store.alter(lock_timeout=LOCK_TIMEOUT) as session:
                _mended(session, code, some, _IN_SCHEMA[code], now, actor)
        done += some
    return done


_Work = Callable[[Session, Sequence[Finding], dt.datetime], None]


def _mended(
    session: Session,
    code: str,
    findings: Sequence[Finding],
    work: _Work,
    now: dt.datetime,
    actor: str,
) -> None:
    work(session, findings, now)
    audit.record(
        session,
        now=now,
        actor=actor,
        action="mend",
        subject_type="store",
        subject=code,
        after=[f"{finding.place}: {finding.message}" for finding in findings],
    )


def _count(session: Session, findings: Sequence[Finding], now: dt.datetime) -> None:
    tables = record_tables(load_catalog(session))
    for finding in findings:
        assert finding.type is not None
        mine = _state.c.segment_id == finding.id
        # Held first: a recalculation that commits now is waited for, and its members are counted.
        session.execute(sa.select(_state.c.segment_id).where(mine).with_for_update())
        member = tables.member(finding.type)
        count = (
            sa.select(sa.func.count()).where(member.c.segment_id == finding.id).scalar_subquery()
        )
        session.execute(sa.update(_state).where(mine).values(count=count))


def _orphans(session: Session, findings: Sequence[Finding], now: dt.datetime) -> None:
    tables = record_tables(load_catalog(session))
    for type in SEGMENT_TYPES:
        member = tables.member(type)
        exists = sa.exists().where(_segment.c.id == member.c.segment_id)
        session.execute(sa.delete(member).where(~exists))


def _references(session: Session, findings: Sequence[Finding], now: dt.datetime) -> None:
    lock_references(session)
    seen = examination(session, now, ())
    for finding in findings:
        condition = seen.conditions.get(finding.id or 0)
        if finding.id is not None and condition is not None:
            keep_references(session, finding.id, condition)


def _hashes(session: Session, findings: Sequence[Finding], now: dt.datetime) -> None:
    lock_references(session)
    rehash(session)


def _triggers(session: Session, findings: Sequence[Finding], now: dt.datetime) -> None:
    install_triggers(session)


def _indexes(session: Session, findings: Sequence[Finding], now: dt.datetime) -> None:
    for statement in missing_indexes(examination(session, now, ())).values():
        session.execute(sa.text(statement))


_IN_TABLES: Mapping[str, _Work] = {
    "count-differs": _count,
    "members-orphaned": _orphans,
    "references-outdated": _references,
    "hash-outdated": _hashes,
}
_IN_SCHEMA: Mapping[str, _Work] = {"trigger-missing": _triggers, "index-missing": _indexes}
