"""Text to typed values and back: the one door through which values enter the store.

Everything that people or files give (a CSV cell, a JSON value, `name=value` on the command line)
becomes a value here, or an InvalidValue whose message is only the reason; the caller knows the
place. An empty text is no value.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
import datetime as dt
from decimal import Decimal
from functools import lru_cache
import json
import math
import re
from typing import Any, Final, assert_never
from zoneinfo import ZoneInfo

from segctl.catalog import MAX_INTEGER, MAX_KEY, Attribute, ObjectType, ValueType, did_you_mean
from segctl.errors import InvalidValue, UsageError

Value = str | int | float | bool | dt.date | None
"""A single value. A datetime (a `dt.date` to Python) is aware and in UTC."""

Parser = Callable[[Any], Value]
"""Turns one raw value into a typed one; raises InvalidValue."""

ItemsParser = Callable[[Any], frozenset[str]]
"""Turns one raw value into the items of a multi-valued attribute; raises InvalidValue."""

MAX_TEXT: Final = 10_000_000
"""Characters in one text."""

SEPARATOR: Final = ";"
"""Between the items of a multi-valued attribute, or the records of a to-many relation."""

_TRUE = frozenset(("true", "yes", "1", "t", "y"))
_FALSE = frozenset(("false", "no", "0", "f", "n"))
_INTEGER = re.compile(r"([+-]?[0-9]{1,40})(?:\.0*)?")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_DAY_LENGTH = len("2026-01-31")


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts are read: the zone of naive times, more date formats, texts that mean nothing.

    `date_formats` are strptime formats, tried in order before ISO 8601. `nulls` are whole texts
    beside the empty one.
    """

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    date_formats: tuple[str, ...] = ()
    nulls: frozenset[str] = frozenset()
    separator: str = SEPARATOR

    def __post_init__(self) -> None:
        for date_format in self.date_formats:
            _check_date_format(date_format)
        if not self.separator.strip(" ") or self.separator in ('"', "["):
            raise UsageError(f"{quoted(self.separator)} cannot separate items")


def parser(
    attribute: Attribute, reading: Reading, value_map: Mapping[str, str] | None = None
) -> Parser:
    """The parser of a single-valued attribute. `value_map` replaces whole texts beforehand."""
    parse = _kind_parser(attribute, reading)
    nulls = frozenset(("", *reading.nulls))

    def parse_raw(raw: Any) -> Value:
        if raw is None or (type(raw) is str and raw in nulls):
            return None
        return parse(raw)

    return _mapped(parse_raw, value_map)


def items_parser(
    attribute: Attribute, reading: Reading, value_map: Mapping[str, str] | None = None
) -> ItemsParser:
    """The parser of a multi-valued attribute: a text that is split, or a list of texts."""
    mapping = value_map or {}
    choices = frozenset(attribute.choices) if attribute.kind is ValueType.MULTICHOICE else None

    def parse_items(raw: Any) -> frozenset[str]:
        found = (mapping.get(item, item) for item in split_items(raw, reading))
        items = frozenset(key for item in found if (key := key_value(item)))
        if choices is not None:
            for item in sorted(items - choices):
                raise _undeclared(item, attribute)
        return items

    return parse_items


def parse_value(attribute: Attribute, raw: Any, reading: Reading) -> Value:
    """One value, where no parser is kept."""
    return parser(attribute, reading)(raw)


def parse_items(attribute: Attribute, raw: Any, reading: Reading) -> frozenset[str]:
    """The items of one value, where no parser is kept."""
    return items_parser(attribute, reading)(raw)


def split_items(raw: Any, reading: Reading) -> list[str]:
    """The texts of a multi-valued cell: split at the separator, or a JSON array of texts.

    Blanks around an item and empty items are dropped from a split text, never from an array.
    """
    if raw is None:
        return []
    if isinstance(raw, str):
        if raw in reading.nulls:
            return []
        if raw.startswith("["):
            listed = _json_list(raw)
            if listed is not None:
                return listed
        return [item for part in raw.split(reading.separator) if (item := part.strip())]
    if isinstance(raw, (list, tuple)):
        texts = (text_value(item) for item in raw if item is not None)
        return [text for text in texts if text]
    text = text_value(raw)
    return [text] if text else []


def join_items(items: Iterable[str], separator: str = SEPARATOR) -> str:
    """The cell that `split_items` reads back as these items, in their order."""
    listed = list(items)
    if any(separator in item or item != item.strip() or item.startswith("[") for item in listed):
        return json.dumps(listed, ensure_ascii=False)
    return separator.join(listed)


