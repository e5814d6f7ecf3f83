"""The daemons of a store: which are alive, and what they are doing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl import __version__
from segctl.engine import lease
from segctl.engine.owner import Owner, parse_owner
from segctl.store.opening import Store
from segctl.store.tables_daemon import Daemon
from segctl.store.types import Instant

SILENCE = 30.0
"""Seconds without a heartbeat after which a daemon counts as dead."""
REMEMBERED = dt.timedelta(days=7)
"""How long a daemon that has ended is still listed."""

_daemon: sa.Table = Daemon.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class DaemonView:
    """A daemon as others see it. `stopped_at` is None if it has not said goodbye."""

    id: int
    host: str
    pid: int
    version: str
    lanes: str
    type: str | None
    started_at: dt.datetime
    heartbeat_at: dt.datetime
    stopped_at: dt.datetime | None
    alive: bool
    running: Sequence[Mapping[str, Any]]
    counters: Mapping[str, Any]


def register(store: Store, owner: Owner, *, lanes: str, type: str | None, now: dt.datetime) -> int:
    """A daemon has started; its id. Those that ended long ago are forgotten."""
    with store.write() as session:
        clock = session.execute(sa.select(_clock(session))).scalar_one()
        session.execute(sa.delete(_daemon).where(_daemon.c.heartbeat_at < clock - REMEMBERED))
        row = Daemon(
            owner=str(owner),
            host=owner.host.partition("/")[0],
            pid=owner.pid,
            version=__version__,
            lanes=lanes,
            object_type=type,
            started_at=now,
            heartbeat_at=clock,
        )
        session.add(row)
        session.flush()
        assert row.id is not None
        return row.id


def beat(
    store: Store, id: int, *, running: Sequence[Mapping[str, Any]], counters: Mapping[str, Any]
) -> None:
    """It is still there. What it says of itself is worth no flush to the disk."""
    with store.write(durable=False) as session:
        session.execute(
            sa.update(_daemon)
            .where(_daemon.c.id == id)
            .values(heartbeat_at=_clock(session), running=list(running), counters=dict(counters))
        )


def leave(store: Store, id: int, owner: Owner, *, now: dt.datetime) -> None:
    """It ends, and holds no lease any more."""
    with store.write() as session:
        lease.give_up_all(session, owner)
        session.execute(
            sa.update(_daemon).where(_daemon.c.id == id).values(stopped_at=now, running=[])
        )


def load_daemons(session: Session) -> list[DaemonView]:
    """All that are remembered, the alive ones first, then the latest first."""
    clock = session.execute(sa.select(_clock(session))).scalar_one()
    fresh = clock - dt.timedelta(seconds=SILENCE)
    rows = session.execute(sa.select(_daemon).order_by(_daemon.c.id.desc()))
    found = [_view(row, alive=_is_alive(row, fresh)) for row in rows]
    return sorted(found, key=lambda daemon: not daemon.alive)


def count_alive(session: Session) -> int:
    return sum(daemon.alive for daemon in load_daemons(session))


def _is_alive(row: Any, fresh: dt.datetime) -> bool:
    owner = parse_owner(row.owner)
    dead = owner is not None and owner.is_dead
    return row.stopped_at is None and row.heartbeat_at >= fresh and not dead


def _view(row: Any, *, alive: bool) -> DaemonView:
    return DaemonView(
        id=row.id,
        host=row.host,
        pid=row.pid,
        version=row.version,
        lanes=row.lanes,
        type=row.object_type,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
        stopped_at=row.stopped_at,
        alive=alive,
        running=row.running if alive else (),
        counters=row.counters,
    )


def _clock(session: Session) -> sa.ColumnElement[dt.datetime]:
    """The store's clock: daemons of several machines are compared."""
    if session.get_bind().dialect.name == "sqlite":
        return sa.type_coerce(sa.func.strftime("%Y-%m-%dT%H:%M:%f000Z", "now"), Instant())
    return sa.type_coerce(sa.func.clock_timestamp(), Instant())
