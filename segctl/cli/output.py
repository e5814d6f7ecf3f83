"""What commands print. stdout is data, stderr is talk.

`show` streams rows in every format. The machine formats give keys as they are, instants in UTC
(ISO-8601 with Z) and null for what is missing; tables are for people.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
import datetime as dt
from enum import StrEnum
import sys
from typing import Any, TextIO, assert_never

import typer

from segctl.cli import context
from segctl.cli.cells import Column as Column
from segctl.cli.cells import ago as ago
from segctl.cli.cells import as_json, plain
from segctl.cli.cells import number as number
from segctl.cli.cells import seconds as seconds
from segctl.cli.cells import visible as visible
from segctl.errors import ExitCode, UsageError


class Format(StrEnum):
    """How `-o` writes."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    IDS = "ids"
    COUNT = "count"


def show(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[Column],
    format: Format = Format.TABLE,
    *,
    zone: dt.tzinfo | None = None,
    now: dt.datetime | None = None,
) -> int:
    """Write the rows to stdout as they come and give back how many there were.

    JSON and NDJSON give every key of a row; CSV and tables give the columns; ids gives the key
    "id", or the first column where rows have none. `zone` is that of the times in a table (by
    default the `timezone` setting, else the machine's), `now` what they are relative to.
    """
    out = sys.stdout
    count = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    match format:
        case Format.TABLE:
            from segctl.cli.tables import table

            table(counted(), columns, zone or context.display_zone(), now or context.now())
        case Format.JSON:
            opening = "["
            for row in counted():
                out.write(f"{opening}\n  {as_json(row)}")
                opening = ","
            out.write("[]\n" if opening == "[" else "\n]\n")
        case Format.NDJSON:
            for row in counted():
                out.write(as_json(row) + "\n")
        case Format.CSV:
            import csv

            writer = csv.writer(_LineFeeds(out))
            writer.writerow([column.key for column in columns])
            for row in counted():
                writer.writerow([plain(row.get(column.key)) for column in columns])
        case Format.IDS:
            for row in counted():
                out.write(plain(row["id"] if "id" in row else row.get(columns[0].key)) + "\n")
        case Format.COUNT:
            for _ in counted():
                pass
            out.write(f"{count}\n")
        case _:
            assert_never(format)
    return count


class _LineFeeds:
    """Ends lines as Unix does. A csv writer told to do so would leave a lone \\r unquoted."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def write(self, line: str) -> None:
        self.out.write(line.removesuffix("\r\n") + "\n")


def show_one(
    row: Mapping[str, Any],
    columns: Sequence[Column],
    format: Format = Format.TABLE,
    *,
    zone: dt.tzinfo | None = None,
    now: dt.datetime | None = None,
) -> None:
    """Write one thing: a table of titles and values, one JSON object, or as `show` does."""
    match format:
        case Format.TABLE:
            from segctl.cli.tables import pairs

            pairs(row, columns, zone or context.display_zone(), now or context.now())
        case Format.JSON:
            sys.stdout.write(as_json(row, indent=2) + "\n")
        case _:
            show([row], columns, format, zone=zone, now=now)


def line(text: str) -> None:
    """One line of data on stdout, for what has no columns: a path, a canonical condition."""
    sys.stdout.write(text + "\n")


# ---------------------------------------------------------------- talk


def note(text: str) -> None:
    """Talk on stderr; silent with -q."""
    if not context.quiet():
        sys.stderr.write(visible(text, lines=True) + "\n")


def detail(text: str) -> None:
    """Talk that only -v asks for."""
    if context.verbose():
        note(text)


def warn(text: str) -> None:
    """What a person should know although the work goes on; said even with -q."""
    sys.stderr.write(f"segctl: warning: {visible(text, lines=True)}\n")


def confirm(question: str, yes: bool) -> None:
    """Go on only if the person agrees. Without a terminal nobody can be asked: UsageError."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"{question.rstrip('?')}: there is no terminal to ask on",
            hint="--yes does it without asking",
        )
    sys.stderr.write(f"{visible(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        sys.stderr.write("segctl: nothing was changed\n")
        raise typer.Exit(ExitCode.FAILED)


@contextmanager
def progress(description: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """A bar on stderr if that is a terminal, nothing otherwise. Call what it yields to advance."""
    if context.quiet() or not sys.stderr.isatty():
        yield lambda advance: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    counts = "{task.completed:,.0f}" + (" of {task.total:,.0f}" if total else "")
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn(counts),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr, no_color=context.settings().switch("no_color")),
        transient=True,
    )
    with bar:
        task = bar.add_task(visible(description), total=total)
        yield lambda advance: bar.advance(task, advance)
