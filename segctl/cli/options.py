"""The options that several commands share: one name, one help text, everywhere.

A command writes `type: TypeOption = None`; the help never differs between two commands. What only
one command takes stands in that command's own module.
"""

from datetime import UTC, datetime, timedelta, tzinfo
import re
from typing import Annotated

import typer

from segctl.catalog import ObjectType, object_type
from segctl.cli import context
from segctl.cli.output import Format
from segctl.errors import SegctlError, UsageError

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def duration(text: str) -> timedelta:
    """`30s`, `5m`, `1h30m`, `2d`; a bare number is seconds. UsageError otherwise."""
    word = text.strip().lower()
    try:
        if re.fullmatch(r"\d+(\.\d+)?", word):
            return timedelta(seconds=float(word))
        if _DURATION.fullmatch(word):
            return sum((float(n) * _UNITS[u] for n, u in _PART.findall(word)), timedelta())
    except OverflowError:
        pass
    raise UsageError(f'"{text}" is not a duration', hint="write 30s, 5m, 1h30m or 2d")


def moment(option: str, text: str | None, now: datetime, zone: tzinfo) -> datetime | None:
    """The instant that an option names: a time, or an age such as `7d`. UsageError otherwise.

    A time without an offset is in `zone`. None stays None.
    """
    if text is None:
        return None
    word = text.strip()
    try:
        if _DURATION.fullmatch(word.lower()):
            return now - duration(word)
        found = datetime.fromisoformat(word)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, UsageError) as error:
        raise UsageError(
            f'{option}: "{text}" is not a time',
            hint="write 2026-01-31, 2026-01-31T10:00, 2026-01-31T10:00Z or an age such as 7d",
        ) from error


def any_object_type(word: str) -> ObjectType:
    """The object type that a user named, `event` included, singular or plural."""
    if word.strip().lower() in ("event", "events"):
        return ObjectType.EVENT
    return object_type(word)


def segment_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The segments that a shell proposes after TAB; none if the store cannot be read."""
    call = context.begin()
    given = {**ctx.find_root().params, **ctx.params}
    call.config, call.store = given.get("config"), given.get("store")
    try:
        if given.get("as_"):
            from segctl.services.seen_segments import list_as

            with context.store() as store:
                seen = list_as(store, given["as_"], given.get("type"))
            names = [segment.view.name for segment in seen.segments]
        else:
            from segctl.services.segment_views import list_segments

            with context.glance() as glance:
                names = [view.name for view in list_segments(glance, given.get("type"))]
    except SegctlError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def _default_format(ctx: typer.Context, param: typer.CallbackParam, value: Format) -> Format:
    """Where no -o is given, the `output` setting decides instead of table."""
    source = ctx.get_parameter_source(param.name or "")
    if value is Format.TABLE and source is not None and source.name == "DEFAULT":
        return Format(context.settings().text("output") or value)
    return value


TypeOption = Annotated[
    ObjectType | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        parser=object_type,
        help="The object type: contact, company, deal, task, ticket or product.",
    ),
]
"""An optional object type that segments are made of."""

RequiredTypeOption = Annotated[
    ObjectType,
    typer.Option(
        "--type",
        metavar="TYPE",
        parser=object_type,
        help="The object type: contact, company, deal, task, ticket or product.",
    ),
]

TypeArgument = Annotated[
    ObjectType,
    typer.Argument(
        metavar="TYPE",
        parser=object_type,
        help="The object type: contact, company, deal, task, ticket or product.",
    ),
]

AnyTypeArgument = Annotated[
    ObjectType,
    typer.Argument(
        metavar="TYPE",
        parser=any_object_type,
        help="The object type: contact, company, deal, task, ticket, product or event.",
    ),
]

SegmentArgument = Annotated[
    str,
    typer.Argument(
        metavar="SEGMENT", help="The segment, by name or id.", autocompletion=segment_names
    ),
]

SegmentsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SEGMENT", help="Segments, by name or id.", autocompletion=segment_names
    ),
]

OutputOption = Annotated[
    Format,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT",
        callback=_default_format,
        help="table, json, ndjson, csv, ids or count.",
    ),
]

AtOption = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="Evaluate as if it were this time, such as 2026-01-31T10:00; without an offset it is "
        "in the workspace's zone.",
    ),
]
"""Hand it to context.now(at, zone)."""

WhereOption = Annotated[
    str | None,
    typer.Option("--where", metavar="CONDITION", help="Only records that satisfy the condition."),
]

AsOption = Annotated[
    str | None,
    typer.Option("--as", metavar="EMAIL", help="As this team member, by e-mail address or name."),
]
"""A listing as somebody sees it: without what is hidden from them."""

RequiredAsOption = Annotated[
    str,
    typer.Option("--as", metavar="EMAIL", help="As this team member, by e-mail address or name."),
]

HideFromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--hide-from", metavar="WHO", help="Hide it from a team member or a group; repeatable."
    ),
]

ShowToOption = Annotated[
    list[str] | None,
    typer.Option("--show-to", metavar="WHO", help="Do not hide it any more from them; repeatable."),
]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

ForceOption = Annotated[
    bool, typer.Option("--force", help="Do it even though something refers to it.")
]

WaitOption = Annotated[
    timedelta | None,
    typer.Option(
        "--wait",
        metavar="DURATION",
        parser=duration,
        help="Wait this long for another process, such as 30s; without it, give up at once.",
    ),
]

LimitOption = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="At most this many rows.")
]

ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", metavar="NAMES", help="The attributes to show, separated by commas."),
]


def column_names(columns: str | None) -> list[str] | None:
    """The names of `--columns`, in order; None where it was not given."""
    if columns is None:
        return None
    names = [name.strip() for name in columns.split(",") if name.strip()]
    if not names:
        raise UsageError("--columns names no attribute", hint="write --columns name,email")
    return names
