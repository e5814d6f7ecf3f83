"""The words of the workspace: object types, their attributes and relations.

A Catalog is a plain frozen value: the standard attributes below and the custom ones that the store
adds. Nothing here knows a database.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
import re

from segctl.errors import NotFound, UsageError
from segctl.errors import did_you_mean as did_you_mean


class ObjectType(StrEnum):
    """The kinds of record. An event is a record too, but segments are of the other six."""

    CONTACT = "contact"
    COMPANY = "company"
    DEAL = "deal"
    TASK = "task"
    TICKET = "ticket"
    PRODUCT = "product"
    EVENT = "event"


SEGMENT_TYPES: tuple[ObjectType, ...] = tuple(t for t in ObjectType if t is not ObjectType.EVENT)
"""The six types that segments are made of, in the order in which listings show them."""

PLURALS: Mapping[ObjectType, str] = {
    ObjectType.CONTACT: "contacts",
    ObjectType.COMPANY: "companies",
    ObjectType.DEAL: "deals",
    ObjectType.TASK: "tasks",
    ObjectType.TICKET: "tickets",
    ObjectType.PRODUCT: "products",
    ObjectType.EVENT: "events",
}


class ValueType(StrEnum):
    """The types of a value, as conditions know them."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    MULTICHOICE = "multichoice"
    TAGS = "tags"

    @property
    def many(self) -> bool:
        """Whether a record can have several items of it; those live in the side table."""
        return self in (ValueType.MULTICHOICE, ValueType.TAGS)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of one object type. `choices` is filled for choice and multichoice only."""

    type: ObjectType
    name: str
    kind: ValueType
    choices: tuple[str, ...] = ()
    standard: bool = True
    description: str = ""

    def __str__(self) -> str:
        return f"{self.type}.{self.name}"


class Storage(StrEnum):
    """How the store keeps a relation."""

    COLUMN = "column"
    """A column `<name>_id` of the source's own table (to one)."""
    CHILD = "child"
    """A column `<inverse>_id` of the target's table (to many)."""
    LINK = "link"
    """The table deal_product (many to many)."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A named way from a record of `source` to one or many of `target`; `inverse` leads back."""

    source: ObjectType
    name: str
    target: ObjectType
    inverse: str
    storage: Storage

    @property
    def to_many(self) -> bool:
        return self.storage is not Storage.COLUMN

    @property
    def column(self) -> str:
        """The column with the id of the one side: the source's (COLUMN), the target's (CHILD).

        For LINK: the column of deal_product that names the source.
        """
        match self.storage:
            case Storage.COLUMN:
                return f"{self.name}_id"
            case Storage.CHILD:
                return f"{self.inverse}_id"
            case Storage.LINK:
                return f"{self.source}_id"

    def __str__(self) -> str:
        return f"{self.source}.{self.name}"


def _relations() -> Iterable[Relation]:
    t = ObjectType
    to_one = (
        (t.CONTACT, t.COMPANY),
        (t.DEAL, t.CONTACT),
        (t.DEAL, t.COMPANY),
        (t.TASK, t.CONTACT),
        (t.TASK, t.COMPANY),
        (t.TASK, t.DEAL),
        (t.TICKET, t.CONTACT),
        (t.TICKET, t.COMPANY),
        (t.TICKET, t.PRODUCT),
        (t.EVENT, t.CONTACT),
        (t.EVENT, t.PRODUCT),
    )
    for child, parent in to_one:
        yield Relation(child, str(parent), parent, PLURALS[child], Storage.COLUMN)
        yield Relation(parent, PLURALS[child], child, str(parent), Storage.CHILD)
    yield Relation(t.DEAL, "products", t.PRODUCT, "deals", Storage.LINK)
    yield Relation(t.PRODUCT, "deals", t.DEAL, "products", Storage.LINK)


RELATIONS: Mapping[ObjectType, Mapping[str, Relation]] = {
    source: {r.name: r for r in _relations() if r.source is source} for source in ObjectType
}

STATUS_CHOICES: Mapping[ObjectType, tuple[str, ...]] = {
    ObjectType.CONTACT: ("visitor", "user"),
    ObjectType.DEAL: ("abandoned", "in_progress", "won", "lost", "archived"),
    ObjectType.TICKET: ("draft", "active", "closed", "archived"),
}