def to_text(value: Value) -> str:
    """The text that a parser of the value's type reads back as the same value; "" for None."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dt.datetime():
            return instant(value)
        case dt.date():
            return value.isoformat()
        case float():
            return repr(value)
        case _:
            return str(value)


def instant(value: dt.datetime) -> str:
    """`2026-01-31T10:00:00Z`, with a fraction only where there is one."""
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"


def quoted(raw: Any, limit: int = 60) -> str:
    """A raw value for a message: quoted, shortened, control characters and such escaped."""
    text = raw if isinstance(raw, str) else plain_text(raw)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if not isinstance(raw, str):
        return text
    escaped = json.dumps(text, ensure_ascii=False)
    return escaped.encode("utf-8", "backslashreplace").decode()


# ---------------------------------------------------------------- one kind each


def _kind_parser(attribute: Attribute, reading: Reading) -> Parser:
    match attribute.kind:
        case ValueType.STRING:
            return key_value if is_key(attribute) else text_value
        case ValueType.CHOICE:
            return _choice(attribute)
        case ValueType.INTEGER:
            return integer_value
        case ValueType.FLOAT:
            return float_value
        case ValueType.BOOLEAN:
            return boolean_value
        case ValueType.DATE:
            return _date(reading)
        case ValueType.DATETIME:
            return _datetime(reading)
        case ValueType.MULTICHOICE | ValueType.TAGS:
            raise TypeError(f"{attribute} is multi-valued")
        case _:
            assert_never(attribute.kind)


def is_key(attribute: Attribute) -> bool:
    """Whether the attribute is an index key, and so at most MAX_KEY characters long."""
    return attribute.name == "external_id" or (
        attribute.type is ObjectType.EVENT and attribute.name == "name"
    )


def text_value(raw: Any) -> str | None:
    """A text; numbers, booleans and times as they would be written."""
    if not isinstance(raw, str):
        if isinstance(raw, (list, tuple, dict)):
            kind = "an object" if isinstance(raw, dict) else "a list"
            raise InvalidValue(f"{quoted(raw)} is {kind}, not a text")
        if isinstance(raw, bytes):
            raise InvalidValue("binary data is not a text")
        return plain_text(raw)
    if "\0" in raw:
        raise InvalidValue(f"{quoted(raw)} contains a NUL character")
    if not raw.isascii():
        try:
            raw.encode()
        except UnicodeEncodeError as error:
            raise InvalidValue(_not_unicode(raw, error.start)) from None
    if len(raw) > MAX_TEXT:
        raise InvalidValue(f"a text of {len(raw):,} characters is longer than {MAX_TEXT:,}")
    return raw or None


def key_value(raw: Any) -> str | None:
    """A text that is short enough for an index."""
    text = text_value(raw)
    if text is not None and len(text) > MAX_KEY:
        raise InvalidValue(
            f"{quoted(text)} has {len(text):,} characters; an id, an item and an event's name have "
            f"at most {MAX_KEY}"
        )
    return text


def integer_value(raw: Any) -> int | None:
    """A whole number within ±2^53; `3.0` is one."""
    if type(raw) is int:
        number = raw
    elif isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        found = _INTEGER.fullmatch(text)
        if found is None:
            raise InvalidValue(f"{quoted(raw)} is not a whole number")
        number = int(found[1])
    elif isinstance(raw, (float, Decimal)) and math.isfinite(raw) and raw == int(raw):
        number = int(raw)
    else:
        raise InvalidValue(f"{quoted(raw)} is not a whole number")
    if abs(number) > MAX_INTEGER:
        raise InvalidValue(f"{quoted(raw)} is beyond ±{MAX_INTEGER:,}, the largest whole number")
    return number


def float_value(raw: Any) -> float | None:
    """A finite number."""
    if isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        if _FLOAT.fullmatch(text) is None:
            raise InvalidValue(f"{quoted(raw)} is not a number")
        number = float(text)
    elif isinstance(raw, (int, float, Decimal)) and not isinstance(raw, bool):
        try:
            number = float(raw)
        except OverflowError:
            number = math.inf
    else:
        raise InvalidValue(f"{quoted(raw)} is not a number")
    if not math.isfinite(number):
        raise InvalidValue(f"{quoted(raw)} is not a finite number that a store can keep")
    return number


def boolean_value(raw: Any) -> bool | None:
    """true/false, yes/no, t/f, y/n, 1/0 in any case."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        word = raw.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        if not word:
            return None
    elif isinstance(raw, (int, float)) and raw in (0, 1):
        return bool(raw)
    raise InvalidValue(f"{quoted(raw)} is neither true nor false (yes/no, t/f, y/n, 1/0)")


def _choice(attribute: Attribute) -> Parser:
    declared = frozenset(attribute.choices)

    def parse(raw: Any) -> Value:
        text = text_value(raw)
        if text is None or text in declared:
            return text
        raise _undeclared(text, attribute)

    return parse


