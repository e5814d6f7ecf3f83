"""The outbox of hooks: what waits, delivering it, trying again, giving up.

A delivery is made by the recalculation, in its transaction, and kept until its hook has taken it:
at least once, in order for each hook and segment. Another daemon may try again what one did not
come back with, so a receiver may see a delivery twice; its id tells.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
import tempfile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.config_hooks import Hook
from segctl.errors import NotFound, SegctlError
from segctl.services.hook_calls import Call, HookFailed, call
from segctl.services.hook_payload import write_payload
from segctl.store import audit, outbox
from segctl.store.opening import Store
from segctl.store.tables import Recalculation, Segment
from segctl.store.tables_daemon import HookDelivery

FIRST_WAIT = dt.timedelta(seconds=10)
LONGEST_WAIT = dt.timedelta(hours=1)
"""How long after a failure a delivery is tried again: each time twice as long, up to this."""
GRACE = dt.timedelta(minutes=1)
"""So much longer than the hook may take, whoever delivers is waited for."""
DELIVERED_KEPT = dt.timedelta(days=7)
DEAD_KEPT = dt.timedelta(days=90)

_delivery: sa.Table = HookDelivery.__table__  # type: ignore[attr-defined]
_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_run: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A run that a hook is to hear of. `next_attempt_at` is None once it is settled."""

    id: int
    hook: str
    segment_id: int
    segment: str
    type: str
    run: int
    entered: int | None
    left: int | None
    created_at: dt.datetime
    attempts: int
    next_attempt_at: dt.datetime | None
    delivered_at: dt.datetime | None
    dead_at: dt.datetime | None
    last_error: str | None

    @property
    def state(self) -> str:
        if self.delivered_at is not None:
            return "delivered"
        return "dead" if self.dead_at is not None else "waiting"


