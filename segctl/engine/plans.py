"""What is to be done with a segment that is recalculated; `done` is what came of it, if it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from segctl.engine.definition import Definition
from segctl.engine.full import Done
from segctl.engine.seen import Seen


@dataclass(frozen=True, slots=True)
class Full:
    """It is to be a full one. `why` is empty if nothing is to be said of it.

    `audited`: an incremental one would have done, so whatever else this one finds is drift.
    """

    why: str
    audited: bool = False
    done: None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing can have changed."""

    definition_hash: str
    count: int
    seen: Seen
    done: Done | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Who enters and who leaves, of so many candidates.

    `seconds` is what finding that out took. `heavy`: it is too heavy, or was, or may be.
    """

    definition: Definition
    candidates: int
    why: str
    before: int
    entered: Sequence[int]
    left: Sequence[int]
    seen: Seen
    seconds: float
    heavy: bool
    done: Done | None = None


Plan = Full | Skip | Change
