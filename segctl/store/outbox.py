"""The outbox of hooks: what is to be told is written in the transaction that makes it true."""

from collections.abc import Iterable
import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.store.tables_daemon import HookDelivery

_delivery: sa.Table = HookDelivery.__table__  # type: ignore[attr-defined]


def add(
    session: Session, hooks: Iterable[str], *, segment: int, run: int, now: dt.datetime
) -> None:
    """A delivery of the run for each hook, to be tried at once."""
    rows = [
        {
            "hook": hook,
            "segment_id": segment,
            "recalculation_id": run,
            "created_at": now,
            "attempts": 0,
            "next_attempt_at": now,
        }
        for hook in hooks
    ]
    session.execute(sa.insert(_delivery), rows)


def prune(session: Session, *, delivered_before: dt.datetime, dead_before: dt.datetime) -> int:
    """Delete what was delivered or given up long ago; how many rows went."""
    old = sa.or_(_delivery.c.delivered_at < delivered_before, _delivery.c.dead_at < dead_before)
    return int(session.execute(sa.delete(_delivery).where(old)).rowcount)  # type: ignore[attr-defined]
