"""The Segment Management table, live: what `segctl daemon` and `segctl top` show on a terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import datetime as dt
import shutil
import sys
from typing import TYPE_CHECKING, Any

from segctl.cli import context
from segctl.cli.cells import cell, visible
from segctl.cli.segment_tables import COLUMNS
from segctl.cli.status import lines

if TYPE_CHECKING:
    from segctl.services.schedule import Scheduled
    from segctl.services.status import Status

REFRESH = 1.0
"""Seconds between two looks at the store."""
HEAD, FOOT = 6, 7
"""Lines that are not the table's: what stands above it and below it."""
WIDE = 110
NAME = 12
GAP = 2
"""Cells of a wide terminal, of a name on a narrow one, and between two columns."""


@contextmanager
def screen() -> Iterator[Any]:
    """A live display that is cleared when it ends; call `update` with what `render` gives."""
    from rich.console import Console
    from rich.live import Live

    console = Console(file=sys.stdout, no_color=context.settings().switch("no_color"))
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        yield live


def render(seen: "Status | None", errors: Sequence[str] = (), trouble: str | None = None) -> Any:
    """What is to be seen; without a status, why there is none."""
    from rich.cells import cell_len
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    size = shutil.get_terminal_size()
    parts: list[Any] = []
    if trouble is not None:
        parts.append(Text(visible(f"the store does not work: {trouble}"), style="bold red"))
    if seen is None:
        return Group(*parts, Text("waiting for the store"))
    summary = [line for line in lines(seen) if line][: HEAD - len(parts) - 1]
    for line in summary:
        if line.endswith(":"):
            break
        parts.append(_line(line))
    running = [s for s in seen.segments if s.id in seen.running]
    if running:
        names = ", ".join(f'"{s.name}"' for s in running[:5])
        parts.append(_line(f"running: {names}", "cyan"))
    rest = max(3, size.lines - len(parts) - FOOT)
    ordered = sorted(seen.segments, key=lambda s: _urgency(s, seen))
    rows = [_row(segment, seen) for segment in ordered[:rest]]
    texts = [
        [cell(row[c.key], c, context.display_zone(), seen.at, short=True) for c in COLUMNS]
        for row in rows
    ]
    # Two lines of heading leave room for the name where the terminal is narrow.
    titles = [c.title if size.columns >= WIDE else c.title.replace(" ", "\n") for c in COLUMNS]
    widths = [
        max(map(cell_len, (*title.split("\n"), *(row[n] for row in texts))))
        for n, title in enumerate(titles)
    ]
    widths[0] = max(NAME, min(widths[0], size.columns - sum(widths[1:]) - GAP * len(widths[1:])))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, title, width in zip(COLUMNS, titles, widths, strict=True):
        table.add_column(
            title,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=width,
        )
    for row, cells in zip(rows, texts, strict=True):
        table.add_row(*(Text(text) for text in cells), style=_style(row["status"]))
    parts += [Text(""), table]
    if len(ordered) > rest:
        parts.append(_line(f"and {len(ordered) - rest:,} more", "dim"))
    errors = errors or [f'"{s.name}": {s.error}' for s in seen.failed if s.error]
    if errors:
        parts.append(_line("last errors:", "bold"))
        parts += [_line(f"  {error}", "red") for error in errors[-3:]]
    return Group(*parts)


def _line(text: str, style: str = "") -> Any:
    from rich.text import Text

    return Text(visible(text), style=style, no_wrap=True, overflow="ellipsis")


def _urgency(segment: "Scheduled", seen: "Status") -> tuple[int, dt.datetime, int]:
    far = dt.datetime.max.replace(tzinfo=dt.UTC)
    if segment.id in seen.running:
        return 0, far, segment.id
    if segment.failing is not None or segment.error is not None:
        return 1, far, segment.id
    return 2, segment.due_at or far, segment.id


def _row(segment: "Scheduled", seen: "Status") -> dict[str, Any]:
    from segctl.services.intervals import interval_text

    return {
        "name": segment.name,
        "type": segment.type.value,
        "interval": interval_text(segment.interval),
        "count": segment.count,
        "last_counted_at": segment.last_counted_at,
        "modified_at": segment.modified_at,
        "too_heavy": segment.too_heavy,
        "status": _status(segment, seen),
    }


def _status(segment: "Scheduled", seen: "Status") -> str:
    if segment.id in seen.running:
        return "running"
    if segment.held_at is not None or (segment.failing is not None and segment.failing.halted):
        return segment.state(seen.at).value
    if segment.error is not None:
        return "failed"
    if segment.count is None:
        return "never counted"
    if segment.stale:
        return "stale"
    return "due" if segment.is_due(seen.at) else "up to date"


def _style(status: str) -> str:
    return {
        "running": "cyan",
        "failed": "red",
        "held": "bold red",
        "parked": "bold red",
        "stopped": "bold red",
        "due": "yellow",
        "stale": "yellow",
        "never counted": "yellow",
    }.get(status, "")
