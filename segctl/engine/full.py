"""The full recalculation of one segment: evaluate everything, write only the difference.

On SQLite the condition is evaluated in a read transaction into temporary tables, so that no write
lock is held meanwhile, and a short write transaction applies the difference. On Postgres one
statement evaluates, compares and writes in one snapshot. Either way the lease and the definition
are checked in the transaction that commits, and readers see the old members or the new.
"""

from collections.abc import Callable
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

    def attempt() -> Done:
        began = time.perf_counter()
        run, counts, baseline = recalculate(store, start, token, began)
        return Done(run, counts, baseline, time.perf_counter() - began)

    return persistently(attempt)


def persistently(attempt: Callable[[], Done]) -> Done:
    """Try again what collided with another transaction, a few times."""
    for number in range(1, ATTEMPTS):
        try:
            return attempt()
        except Busy as error:
            if error.fields.get("reason") not in ("serialization", "deadlock", "catalog"):
                raise
            time.sleep(PAUSE * 2 ** (number - 1))
    return attempt()
