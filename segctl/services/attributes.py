"""Custom attributes: add, list, drop, change the choices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
import datetime as dt
import time
from typing import TypeVar
import unicodedata

from sqlmodel import Session, col, select

from segctl.catalog import (
    MAX_KEY,
    RELATIONS,
    Attribute,
    Catalog,
    ObjectType,
    ValueType,
    check_new_name,
)
from segctl.errors import (
    AlreadyExists,
    Busy,
    ConditionError,
    InUse,
    NotFound,
    UsageError,
)
from segctl.store import attribute_ddl, audit
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import CustomAttribute, Segment
from segctl.store.triggers import mark_type
from segctl.store.workspace import bump_catalog, load_catalog

LOCK_TIMEOUT = 0.5
"""Seconds that a change of a table may wait for its users; all who come after wait behind it."""
PAUSE = 0.5
"""Seconds between two tries, in which the others get on."""

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True)
class AttributeView:
    """An attribute or relation as listings show it.

    `kind` of a relation is `one` or `many`, and `target` the type it leads to.
    """

    type: ObjectType
    name: str
    kind: str
    source: str
    choices: tuple[str, ...] = ()
    target: ObjectType | None = None
    description: str = ""


def add(store: Store, attribute: Attribute, *, now: dt.datetime, actor: str) -> Attribute:
    """Give a type a custom attribute; AlreadyExists, or UsageError about its name or choices."""
    return add_all(store, [attribute], now=now, actor=actor)[0]


def add_all(
    store: Store, attributes: Sequence[Attribute], *, now: dt.datetime, actor: str
) -> list[Attribute]:
    """Add several, all or none."""
    added = [_checked(attribute) for attribute in attributes]

    def work(session: Session) -> None:
        for attribute in added:
            _add(session, attribute, now, actor)

    if added:
        _alter(store, work)
    return added


def list_attributes(store: Store, type: ObjectType | None = None) -> list[AttributeView]:
    """Standard and custom attributes and relations, of one type or of all."""
    with store.read() as session:
        catalog = load_catalog(session)
    views: list[AttributeView] = []
    for t in (type,) if type else tuple(ObjectType):
        for a in catalog.attributes[t].values():
            source = "standard" if a.standard else "custom"
            views.append(
                AttributeView(t, a.name, a.kind, source, a.choices, description=a.description)
            )
        for r in RELATIONS[t].values():
            kind = "many" if r.to_many else "one"
            views.append(AttributeView(t, r.name, kind, "relation", target=r.target))
    return views


def find(store: Store, type: ObjectType, name: str) -> Attribute:
    """The attribute of that name, custom or not; NotFound with the nearest name."""
    with store.read() as session:
        return load_catalog(session).attribute(type, name)


def count_values(store: Store, type: ObjectType, name: str) -> int:
    """How many records have a value that dropping the attribute would lose; events count as 0."""
    with store.read() as session:
        catalog = load_catalog(session)
        attribute = _custom(catalog, type, name)
        return attribute_ddl.count_set(session, attribute, record_tables(catalog))


def drop(
    store: Store,
    type: ObjectType,
    name: str,
    *,
    now: dt.datetime,
    actor: str,
    force: bool = False,
) -> list[str]:
    """Take a custom attribute and its values away.

    InUse if conditions use it; with `force` their segments fail from now on and keep their members.
    Their names are returned.
    """

    def work(session: Session) -> list[str]:
        catalog = load_catalog(session)
        attribute = _custom(catalog, type, name)
        rest = tuple(a for a in catalog.custom if a != attribute)
        users = _users(session, catalog, Catalog(rest))
        if users and not force:
            raise InUse(
                f"{attribute} is used by the condition of {_listed(users)}",
                hint="change these segments first; --force drops it, and they fail until changed",
                used_by=users,
            )
        attribute_ddl.drop_values(session, attribute, record_tables(catalog))
        session.delete(session.get_one(CustomAttribute, (type.value, name)))
        _changed(session, attribute, "drop", now, actor, before=attribute, after=None)
        return users

    return _alter(store, work)


def change_choices(
    store: Store,
    type: ObjectType,
    name: str,
    *,
    now: dt.datetime,
    actor: str,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    force: bool = False,
) -> Attribute:
    """Add choices to a custom choice or multichoice attribute, or remove some.

    InUse if a condition names a removed one, or records hold it; with `force` those records lose it
    and the conditions fail until they are changed.
    """

    def work(session: Session) -> Attribute:
        catalog = load_catalog(session)
        attribute = _custom(catalog, type, name)
        changed = _checked(replace(attribute, choices=_new_choices(attribute, add, remove)))
        if changed.choices == attribute.choices:
            return attribute
        tables = record_tables(catalog)
        if remove:
            rest = tuple(changed if a == attribute else a for a in catalog.custom)
            users = _users(session, catalog, Catalog(rest))
            held = attribute_ddl.count_values(session, attribute, remove, tables)
            if (users or held) and not force:
                _refuse_removal(attribute, remove, users, held)
            attribute_ddl.clear_values(session, attribute, remove, tables)
        attribute_ddl.change_check(session, changed)
        row = session.get_one(CustomAttribute, (type.value, name))
        row.choices = list(changed.choices)
        _changed(session, attribute, "edit", now, actor, before=attribute, after=changed)
        return changed

    return _alter(store, work)


def _new_choices(
    attribute: Attribute, add: Sequence[str], remove: Sequence[str]
) -> tuple[str, ...]:
    if attribute.kind not in (ValueType.CHOICE, ValueType.MULTICHOICE):
        raise UsageError(f"{attribute} is a {attribute.kind} and has no choices")
    for choice in remove:
        if choice not in attribute.choices:
            raise NotFound(
                f'{attribute} has no choice "{choice}"',
                hint="its choices are " + ", ".join(attribute.choices),
            )
    kept = [choice for choice in attribute.choices if choice not in remove]
    return (*kept, *(choice for choice in add if choice not in kept))


def _refuse_removal(
    attribute: Attribute, remove: Sequence[str], users: list[str], held: int
) -> None:
    reasons = [f"is used by the condition of {_listed(users)}"] if users else []
    reasons += [f"is held by {held:,} record{'s' if held != 1 else ''}"] if held else []
    words = ", ".join(f'"{choice}"' for choice in remove)
    raise InUse(
        f"{words} of {attribute} " + " and ".join(reasons),
        hint="change these first; --force removes it, empties the records that hold it, and leaves "
        "such segments failing until their condition is changed",
        used_by=users,
        records=held,
    )


def _checked(attribute: Attribute) -> Attribute:
    """The attribute as it can be added."""
    check_new_name(attribute.type, attribute.name)
    if attribute.type is ObjectType.EVENT and attribute.kind.many:
        raise UsageError(
            f"an event cannot have {attribute.kind}: each of its attributes has one value",
            hint="use string or choice",
        )
    choices = tuple(dict.fromkeys(attribute.choices))
    if attribute.kind in (ValueType.CHOICE, ValueType.MULTICHOICE):
        if not choices:
            raise UsageError(
                f"{attribute} is a {attribute.kind}, which needs choices",
                hint="--choices a,b,c declares them",
            )
        for choice in choices:
            _check_choice(attribute, choice)
    elif choices:
        raise UsageError(
            f"{attribute} is a {attribute.kind}, and only choice and multichoice have choices"
        )
    return replace(attribute, choices=choices, standard=False)


def _check_choice(attribute: Attribute, choice: str) -> None:
    reason = None
    if not choice:
        reason = "it is empty"
    elif len(choice) > MAX_KEY:
        reason = f"it has more than {MAX_KEY} characters"
    elif any(unicodedata.category(c) in ("Cc", "Cs") for c in choice):
        reason = "it holds a line break, another control character or half of a character"
    if reason:
        raise UsageError(f'"{choice[:40]}" cannot be a choice of {attribute}: {reason}')


def _add(session: Session, attribute: Attribute, now: dt.datetime, actor: str) -> None:
    catalog = load_catalog(session)
    if attribute.name in catalog.attributes[attribute.type]:
        raise AlreadyExists(
            f"{attribute.type} has an attribute {attribute.name} already",
            hint=f"segctl attributes list {attribute.type} shows all of them",
        )
    attribute_ddl.add_column(session, attribute)
    session.add(
        CustomAttribute(
            object_type=attribute.type.value,
            name=attribute.name,
            kind=attribute.kind.value,
            choices=list(attribute.choices),
            description=attribute.description,
            created_at=now,
        )
    )
    if attribute.type is ObjectType.EVENT:
        # Its values may be in the JSON of events already, as another kind or as nothing.
        mark_type(session, attribute.type)
    _changed(session, attribute, "add", now, actor, before=None, after=attribute)


def _changed(
    session: Session,
    attribute: Attribute,
    action: str,
    now: dt.datetime,
    actor: str,
    *,
    before: Attribute | None,
    after: Attribute | None,
) -> None:
    audit.record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_type="attribute",
        subject=str(attribute),
        before=_plain(before),
        after=_plain(after),
    )
    bump_catalog(session)


def _plain(attribute: Attribute | None) -> dict[str, object] | None:
    if attribute is None:
        return None
    plain: dict[str, object] = {"kind": attribute.kind.value}
    if attribute.choices:
        plain["choices"] = list(attribute.choices)
    if attribute.description:
        plain["description"] = attribute.description
    return plain


def _custom(catalog: Catalog, type: ObjectType, name: str) -> Attribute:
    """The custom attribute of that name; a standard one or a relation is refused."""
    relation = catalog.relation(type, name)
    if relation is not None:
        raise UsageError(f"{relation} is a relation, which every workspace has")
    attribute = catalog.attribute(type, name)
    if attribute.standard:
        raise UsageError(f"{attribute} is a standard attribute, which every workspace has")
    return attribute


class _AnySegment:
    """Every segment that a condition names is taken to be there: only attributes are asked for."""

    def find(self, type: ObjectType, name: str) -> tuple[int, str] | None:
        return 0, name

    def names(self, type: ObjectType) -> Sequence[str]:
        return ()


def _users(session: Session, before: Catalog, after: Catalog) -> list[str]:
    """The names of segments whose condition reads with the catalog before, and not after."""
    users = []
    for segment in session.exec(select(Segment).order_by(col(Segment.id))):
        type = ObjectType(segment.object_type)
        if _reads(segment.condition, type, before) and not _reads(segment.condition, type, after):
            users.append(segment.name)
    return users


def _reads(condition: str, type: ObjectType, catalog: Catalog) -> bool:
    # The parser takes longer to import than a listing takes, and only a removal needs it.
    from segctl.conditions.parser import parse

    try:
        parse(condition, type, catalog, _AnySegment())
    except ConditionError:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _alter(store: Store, work: Callable[[Session], _Kind]) -> _Kind:
    """Do the work in one transaction; on Postgres in many short tries instead of one long wait."""
    tries = max(1, round(store.busy_timeout / (LOCK_TIMEOUT + PAUSE)))
    if store.dialect == "sqlite":
        tries = 1
    for left in reversed(range(tries)):
        try:
            with store.alter(lock_timeout=LOCK_TIMEOUT) as session:
                return work(session)
        except Busy as error:
            if not left:
                raise Busy(
                    f"the attributes of the store {store} cannot be changed now: "
                    "another transaction is using its tables",
                    hint="try again when it has ended",
                    reason="locked",
                ) from error
            time.sleep(PAUSE)
    raise AssertionError("the last try returns or raises")
