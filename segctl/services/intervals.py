"""How often a segment is recalculated: `30m`, `4h`, `1d`, `manual`."""

import re

from segctl.catalog import MANUAL
from segctl.errors import InvalidValue

LONGEST = 366 * 24 * 60
"""Minutes in the longest interval, a year."""

_PART = re.compile(r"(\d{1,6})\s*([a-z]+)\s*")
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_WORDS = frozenset("m min mins minute minutes h hour hours d day days w week weeks".split())


def parse_interval(text: str) -> int:
    """Minutes, or MANUAL; InvalidValue if it is neither."""
    word = text.strip().lower()
    if word == "manual":
        return MANUAL
    minutes = 0
    place = 0
    while found := _PART.match(word, place):
        if found[2] not in _WORDS:
            break
        minutes += int(found[1]) * _MINUTES[found[2][0]]
        place = found.end()
    if not word or place != len(word) or minutes == 0:
        raise InvalidValue(
            f'"{text}" is not an interval', hint="write 30m, 4h, 1d, 1h30m or manual"
        )
    return minutes


def check_interval(minutes: int, shortest: int) -> int:
    """The interval, if the workspace allows it; InvalidValue otherwise."""
    if minutes == MANUAL or shortest <= minutes <= LONGEST:
        return minutes
    if minutes > LONGEST:
        raise InvalidValue("an interval is at most a year", hint="--interval manual")
    raise InvalidValue(
        f"the interval {interval_text(minutes)} is too short: the workspace allows "
        f"{interval_text(shortest)} and longer",
        hint=f"segctl workspace set min_interval {max(minutes, 1)} allows it",
    )


def interval_text(minutes: int) -> str:
    """`1d`, `1h30m`, `manual`: the shortest that parse_interval reads back."""
    if minutes == MANUAL:
        return "manual"
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (rest, "m"))
    return "".join(f"{n}{unit}" for n, unit in parts if n)
