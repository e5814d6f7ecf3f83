"""What doctor looks at, read once, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import datetime as dt
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from segctl.conditions.nodes import Condition
from segctl.config_hooks import Hook
from segctl.engine.definition import Vocabulary, vocabulary
from segctl.errors import ConditionError
from segctl.services.segment_references import load_references
from segctl.services.segment_views import SegmentView, views
from segctl.store.records import RecordTables, record_tables
from segctl.store.tables import Workspace
from segctl.store.workspace import load_workspace


@dataclass(frozen=True)
class Examination:
    """A store as one transaction sees it, and the hooks of this process's config file."""

    session: Session
    now: dt.datetime
    hooks: Sequence[Hook]
    segments: Mapping[int, SegmentView]
    conditions: Mapping[int, Condition]
    """Those that can be read, by segment."""
    problems: Mapping[int, ConditionError]
    """Why the others cannot."""
    words: Vocabulary = field(repr=False)

    @cached_property
    def tables(self) -> RecordTables:
        return record_tables(self.words.catalog)

    @cached_property
    def workspace(self) -> Workspace:
        return load_workspace(self.session)

    @cached_property
    def references(self) -> Mapping[int, set[int]]:
        """What each segment reads, as stored."""
        return load_references(self.session)

    @cached_property
    def read(self) -> set[int]:
        """The segments that others read."""
        return {id for each in self.references.values() for id in each}

    @property
    def sqlite(self) -> bool:
        return self.session.get_bind().dialect.name == "sqlite"


_TRACE = ("store", "system", "snapshot", "sequence")


def of_trace(watermark: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of a segment's watermark is about the trace; the rest is the engine's own."""
    return {key: watermark[key] for key in _TRACE if key in watermark} if watermark else {}


def examination(session: Session, now: dt.datetime, hooks: Sequence[Hook]) -> Examination:
    """Read the segments and their conditions."""
    words = vocabulary(session)
    segments = {each.id: each for each in views(session)}
    conditions: dict[int, Condition] = {}
    problems: dict[int, ConditionError] = {}
    for each in segments.values():
        try:
            conditions[each.id] = words.parse(each.condition, each.type)
        except ConditionError as error:
            problems[each.id] = error
    return Examination(session, now, hooks, segments, conditions, problems, words)
