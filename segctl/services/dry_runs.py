"""What a recalculation would do."""

from collections.abc import Callable
import datetime as dt
import time

import sqlalchemy as sa

from segctl.engine import difference, history
from segctl.engine.definition import load_definition, vocabulary
from segctl.errors import SegctlError, StoreVersionError
from segctl.services.batches import Batch, uncounted
from segctl.services.outcomes import Outcome, Result, failure, refused
from segctl.store.opening import Store


def dry_run(
    store: Store,
    batch: Batch,
    *,
    now: dt.datetime,
    progress: Callable[[int], None] = lambda advance: None,
) -> list[Outcome]:
    """What a recalculation at `now` would do, each segment on the stored members it refers to.

    Nothing is stored and no lease is taken.
    """
    outcomes = []
    for view in batch.segments:
        if view.id not in batch.asked:
            progress(1)
            continue
        began = time.perf_counter()
        try:
            _refuse_uncounted(batch, view.id)
            with store.read() as session:
                words = vocabulary(session)
                definition = load_definition(session, view.id, words)
                scope = words.scope(session, now)
                sizes = difference.sizes(session, definition.condition, view.type, view.id, scope)
        except StoreVersionError:
            raise
        except (SegctlError, sa.exc.DBAPIError) as caught:
            error = caught if isinstance(caught, SegctlError) else refused(caught)
            outcomes.append(failure(view, "", error, time.perf_counter() - began))
        else:
            outcomes.append(
                Outcome(
                    view.id,
                    view.name,
                    view.type,
                    Result.DONE,
                    history.FULL,
                    "dry run: nothing was stored",
                    view.count,
                    sizes.found,
                    sizes.entered,
                    sizes.left,
                    view.count is None,
                    time.perf_counter() - began,
                )
            )
        progress(1)
    return outcomes


def _refuse_uncounted(batch: Batch, id: int) -> None:
    for reference in batch.references.get(id, ()):
        view = batch.read[reference]
        if view.count is None:
            raise uncounted(view, None)
