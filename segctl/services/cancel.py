"""Stopping the recalculation of a segment, whoever is at it."""

from dataclasses import dataclass
import datetime as dt
from enum import StrEnum
import time

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.engine import cancelling
from segctl.engine.history import last_runs
from segctl.engine.holders import Holder, running
from segctl.errors import Busy, SegctlError
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.store.glance import glance_of
from segctl.store.opening import Store
from segctl.store.tables import Recalculation

PATIENCE = dt.timedelta(seconds=10)
"""How long the process may take to answer."""
TURN = 2.0
"""Seconds after its answer in which it stops what is running."""
POLL = 0.1

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]


class Ending(StrEnum):
    """What became of the recalculation."""

    CANCELLED = "cancelled"
    FINISHED = "finished"
    """It was done before it could be stopped."""
    ASKED = "asked"
    """It waits for its turn in a batch, and will not be done when that comes."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The segment, who was at it, and what became of that."""

    segment: SegmentView
    holder: Holder
    ending: Ending


def cancel(
    store: Store,
    ref: str,
    *,
    type: ObjectType | None = None,
    actor: str,
    patience: dt.timedelta = PATIENCE,
) -> Cancel:
    """Stop the recalculation of a segment; its members stay as they are.

    SegctlError if nobody recalculates it, Busy if its process does not answer.
    """
    with store.read() as session:
        segment = view(session, find_row(session, ref, type).id)
        holder = running(glance_of(session)).get(segment.id)
        before = session.execute(sa.select(sa.func.max(_runs.c.id))).scalar() or 0
    if holder is None:
        raise SegctlError(
            f'"{segment.name}" is not being recalculated', hint="segctl status shows what is"
        )
    cancelling.request(store, holder.token, segment.id, actor)
    try:
        _wait(store, segment, holder, patience)
    finally:
        cancelling.withdraw(store, holder.token, segment.id)
    with store.read() as session:
        if _held_by(session_holder := running(glance_of(session)).get(segment.id), holder):
            assert session_holder is not None
            return Cancel(segment, holder, Ending.ASKED)
        ended = [run for run in last_runs(session, segment.id, 1) if run.id > before]
        finished = bool(ended) and ended[0].error is None
        now = view(session, segment.id)
    return Cancel(now, holder, Ending.FINISHED if finished else Ending.CANCELLED)


def _held_by(holder: Holder | None, before: Holder) -> bool:
    return holder is not None and holder.token == before.token


def _wait(store: Store, segment: SegmentView, holder: Holder, patience: dt.timedelta) -> None:
    """Until it has let go of the segment, or has heard the request and goes on with others."""
    deadline = time.monotonic() + patience.total_seconds()
    heard: float | None = None
    while True:
        with store.read() as session:
            if not _held_by(running(glance_of(session)).get(segment.id), holder):
                return
        now = time.monotonic()
        if heard is None and not cancelling.is_pending(store, holder.token, segment.id):
            heard = now
        if heard is not None and now - heard > TURN:
            return
        if heard is None and now > deadline:
            raise Busy(
                f"{holder} recalculates it and does not answer",
                hint="if it hangs, end that process: its lease runs out by itself",
                reason="no_answer",
                owner=holder.owner,
            )
        time.sleep(POLL)
