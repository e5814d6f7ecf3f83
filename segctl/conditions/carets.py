"""The line of a condition that an error is about, with carets below the place.

Imported by whatever prints errors, so it imports next to nothing.
"""

import unicodedata

from segctl.errors import ConditionError

_INDENT = "  "
_WIDTH = 76
"""Columns of text; longer lines show a window around the place."""
_TAB = 4


def excerpt(error: ConditionError) -> str:
    """Two lines without a newline at the end; empty when the error knows no text.

    In a text of several lines the first begins with the number of the line.
    """
    text = error.text
    if not text.strip():
        return ""
    start = max(0, min(error.start, len(text)))
    end = max(start, min(error.end, len(text)))
    # A place behind the last word of a line, or on its line break, still belongs to that line.
    line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    line_end = min(
        (i for i in (text.find("\n", start), text.find("\r", start)) if i >= 0), default=len(text)
    )
    end = max(min(end, line_end), start)
    label = ""
    if "\n" in text.rstrip("\n") or "\r" in text.rstrip("\r\n"):
        number = text.count("\n", 0, line_start) or text.count("\r", 0, line_start)
        label = f"{number + 1} | "
    shown, before, marked = _window(text, line_start, start, end, line_end)
    return f"{_INDENT}{label}{shown}\n{_INDENT}{' ' * (len(label) + before)}{'^' * max(1, marked)}"


def _window(
    text: str, line_start: int, start: int, end: int, line_end: int
) -> tuple[str, int, int]:
    """What of the line is shown, the columns before the place, and the columns of the place.

    Grows from the place to both sides: the marked part first, then in turns what is around it.
    """
    # Nothing beyond the width can be shown, so a line of any length costs the same.
    cells = [_cell(c) for c in text[start : min(end, start + _WIDTH)]]
    room = _WIDTH - 2  # for an ellipsis on either side
    while cells and sum(width for _, width in cells) > room:
        cells.pop()
    whole = len(cells) == end - start
    room -= sum(width for _, width in cells)
    left = start
    # The start of the line says most about where one is, so the left side may take three quarters.
    left_cells: list[tuple[str, int]] = []
    left_room = room if start - line_start <= room * 3 // 4 else room * 3 // 4
    while left > line_start:
        cell = _cell(text[left - 1])
        if cell[1] > left_room:
            break
        left_cells.insert(0, cell)
        left_room -= cell[1]
        room -= cell[1]
        left -= 1
    right = start + len(cells)
    right_cells: list[tuple[str, int]] = []
    while whole and right < line_end:
        cell = _cell(text[right])
        if cell[1] > room:
            break
        right_cells.append(cell)
        room -= cell[1]
        right += 1
    shown = "".join(c for c, _ in (*left_cells, *cells, *right_cells)).rstrip()
    prefix = "…" if left > line_start else ""
    suffix = "…" if right < line_end else ""
    before = len(prefix) + sum(width for _, width in left_cells)
    return f"{prefix}{shown}{suffix}", before, sum(width for _, width in cells)


def _cell(character: str) -> tuple[str, int]:
    """A character as shown and the columns that it takes."""
    if " " <= character <= "~":
        return character, 1
    if character == "\t":
        return " " * _TAB, _TAB
    category = unicodedata.category(character)
    if category in ("Mn", "Me"):
        return character, 0
    if category == "Cc" and ord(character) < 0x20:
        return chr(0x2400 + ord(character)), 1
    if category[0] == "C" or category in ("Zl", "Zp"):
        # Control, format, surrogate and unassigned: some of them reorder or break the line.
        return "\ufffd", 1
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1
