"""Checking a condition without making a segment of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segctl.catalog import SEGMENT_TYPES, Catalog, ObjectType
from segctl.conditions import walk
from segctl.conditions.nodes import Condition, InSegment
from segctl.conditions.parser import AnySegments, SegmentNames, parse
from segctl.conditions.printer import to_text
from segctl.errors import ConditionError

if TYPE_CHECKING:
    from segctl.store.opening import Store


@dataclass(frozen=True, slots=True)
class UsedSegment:
    """`id` is None where no store was there to ask."""

    type: ObjectType
    name: str
    id: int | None


@dataclass(frozen=True, slots=True)
class CheckedCondition:
    """A condition that can be used, and what it reads."""

    type: ObjectType
    types: Sequence[ObjectType]
    """All types that it is a condition of, if none was asked for; `type` is the first."""
    canonical: str
    attributes: Sequence[str]
    """`company.industry`, sorted; likewise the relations."""
    relations: Sequence[str]
    segments: Sequence[UsedSegment]
    time_forms: bool
    moves_with_time: bool
    store: bool
    """Whether the attributes and segments of a store were known."""


def check(store: "Store | None", text: str, type: ObjectType | None) -> CheckedCondition:
    """The condition as one of `type`, or of whichever types it fits; ConditionError otherwise.

    Without a store the standard attributes are what there is, and any segment may be named.
    """
    if store is None:
        return _check(text, type, Catalog(), AnySegments(), stored=False)
    # Without a store no database code is needed.
    from segctl.engine.definition import vocabulary

    with store.read() as session:
        words = vocabulary(session)
        return _check(text, type, words.catalog, words.names, stored=True)


def _check(
    text: str, type: ObjectType | None, catalog: Catalog, names: SegmentNames, *, stored: bool
) -> CheckedCondition:
    read: dict[ObjectType, Condition] = {}
    errors: list[ConditionError] = []
    for each in SEGMENT_TYPES if type is None else (type,):
        try:
            read[each] = parse(text, each, catalog, names)
        except ConditionError as error:
            errors.append(error)
    if not read:
        # The reading that got farthest is most likely the one that was meant.
        raise max(errors, key=lambda error: error.start)
    first, condition = next(iter(read.items()))
    return _described(first, list(read), condition, stored)


def _described(
    type: ObjectType, types: Sequence[ObjectType], condition: Condition, stored: bool
) -> CheckedCondition:
    segments = {
        (node.type, node.name, node.segment or None)
        for node in walk.walk(condition)
        if isinstance(node, InSegment)
    }
    return CheckedCondition(
        type,
        types,
        to_text(condition),
        sorted(map(str, walk.attributes(condition))),
        sorted(map(str, walk.relations(condition))),
        [UsedSegment(*segment) for segment in sorted(segments, key=lambda s: (s[0], s[1]))],
        walk.has_time_forms(condition),
        walk.moves_with_time(condition),
        stored,
    )
