"""One value, written: for a person in a table, for a program in CSV or JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
import datetime as dt
import json
from typing import Any, Literal

Kind = Literal["text", "number", "time", "bool", "seconds", "list"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table and of a CSV file. `empty` is what a table shows for None."""

    key: str
    title: str
    justify: Literal["left", "right"] = "left"
    kind: Kind = "text"
    empty: str = ""

    @property
    def right(self) -> bool:
        return self.justify == "right" or self.kind in ("number", "seconds")


# ---------------------------------------------------------------- for a person


def cell(
    value: Any, column: Column, zone: dt.tzinfo | None, now: dt.datetime, *, short: bool = False
) -> str:
    """A value as a table shows it: one line, nothing in it can steer a terminal.

    A time is local and relative; `short` keeps the half of it that says more.
    """
    match value:
        case None:
            return column.empty
        case bool():
            return "yes" if value else "no"
        case int() | float():
            if column.kind == "seconds":
                return seconds(value)
            # An id is a name, not an amount.
            named = column.key == "id" or column.key.endswith("_id")
            return str(value) if named else number(value)
        case dt.datetime():
            return _time(value, zone, now, short)
        case dt.date():
            return value.isoformat()
        case list() | tuple() | set() | frozenset():
            return visible(", ".join(str(item) for item in value)) or column.empty
        case Mapping():
            return visible(as_json(value))
        case _:
            return visible(str(value)) or column.empty


def _time(value: dt.datetime, zone: dt.tzinfo | None, now: dt.datetime, short: bool) -> str:
    relative = ago(value, now)
    try:
        local = f"{value.astimezone(zone):%Y-%m-%d %H:%M}".rjust(16, "0")
    except (OverflowError, ValueError):
        # The first and the last day of the calendar have no local time everywhere.
        local = instant(value)
    if not short:
        return f"{local} ({relative})"
    return relative if abs(now - value) < dt.timedelta(days=60) else local[:10]


_STEPS = (
    (60, "s", 1.0),
    (3600, "min", 60.0),
    (48 * 3600, "h", 3600.0),
    (60 * 86400, "d", 86400.0),
    (730 * 86400, "mo", 30.436875 * 86400),
    (float("inf"), "y", 365.2425 * 86400),
)


def ago(value: dt.datetime, now: dt.datetime) -> str:
    """`3 h ago`, `in 2 d`, `just now`."""
    difference = (now - value).total_seconds()
    unit, length = next((u, n) for limit, u, n in _STEPS if abs(difference) < limit)
    amount = int(abs(difference) // length)
    if amount == 0:
        return "just now"
    return f"{amount} {unit} ago" if difference > 0 else f"in {amount} {unit}"


def number(value: float) -> str:
    """Thousands separators, and no more digits than there are."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.15g}"


def seconds(value: float) -> str:
    """A duration: `350 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


_REPLACEMENT = 0xFFFD
_PICTURES = {
    **{code: 0x2400 + code for code in range(0x20)},
    0x7F: 0x2421,
    # C1 controls, line and paragraph separators
    **dict.fromkeys((*range(0x80, 0xA0), 0x2028, 0x2029), _REPLACEMENT),
    # what turns the direction of the text around it
    **dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F)), _REPLACEMENT),
    **dict.fromkeys(range(0x2066, 0x206A), _REPLACEMENT),
    # lone surrogates, which no encoding can write
    **dict.fromkeys(range(0xD800, 0xE000), _REPLACEMENT),
}
_PICTURES_IN_LINES = {code: picture for code, picture in _PICTURES.items() if code != 0x0A}


def visible(text: str, *, lines: bool = False) -> str:
    """The text with pictures in the place of control characters; `lines` lets line feeds pass."""
    if text.isprintable():
        return text
    return text.translate(_PICTURES_IN_LINES if lines else _PICTURES)


# ---------------------------------------------------------------- for a program


def instant(value: dt.datetime) -> str:
    """`2026-01-31T10:00:00Z`, with microseconds only where there are some."""
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"


def plain(value: Any) -> str:
    """A value as CSV writes it and imports read it: instants in UTC, `a;b`, nothing for None."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case dt.datetime():
            return instant(value)
        case dt.date():
            return value.isoformat()
        case list() | tuple() if all(isinstance(item, str) for item in value):
            from segctl.services.values import join_items

            return join_items(value)
        case list() | tuple() | set() | frozenset() | Mapping():
            return as_json(value)
        case _:
            return str(value)


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON in UTF-8; instants and days as text, everything else unknown by its str()."""
    return json.dumps(value, ensure_ascii=False, default=_encode, indent=indent)


def _encode(value: Any) -> Any:
    match value:
        case dt.datetime():
            return instant(value)
        case dt.date():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case set() | frozenset():
            return sorted(value)
        case Mapping():
            return dict(value)
        case _:
            return str(value)
