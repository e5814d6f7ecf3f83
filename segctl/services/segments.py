"""Segments: create, edit, rename, delete, show. Listing and finding are in segment_views."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt
from typing import Any
import unicodedata

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from segctl.catalog import DEFAULT_INTERVAL, ObjectType
from segctl.conditions import parser, printer
from segctl.engine import history
from segctl.engine.definition import Vocabulary, vocabulary
from segctl.engine.limits import parse_max_change
from segctl.errors import (
    AlreadyExists,
    ConditionError,
    InUse,
    InvalidValue,
    SegctlError,
    UsageError,
)
from segctl.services.assignments import lock_rules
from segctl.services.intervals import check_interval
from segctl.services.people import lock_team
from segctl.services.segment_references import (
    keep_references,
    lock_references,
    referring,
    refuse_cycle,
    used_by,
)
from segctl.services.segment_uses import SegmentUses, clear_uses, hold_segment, uses
from segctl.services.segment_views import (
    SegmentView,
    Status,
    find,
    find_row,
    view,
    views,
)
from segctl.services.visibility import change_visibility, hidden_from
from segctl.store import audit
from segctl.store.functions import fold
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import Recalculation, Segment, SegmentReference
from segctl.store.workspace import load_catalog, load_workspace

__all__ = [
    "SegmentDetails",
    "SegmentView",
    "Status",
    "check_unused",
    "create",
    "delete",
    "edit",
    "find",
    "list_segments",
    "rehash",
    "rename",
    "show",
]

MAX_NAME = 200
MAX_DESCRIPTION = 10_000

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_reference: sa.Table = SegmentReference.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SegmentDetails:
    """Everything about one segment.

    `canonical` is None if the condition can no longer be read; `problem` says why then. `reads`
    and `read_by` are the names of the segments that it refers to, and that refer to it.
    `hidden_from` names team members and groups.
    """

    segment: SegmentView
    canonical: str | None
    problem: str | None
    reads: tuple[str, ...]
    read_by: tuple[str, ...]
    runs: tuple[Recalculation, ...]
    uses: SegmentUses
    hidden_from: tuple[str, ...]


def create(
    store: Store,
    *,
    type: ObjectType,
    name: str,
    where: str,
    description: str = "",
    interval: int | None = None,
    max_change: str | None = None,
    hide_from: Sequence[str] = (),
    show_to: Sequence[str] = (),
    now: dt.datetime,
    actor: str,
) -> SegmentView:
    """Define a segment; it is not counted yet.

    `interval` is in minutes, 0 for manual, None for the default. `hide_from` and `show_to` name
    team members and groups. Raises ConditionError, UsageError for the name or interval,
    AlreadyExists, NotFound for people.
    """
    if type is ObjectType.EVENT:
        raise UsageError(
            "events have no segments",
            hint="segment the contacts who have them: --type contact --where 'event \"purchase\"'",
        )
    name = check_name(name)
    with store.write() as session:
        lock_references(session)
        workspace = load_workspace(session)
        if interval is None:
            interval = max(DEFAULT_INTERVAL, workspace.min_interval)
        check_interval(interval, workspace.min_interval)
        _refuse_taken(session, type, name)
        words = vocabulary(session)
        condition = words.parse(where, type)
        segment = Segment(
            object_type=type.value,
            name=name,
            folded_name=fold(name),
            description=_check_description(description),
            condition=where,
            definition_hash=words.hash(type, condition),
            interval=interval,
            max_change=None if max_change is None else parse_max_change(max_change),
            modified_at=now,
            created_at=now,
        )
        session.add(segment)
        _flush_name(session, type, name)
        keep_references(session, segment.id, condition)
        _, hidden = _change_visibility(session, segment, hide_from, show_to)
        _audit(session, now, actor, "create", segment, after={**_definition(segment), **hidden})
        return view(session, segment.id)


def edit(
    store: Store,
    ref: str,
    *,
    type: ObjectType | None = None,
    where: str | None = None,
    description: str | None = None,
    interval: int | None = None,
    max_change: str | None = None,
    hide_from: Sequence[str] = (),
    show_to: Sequence[str] = (),
    now: dt.datetime,
    actor: str,
) -> SegmentView:
    """Change what is given; None leaves a thing as it is. An empty `max_change` takes it away.

    Another meaning of the condition makes the segment stale and moves its modification time; its
    members stay until it is recalculated.
    """
    nothing = (where, description, interval, max_change) == (None, None, None, None)
    if nothing and not hide_from and not show_to:
        raise UsageError("nothing to change was given", hint="--where, --description, --interval …")
    with store.write() as session:
        lock_references(session)
        segment = find_row(session, ref, type)
        before = _definition(segment)
        if where is not None:
            _change_condition(session, segment, where, now)
        if description is not None:
            segment.description = _check_description(description)
        if interval is not None:
            segment.interval = check_interval(interval, load_workspace(session).min_interval)
        if max_change is not None:
            segment.max_change = parse_max_change(max_change) if max_change.strip() else None
        hidden_before, hidden = _change_visibility(session, segment, hide_from, show_to)
        before |= hidden_before
        changed = audit.changed(before, {**_definition(segment), **hidden})
        if changed:
            was, became = changed
            _audit(session, now, actor, "edit", segment, before=was, after=became)
        session.flush()
        return view(session, segment.id)


def _change_condition(session: Session, segment: Segment, where: str, now: dt.datetime) -> None:
    type = ObjectType(segment.object_type)
    words = vocabulary(session)
    condition = words.parse(where, type)
    refuse_cycle(session, segment, condition, where)
    hashed = words.hash(type, condition)
    if hashed != segment.definition_hash:
        segment.definition_hash = hashed
        segment.modified_at = now
    segment.condition = where
    session.flush()
    keep_references(session, segment.id, condition)


def _change_visibility(
    session: Session, segment: Segment, hide_from: Sequence[str], show_to: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Hide and show it; what the audit log holds of that, before and after."""
    if not hide_from and not show_to:
        return {}, {}
    lock_team(session)
    before, after = change_visibility(session, segment, hide_from, show_to)
    return {"hidden_from": before}, {"hidden_from": after}


