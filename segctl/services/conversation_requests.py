"""A conversation to open as programs describe it: one JSON object."""

from collections.abc import Mapping
import datetime as dt
from typing import Any, Final
from zoneinfo import ZoneInfo

from segctl.catalog import STANDARD, ObjectType
from segctl.errors import InvalidValue, UsageError, did_you_mean
from segctl.services.conversations import OpenRequest
from segctl.services.values import Reading, parse_value, quoted

KEYS: Final = ("contact", "email", "channel", "external_id", "at", "create")
_TIME: Final = STANDARD[ObjectType.CONTACT]["created_at"]


def read_request(value: object, zone: ZoneInfo) -> OpenRequest:
    """The request in an object of KEYS: texts, `create` true or false, null where one is missing.

    A time without an offset is in `zone`. UsageError or InvalidValue says what is wrong with it.
    """
    if not isinstance(value, Mapping):
        raise UsageError(
            "a request is a JSON object", hint='such as {"contact": "c-17"} or {"email": "a@b.c"}'
        )
    for key in value:
        if key not in KEYS:
            hint = did_you_mean(str(key), KEYS) or "the keys are " + ", ".join(KEYS)
            raise UsageError(f"there is no key {quoted(key)}", hint=hint)
    create = value.get("create")
    if create is not None and not isinstance(create, bool):
        raise InvalidValue("create: it is true or false")
    return OpenRequest(
        contact=_text(value, "contact"),
        email=_text(value, "email"),
        channel=_text(value, "channel") or "chat",
        external_id=_text(value, "external_id"),
        at=read_time(_text(value, "at"), zone),
        create=bool(create),
    )


def read_time(text: str | None, zone: ZoneInfo) -> dt.datetime | None:
    """An ISO-8601 time; without an offset it is in `zone`. None for none."""
    if text is None:
        return None
    try:
        moment = parse_value(_TIME, text.strip(), Reading(zone))
    except InvalidValue as error:
        error.message = f"at: {error.message}"
        raise
    return moment if isinstance(moment, dt.datetime) else None


def _text(value: Mapping[Any, Any], key: str) -> str | None:
    text = value.get(key)
    if text is None or isinstance(text, str):
        return text or None
    raise InvalidValue(
        f"{key}: {quoted(text)} is not a text",
        hint='a contact is named by its external id, "c-17", or by "#12"'
        if key == "contact"
        else None,
    )
