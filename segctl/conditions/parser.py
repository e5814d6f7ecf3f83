"""Text → tree: read by the grammar, then bound to the catalog.

Any text gives a Condition or raises ConditionError.
"""

from segctl.catalog import Catalog, ObjectType
from segctl.conditions.binding import Binder
from segctl.conditions.literals import quote
from segctl.conditions.names import AnySegments, Reference, SegmentNames
from segctl.conditions.nodes import Condition
from segctl.conditions.reader import read
from segctl.conditions.source import check_source

__all__ = ["AnySegments", "Reference", "SegmentNames", "parse", "references", "rename_reference"]


def parse(text: str, type: ObjectType, catalog: Catalog, segments: SegmentNames) -> Condition:
    """The condition of records of `type`; ConditionError with place and hint otherwise."""
    condition, _ = _bind(text, type, catalog, segments)
    return condition


def references(
    text: str, type: ObjectType, catalog: Catalog, segments: SegmentNames
) -> list[Reference]:
    """Every `"NAME"` of an `in segment`, quotes included, from left to right."""
    _, found = _bind(text, type, catalog, segments)
    return found


def rename_reference(
    text: str,
    type: ObjectType,
    catalog: Catalog,
    segments: SegmentNames,
    segment_id: int,
    new_name: str,
) -> str:
    """The text with another name for that segment; spaces, comments and all else stay.

    `segments` still knows the old name. ConditionError if the text would grow beyond its limit.
    """
    renamed = text
    for reference in reversed(references(text, type, catalog, segments)):
        if reference.segment == segment_id:
            renamed = renamed[: reference.start] + quote(new_name) + renamed[reference.end :]
    check_source(renamed)
    return renamed


def _bind(
    text: str, type: ObjectType, catalog: Catalog, segments: SegmentNames
) -> tuple[Condition, list[Reference]]:
    source = check_source(text)
    binder = Binder(source, catalog, segments)
    condition = binder.bind(read(source), type)
    return condition, sorted(binder.references, key=lambda reference: reference.start)
