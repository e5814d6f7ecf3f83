"""Segments as one team member sees them, and `segctl segments overview`."""

from collections.abc import Sequence
from typing import Any

from segctl.catalog import PLURALS, SEGMENT_TYPES, ObjectType
from segctl.cli import context, output
from segctl.cli.options import AsOption, OutputOption, TypeOption
from segctl.cli.output import Column, Format
from segctl.cli.segment_tables import SEEN_COLUMNS, seen_row

OVERVIEW = (Column("type", "Type"), Column("name", "Name"), Column("description", "Description"))
MARKED = (Column("view", "View"), Column("name", "Name"), Column("description", "Description"))


def show_seen(as_: str, type: ObjectType | None, output_format: Format) -> None:
    """The Segment Management table as a team member sees it."""
    from segctl.services.seen_segments import list_as

    with context.store() as store:
        seen = list_as(store, as_, type)
    say_who(seen.email, seen.active, seen.hidden)
    output.show(map(seen_row, seen.segments), SEEN_COLUMNS, output_format)


def overview(
    type: TypeOption = None, as_: AsOption = None, output_format: OutputOption = Format.TABLE
) -> None:
    """Show the types one below the other, with their segments.

    Each segment has its name and what it is for. With --as it is what that team member sees: in
    each type the pinned segment first, then the shared default.

    Example: segctl segments overview --as anna@example.com
    """
    rows = _plain_rows(type) if as_ is None else _seen_rows(as_, type)
    if output_format is not Format.TABLE:
        output.show(rows, OVERVIEW if as_ is None else (OVERVIEW[0], *MARKED), output_format)
        return
    types = SEGMENT_TYPES if type is None else (type,)
    for place, one in enumerate(types):
        mine = [row for row in rows if row["type"] == one.value]
        output.line(("\n" if place else "") + PLURALS[one].capitalize())
        if mine:
            marked = any(row.get("view") for row in mine)
            output.show(mine, MARKED if marked else MARKED[1:])
        else:
            output.line("no segments")


def _plain_rows(type: ObjectType | None) -> Sequence[dict[str, Any]]:
    from segctl.services.segment_views import list_segments

    with context.glance() as glance:
        views = list_segments(glance, type)
    return [
        {
            "id": view.id,
            "type": view.type.value,
            "name": view.name,
            "description": view.description,
        }
        for view in views
    ]


def _seen_rows(as_: str, type: ObjectType | None) -> Sequence[dict[str, Any]]:
    from segctl.services.seen_segments import overview_as

    with context.store() as store:
        seen = overview_as(store, as_, type)
    say_who(seen.email, seen.active, seen.hidden)
    return [
        {
            "id": segment.view.id,
            "type": segment.view.type.value,
            "name": segment.view.name,
            "description": segment.view.description,
            "view": segment.mark,
            "pinned": segment.pinned,
            "default": segment.default,
        }
        for segment in seen.segments
    ]


def say_who(email: str, active: bool, hidden: int) -> None:
    """Whose eyes a listing is seen with, and how much of it they do not see."""
    parts = [f"as {email}" + ("" if active else ", who is deactivated")]
    if hidden:
        parts.append(f"{hidden:,} hidden")
    output.note("; ".join(parts))
