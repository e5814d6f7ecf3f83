"""`segctl conditions`: check a condition before anything is made of it."""

from pathlib import Path
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, TypeOption
from segctl.cli.output import Column, Format
from segctl.errors import FileError, UsageError

if TYPE_CHECKING:
    from segctl.services.conditions import CheckedCondition

app = typer.Typer()

STDIN = "-"
COLUMNS = (Column("condition", "Condition"), Column("type", "Type"))


@app.callback()
def conditions() -> None:
    """Check conditions and print them in their canonical form."""


@app.command()
def check(
    condition: Annotated[
        str | None,
        typer.Argument(metavar="CONDITION", help="The condition; - reads standard input."),
    ] = None,
    type: TypeOption = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="Read the condition from a file; - is standard input.",
        ),
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Check a condition and print its canonical form.

    Without --type it is checked for every object type. Without a store only the standard attributes
    are known and segments are not looked up. The language is described in docs/conditions.md.

    Example: segctl conditions check --type deal 'status = "won" and value > 5000'
    """
    from segctl.services import conditions as service

    text = _text(condition, file)
    if context.settings().text("store") is None:
        if output_format not in (Format.JSON, Format.NDJSON):
            output.note("no store is configured here: only the standard attributes are known")
        checked = service.check(None, text, type)
    else:
        with context.store() as store:
            checked = service.check(store, text, type)
    if output_format is Format.TABLE:
        if type is None:
            output.note("a condition of " + ", ".join(checked.types))
        output.line(checked.canonical)
    else:
        output.show_one(_row(checked), COLUMNS, output_format)


def _text(condition: str | None, file: str | None) -> str:
    """The words of the argument, the file or standard input."""
    if condition is not None and file is not None:
        raise UsageError("a condition and --file are given", hint="give one of the two")
    if condition not in (None, STDIN):
        return condition or ""
    if file not in (None, STDIN):
        return _decoded(_content(Path(file or "")), file or "")
    if sys.stdin.isatty() and condition is None and file is None:
        raise UsageError(
            "no condition is given", hint="write it as an argument, or - for standard input"
        )
    return _decoded(sys.stdin.buffer.read(_MOST_BYTES), "standard input")


_MOST_BYTES = 1 << 20
"""Enough to know that it is too long, whatever stands there."""


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) == _MOST_BYTES:
            return content.decode("utf-8", "replace")
        raise FileError(
            f"{name} is not UTF-8: byte {error.start + 1} is {content[error.start]:#04x}",
            hint="save it as UTF-8",
        ) from error


def _row(checked: "CheckedCondition") -> dict[str, object]:
    return {
        "condition": checked.canonical,
        "type": checked.type,
        "types": list(checked.types),
        "attributes": list(checked.attributes),
        "relations": list(checked.relations),
        "segments": [
            {"type": segment.type, "name": segment.name, "id": segment.id}
            for segment in checked.segments
        ],
        "time_forms": checked.time_forms,
        "moves_with_time": checked.moves_with_time,
        "store": checked.store,
    }
