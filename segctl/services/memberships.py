"""The segments that a record is in."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.services.record_values import find_record
from segctl.services.segment_views import SegmentView, views
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import Recalculation
from segctl.store.workspace import load_catalog

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Membership:
    """A segment and since when the record is in it; None where its history is gone."""

    segment: SegmentView
    since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Memberships:
    """A record and its segments, by name."""

    record_id: int
    of: Sequence[Membership]


def of_record(store: Store, type: ObjectType, ref: str) -> Memberships:
    """The segments that have the record as a member, as last counted; NotFound for the record."""
    with store.read() as session:
        tables = record_tables(load_catalog(session))
        id = find_record(session, tables, type, ref)
        known = {view.id: view for view in views(session, type)}
        member = tables.member(type)
        # Named one by one, each segment is one probe of the key; a scan would read all members.
        query = (
            sa.select(member.c.segment_id, _runs.c.started_at)
            .outerjoin(_runs, _runs.c.id == member.c.recalculation_id)
            .where(member.c.segment_id.in_(list(known)), member.c.record_id == id)
        )
        since = {row.segment_id: row.started_at for row in session.execute(query)}
    return Memberships(
        id, [Membership(view, since[key]) for key, view in known.items() if key in since]
    )