def _undeclared(text: str, attribute: Attribute) -> InvalidValue:
    listed = ", ".join(attribute.choices[:12]) + (", …" if len(attribute.choices) > 12 else "")
    return InvalidValue(
        f"{quoted(text)} is not one of {listed}", hint=did_you_mean(text, attribute.choices)
    )


def _date(reading: Reading) -> Parser:
    def parse(raw: Any) -> Value:
        moment = _moment(raw, reading, "a date")
        if not isinstance(moment, dt.datetime):
            return moment
        if moment.tzinfo is not None:
            moment = _in_zone(moment, reading.zone, raw)
        if moment.time() != dt.time():
            raise InvalidValue(f"{quoted(raw)} has a time of day, and a date has none")
        return moment.date()

    return parse


def _datetime(reading: Reading) -> Parser:
    zone = reading.zone

    def parse(raw: Any) -> Value:
        moment = _moment(raw, reading, "a time")
        if moment is None:
            return None
        if not isinstance(moment, dt.datetime):
            moment = dt.datetime.combine(moment, dt.time())
        # fold=0: a time that does not exist takes the offset before the change, one that occurs
        # twice is the first.
        aware = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        return _in_zone(aware, dt.UTC, raw)

    return parse


def _in_zone(moment: dt.datetime, zone: dt.tzinfo, raw: Any) -> dt.datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:
        raise InvalidValue(f"{quoted(raw)} lies outside the years 1 to 9999") from None


def _moment(raw: Any, reading: Reading, kind: str) -> dt.date | dt.datetime | None:
    """A day or a moment, naive unless it carries an offset."""
    if isinstance(raw, dt.date):
        return raw
    if not isinstance(raw, str):
        raise InvalidValue(f"{quoted(raw)} is not {kind}")
    text = raw.strip()
    if not text:
        return None
    for date_format in reading.date_formats:
        try:
            return _strptime(text, date_format)
        except ValueError:
            continue
    try:
        if len(text) == _DAY_LENGTH:
            return dt.date.fromisoformat(text)
        if text[_DAY_LENGTH : _DAY_LENGTH + 1] in ("T", " ", "t", "") and text.isascii():
            return dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    wanted = " or ".join([*reading.date_formats, "2026-01-31"])
    if kind == "a time":
        wanted += " or 2026-01-31T10:00:00Z"
    raise InvalidValue(f"{quoted(raw)} is not {kind} like {wanted}")


@lru_cache(maxsize=16_384)
def _strptime(text: str, date_format: str) -> dt.datetime:
    """The slowest of all parsers, and days repeat."""
    return dt.datetime.strptime(text, date_format)  # noqa: DTZ007  the zone comes later


def _check_date_format(date_format: str) -> None:
    hint = "a format is written as for strptime, for example %d/%m/%Y or %Y%m%d %H:%M"
    try:
        sample = dt.datetime(2026, 1, 31, 10, 20, 30, tzinfo=dt.UTC).strftime(date_format)
        if dt.datetime.strptime(sample, date_format).year == 2026:  # noqa: DTZ007
            return
    except (ValueError, re.error) as error:
        raise UsageError(
            f"{quoted(date_format)} is not a date format: {error}", hint=hint
        ) from None
    raise UsageError(f"{quoted(date_format)} is not a date format: it has no year", hint=hint)


# ---------------------------------------------------------------- small parts


def _mapped(parse: Parser, value_map: Mapping[str, str] | None) -> Parser:
    if not value_map:
        return parse

    def parse_mapped(raw: Any) -> Value:
        if raw is None or isinstance(raw, (list, tuple, dict, bytes)):
            return parse(raw)
        text = plain_text(raw)
        return parse(value_map[text]) if text in value_map else parse(raw)

    return parse_mapped


def _json_list(text: str) -> list[str] | None:
    """The texts of a JSON array of texts; None if it is not one."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(listed, list) and all(isinstance(item, str) for item in listed):
        return [item for item in listed if item]
    return None


def _not_unicode(text: str, position: int) -> str:
    """Why a text with a lone surrogate is none; a byte that did not decode stands as one."""
    code = ord(text[position])
    what = "half a character (a surrogate)"
    if 0xDC80 <= code <= 0xDCFF:
        what = f"the byte 0x{code - 0xDC00:02X}, which does not fit the encoding"
    return f"{quoted(text)}: character {position + 1} is {what}"


def plain_text(raw: Any) -> str:
    """A raw value as it would be written; never fails."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, dt.datetime):
        return raw.isoformat()
    if isinstance(raw, (dict, list, tuple)):
        return json.dumps(raw, ensure_ascii=False, default=str)
    return str(raw)
