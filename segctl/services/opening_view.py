"""Which view opens when somebody looks at the records of a type, why, and what is in it.

The pin of the team member, else the shared default, else all records; what is hidden from them is
skipped.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import PLURALS, ObjectType
from segctl.errors import SegctlError
from segctl.services.defaults import defaults
from segctl.services.pins import pinned
from segctl.services.segment_views import SegmentView
from segctl.services.segment_views import view as segment_view
from segctl.services.visibility import Viewer, viewer
from segctl.store.opening import Store
from segctl.store.reading import RecordColumn, Where, read_records, record_columns
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog, load_workspace

DEFAULT_COLUMNS = ("id", "external_id", "name")


class Chosen(StrEnum):
    """What a view is opened for."""

    PIN = "pin"
    DEFAULT = "default"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class OpeningView:
    """The view that opens. `segment` is None for all records.

    `why` is a sentence, `skipped` one for each that would have come first. `email` and `active`
    are those of the team member, if the question was about one.
    """

    type: ObjectType
    chosen: Chosen
    segment: SegmentView | None
    why: str
    skipped: tuple[str, ...]
    email: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class OpenView:
    """A view with its records; rows map the columns' names to values, and hold `id`."""

    view: OpeningView
    columns: tuple[RecordColumn, ...]
    zone: ZoneInfo
    rows: Iterator[dict[str, Any]]


def opening_view(store: Store, type: ObjectType, *, as_: str | None = None) -> OpeningView:
    """Which view of the type opens for a team member, or for anybody."""
    with store.read() as session:
        return _resolve(session, type, as_)


@contextmanager
def open_view(
    store: Store,
    type: ObjectType,
    *,
    as_: str | None = None,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    limit: int | None = None,
) -> Iterator[OpenView]:
    """The view that opens, with its records by id: of a segment, the members as last counted.

    SegctlError if the segment was never counted.
    """
    with store.read() as session:
        view = _resolve(session, type, as_)
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        chosen = record_columns(catalog, type, list(dict.fromkeys(columns)))
        where: Where | None = None
        if view.segment is not None:
            if view.segment.count is None:
                raise SegctlError(
                    f'{view.why}, and the segment "{view.segment.name}" was never counted',
                    hint=f'segctl recalc "{view.segment.name}" --type {type}',
                )
            member = tables.member(type)
            ids = sa.select(member.c.record_id).where(member.c.segment_id == view.segment.id)
            where = _among(ids)
        rows = read_records(session, tables, type, chosen, where=where, limit=limit)
        yield OpenView(view, chosen, ZoneInfo(load_workspace(session).timezone), rows)


def _among(ids: sa.Select[tuple[int]]) -> Where:
    return lambda table: table.c.id.in_(ids)


def _resolve(session: Session, type: ObjectType, as_: str | None) -> OpeningView:
    person = None if as_ is None else viewer(session, as_)
    default = defaults(session).get(type)
    pin = None if person is None else pinned(session, person).get(type)
    reasons: list[tuple[Chosen, int, str]] = []
    if person is not None and pin is not None:
        reasons.append((Chosen.PIN, pin, f"pinned by {person.email}"))
    if default is not None:
        reasons.append((Chosen.DEFAULT, default[0], f"the shared default of {type}"))
    skipped: list[str] = []
    for chosen, id, reason in reasons:
        segment = segment_view(session, id)
        if person is None or person.sees(id):
            return _opening(type, chosen, segment, f'"{segment.name}" is {reason}', skipped, person)
        skipped.append(
            f'"{segment.name}", {reason}, is skipped: it is hidden from {person.hidden[id]}'
        )
    return _opening(type, Chosen.ALL, None, _all_because(type, person, skipped), skipped, person)


def _all_because(type: ObjectType, person: Viewer | None, skipped: Sequence[str]) -> str:
    records = f"all {PLURALS[type]} are shown"
    if skipped:
        return records
    if person is None:
        return f"{records}: there is no shared default of {type}"
    return f"{records}: {person.email} has pinned none, and there is no shared default"


def _opening(
    type: ObjectType,
    chosen: Chosen,
    segment: SegmentView | None,
    why: str,
    skipped: Sequence[str],
    person: Viewer | None,
) -> OpeningView:
    return OpeningView(
        type=type,
        chosen=chosen,
        segment=segment,
        why=why,
        skipped=tuple(skipped),
        email=None if person is None else person.email,
        active=person is None or person.active,
    )
