"""`segctl impact`: what refers to an attribute or a segment."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, SegmentArgument, TypeOption
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    from segctl.services.impact import Impact

app = typer.Typer()

COLUMNS = (
    Column("kind", "Kind"),
    Column("name", "Name"),
    Column("type", "Type"),
    Column("through", "Through"),
    Column("where", "Where"),
)


@app.command()
def attribute(
    path: Annotated[
        str,
        typer.Argument(
            metavar="TYPE.ATTRIBUTE", help="The attribute or relation, such as contact.status."
        ),
    ],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List what refers to an attribute or a relation.

    That is: segments whose conditions read it, segments that refer to these, and the defaults,
    pins, assignment rules, visibility and hooks of them all. Hooks are those of this config file.

    Example: segctl impact attribute company.industry
    """
    from segctl.services.impact import of_attribute

    with context.store() as store:
        found = of_attribute(store, path, context.settings().hooks)
    _show(found, output_format)


@app.command()
def segment(
    segment: SegmentArgument,
    type: TypeOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List what refers to a segment.

    That is what segctl impact attribute lists, directly and through other segments.

    Example: segctl impact segment "Key accounts"
    """
    from segctl.services.impact import of_segment

    with context.store() as store:
        found = of_segment(store, segment, context.settings().hooks, type)
    _show(found, output_format)


def _show(found: "Impact", output_format: Format) -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": use.id,
            "kind": use.kind.value,
            "name": use.name,
            "type": use.type.value if use.type else None,
            "direct": use.direct,
            "through": list(use.path),
            "where": list(use.parts),
            "note": use.note or None,
        }
        for use in found.uses
    ]
    if output_format is Format.TABLE:
        for row in rows:
            row["through"] = " → ".join(row["through"])
            row["where"] = "; ".join(row["where"]) or row["note"]
        if rows:
            output.show(rows, COLUMNS)
        output.note(_summary(found))
        return
    if output_format is Format.IDS:
        rows = [row for row in rows if row["id"] is not None]
    output.show(rows, COLUMNS, output_format)


def _summary(found: "Impact") -> str:
    segments = [use for use in found.uses if use.kind.value == "segment"]
    direct = sum(use.direct for use in segments)
    name = found.subject if found.kind != "segment" else f'the segment "{found.subject}"'
    if not found.uses:
        return f"nothing refers to {name}"
    others = len(found.uses) - len(segments)
    what = "1 segment refers" if direct == 1 else f"{direct:,} segments refer"
    text = f"{what} to {name}"
    if len(segments) > direct:
        text += f", {len(segments) - direct:,} more through others"
    return text + (f"; {others:,} other things hang on it" if others else "")
