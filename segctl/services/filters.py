"""A condition as a filter of a listing: `--where`."""

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.conditions.sql import predicate
from segctl.engine.definition import vocabulary
from segctl.store.opening import Store
from segctl.store.reading import Where
from segctl.store.workspace import load_workspace


def filter_records(session: Session, type: ObjectType, where: str, now: dt.datetime) -> Where:
    """The condition on a record table; ConditionError if it is none of the language."""
    words = vocabulary(session)
    condition = words.parse(where, type)
    scope = words.scope(session, now)
    return lambda table: predicate(condition, table, type, scope)


def workspace_zone(store: Store) -> ZoneInfo:
    """The zone in which the times that people write are read."""
    with store.read() as session:
        return ZoneInfo(load_workspace(session).timezone)
