"""What a recalculation has seen: enough to tell later what can have changed since.

It is kept as JSON in `segment_state.watermark`: the watermark of the trace, with the catalog, the
text and the meaning of the condition, the rules of the calendar, and the last run of each segment
that it reads.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
import hashlib
from importlib import resources
from pathlib import Path
from typing import Any
import unicodedata
import zoneinfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.conditions import walk
from segctl.conditions.nodes import Condition
from segctl.engine.definition import Definition, Vocabulary
from segctl.engine.history import SKIPPED
from segctl.store import trace
from segctl.store.tables import MemberChange, Recalculation, Segment
from segctl.store.tables_history import ChangeHorizon

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]
_horizon: sa.Table = ChangeHorizon.__table__  # type: ignore[attr-defined]

LANGUAGE = 1
"""Grows when the same condition comes to mean something else, so that all are evaluated again."""

_OWN = frozenset(("catalog", "text", "meaning", "rules", "references"))


@dataclass(frozen=True, slots=True)
class Seen:
    """`trace` is a watermark; `references` are segments and the last run of each that was there."""

    trace: Mapping[str, Any]
    catalog: int
    text: str
    meaning: str
    rules: str
    references: Mapping[int, int]

    def as_json(self) -> dict[str, Any]:
        return {
            **self.trace,
            "catalog": self.catalog,
            "text": self.text,
            "meaning": self.meaning,
            "rules": self.rules,
            "references": {str(segment): run for segment, run in self.references.items()},
        }


def parse_seen(kept: Mapping[str, Any] | None) -> Seen | None:
    """What `as_json` gave; None for nothing, and for what another version has kept."""
    if not kept or not kept.keys() >= _OWN:
        return None
    return Seen(
        {key: value for key, value in kept.items() if key not in _OWN},
        kept["catalog"],
        kept["text"],
        kept["meaning"],
        kept["rules"],
        {int(segment): run for segment, run in kept["references"].items()},
    )


def look(session: Session, words: Vocabulary, definition: Definition) -> Seen:
    """What this transaction sees; on Postgres that of the evaluation, REPEATABLE READ."""
    references = walk.segments(definition.condition)
    return Seen(
        trace.watermark(session),
        words.catalog.version,
        text_hash(definition.text),
        words.hash(definition.type, definition.condition),
        rules(zone_of(definition.condition, words)),
        last_runs(session, references),
    )


def last_runs(session: Session, segments: Iterable[int]) -> dict[int, int]:
    """Segment: its last run that counted it, 0 if there is none.

    A failure of a process that has lost its lease may be written before the run that it lost it to;
    what did not fail comes in the order of the numbers.
    """
    wanted = sorted(set(segments))
    if not wanted:
        return {}
    last = (
        sa.select(_runs.c.id)
        .where(
            _runs.c.segment_id == _segment.c.id, _runs.c.error.is_(None), _runs.c.mode != SKIPPED
        )
        .order_by(_runs.c.id.desc())
        .limit(1)
        .correlate(_segment)
        .scalar_subquery()
    )
    rows = session.execute(sa.select(_segment.c.id, last).where(_segment.c.id.in_(wanted)))
    found = {segment: run or 0 for segment, run in rows}
    return {segment: found.get(segment, 0) for segment in wanted}


def untold(session: Session, references: Mapping[int, int]) -> set[int]:
    """The segments of which it is not known who entered and left since a run of each."""
    unknown = set()
    for segment, run in references.items():
        pruned = sa.exists().where(
            _horizon.c.segment_id == segment, _horizon.c.recalculation_id > run
        )
        filled = sa.exists().where(
            _runs.c.segment_id == segment, _runs.c.id > run, _runs.c.baseline
        )
        if run == 0 or session.execute(sa.select(sa.or_(pruned, filled))).scalar():
            unknown.add(segment)
    return unknown


def changed_members(segment: int, run: int) -> sa.Select[tuple[int]]:
    """The ids of records that entered or left a segment after a run; some more than once."""
    return sa.select(_changes.c.record_id).where(
        _changes.c.segment_id == segment, _changes.c.recalculation_id > run
    )


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def zone_of(condition: Condition, words: Vocabulary) -> str:
    """The zone that takes part in a condition; empty if none does."""
    return words.zone.key if walk.has_time_forms(condition) else ""


@lru_cache(maxsize=64)
def rules(zone: str) -> str:
    """Changes with what decides, besides the condition and the records: the zone's rules, Unicode.

    `zone` is empty where none takes part. A process reads the rules of a zone once, so it need not
    look again.
    """
    found = hashlib.sha256(_zone_data(zone)).hexdigest()[:12] if zone else ""
    return f"{LANGUAGE} {unicodedata.unidata_version} {found}".rstrip()


def _zone_data(zone: str) -> bytes:
    """The file that zoneinfo reads the zone from."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder, zone)
        if path.is_file():
            return path.read_bytes()
    *packages, name = zone.split("/")
    try:
        return resources.files(".".join(("tzdata.zoneinfo", *packages))).joinpath(name).read_bytes()
    except (OSError, ModuleNotFoundError):
        return b""