@dataclass(frozen=True, slots=True)
class HookView:
    """A hook and how its deliveries stand. `target` is None if the config knows it no more."""

    name: str
    target: str | None
    segments: tuple[str, ...]
    type: str | None
    signed: bool
    waiting: int
    delivered: int
    dead: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver. `error` is None if it was taken."""

    delivery: Delivery
    error: str | None
    dead: bool


def list_hooks(store: Store, hooks: Sequence[Hook]) -> list[HookView]:
    """The hooks of the config, then those that only deliveries remember."""
    waiting, delivered, dead = (
        sa.func.count(column)
        for column in (
            _delivery.c.next_attempt_at,
            _delivery.c.delivered_at,
            _delivery.c.dead_at,
        )
    )
    last = sa.func.max(sa.case((_delivery.c.last_error.is_not(None), _delivery.c.id)))
    counts = sa.select(
        _delivery.c.hook,
        waiting.label("waiting"),
        delivered.label("delivered"),
        dead.label("dead"),
        last.label("last"),
    ).group_by(_delivery.c.hook)
    with store.read() as session:
        rows = {row.hook: row for row in session.execute(counts)}
        errors: dict[int, str | None] = {}
        for row in rows.values():
            if row.last is not None:
                delivery = session.get(HookDelivery, row.last)
                errors[row.last] = delivery.last_error if delivery else None
    known = {hook.name: hook for hook in hooks}
    found = []
    for name in [*known, *sorted(rows.keys() - known.keys())]:
        hook, counted = known.get(name), rows.get(name)
        found.append(
            HookView(
                name,
                hook.target if hook else None,
                hook.segments if hook else (),
                hook.type if hook else None,
                bool(hook and (hook.secret_env or hook.secret_file)),
                counted.waiting if counted else 0,
                counted.delivered if counted else 0,
                counted.dead if counted else 0,
                errors.get(counted.last) if counted and counted.last is not None else None,
            )
        )
    return found


def list_deliveries(
    store: Store, *, hook: str | None = None, state: str | None = None
) -> list[Delivery]:
    """Deliveries, the oldest first: all, those of a hook, those in a state."""
    query = _query()
    if hook is not None:
        query = query.where(_delivery.c.hook == hook)
    match state:
        case "waiting":
            query = query.where(_delivery.c.next_attempt_at.is_not(None))
        case "delivered":
            query = query.where(_delivery.c.delivered_at.is_not(None))
        case "dead":
            query = query.where(_delivery.c.dead_at.is_not(None))
    with store.read() as session:
        return [_of(row) for row in session.execute(query)]


def count_deliveries(session: Session) -> tuple[int, int]:
    """How many wait and how many were given up."""
    row = session.execute(
        sa.select(sa.func.count(_delivery.c.next_attempt_at), sa.func.count(_delivery.c.dead_at))
    ).one()
    return row[0], row[1]


def retry(
    store: Store,
    ids: Iterable[int] | None = None,
    *,
    hook: str | None = None,
    now: dt.datetime,
    actor: str,
) -> list[Delivery]:
    """Have deliveries that were given up, or wait for their next attempt, tried at once; which.

    Without `ids` all that were given up. NotFound for an id that there is not, SegctlError for one
    that was delivered.
    """
    with store.write() as session:
        query = _query()
        if ids is None:
            query = query.where(_delivery.c.dead_at.is_not(None))
        else:
            wanted = sorted(set(ids))
            query = query.where(_delivery.c.id.in_(wanted))
        if hook is not None:
            query = query.where(_delivery.c.hook == hook)
        chosen = [_of(row) for row in session.execute(query)]
        if ids is not None:
            _refuse_strange(wanted, chosen)
        for delivery in chosen:
            audit.record(
                session,
                now=now,
                actor=actor,
                action="retry",
                subject_type="hook_delivery",
                subject=f"{delivery.hook}/{delivery.id}",
                before={"state": delivery.state, "attempts": delivery.attempts},
            )
        session.flush()
        session.execute(
            sa.update(_delivery)
            .where(_delivery.c.id.in_([delivery.id for delivery in chosen]))
            .values(next_attempt_at=now, dead_at=None, attempts=0)
        )
        return chosen


def _refuse_strange(wanted: Sequence[int], chosen: Sequence[Delivery]) -> None:
    missing = set(wanted) - {delivery.id for delivery in chosen}
    if missing:
        raise NotFound(f"there is no delivery {min(missing)}", hint="segctl hooks deliveries")
    for delivery in chosen:
        if delivery.state == "delivered":
            raise SegctlError(f"the delivery {delivery.id} has been delivered already")


# ---------------------------------------------------------------- delivering


def deliver_next(
    store: Store,
    hook: Hook,
    secret: str | None,
    *,
    now: dt.datetime,
    environ: Mapping[str, str],
    stopped: Callable[[], bool] = lambda: False,
) -> Attempt | None:
    """Try the delivery of the hook that waits longest; None if none is to be tried now.

    `environ` is what a command inherits. If it is `stopped`, what was not taken yet stays waiting
    as if it had not been tried.
    """
    delivery = _claim(store, hook, now)
    if delivery is None:
        return None
    with tempfile.TemporaryFile() as body:
        with store.read() as session:
            write_payload(session, delivery.segment_id, delivery.run, delivery.id, body)
        try:
            call(
                hook,
                Call(delivery.id, delivery.segment_id, delivery.segment, delivery.run),
                body,
                secret,
                now=now,
                environ=environ,
                stopped=stopped,
            )
        except HookFailed as error:
            if stopped():
                _give_back(store, delivery, now)
                return None
            return _failed(store, hook, delivery, str(error), now)
    with store.write() as session:
        session.execute(
            sa.update(_delivery)
            .where(_delivery.c.id == delivery.id)
            .values(delivered_at=now, next_attempt_at=None, last_error=None)
        )
    return Attempt(delivery, None, dead=False)


def prune(store: Store, *, now: dt.datetime) -> int:
    """Delete what was delivered or given up long ago; how many rows went."""
    with store.write() as session:
        return outbox.prune(
            session, delivered_before=now - DELIVERED_KEPT, dead_before=now - DEAD_KEPT
        )


def _claim(store: Store, hook: Hook, now: dt.datetime) -> Delivery | None:
    """The next delivery, put off so far that nobody else tries it meanwhile."""
    with store.read() as session:
        if session.execute(_next(hook, now)).first() is None:
            return None
    with store.write() as session:
        row = session.execute(_next(hook, now).with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        session.execute(
            sa.update(_delivery)
            .where(_delivery.c.id == row.id)
            .values(
                next_attempt_at=now + dt.timedelta(seconds=hook.timeout) + GRACE,
                attempts=_delivery.c.attempts + 1,
            )
        )
        return _of(session.execute(_query().where(_delivery.c.id == row.id)).one())


def _next(hook: Hook, now: dt.datetime) -> sa.Select[Any]:
    """The oldest delivery that is to be tried, unless an older one of its segment still waits."""
    older = _delivery.alias("older")
    waits = sa.exists().where(
        older.c.hook == _delivery.c.hook,
        older.c.segment_id == _delivery.c.segment_id,
        older.c.id < _delivery.c.id,
        older.c.next_attempt_at.is_not(None),
    )
    # Nothing is put off for longer than this, unless the clock was set back since.
    far = now + LONGEST_WAIT + dt.timedelta(seconds=hook.timeout) + GRACE
    return (
        sa.select(_delivery.c.id)
        .where(
            _delivery.c.hook == hook.name,
            sa.or_(_delivery.c.next_attempt_at <= now, _delivery.c.next_attempt_at > far),
            ~waits,
        )
        .order_by(_delivery.c.id)
        .limit(1)
    )


def _failed(store: Store, hook: Hook, delivery: Delivery, error: str, now: dt.datetime) -> Attempt:
    dead = delivery.attempts >= hook.attempts
    wait = min(FIRST_WAIT * float(2 ** min(delivery.attempts - 1, 20)), LONGEST_WAIT)
    with store.write() as session:
        session.execute(
            sa.update(_delivery)
            .where(_delivery.c.id == delivery.id)
            .values(
                next_attempt_at=None if dead else now + wait,
                dead_at=now if dead else None,
                last_error=error,
            )
        )
    return Attempt(delivery, error, dead)


def _give_back(store: Store, delivery: Delivery, now: dt.datetime) -> None:
    with store.write() as session:
        session.execute(
            sa.update(_delivery)
            .where(_delivery.c.id == delivery.id)
            .values(next_attempt_at=now, attempts=delivery.attempts - 1)
        )


def _query() -> sa.Select[Any]:
    return (
        sa.select(
            _delivery,
            _segment.c.name,
            _segment.c.object_type,
            _run.c.entered,
            _run.c.left,
        )
        .join(_segment, _segment.c.id == _delivery.c.segment_id)
        .outerjoin(_run, _run.c.id == _delivery.c.recalculation_id)
        .order_by(_delivery.c.id)
    )


def _of(row: Any) -> Delivery:
    return Delivery(
        id=row.id,
        hook=row.hook,
        segment_id=row.segment_id,
        segment=row.name,
        type=row.object_type,
        run=row.recalculation_id,
        entered=row.entered,
        left=row.left,
        created_at=row.created_at,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
        dead_at=row.dead_at,
        last_error=row.last_error,
    )
