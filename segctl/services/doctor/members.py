"""Stored members against their counts, their segments and their records."""

from collections.abc import Iterator

import sqlalchemy as sa

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.engine.interruption import interruptible
from segctl.services.doctor.examination import Examination
from segctl.services.doctor.findings import Finding, of_segment, of_store


def look(seen: Examination) -> Iterator[Finding]:
    for type in SEGMENT_TYPES:
        with interruptible(seen.session):
            counts = _counts(seen, type)
            deleted = _deleted(seen, type)
        known = {each.id: each for each in seen.segments.values() if each.type is type}
        for id in sorted(counts.keys() - known.keys()):
            rows = "1 member" if counts[id] == 1 else f"{counts[id]:,} members"
            yield of_store(
                "members-orphaned",
                f"{rows} of segment {id}, which does not exist",
                safe=True,
                subject=f"{type}_member",
            )
        for id, segment in known.items():
            there = counts.get(id, 0)
            if segment.count is None and there:
                message = f"it was never counted and has members: {there:,}"
                yield of_segment("count-differs", segment, message, "recalc")
            elif segment.count is not None and segment.count != there:
                message = f"it says {segment.count:,} members and has {there:,}"
                yield of_segment("count-differs", segment, message, safe=True)
            if gone := deleted.get(id):
                records = "1 record was" if gone == 1 else f"{gone:,} records were"
                message = f"{records} deleted that it has as members"
                yield of_segment("members-deleted", segment, message, "recalc")


def _counts(seen: Examination, type: ObjectType) -> dict[int, int]:
    member = seen.tables.member(type)
    query = sa.select(member.c.segment_id, sa.func.count()).group_by(member.c.segment_id)
    return dict(seen.session.execute(query).all())


def _deleted(seen: Examination, type: ObjectType) -> dict[int, int]:
    member, record = seen.tables.member(type), seen.tables.record(type)
    there = sa.exists().where(record.c.id == member.c.record_id)
    query = (
        sa.select(member.c.segment_id, sa.func.count()).where(~there).group_by(member.c.segment_id)
    )
    return dict(seen.session.execute(query).all())
