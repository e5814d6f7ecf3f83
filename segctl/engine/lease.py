"""Leases: which process may write the members of which segment.

A lease is a row with a token. Whoever takes it over writes another token, so a holder that was
thought dead finds out at its commit. It runs out by the clock of the store, unless its holder
renews it; if its holder is known to have ended, it is free at once.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
import datetime as dt
import threading
from typing import Any
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.engine.holders import Holder, holders
from segctl.engine.owner import Owner
from segctl.errors import Busy, SegctlError
from segctl.store.glance import glance_of
from segctl.store.opening import Store, open_store
from segctl.store.tables import Lease, Segment
from segctl.store.types import Instant

LEASE_TIME = 60.0
"""Seconds after which a lease runs out unless it is renewed."""

_lease: sa.Table = Lease.__table__  # type: ignore[attr-defined]
_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]


class LeaseLost(Busy):
    """Another process has taken the lease over while this one was at work."""

    code = "lease_lost"


def new_token() -> str:
    return uuid.uuid4().hex


def acquire(
    session: Session,
    segments: Iterable[int],
    *,
    token: str,
    owner: Owner,
    seconds: float = LEASE_TIME,
) -> set[int]:
    """Take the leases that are free, run out, or held by a process that has ended; their segments.

    A lease that the token has already stays its own. Segments that do not exist are left out.
    """
    wanted = sorted(set(segments))
    if not wanted:
        return set()
    sqlite = _is_sqlite(session)
    held = holders(glance_of(session))
    dead = [held[segment].token for segment in wanted if segment in held and held[segment].is_dead]
    row = sa.select(
        _segment.c.id,
        sa.literal(token),
        sa.literal(str(owner)),
        sa.literal(owner.host),
        sa.literal(owner.pid),
        _clock(sqlite),
        _clock(sqlite, seconds),
    ).where(_segment.c.id.in_(wanted))
    names = ["segment_id", "token", "owner", "host", "pid", "started_at", "expires_at"]
    insert = _insert(sqlite)
    new = insert.excluded
    statement = (
        insert.from_select(names, row.order_by(_segment.c.id))
        .on_conflict_do_update(
            index_elements=["segment_id"],
            set_={name: new[name] for name in names[1:]},
            where=sa.or_(
                _lease.c.expires_at <= _clock(sqlite),
                _lease.c.token == token,
                _lease.c.token.in_(dead),
            ),
        )
        .returning(_lease.c.segment_id)
    )
    return set(session.execute(statement).scalars())


def renew(session: Session, token: str, seconds: float = LEASE_TIME) -> int:
    """Put off the end of all leases of the token; how many there still are."""
    statement = (
        sa.update(_lease)
        .where(_lease.c.token == token)
        .values(expires_at=_clock(_is_sqlite(session), seconds))
        .returning(_lease.c.segment_id)
    )
    return len(session.execute(statement).all())


def give_up(session: Session, token: str, segments: Iterable[int] | None = None) -> None:
    """Free the leases of the token, all of them or those of some segments."""
    statement = sa.delete(_lease).where(_lease.c.token == token)
    if segments is not None:
        statement = statement.where(_lease.c.segment_id.in_(list(segments)))
    session.execute(statement)


def give_up_all(session: Session, owner: Owner) -> None:
    """Free every lease of a process, whatever the token."""
    session.execute(sa.delete(_lease).where(_lease.c.owner == str(owner)))


def hand_in(session: Session, segment: int, token: str) -> None:
    """Give the lease back in the transaction that commits; LeaseLost if it is another's by now.

    Until the transaction ends nobody else can take it. A lease that has run out is still good as
    long as nobody took it.
    """
    statement = (
        sa.delete(_lease)
        .where(_lease.c.segment_id == segment, _lease.c.token == token)
        .returning(_lease.c.segment_id)
    )
    if session.execute(statement).first() is None:
        raise LeaseLost(
            "another process took the recalculation over, so nothing of this one was kept",
            hint="its lease had run out: the machine was suspended or the store did not answer",
        )


def hand_in_all(session: Session, segments: Iterable[int], token: str) -> set[int]:
    """Give the leases back that are still the token's; their segments."""
    statement = (
        sa.delete(_lease)
        .where(_lease.c.segment_id.in_(list(segments)), _lease.c.token == token)
        .returning(_lease.c.segment_id)
    )
    return set(session.execute(statement).scalars())


@contextmanager
def renewing(store: Store, token: str, seconds: float = LEASE_TIME) -> Iterator[None]:
    """Renew the token's leases from a second thread and connection for as long as the block runs.

    A renewal that fails is tried again; if none succeeds, the commit finds out whether it mattered.
    """
    if store.url in ("sqlite://", "sqlite:///:memory:"):
        yield  # one connection, one process: nobody else can want the lease
        return
    done = threading.Event()

    def renew_until_done() -> None:
        own: Store | None = None
        while not done.wait(seconds / 3):
            with suppress(SegctlError):
                own = own or open_store(store.url, busy_timeout=seconds / 3)
                with own.write() as session:
                    renew(session, token, seconds)
        if own is not None:
            own.close()

    thread = threading.Thread(target=renew_until_done, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(1)  # not for as long as a locked store may keep a renewal waiting


def busy(holder: Holder | None, name: str) -> Busy:
    """The refusal of a segment that another process recalculates."""
    by = (
        f"{holder} since {holder.started_at:%Y-%m-%d %H:%M:%S} UTC" if holder else "another process"
    )
    return Busy(
        f'the segment "{name}" is being recalculated by {by}',
        hint="--wait 30s waits for it",
        reason="lease",
        **({"owner": holder.owner} if holder else {}),
    )


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _insert(sqlite: bool) -> Any:
    """An INSERT with ON CONFLICT; only the store's own dialect is imported."""
    if sqlite:
        from sqlalchemy.dialects import sqlite as dialect

        return dialect.insert(_lease)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(_lease)


def _clock(sqlite: bool, seconds: float = 0.0) -> sa.ColumnElement[dt.datetime]:
    """The store's clock, some seconds on. Milliseconds on SQLite, filled up to the stored form."""
    if sqlite:
        moment = sa.func.strftime("%Y-%m-%dT%H:%M:%f000Z", "now", f"{seconds:+.3f} seconds")
        return sa.type_coerce(moment, Instant())
    later = sa.func.clock_timestamp() + sa.literal(dt.timedelta(seconds=seconds))
    return sa.type_coerce(later, Instant())
