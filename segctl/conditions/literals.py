"""Raw values of the syntax → Python values, and back.

Each function refuses what the language does not have: texts of no characters, integers beyond
±2^53, days that no calendar has.
"""

import datetime as dt
from decimal import Decimal
import math
import re
import unicodedata

from segctl.catalog import MAX_INTEGER
from segctl.conditions import hints
from segctl.conditions.limits import MAX_AMOUNT
from segctl.conditions.nodes import Anchor, Day, Instant, Number, Point, Shift, Unit
from segctl.conditions.reading_values import ANCHORS, UNITS
from segctl.conditions.source import Source
from segctl.conditions.syntax import Moment, Step, Text
from segctl.conditions.syntax import Number as RawNumber

# ---------------------------------------------------------------- texts

# One match per character of the decoded text; an escaped pair of surrogates is one character.
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[\\\"'nrt]|.",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def decode_text(source: Source, raw: Text) -> tuple[str, list[int]]:
    """The text without quotes and escapes, and where in the source each character comes from.

    The list has one place more than there are characters: the closing quote.
    """
    inner, offset = raw.raw[1:-1], raw.start + 1
    if "\\" not in inner:
        return inner, list(range(offset, raw.end))
    characters, places = [], []
    for found in _CHARACTER.finditer(inner):
        written = found[0]
        if len(written) == 1:
            character = written
        elif written[1] != "u":
            character = _ESCAPES.get(written[1], written[1])
        elif len(written) > 6:
            high, low = int(written[2:6], 16), int(written[8:], 16)
            character = chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        else:
            character = chr(int(written[2:6], 16))
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            what = "the NUL character" if character == "\x00" else "half of a surrogate pair"
            raise source.error(
                offset + found.start(), offset + found.end(), f"a text cannot contain {what}"
            )
        characters.append(character)
        places.append(offset + found.start())
    places.append(raw.end - 1)
    return "".join(characters), places


def quote(text: str) -> str:
    """A text in double quotes with the escapes of the language."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '\\"':
        return "\\" + character
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    if " " <= character <= "~" or not _hidden(character):
        return character
    return f"\\u{ord(character):04X}"


def _hidden(character: str) -> bool:
    """Control characters, and those that reorder or break the line; all of them below U+10000."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in (
        "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
    )


# ---------------------------------------------------------------- numbers


def number(source: Source, raw: RawNumber) -> Number:
    if "." in raw.raw:
        value = float(raw.raw)
        if math.isinf(value):
            raise source.error(raw.start, raw.end, "this number is too large to be kept")
        return value or 0.0  # Without the sign of -0.0, which compares equal anyway.
    # Counting digits first: Python refuses to read thousands of them.
    digits = raw.raw.lstrip("-").lstrip("0")
    if len(digits) > len(str(MAX_INTEGER)) or int(digits or "0") > MAX_INTEGER:
        raise source.error(
            raw.start,
            raw.end,
            f"integers are kept within ±{MAX_INTEGER:,}",
            "with a fraction (.0) it is a float, which may be larger",
            limit="integer",
        )
    return int(raw.raw)


def number_text(value: Number) -> str:
    """Without an exponent; a float always has its point."""
    if isinstance(value, int):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"


def amount(source: Source, raw: RawNumber, *, of_times: bool = False) -> int:
    """A whole number from 0 to 100,000."""
    what = "a number of times" if of_times else "a number of days, months, …"
    if "." in raw.raw:
        hint = None if of_times else "use a smaller unit"
        raise source.error(raw.start, raw.end, f"{what} is a whole number", hint)
    digits = raw.raw.lstrip("0") or "0"
    if len(digits) > len(str(MAX_AMOUNT)) or int(digits) > MAX_AMOUNT:
        raise source.error(
            raw.start,
            raw.end,
            f"{what} is at most {MAX_AMOUNT:,}",
            None if of_times else "use a larger unit",
            limit="amount",
        )
    return int(digits)


# ---------------------------------------------------------------- points in time


