"""Set algebra in `segctl segments members` and `count`: 'A & B - C'."""

from collections.abc import Iterable, Sequence
import datetime as dt
from typing import TYPE_CHECKING

from segctl.cli import context, output
from segctl.cli.output import Column, Format
from segctl.cli.segment_tables import record_columns_shown, say_age
from segctl.errors import UsageError
from segctl.services.set_expression import SPECIAL

if TYPE_CHECKING:
    from segctl.catalog import ObjectType
    from segctl.services.segment_views import SegmentView
    from segctl.store.opening import Store


def is_set(
    store: "Store", text: str, type: "ObjectType | None", given: Iterable[tuple[str, bool]]
) -> bool:
    """Whether the text is an expression; UsageError if an option was given that it cannot take."""
    if SPECIAL.search(text) is None:
        return False
    from segctl.services.set_algebra import is_expression

    if not is_expression(store, text, type):
        return False
    for option, was in given:
        if was:
            raise UsageError(
                f"an expression over segments is about their stored members, without {option}",
                hint=f"{option} is for one segment",
            )
    return True


def show_members(
    store: "Store",
    text: str,
    type: "ObjectType | None",
    names: Sequence[str],
    limit: int | None,
    output_format: Format,
    zone: dt.tzinfo,
) -> None:
    """List the records that the expression yields."""
    from segctl.services import set_algebra

    now = context.now()
    with set_algebra.stored(store, text, type=type, columns=names, limit=limit) as found:
        _say_ages(found.segments, now)
        shown = record_columns_shown(found.columns)
        output.show(found.rows, shown, output_format, zone=zone, now=now)


def show_count(store: "Store", text: str, type: "ObjectType | None", output_format: Format) -> None:
    """Print how many records the expression yields."""
    from segctl.services import set_algebra

    found = set_algebra.count(store, text, type=type)
    _say_ages(found.segments, context.now())
    if output_format in (Format.TABLE, Format.COUNT):
        output.line(str(found.count))
        return
    row = {
        "expression": text,
        "type": found.type.value,
        "count": found.count,
        "segments": [
            {
                "id": each.id,
                "name": each.name,
                "count": each.count,
                "counted_at": each.last_counted_at,
                "stale": each.stale,
            }
            for each in found.segments
        ],
    }
    output.show_one(row, [Column(key, key) for key in row], output_format)


def _say_ages(segments: "Sequence[SegmentView]", now: dt.datetime) -> None:
    for each in segments:
        say_age(each, now)