_STANDARD = """
contact  external_id:string name:string first_name:string last_name:string email:string phone:string
         gender:string status:choice score:integer city:string region:string country:string
         timezone:string first_seen_at:datetime last_seen_at:datetime last_contacted_at:datetime
         page_views:integer unsubscribed:boolean assignee:string tags:tags lists:tags
         created_at:datetime updated_at:datetime
company  external_id:string name:string industry:string size:integer revenue:float country:string
         city:string website:string description:string assignee:string tags:tags
         created_at:datetime updated_at:datetime
deal     external_id:string name:string pipeline:string stage:string status:choice value:float
         currency:string probability:float expected_close_date:date won_at:datetime
         lost_at:datetime loss_reason:string assignee:string tags:tags created_at:datetime
         updated_at:datetime
task     external_id:string name:string kind:string description:string due_at:datetime
         duration_minutes:integer done:boolean done_at:datetime assignee:string tags:tags
         created_at:datetime updated_at:datetime
ticket   external_id:string name:string description:string status:choice priority:string
         channel:string due_at:datetime assignee:string satisfaction:float tags:tags
         created_at:datetime updated_at:datetime closed_at:datetime
product  external_id:string name:string category:string price:float quantity:integer url:string
         description:string tags:tags created_at:datetime updated_at:datetime
event    external_id:string name:string occurred_at:datetime
"""


def _standard() -> Mapping[ObjectType, Mapping[str, Attribute]]:
    attributes: dict[ObjectType, dict[str, Attribute]] = {}
    for word in _STANDARD.split():
        if ":" not in word:
            current = ObjectType(word)
            attributes[current] = {}
            continue
        name, kind = word.split(":")
        choices = STATUS_CHOICES.get(current, ()) if name == "status" else ()
        attributes[current][name] = Attribute(current, name, ValueType(kind), choices)
    return attributes


STANDARD: Mapping[ObjectType, Mapping[str, Attribute]] = _standard()

MANUAL = 0
"""The interval of a segment that never recalculates by itself."""
DEFAULT_INTERVAL = 240
MINIMUM_INTERVAL = 30
"""In minutes, both."""

MAX_INTEGER = 2**53
"""Integers are kept within ± this, so that every store and JSON reader agrees on them."""

MAX_KEY = 500
"""Characters of an external id, an event's name and an item of a multi-valued attribute, at most.

They stand in indexes, and an index entry of Postgres holds no more than 2,700 bytes.
"""

RESERVED = frozenset("and or not in is has between where any no true false everything".split())
"""Keywords of the condition language that no attribute may be called."""

_SYSTEM_COLUMNS = frozenset("id rowid oid ctid xmin xmax cmin cmax tableoid attributes".split())
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class Catalog:
    """All attributes of a workspace. `version` grows with each change of the custom ones."""

    custom: tuple[Attribute, ...] = ()
    version: int = 0
    attributes: Mapping[ObjectType, Mapping[str, Attribute]] = field(
        init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        merged = {t: dict(STANDARD[t]) for t in ObjectType}
        for attribute in self.custom:
            merged[attribute.type][attribute.name] = attribute
        object.__setattr__(self, "attributes", merged)

    @cached_property
    def types(self) -> tuple[ObjectType, ...]:
        return tuple(ObjectType)

    def attribute(self, type: ObjectType, name: str) -> Attribute:
        """The attribute of that name; NotFound with the nearest name otherwise."""
        found = self.attributes[type].get(name)
        if found is None:
            raise NotFound(
                f'{type} has no attribute "{name}"',
                hint=did_you_mean(name, self.names(type)),
            )
        return found

    def relation(self, type: ObjectType, name: str) -> Relation | None:
        return RELATIONS[type].get(name)

    def names(self, type: ObjectType) -> list[str]:
        """Attribute and relation names of a type, for suggestions."""
        return [*self.attributes[type], *RELATIONS[type]]


def object_type(word: str) -> ObjectType:
    """The segmentable type that a user named, singular or plural, in any case."""
    folded = word.strip().lower()
    for t in SEGMENT_TYPES:
        if folded in (t.value, PLURALS[t]):
            return t
    raise UsageError(
        f'there is no object type "{word}"',
        hint=did_you_mean(word, SEGMENT_TYPES) or "the types are " + ", ".join(SEGMENT_TYPES),
    )


def check_new_name(type: ObjectType, name: str) -> None:
    """Refuse a name that a custom attribute of `type` cannot have; UsageError says why."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f'"{name}" cannot be an attribute name: a name is a lower-case letter followed by at '
            "most 31 lower-case letters, digits and underscores"
        )
    if name in RESERVED:
        raise UsageError(
            f'"{name}" cannot be an attribute name: it is a word of the condition language'
        )
    if name in _SYSTEM_COLUMNS:
        raise UsageError(f'"{name}" cannot be an attribute name: the store uses it itself')
    for relation in RELATIONS[type].values():
        if name == relation.name:
            raise UsageError(
                f'"{name}" cannot be an attribute of {type}: it is a relation of {type}'
            )
        if relation.storage is Storage.COLUMN and name == relation.column:
            raise UsageError(
                f'"{name}" cannot be an attribute of {type}: it is the column of the relation '
                f'"{relation.name}"'
            )
    if name in STANDARD[type]:
        raise UsageError(f'"{name}" is a standard attribute of {type} already')
