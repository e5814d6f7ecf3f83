"""What became of the segments of a batch, and of the batch as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.engine import history
from segctl.engine.full import Done
from segctl.engine.history import Start
from segctl.errors import (
    Busy,
    Cancelled,
    ExitCode,
    GuardStopped,
    Held,
    PartlyFailed,
    SegctlError,
    StoreError,
)
from segctl.services.segment_views import SegmentView


class Result(StrEnum):
    """What became of a segment in a batch."""

    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """A guard stopped it."""
    HELD = "held"
    """Its last runs were undone, and it waits for `segctl retry`."""
    CANCELLED = "cancelled"
    """Somebody stopped it with `segctl cancel`."""
    BUSY = "busy"
    """Another process was recalculating it, or held the store, for as long as could be waited."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one segment. Counts are None where nothing was counted.

    `why` says why it was recalculated, and why in this mode; `notes` what a person should know of
    the members it read. `candidates` were evaluated; it is None where all records were, or none.
    `duration` is in seconds.
    """

    segment_id: int
    name: str
    type: ObjectType
    result: Result
    mode: str
    why: str
    count_before: int | None = None
    count_after: int | None = None
    entered: int | None = None
    left: int | None = None
    baseline: bool = False
    duration: float = 0.0
    run: int | None = None
    notes: tuple[str, ...] = ()
    error: SegctlError | None = None
    candidates: int | None = None

    @property
    def done(self) -> bool:
        return self.result is Result.DONE


def verdict(outcomes: Sequence[Outcome]) -> SegctlError | None:
    """What the batch as a whole is: None if all went well, else an error with its exit code.

    All alike: that error's code (failed, a guard, busy); any mixture: PartlyFailed.
    """
    bad = [outcome for outcome in outcomes if not outcome.done]
    if not bad:
        return None
    first = bad[0].error
    assert first is not None
    if len(outcomes) == 1:
        if bad[0].result is not Result.FAILED or isinstance(first, StoreError):
            return first
        # Not a bad condition of this call, whatever code the error had when it was typed.
        return SegctlError(
            f'"{bad[0].name}" was not recalculated: {first.message}',
            hint=first.hint,
            **first.fields,
        )
    fields: dict[str, Any] = {
        "failed": [
            {
                "id": outcome.segment_id,
                "name": outcome.name,
                "result": outcome.result.value,
                "error": outcome.error.message if outcome.error else None,
            }
            for outcome in bad
        ]
    }
    lines = "".join(f"\n  {o.name}: {o.error.message if o.error else o.result}" for o in bad)
    kinds = {outcome.result for outcome in outcomes}
    if len(kinds) > 1:
        return PartlyFailed(
            f"{len(bad)} of {len(outcomes)} segments were not recalculated:{lines}", **fields
        )
    kind = {
        Result.STOPPED: GuardStopped,
        Result.HELD: Held,
        Result.CANCELLED: Cancelled,
        Result.BUSY: Busy,
    }.get(kinds.pop(), SegctlError)
    return kind(
        f"none of the {len(outcomes)} segments was recalculated:{lines}", hint=first.hint, **fields
    )


def failure(
    view: SegmentView,
    why: str,
    error: SegctlError,
    duration: float,
    *,
    mode: str = history.FULL,
    run: int | None = None,
    notes: tuple[str, ...] = (),
) -> Outcome:
    by_kind = {Held: Result.HELD, Cancelled: Result.CANCELLED}
    by_code = {ExitCode.GUARD: Result.STOPPED, ExitCode.BUSY: Result.BUSY}
    return Outcome(
        view.id,
        view.name,
        view.type,
        by_kind.get(type(error), by_code.get(ExitCode(error.exit_code), Result.FAILED)),
        mode,
        why,
        view.count,
        view.count,
        duration=duration,
        run=run,
        notes=notes,
        error=error,
    )


def success(
    view: SegmentView,
    start: Start,
    done: Done,
    notes: tuple[str, ...],
    candidates: int | None = None,
) -> Outcome:
    counts = done.counts
    if counts.strays:
        members = "member" if counts.strays == 1 else "members"
        notes += (f"mended {counts.strays:,} {members} that earlier runs had got wrong",)
    return Outcome(
        view.id,
        view.name,
        view.type,
        Result.DONE,
        start.mode,
        start.why,
        counts.before,
        counts.after,
        counts.entered,
        counts.left,
        done.baseline,
        done.duration,
        done.run,
        notes,
        candidates=candidates,
    )


def refused(error: sa.exc.DBAPIError) -> SegctlError:
    """What a store says of a condition that it cannot evaluate on these records."""
    words = " ".join(str(error.orig).split())
    return SegctlError(f"the store refused to evaluate the condition: {words}")
