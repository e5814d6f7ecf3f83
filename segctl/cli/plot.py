"""A number over time, drawn with blocks for a terminal."""

from collections.abc import Sequence
import datetime as dt

HEIGHT = 8
WIDTH = 80
"""The whole plot, its labels included, fits so many cells."""
BLOCKS = " ▁▂▃▄▅▆▇█"

Point = tuple[dt.datetime, int | None]
"""From this moment on the number was so much; None where there was none."""


def plot(
    points: Sequence[Point], end: dt.datetime, zone: dt.tzinfo | None, width: int
) -> list[str]:
    """The lines of the plot, up to `end`; none where there is nothing to see.

    The scale begins at 0 unless all of the movement is far above it. A column stands for the last
    number of its time.
    """
    numbers = [number for _, number in points if number is not None]
    if len(numbers) < 2:
        return []
    low, high = _scale(min(numbers), max(numbers))
    labels = [f"{high:,}", f"{low:,}"]
    left = max(map(len, labels))
    columns = _columns(points, end, min(width, WIDTH) - left - 2)
    lines = []
    for level in reversed(range(HEIGHT)):
        cells = "".join(_cell(number, level, low, high) for number in columns)
        label = labels[0] if level == HEIGHT - 1 else labels[1] if level == 0 else ""
        lines.append(f"{label:>{left}} ┤{cells}".rstrip())
    first, last = (_day(moment, zone) for moment in (points[0][0], end))
    room = max(len(columns) - len(first) - len(last), 1)
    lines.append(f"{'':{left}}  {first}{' ' * room}{last}")
    return lines


def _scale(low: int, high: int) -> tuple[int, int]:
    if low == high:
        return 0, max(high, 1)
    return (0, high) if low < 2 * (high - low) else (low - max((high - low) // 8, 1), high)


def _columns(points: Sequence[Point], end: dt.datetime, width: int) -> list[int | None]:
    """The number at the end of each of so many equal parts of the time."""
    start = points[0][0]
    whole = max((end - start).total_seconds(), 1e-6)
    columns: list[int | None] = [None] * width
    place = 0
    for column in range(width):
        until = whole * (column + 1) / width
        while place + 1 < len(points) and (points[place + 1][0] - start).total_seconds() <= until:
            place += 1
        columns[column] = points[place][1]
    return columns


def _cell(number: int | None, level: int, low: int, high: int) -> str:
    if number is None:
        return " "
    eighths = round((number - low) / (high - low) * HEIGHT * 8)
    # What is there is seen, however little.
    eighths = max(eighths, 1) if number > 0 else eighths
    return BLOCKS[min(max(eighths - level * 8, 0), 8)]


def _day(moment: dt.datetime, zone: dt.tzinfo | None) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
