"""A tree of lines with remarks beside them, laid out for a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import os
import sys

from rich.cells import cell_len, chop_cells

from segctl.cli import context
from segctl.cli.output import visible

MARKS = {"true": "✓", "false": "✗", "unknown": "?"}
COLOURS = {"true": "\x1b[32m", "false": "\x1b[31m", "unknown": "\x1b[33m"}
BOLD, DIM, RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"
LONGEST = 300
"""Characters of a part's text that are shown."""
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Line:
    """A part of the tree: what is drawn before it, what it says, and what was found."""

    branch: str
    below: str
    result: str | None
    text: str
    remarks: Sequence[str] = ()


class Style:
    """Colours, where they are wanted."""

    def __init__(self) -> None:
        plain = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb"
        self._on = not plain and not context.settings().switch("no_color")

    def __call__(self, text: str, code: str) -> str:
        return f"{code}{text}{RESET}" if self._on and text else text

    def mark(self, result: str) -> str:
        return self(MARKS[result], COLOURS[result])


def laid_out(lines: Sequence[Line], width: int, style: Style) -> Iterator[str]:
    """What was found stands in a column of its own, below the text where that is too long."""
    longest = width * 11 // 20
    column = max(
        (size for line in lines if line.remarks and (size := _size(line)) <= longest),
        default=0,
    ) + len(_GAP)
    for line in lines:
        text = visible(line.text)
        if len(text) > LONGEST:
            text = text[: LONGEST - 1] + "…"
        mark = "" if line.result is None else "  "
        head = len(line.branch) + len(mark)
        pieces = wrap(text, max(width - head, 20))
        beside = bool(line.remarks) and len(pieces) == 1 and _size(line) <= column - len(_GAP)
        remarks = [
            piece
            for remark in line.remarks
            for piece in wrap(visible(remark), max(width - column, 20))
        ]
        shown = style.mark(line.result) + " " if line.result is not None else ""
        first = style(line.branch, DIM) + shown + pieces[0]
        if beside:
            first += " " * (column - head - cell_len(pieces[0])) + remarks.pop(0)
        yield first
        for piece in pieces[1:]:
            yield style(line.below.ljust(head), DIM) + piece
        for remark in remarks:
            yield style(line.below.ljust(column), DIM) + remark


def _size(line: Line) -> int:
    mark = 0 if line.result is None else 2
    return len(line.branch) + mark + cell_len(visible(line.text))


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at blanks where there are some."""
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