def rename(
    store: Store,
    ref: str,
    new_name: str,
    *,
    type: ObjectType | None = None,
    now: dt.datetime,
    actor: str,
) -> tuple[SegmentView, list[str]]:
    """Give a segment another name, also in the conditions that refer to it; their names.

    Members, history and the time of modification stay: no meaning changes.
    """
    name = check_name(new_name)
    with store.write() as session:
        lock_references(session)
        segment = find_row(session, ref, type)
        old = segment.name
        of = ObjectType(segment.object_type)
        if fold(name) != segment.folded_name:
            _refuse_taken(session, of, name)
        words = vocabulary(session)
        rewritten = [
            (row, _with_new_name(words, row, segment.id, name))
            for row in referring(session, segment.id)
        ]
        segment.name, segment.folded_name = name, fold(name)
        for row, text in rewritten:
            row.condition = text
        _flush_name(session, of, name)
        if name != old:
            _audit(session, now, actor, "rename", segment, before=old, after=name)
        return view(session, segment.id), [row.name for row, _ in rewritten]


def _with_new_name(words: Vocabulary, row: Segment, renamed: int, name: str) -> str:
    type = ObjectType(row.object_type)
    try:
        return parser.rename_reference(
            row.condition, type, words.catalog, words.names, renamed, name
        )
    except ConditionError as error:
        raise SegctlError(
            f'the name cannot be changed in the condition of "{row.name}": {error.message}',
            hint=f'mend it first: segctl segments edit "{row.name}" --where …',
        ) from error


def delete(
    store: Store,
    ref: str,
    *,
    type: ObjectType | None = None,
    force: bool = False,
    now: dt.datetime,
    actor: str,
) -> SegmentView:
    """Delete a segment with its members and history. Records are untouched.

    InUse if conditions, pins, the shared default or an assignment rule refer to it. With `force`
    those conditions cannot be recalculated until they are edited, and the rest is cleared. Gives
    the segment as it was.
    """
    with store.write() as session:
        lock_references(session)
        lock_rules(session)
        segment = hold_segment(session, ref, type, delete=True)
        if not force:
            _refuse_used(session, segment)
        was = view(session, segment.id)
        before = {**_definition(segment), **uses(session, was.id).plain}
        _audit(session, now, actor, "delete", segment, before=before)
        clear_uses(session, was.id)
        member = record_tables(load_catalog(session)).member(was.type)
        # The segment first: a recalculation that is about to commit waits here, and then gives up.
        session.execute(sa.delete(_reference).where(_reference.c.referenced_id == was.id))
        session.execute(sa.delete(_segment).where(_segment.c.id == was.id))
        session.execute(sa.delete(member).where(member.c.segment_id == was.id))
        history.forget(session, was.id)
        return was


def list_segments(store: Store, type: ObjectType | None = None) -> list[SegmentView]:
    """All segments, or those of a type: by type in the order of the types, then by name."""
    with store.read() as session:
        return views(session, type)


def check_unused(store: Store, ref: str, type: ObjectType | None = None) -> SegmentView:
    """The segment, if nothing refers to it; InUse otherwise."""
    with store.read() as session:
        segment = find_row(session, ref, type)
        _refuse_used(session, segment)
        return view(session, segment.id)


