"""Raw values to stored ones, a column of a chunk at a time.

What an attribute needs is put together once per import. Whole columns go through `convert`; only
if that raises is each value looked at alone, to find the ones that are wrong.
"""

from collections.abc import Callable, Mapping, Sequence
import datetime as dt
import re
from typing import Any, Final

from segctl.catalog import MAX_KEY, Attribute, ObjectType, ValueType
from segctl.errors import InvalidValue
from segctl.services.imports.options import Rejection
from segctl.services.values import MAX_TEXT, Reading, is_key, items_parser, parser
from segctl.store.writing import KEEP, encoder, instant_text

One = Callable[[Any], Any]
"""A raw value to a stored one; raises InvalidValue."""

Many = Callable[[Sequence[Any]], list[Any]]
"""The same for a column; raises InvalidValue if any value is wrong."""

# No hour 24: newer Pythons take that for the next day.
_PLAIN_UTC: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z"
)


class Converter:
    """Converts the values of one column; KEEP stays KEEP."""

    def __init__(self, one: One, many: Many | None = None) -> None:
        self._one = one
        self._many = many

    def convert(
        self, values: Sequence[Any], column: str, lines: Sequence[int]
    ) -> tuple[list[Any], dict[int, Rejection]]:
        """The stored values, and by position why a value is none."""
        if self._many is not None:
            try:
                return self._many(values), {}
            except InvalidValue:
                pass  # find out below which
        stored: list[Any] = []
        wrong: dict[int, Rejection] = {}
        one = self._one
        for position, raw in enumerate(values):
            if raw is KEEP:
                stored.append(KEEP)
                continue
            try:
                stored.append(one(raw))
            except InvalidValue as error:
                stored.append(None)
                wrong[position] = Rejection(
                    lines[position], error.message, column, raw, hint=error.hint
                )
        return stored, wrong


def attribute_converter(
    attribute: Attribute,
    reading: Reading,
    value_map: Mapping[str, str] | None,
    dialect: str,
    textual: bool,
) -> Converter:
    """The converter to the stored form of a single-valued attribute.

    A time that tells when a record was created or updated is kept if there is none.
    """
    parse = parser(attribute, reading, value_map)
    event = attribute.type is ObjectType.EVENT and not attribute.standard
    encode = _json_encoder(attribute.kind) if event else encoder(attribute.kind, dialect)
    one = _encoded(parse, encode)
    if (
        attribute.kind is ValueType.DATETIME
        and encode is instant_text
        and not (value_map or reading.date_formats or reading.nulls)
    ):
        one = _instant(one)
    if is_kept(attribute):
        one = _kept(one)
    if not textual:
        return Converter(one)
    if attribute.kind is ValueType.STRING and not value_map:
        limit = MAX_KEY if is_key(attribute) else MAX_TEXT
        return Converter(one, _text_column(limit, reading.nulls))
    return Converter(one, _each(one))


def items_converter(
    attribute: Attribute, reading: Reading, value_map: Mapping[str, str] | None
) -> Converter:
    """The converter of a multi-valued attribute, to sets of items."""
    return Converter(items_parser(attribute, reading, value_map))


def is_kept(attribute: Attribute) -> bool:
    """Whether the store itself fills the attribute in."""
    return attribute.name in ("created_at", "updated_at") and attribute.standard


def _encoded(parse: One, encode: One | None) -> One:
    if encode is None:
        return parse

    def one(raw: Any) -> Any:
        value = parse(raw)
        return None if value is None else encode(value)

    return one


def _instant(one: One) -> One:
    """A short cut for the form that nearly all exports of other programs have."""
    plain, check = _PLAIN_UTC.fullmatch, dt.datetime.fromisoformat

    def instant(raw: Any) -> Any:
        if type(raw) is not str or (found := plain(raw)) is None:
            return one(raw)
        try:
            check(raw)
        except ValueError:
            return one(raw)
        return f"{raw[:10]}T{raw[11:19]}{found[1] or '.000000'}Z"

    return instant


def _kept(one: One) -> One:
    def kept(raw: Any) -> Any:
        value = one(raw)
        return KEEP if value is None else value

    return kept


def _json_encoder(kind: ValueType) -> One | None:
    """How a value of an event's own attribute stands in its JSON object."""
    match kind:
        case ValueType.DATETIME:
            return instant_text
        case ValueType.DATE:
            return dt.date.isoformat
        case _:
            return None


def _text_column(limit: int, nulls: frozenset[str]) -> Many:
    """Texts need no conversion, only a look at all of them together."""
    missing = frozenset(("", *nulls))

    def convert(values: Sequence[str]) -> list[Any]:
        joined = "".join(values)
        if "\0" in joined or (len(joined) > limit and max(map(len, values)) > limit):
            raise InvalidValue("one of them")
        if not joined.isascii():
            try:
                joined.encode()
            except UnicodeEncodeError:
                raise InvalidValue("one of them") from None
        if nulls:
            return [None if text in missing else text for text in values]
        return [text or None for text in values]

    return convert


def _each(one: One) -> Many:
    def convert(values: Sequence[str]) -> list[Any]:
        # Most columns repeat a few texts, so that it pays to convert each text once.
        distinct = set(values)
        if len(distinct) * 2 > len(values):
            return [one(text) for text in values]
        stored = {text: one(text) for text in distinct}
        return list(map(stored.__getitem__, values))

    return convert