def point(source: Source, moment: Moment) -> Point:
    """A Day for today, yesterday, tomorrow and dates; an Instant for now and times."""
    word = moment.base.text
    shifts = tuple(_shift(source, step) for step in moment.steps)
    if word.lower() in ANCHORS:
        anchor = Anchor(word.lower())
        if anchor is Anchor.NOW:
            return Instant(anchor, shifts)
        base: Anchor | dt.date = anchor
    elif "T" in word:
        return Instant(_instant(source, moment), shifts)
    else:
        base = _day(source, moment)
    for shift, step in zip(shifts, moment.steps, strict=True):
        if shift.unit.exact:
            hint = "write now instead of today" if word.lower() == "today" else None
            raise source.error(
                step.start,
                step.unit.end,
                f"a day cannot be moved by {UNITS[step.unit.text.lower()]}s",
                hint or f"write an instant, like {_instant_example(base)}",
            )
    return Day(base, shifts)


def _instant_example(base: Anchor | dt.date) -> str:
    return "now - 4 hours" if isinstance(base, Anchor) else f"{base.isoformat()}T10:00"


def _shift(source: Source, step: Step) -> Shift:
    return Shift(step.sign * amount(source, step.amount), UNITS[step.unit.text.lower()])


def _day(source: Source, moment: Moment) -> dt.date:
    base = moment.base
    try:
        return dt.date.fromisoformat(base.text)
    except ValueError:
        raise source.error(
            base.start, base.end, f"there is no day {base.text}", _calendar(base.text)
        ) from None


def _instant(source: Source, moment: Moment) -> dt.datetime:
    base = moment.base
    try:
        # Python's own reading also takes 24:00 in newer versions; the language does not.
        if base.text[11:13] == "24":
            raise ValueError
        return dt.datetime.fromisoformat(base.text)
    except ValueError:
        raise source.error(
            base.start,
            base.end,
            f"there is no time {base.text}",
            _calendar(base.text[:10]) or "hours go from 00 to 23, minutes and seconds to 59",
        ) from None


def _calendar(text: str) -> str | None:
    """Why a date is none."""
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    if year < 1:
        return "years go from 0001 to 9999"
    if not 1 <= month <= 12:
        swapped = 1 <= day <= 12 and 1 <= month <= 31
        return (
            f"a date is year-month-day: {year:04d}-{day:02d}-{month:02d}?"
            if swapped
            else "months go from 01 to 12"
        )
    first_of_next = (
        dt.date(year + month // 12, month % 12 + 1, 1) if (year, month) < (9999, 12) else None
    )
    last = (first_of_next - dt.timedelta(days=1)).day if first_of_next else 31
    return f"that month has {last} days" if not 1 <= day <= last else None


def point_text(value: Point) -> str:
    base = value.base
    if isinstance(base, Anchor):
        text = base.value
    elif isinstance(base, dt.datetime):
        text = _instant_text(base)
    else:
        text = base.isoformat()
    return text + "".join(
        f" {'-' if s.amount < 0 else '+'} {span_text(abs(s.amount), s.unit)}" for s in value.shifts
    )


def span_text(count: int, unit: Unit) -> str:
    """`1 day`, `30 days`."""
    return f"{count} {unit.value}" if count == 1 else f"{count} {unit.value}s"


def _instant_text(value: dt.datetime) -> str:
    """As short as it can be without losing anything: no seconds of zero, no zeros at the end."""
    text = f"{value.date().isoformat()}T{value.hour:02d}:{value.minute:02d}"
    if value.second or value.microsecond:
        text += f":{value.second:02d}"
    if value.microsecond:
        text += f".{value.microsecond:06d}".rstrip("0")
    offset = value.utcoffset()
    if offset is None:
        return text
    if not offset:
        return f"{text}Z"
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{text}{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def looks_like_moment(text: str) -> str | None:
    """The bare form of a quoted date or time, or None."""
    found = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?)?", text
    )
    if not found:
        return text.lower() if text.lower() in ANCHORS else None
    day, time, offset = found.groups()
    return day if time is None else f"{day}T{time}{offset or ''}"


def looks_like_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text) is not None


def shown(text: str) -> str:
    """A value inside a message: quoted, shortened, harmless."""
    return f'"{hints.short(text)}"'