def _refuse_used(session: Session, segment: Segment) -> None:
    readers, others = used_by(session, segment.id), uses(session, segment.id).texts
    if not readers and not others:
        return
    hint = "--force deletes it anyway"
    if readers and not others:
        hint += ", and their recalculation fails from then on"
    elif readers:
        hint += ", and the recalculation of these segments fails from then on"
    if others:
        hint += "; the pins, the default and the rule that name it are deleted, too"
    raise InUse(
        f'the segment "{segment.name}" is used by '
        + ", ".join([*(f'"{name}"' for name in readers), *others]),
        hint=hint,
        used_by=[*readers, *others],
    )


def show(
    store: Store, ref: str, *, type: ObjectType | None = None, runs: int = 5
) -> SegmentDetails:
    """Everything about a segment, with its last runs, the newest first."""
    with store.read() as session:
        segment = find_row(session, ref, type)
        canonical, problem = None, None
        try:
            words = vocabulary(session)
            condition = words.parse(segment.condition, ObjectType(segment.object_type))
            canonical = printer.to_text(condition)
        except ConditionError as error:
            problem = error.message
        reads = (
            sa.select(_segment.c.name)
            .join(_reference, _reference.c.referenced_id == _segment.c.id)
            .where(_reference.c.segment_id == segment.id)
            .order_by(_segment.c.name)
        )
        return SegmentDetails(
            segment=view(session, segment.id),
            canonical=canonical,
            problem=problem,
            reads=tuple(session.execute(reads).scalars()),
            read_by=tuple(used_by(session, segment.id)),
            runs=tuple(history.last_runs(session, segment.id, runs)),
            uses=uses(session, segment.id),
            hidden_from=tuple(hidden_from(session, segment.id)),
        )


def rehash(session: Session) -> list[int]:
    """Bring the definition hashes up to date with the workspace's zone; which segments changed.

    They are stale then. A condition that can no longer be read keeps its hash: it fails anyway.
    """
    words = vocabulary(session)
    changed = []
    for segment in session.execute(sa.select(Segment).order_by(_segment.c.id)).scalars():
        type = ObjectType(segment.object_type)
        try:
            hashed = words.hash(type, words.parse(segment.condition, type))
        except ConditionError:
            continue
        if hashed != segment.definition_hash:
            segment.definition_hash = hashed
            changed.append(segment.id)
    session.flush()
    return changed


# ---------------------------------------------------------------- names


def check_name(name: str) -> str:
    """The name without spaces around it; InvalidValue if no segment can be called that."""
    word = name.strip()
    if not word:
        raise InvalidValue("a segment needs a name")
    if len(word) > MAX_NAME:
        raise InvalidValue(f"a segment's name has at most {MAX_NAME} characters, not {len(word)}")
    bad = next((c for c in word if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")), None)
    if bad is not None:
        raise InvalidValue(f"a segment's name cannot hold the control character U+{ord(bad):04X}")
    return word


def _check_description(text: str) -> str:
    if len(text) > MAX_DESCRIPTION:
        raise InvalidValue(f"a description has at most {MAX_DESCRIPTION:,} characters")
    if "\0" in text or any(unicodedata.category(c) == "Cs" for c in text):
        raise InvalidValue("a description cannot hold NUL characters or lone surrogates")
    return text


def _refuse_taken(session: Session, type: ObjectType, name: str) -> None:
    taken = session.execute(
        sa.select(_segment.c.name).where(
            _segment.c.object_type == type.value, _segment.c.folded_name == fold(name)
        )
    ).scalar()
    if taken is not None:
        raise _taken(type, taken)


def _taken(type: ObjectType, name: str) -> AlreadyExists:
    return AlreadyExists(
        f'there is a {type} segment "{name}" already',
        hint=f'another name, or: segctl segments edit "{name}" --type {type}',
    )


def _flush_name(session: Session, type: ObjectType, name: str) -> None:
    """Write; another process may have taken the name in this moment."""
    try:
        session.flush()
    except IntegrityError as error:
        raise _taken(type, name) from error


# ---------------------------------------------------------------- audit


def _definition(segment: Segment) -> dict[str, Any]:
    return {
        "type": segment.object_type,
        "name": segment.name,
        "description": segment.description,
        "condition": segment.condition,
        "interval": segment.interval,
        "max_change": segment.max_change,
    }


def _audit(
    session: Session,
    now: dt.datetime,
    actor: str,
    action: str,
    segment: Segment,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    audit.record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_type="segment",
        subject=f"{segment.object_type}/{segment.name}",
        before=before,
        after=after,
    )
