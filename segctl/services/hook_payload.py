"""What a hook is told: a line of JSON for each record that entered or left in a run."""

from collections.abc import Iterator
import json
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.store.records import record_tables
from segctl.store.tables import MemberChange, Recalculation, Segment
from segctl.store.types import instant_text
from segctl.store.workspace import load_catalog

_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]
CHUNK = 5000
"""Rows that are in memory at a time."""


def write_payload(session: Session, segment: int, run: int, delivery: int, body: IO[bytes]) -> int:
    """Write the lines as UTF-8; how many. `name` and `external_id` are those of today.

    Nothing of a segment or a run that is gone, or whose changes have been pruned.
    """
    found = session.get(Segment, segment)
    done = session.get(Recalculation, run)
    if found is None or done is None:
        return 0
    type = ObjectType(found.object_type)
    common: dict[str, Any] = {
        "segment": found.name,
        "segment_id": segment,
        "type": type.value,
        "run": run,
        "at": instant_text(done.started_at),
        "delivery": delivery,
    }
    lines = 0
    for record_id, entered, external_id, name in _rows(session, type, segment, done):
        line = {
            "change": "entered" if entered else "left",
            "record_id": record_id,
            "external_id": external_id,
            "name": name,
            **common,
        }
        body.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        lines += 1
    body.flush()
    return lines


def _rows(session: Session, type: ObjectType, segment: int, run: Recalculation) -> Iterator[Any]:
    """(record_id, entered, external_id, name), by record id."""
    tables = record_tables(load_catalog(session))
    record, member = tables.record(type), tables.member(type)
    if run.baseline:
        # A first fill is not logged: who entered is still there, or has left since and says so.
        # One that left twice, because an undo had let it in again, says so twice.
        changed = sa.union(
            sa.select(member.c.record_id, sa.true().label("entered")).where(
                member.c.segment_id == segment, member.c.recalculation_id == run.id
            ),
            sa.select(_changes.c.record_id, sa.true()).where(
                _changes.c.segment_id == segment, _changes.c.since_id == run.id
            ),
        ).subquery("changed")
    else:
        changed = (
            sa.select(_changes.c.record_id, _changes.c.entered)
            .where(_changes.c.segment_id == segment, _changes.c.recalculation_id == run.id)
            .subquery("changed")
        )
    query = (
        sa.select(changed.c.record_id, changed.c.entered, record.c.external_id, record.c.name)
        .outerjoin(record, record.c.id == changed.c.record_id)
        .order_by(changed.c.record_id)
    )
    rows = session.execute(query, execution_options={"yield_per": CHUNK})
    for row in rows:
        yield row.record_id, bool(row.entered), row.external_id, row.name
