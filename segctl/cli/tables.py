"""Tables for people, laid out while the rows still come."""

from collections.abc import Iterable, Mapping, Sequence
import datetime as dt
from itertools import islice
import os
import shutil
import sys
from typing import Any

from rich.cells import cell_len, chop_cells

from segctl.cli import context
from segctl.cli.cells import Column, cell

CHUNK = 500
"""The rows that decide how wide the columns are. Later ones wrap, so memory does not grow."""
GAP = "  "
WORD = 16
"""The length of a word that a narrow column still keeps whole."""
MINIMUM = 6
"""No column is squeezed below this many cells."""
BOLD, DIM, RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def table(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[Column],
    zone: dt.tzinfo | None,
    now: dt.datetime,
) -> None:
    """A heading and a line a row; as wide as the terminal, or as it needs where there is none."""
    iterator = iter(rows)
    first = list(islice(iterator, CHUNK))
    room = _width()
    # What is given up for want of room, in this order: dates, headings in one line, whole names.
    for short, split in ((False, False), (True, False), (True, True)):
        cells = [
            [cell(row.get(c.key), c, zone, now, short=short) for c in columns] for row in first
        ]
        widths = _natural(cells, columns, split)
        if room is None or _total(widths) <= room:
            break
    if room is not None:
        widths = _fit(widths, _floors(cells, columns), columns, room)
    _write([[c.title for c in columns]], columns, widths, BOLD)
    _write([["─" * width for width in widths]], columns, widths, DIM)
    _write(cells, columns, widths)
    for row in iterator:
        _write(
            [[cell(row.get(c.key), c, zone, now, short=short) for c in columns]], columns, widths
        )


def pairs(
    row: Mapping[str, Any], columns: Sequence[Column], zone: dt.tzinfo | None, now: dt.datetime
) -> None:
    """One thing: a line a column, its title and its value."""
    titles = [column.title for column in columns]
    left = max(map(cell_len, titles), default=0)
    room = _width()
    for column, title in zip(columns, titles, strict=True):
        text = cell(row.get(column.key), column, zone, now)
        pieces = _wrap(text, max(room - left - len(GAP), 20)) if room else [text]
        for index, piece in enumerate(pieces):
            head = _styled(_pad("" if index else title, left, right=False), DIM)
            sys.stdout.write(f"{head}{GAP}{piece}".rstrip() + "\n")


def _width() -> int | None:
    """The cells that a line may have; None where no terminal limits it."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def _styled(text: str, style: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return text
    return text if context.settings().switch("no_color") else f"{style}{text}{RESET}"


def _natural(cells: Sequence[Sequence[str]], columns: Sequence[Column], split: bool) -> list[int]:
    """How wide each column is when nothing wraps, or with `split` nothing but headings."""
    widths = [
        max(map(cell_len, column.title.split(" ") if split else [column.title]))
        for column in columns
    ]
    for row in cells:
        widths = [max(width, cell_len(text)) for width, text in zip(widths, row, strict=True)]
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _floors(cells: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[int]:
    """How narrow each column can be without breaking a word of ordinary length."""
    texts = zip(*[[column.title for column in columns], *cells], strict=True)
    return [
        min(WORD, max(cell_len(word) for text in column for word in text.split(" ")))
        for column in texts
    ]


def _fit(
    widths: Sequence[int], floors: Sequence[int], columns: Sequence[Column], room: int
) -> list[int]:
    """Take from the widest column until the table fits; words break last, numbers never."""
    fitted = list(widths)
    for floor in (floors, [MINIMUM] * len(fitted)):
        while _total(fitted) > room:
            able = [i for i, c in enumerate(columns) if not c.right and fitted[i] > floor[i]]
            if not able:
                break
            fitted[max(able, key=lambda index: fitted[index])] -= 1
    return fitted


def _write(
    rows: Iterable[Sequence[str]],
    columns: Sequence[Column],
    widths: Sequence[int],
    style: str | None = None,
) -> None:
    for row in rows:
        wrapped = [_wrap(text, width) for text, width in zip(row, widths, strict=True)]
        for level in range(max(map(len, wrapped), default=0)):
            line = GAP.join(
                _pad(pieces[level] if level < len(pieces) else "", width, column.right)
                for pieces, column, width in zip(wrapped, columns, widths, strict=True)
            ).rstrip()
            sys.stdout.write((_styled(line, style) if style else line) + "\n")


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at blanks where there are some."""
    if cell_len(text) <= width:
        return [text]
    lines: list[str] = []
    current = ""
    for word in text.split(" "):
        joined = f"{current} {word}" if current else word
        if cell_len(joined) <= width:
            current = joined
            continue
        if current:
            lines.append(current)
        *full, current = chop_cells(word, width) or [""]
        lines.extend(full)
    return [*lines, current]
