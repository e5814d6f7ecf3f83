"""`segctl segments profile`: what each condition of a segment costs."""

from typing import TYPE_CHECKING, Any

from segctl.cli import context, output
from segctl.cli.options import AtOption, OutputOption, SegmentArgument, TypeOption
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    from segctl.services.profile import Part, Profile

COLUMNS = (
    Column("condition", "Condition"),
    Column("rows_in", "Rows in", kind="number"),
    Column("rows_out", "Rows out", kind="number"),
    Column("took", "ms", justify="right"),
    Column("percent", "Share", justify="right"),
    Column("indexes", "Indexes used", kind="list", empty="–"),
)
FOR_PROGRAMS = (
    *COLUMNS[:3],
    Column("ms", "ms", kind="number"),
    Column("share", "Share", kind="number"),
    COLUMNS[5],
    Column("blocks", "Blocks", kind="number"),
    Column("helps", "Would help"),
    Column("whole", "Whole", kind="bool"),
)


def profile(
    segment: SegmentArgument,
    type: TypeOption = None,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Time the conditions of a segment one by one on the store.

    Each is run for itself over all records, then the whole as it is evaluated. Nothing is stored.
    Where an index would help it prints the command that adds it.

    Example: segctl segments profile "Big deals"
    """
    from segctl.services import profile as service
    from segctl.services.filters import workspace_zone

    with context.store() as store:
        now = context.now(at, workspace_zone(store))
        found = service.profile(store, segment, type=type, now=now)
    rows = [*(_row(part) for part in found.parts), _row(found.whole, whole=True)]
    if output_format is not Format.TABLE:
        output.show(rows, FOR_PROGRAMS, output_format)
        return
    for row in rows:
        row["took"] = f"{row['ms']:,.1f}"
        row["percent"] = "" if row["whole"] else f"{row['share']:.0%}"
        row["condition"] = "all of it" if row["whole"] else row["condition"]
    output.show(rows, COLUMNS, output_format)
    _advise(found)


def _advise(found: "Profile") -> None:
    helps = list(dict.fromkeys(part.helps for part in found.parts if part.helps))
    for command in helps:
        output.note(f"an index would help: {command}")


def _row(part: "Part", *, whole: bool = False) -> dict[str, Any]:
    return {
        "condition": part.condition,
        "rows_in": part.rows_in,
        "rows_out": part.rows_out,
        "ms": round(part.seconds * 1000, 3),
        "share": round(part.share, 4),
        "indexes": list(part.indexes),
        "blocks": part.blocks,
        "helps": part.helps,
        "whole": whole,
    }
