"""What a full recalculation changes that no incremental one would: what earlier ones missed."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.conditions.time import Clock
from segctl.engine.candidates import Candidates, Past, Sets, Untold, stretches
from segctl.engine.definition import Definition, Vocabulary
from segctl.engine.influences import influences
from segctl.engine.seen import last_runs, parse_seen, rules, untold, zone_of
from segctl.store import trace
from segctl.store.tables import SegmentState


def strays(
    session: Session,
    words: Vocabulary,
    definition: Definition,
    now: dt.datetime,
    changed: sa.Select[tuple[int]],
) -> int | None:
    """How many of the changed records are no candidates; None if candidates cannot be told.

    In the snapshot of the evaluation, and before the segment's state is overwritten.
    """
    candidates = _candidates(session, words, definition, now)
    if candidates is None:
        return None
    ids = changed.subquery("changed")
    column = next(iter(ids.c))
    query = sa.select(sa.func.count()).select_from(ids)
    if candidates.places:
        chosen = candidates.select().subquery("candidate")
        query = query.where(~sa.exists().where(chosen.c.id == column))
    return session.execute(query).scalar_one()


def _candidates(
    session: Session, words: Vocabulary, definition: Definition, now: dt.datetime
) -> Candidates | None:
    state = session.get(SegmentState, definition.id)
    seen = parse_seen(state.watermark) if state else None
    if state is None or seen is None or state.evaluated_at is None:
        return None
    same = (
        trace.unreadable(session, seen.trace) is None
        and seen.meaning == words.hash(definition.type, definition.condition)
        and seen.rules == rules(zone_of(definition.condition, words))
    )
    last = last_runs(session, seen.references)
    moved = {id: run for id, run in seen.references.items() if last[id] != run}
    if not same or untold(session, moved):
        return None
    [part] = stretches(session, [seen.trace])
    past = Past(part, Clock(state.evaluated_at, words.zone), seen.references)
    sets = Sets(session, words.scope(session, now))
    try:
        return sets.candidates(influences(definition.condition, definition.type), past)
    except Untold:
        return None
