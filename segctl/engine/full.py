"""The full recalculation of one segment: evaluate everything, write only the difference.

On SQLite the condition is evaluated in a read transaction into temporary tables, so that no write
lock is held meanwhile, and a short write transaction applies the difference. On Postgres one
statement evaluates, compares and writes in one snapshot. Either way the lease and the definition
are checked in the transaction that commits, and readers see the old members or the new.
"""

from dataclasses import dataclass
import time

from segctl.engine import full_postgres, full_sqlite
from segctl.engine.history import Counts, Start
from segctl.errors import Busy
from segctl.store.opening import Store

ATTEMPTS = 4
"""How often a recalculation that collided with another transaction is tried in all."""
PAUSE = 0.05
"""Seconds before the second attempt; each further one waits twice as long."""


@dataclass(frozen=True, slots=True)
class Done:
    """A recalculation that was stored."""

    run: int
    counts: Counts
    baseline: bool
    duration: float


def recalculate_full(store: Store, start: Start, token: str) -> Done:
    """Recalculate a segment whose lease the token holds, and give the lease back.

    Raises what stands in the way; then nothing has changed and the lease is still held. LeaseLost
    and DefinitionChanged mean that the result was thrown away.
    """
    recalculate = (
        full_sqlite.recalculate if store.dialect == "sqlite" else full_postgres.recalculate
    )
    for attempt in range(1, ATTEMPTS + 1):
        began = time.perf_counter()
        try:
            run, counts, baseline = recalculate(store, start, token, began)
        except Busy as error:
            collided = error.fields.get("reason") in ("serialization", "deadlock", "catalog")
            if not collided or attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE * 2 ** (attempt - 1))
        else:
            return Done(run, counts, baseline, time.perf_counter() - began)
    raise AssertionError("the last attempt returns or raises")
