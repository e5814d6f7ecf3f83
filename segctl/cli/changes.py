"""`segctl changes`: the feed of who entered and who left."""

from collections.abc import Iterator
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import LimitOption, OutputOption, TypeOption, moment, segment_names
from segctl.cli.output import Column, Format
from segctl.errors import UsageError

if TYPE_CHECKING:
    from segctl.catalog import ObjectType
    from segctl.services.changes import Change
    from segctl.services.cursors import Cursor
    from segctl.store.opening import Store

POLL = 1.0
"""Seconds between two looks of --follow."""

COLUMNS = (
    Column("at", "When", kind="time"),
    Column("change", "Change"),
    Column("segment", "Segment"),
    Column("type", "Type"),
    Column("record_id", "Record"),
    Column("external_id", "External id"),
    Column("run", "Run"),
)
FOR_PROGRAMS = (*COLUMNS, Column("cursor", "Cursor"))


def command(
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="CURSOR",
            help="Go on behind this place: a cursor, beginning, now, a time, or an age such as 7d.",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on for as long as it runs.")] = False,
    segment: Annotated[
        str | None,
        typer.Option(
            "--segment",
            metavar="SEGMENT",
            help="Only this one, by name or id.",
            autocompletion=segment_names,
        ),
    ] = None,
    type: TypeOption = None,
    print_cursor: Annotated[
        bool, typer.Option("--print-cursor", help="Print the place behind everything and stop.")
    ] = False,
    limit: LimitOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List who entered and who left, each once and in order, from any place on.

    Every row has the cursor of the place behind it. Keep that of the last row that you have dealt
    with, and go on there: nothing is missed and nothing comes twice.

    Example: segctl changes --since beginning --follow -o ndjson
    """
    from segctl.services import changes

    if print_cursor:
        if since is not None or follow:
            raise UsageError("--print-cursor stands alone, or with --segment")
        with context.store() as store:
            output.line(str(changes.end(store, segment, type)))
        return
    if since is None:
        raise UsageError(
            "from which place on?",
            hint="--since beginning, now, a time, or the cursor of an earlier row",
        )
    if type is not None and segment is None:
        raise UsageError("--type says of which type the --segment is", hint="name a --segment")
    if follow and output_format not in (Format.NDJSON, Format.CSV, Format.IDS):
        raise UsageError(f"--follow never ends, and {output_format} cannot go on", hint="-o ndjson")
    with context.store() as store:
        feed = _Feed(store, _start(store, since, segment, type), follow, limit)
        columns = COLUMNS if output_format is Format.TABLE else FOR_PROGRAMS
        output.show(feed, columns, output_format)
        if output_format is Format.TABLE:
            output.note(f"go on with --since {feed.cursor}")


class _Feed:
    """The rows, page by page; `cursor` is the place behind those that were given."""

    def __init__(self, store: "Store", cursor: "Cursor", follow: bool, limit: int | None) -> None:
        self.cursor: Cursor | str = cursor
        self._rows = self._read(store, cursor, follow, limit)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._rows

    def _read(
        self, store: "Store", cursor: "Cursor", follow: bool, limit: int | None
    ) -> Iterator[dict[str, Any]]:
        from segctl.services.changes import PAGE, page

        left = limit
        while True:
            found = page(store, cursor, PAGE if left is None else min(PAGE, left))
            for change in found.changes:
                self.cursor = change.cursor
                yield _row(change)
            self.cursor = cursor = found.cursor
            if left is not None:
                left -= len(found.changes)
                if left <= 0:
                    return
            if found.more:
                continue
            if not follow:
                return
            sys.stdout.flush()
            time.sleep(POLL)


def _start(store: "Store", since: str, segment: str | None, type: "ObjectType | None") -> "Cursor":
    from segctl.services import changes
    from segctl.services.filters import workspace_zone

    word = since.strip().lower()
    if word == "beginning":
        return changes.beginning(store, segment, type)
    if word == "now":
        return changes.end(store, segment, type)
    if word.startswith("c1."):
        return changes.resume(store, word, segment, type)
    at = moment("--since", since, context.now(), workspace_zone(store))
    assert at is not None
    return changes.since(store, at, segment, type)


def _row(change: "Change") -> dict[str, Any]:
    return {
        "change": "entered" if change.entered else "left",
        "record_id": change.record_id,
        "external_id": change.external_id,
        "segment": change.segment,
        "segment_id": change.segment_id,
        "type": change.type.value,
        "run": change.run,
        "mode": change.mode,
        "baseline": change.baseline,
        "at": change.at,
        "cursor": change.cursor,
    }
