"""How many records several segments have in common, by their stored members."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.engine.interruption import interruptible
from segctl.errors import SegctlError, UsageError
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog

MOST = 20
"""Segments that can be compared at once."""


@dataclass(frozen=True, slots=True)
class Intersection:
    """The records that are in these segments (by their places) and in none of the others."""

    places: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """The segments in the order given, and how many records are in which of them.

    Records that were deleted since they were counted are left out. Only intersections with a record
    in them are there, the largest first.
    """

    segments: tuple[SegmentView, ...]
    intersections: tuple[Intersection, ...]

    @property
    def type(self) -> ObjectType:
        return self.segments[0].type

    @property
    def union(self) -> int:
        return sum(each.count for each in self.intersections)

    def together(self, *places: int) -> int:
        """How many records are in all segments of these places, whatever else they are in."""
        return sum(each.count for each in self.intersections if set(places) <= set(each.places))


def overlap(store: Store, refs: Sequence[str], type: ObjectType | None = None) -> Overlap:
    """Count all intersections of two segments or more, of one type.

    UsageError for one segment, one twice, or several types; SegctlError if one was never counted.
    """
    if len(refs) < 2:
        raise UsageError(
            "two segments or more have something in common", hint='segctl overlap "A" "B" "C"'
        )
    if len(refs) > MOST:
        raise UsageError(f"at most {MOST} segments can be compared at once, not {len(refs)}")
    with store.read() as session:
        segments = [view(session, find_row(session, ref, type).id) for ref in refs]
        _check(segments)
        tables = record_tables(load_catalog(session))
        member = tables.member(segments[0].type)
        record = tables.record(segments[0].type)
        bits = sa.case(
            {each.id: 1 << place for place, each in enumerate(segments)}, value=member.c.segment_id
        )
        masks = (
            sa.select(member.c.record_id, sa.cast(sa.func.sum(bits), sa.BigInteger).label("mask"))
            .where(member.c.segment_id.in_([each.id for each in segments]))
            .group_by(member.c.record_id)
            .subquery("masks")
        )
        counts = (
            sa.select(masks.c.mask, sa.func.count())
            .join(record, record.c.id == masks.c.record_id)
            .group_by(masks.c.mask)
        )
        with interruptible(session):
            rows = session.execute(counts).all()
    found = [Intersection(_places(mask, len(segments)), count) for mask, count in rows]
    found.sort(key=lambda each: (-each.count, len(each.places), each.places))
    return Overlap(tuple(segments), tuple(found))


def _check(segments: Sequence[SegmentView]) -> None:
    for place, segment in enumerate(segments):
        if any(segment.id == other.id for other in segments[:place]):
            raise UsageError(f'the segment "{segment.name}" is named twice')
    first = segments[0]
    for segment in segments[1:]:
        if segment.type is not first.type:
            raise UsageError(
                f'"{segment.name}" is a segment of {segment.type} and "{first.name}" one of '
                f"{first.type}: only segments of one type have records in common"
            )
    for segment in segments:
        if segment.count is None:
            raise SegctlError(
                f'the segment "{segment.name}" was never counted',
                hint=f'segctl recalc "{segment.name}"',
            )


def _places(mask: int, number: int) -> tuple[int, ...]:
    return tuple(place for place in range(number) if mask >> place & 1)
