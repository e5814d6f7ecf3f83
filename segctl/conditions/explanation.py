"""What an explanation is made of: a node for each part of a condition."""

from dataclasses import dataclass
import datetime as dt
from enum import StrEnum

from segctl.catalog import ObjectType
from segctl.conditions.time import Interval
from segctl.conditions.truth import Value


class Form(StrEnum):
    """What a part of a condition is."""

    ALL = "and"
    ANY = "or"
    NOT = "not"
    EVERYTHING = "everything"
    COMPARISON = "comparison"
    RELATED = "related"
    EVENTS = "events"
    EVENT = "event"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class Example:
    """A related record, event or item that was looked at.

    An item has neither type nor id, and is its own name. `at` is when an event occurred, `value`
    what an aggregate read. `counts` is whether it is one of those that were asked for.
    """

    type: ObjectType | None
    id: int | None
    external_id: str | None
    name: str | None
    at: dt.datetime | None
    value: Value
    counts: bool
    why: "Explanation | None"


@dataclass(frozen=True, slots=True)
class Related:
    """What a path to many leads to: how many in all, how many satisfy the condition in the
    brackets, how many of these count (of events: fall into the window); and some of them."""

    total: int
    satisfying: int
    counting: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """A reference to a segment: which one, and the record whose stored membership was asked for.

    `record` is None where the path leads to none.
    """

    segment: int
    name: str
    type: ObjectType
    record: int | None
    external_id: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A part of a condition, in its canonical form, and what became of it.

    `truth` is what truth.holds() says. It is not `known` where it hangs on a segment that was never
    counted. `found` is the value that was tested, None if it is missing; `ends_at` is the relation
    that leads nowhere. `bounds` are the values that a time form accepts at the clock: of an
    anniversary, those around the value.
    """

    condition: str
    form: Form
    truth: bool
    known: bool = True
    negated: bool = False
    found: Value | tuple[str, ...] = None
    tested: bool = False
    ends_at: str | None = None
    bounds: tuple[Interval, ...] | None = None
    related: Related | None = None
    membership: Membership | None = None
    children: tuple["Explanation", ...] = ()

    @property
    def result(self) -> str:
        """`true`, `false` or `unknown`."""
        if not self.known:
            return "unknown"
        return "true" if self.truth else "false"
