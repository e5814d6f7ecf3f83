"""`segctl overlap`: what segments have in common."""

import shutil
import sys
from typing import TYPE_CHECKING, Annotated, Any

from rich.cells import cell_len, chop_cells
import typer

from segctl.catalog import PLURALS
from segctl.cli import context, output
from segctl.cli.options import OutputOption, TypeOption, segment_names
from segctl.cli.output import Column, Format, ago, visible

if TYPE_CHECKING:
    from segctl.services.overlap import Overlap

COLUMNS = (Column("segments", "Segments", kind="list"), Column("count", "Count", kind="number"))

_LETTERS = "ABCDEFGHIJKLMNOPQRST"
_IN, _OUT, _FULL, _PARTS = "●", "·", "█", " ▏▎▍▌▋▊▉"
_WIDEST = 40
_NARROW = 14
"""Cells that a name has at least."""


def command(
    segments: Annotated[
        list[str],
        typer.Argument(
            metavar="SEGMENT…",
            help="Two segments or more of one type, by name or id.",
            autocompletion=segment_names,
        ),
    ],
    type: TypeOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most this many rows.")
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Count what segments have in common, by their members as last counted.

    The first table says of each segment how much of it is in each other one; the second counts the
    records that are in exactly these segments, the most first.

    Example: segctl overlap "Active users" "Big spenders" "Newsletter readers"
    """
    from segctl.services.overlap import overlap

    with context.store() as store:
        found = overlap(store, segments, type)
    if output_format is Format.TABLE:
        _write(found, limit)
    elif output_format is Format.JSON:
        output.show_one(overlap_row(found), COLUMNS, output_format)
    else:
        output.show(_intersections(found)[:limit], COLUMNS, output_format)


def overlap_row(found: "Overlap") -> dict[str, Any]:
    """The overlap as programs read it."""
    places = range(len(found.segments))
    return {
        "type": found.type.value,
        "segments": [
            {
                "id": each.id,
                "name": each.name,
                "count": found.together(place),
                "counted_at": each.last_counted_at,
                "stale": each.stale,
            }
            for place, each in enumerate(found.segments)
        ],
        "union": found.union,
        "matrix": [[found.together(one, other) for other in places] for one in places],
        "intersections": _intersections(found),
    }


def _intersections(found: "Overlap") -> list[dict[str, Any]]:
    return [
        {"segments": [found.segments[place].name for place in each.places], "count": each.count}
        for each in found.intersections
    ]


# ---------------------------------------------------------------- for a person


def _write(found: "Overlap", limit: int | None) -> None:
    width = shutil.get_terminal_size().columns
    _write_matrix(found, width)
    sys.stdout.write("\n")
    _write_bars(found, width, limit)
    for each in found.segments:
        if each.stale:
            output.note(f'"{each.name}" is stale: its condition was changed since it was counted')


def _write_matrix(found: "Overlap", width: int) -> None:
    """How many of a row's members are in the segment of the column, too."""
    now = context.now()
    number = len(found.segments)
    letters = _LETTERS[:number]
    counts = [f"{found.together(place):,}" for place in range(number)]
    widest = max(map(len, (*counts, "Members")))
    ages = [
        ago(each.last_counted_at, now) if each.last_counted_at else "" for each in found.segments
    ]
    counted = max(map(len, (*ages, "Counted")))
    room = width - 3 - 2 - widest - 2 - counted - 6 * number
    if room < _NARROW:
        # Many segments: who is compared says more than when they were counted.
        room, counted, ages = room + counted, 0, [""] * number
    names = [_cut(visible(each.name), max(room, _NARROW)) for each in found.segments]
    name = max(map(cell_len, (*names, "Segment")))
    title = "Counted" if counted else ""
    output.line(
        f"   {_pad('Segment', name)}  {'Members':>{widest}}  {title:<{counted}}"
        + "".join(f"{letter:>6}" for letter in letters)
    )
    for place in range(number):
        shares = "".join(f"{_share(found, place, other):>6}" for other in range(number))
        output.line(
            f"{letters[place]}  {_pad(names[place], name)}  {counts[place]:>{widest}}  "
            f"{ages[place]:<{counted}}{shares}"
        )


def _share(found: "Overlap", place: int, other: int) -> str:
    """`12%` of the first are in the second as well."""
    if place == other:
        return _OUT
    whole, both = found.together(place), found.together(place, other)
    if not both:
        return "0" if whole else "–"
    if both == whole:
        return "all"
    percent = round(100 * both / whole)
    return "<1%" if percent == 0 else ">99%" if percent == 100 else f"{percent}%"


def _write_bars(found: "Overlap", width: int, limit: int | None) -> None:
    """A line an intersection: in which segments, how many, and a bar."""
    number = len(found.segments)
    shown = found.intersections[:limit]
    head = " ".join(_LETTERS[:number])
    plural = PLURALS[found.type] if found.union != 1 else found.type
    if not shown:
        output.line(f"{head}   no {PLURALS[found.type]}: nobody is in any of them")
        return
    most = max(each.count for each in shown)
    counts = max(len(f"{each.count:,}") for each in shown)
    room = max(min(width - len(head) - 3 - counts - 2, _WIDEST), 5)
    output.line(f"{head}   {'in exactly these':<{counts}}, of {found.union:,} {plural}")
    for each in shown:
        dots = " ".join(_IN if place in each.places else _OUT for place in range(number))
        output.line(f"{dots}   {each.count:>{counts},}  {_bar(each.count / most, room)}".rstrip())
    rest = found.intersections[len(shown) :]
    if rest:
        output.note(f"{len(rest)} more with {sum(each.count for each in rest):,} in all")


def _bar(share: float, room: int) -> str:
    """To an eighth of a cell; what is there at all is seen."""
    eighths = max(round(share * room * 8), 1)
    return _FULL * (eighths // 8) + _PARTS[eighths % 8].strip()


def _cut(text: str, room: int) -> str:
    return text if cell_len(text) <= room else chop_cells(text, room - 1)[0] + "…"


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
