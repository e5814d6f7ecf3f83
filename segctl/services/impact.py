"""What refers to an attribute, a relation or a segment: directly, and through other segments."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import RELATIONS, Attribute, Catalog, ObjectType, Relation, object_type
from segctl.conditions import walk
from segctl.conditions.nodes import And, Condition, Not, Or
from segctl.conditions.printer import to_text
from segctl.config_hooks import Hook
from segctl.engine.definition import Vocabulary, vocabulary
from segctl.errors import ConditionError, UsageError
from segctl.services.hook_targets import hearing
from segctl.services.segment_references import load_references
from segctl.services.segment_uses import uses
from segctl.services.segment_views import SegmentView, find_row, views
from segctl.store.opening import Store
from segctl.store.tables_team import HiddenSegment, TeamGroup, TeamMember

_hidden: sa.Table = HiddenSegment.__table__  # type: ignore[attr-defined]
_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_group: sa.Table = TeamGroup.__table__  # type: ignore[attr-defined]


class Kind(StrEnum):
    """What refers to it."""

    SEGMENT = "segment"
    DEFAULT = "default"
    PIN = "pin"
    RULE = "rule"
    HIDDEN = "hidden"
    HOOK = "hook"
    UNREADABLE = "unreadable"
    """A segment whose condition cannot be read, so that it cannot be told."""


@dataclass(frozen=True, slots=True)
class Use:
    """Something that refers to what was asked for.

    `name` is that of a segment, a hook or a person; `path` are the segments that lead there, from
    the one that refers to it directly on, empty if this one does. `parts` are the parts of the
    condition that do.
    """

    kind: Kind
    name: str
    type: ObjectType | None
    id: int | None
    path: tuple[str, ...]
    parts: tuple[str, ...] = ()
    note: str = ""

    @property
    def direct(self) -> bool:
        return not self.path


@dataclass(frozen=True, slots=True)
class Impact:
    """`subject` is `contact.tier` or a segment's name; the nearest of the `uses` come first."""

    kind: str
    subject: str
    uses: tuple[Use, ...]


def of_attribute(store: Store, path: str, hooks: Sequence[Hook]) -> Impact:
    """What refers to `contact.tier`, an attribute or a relation, of a record or an event.

    NotFound or UsageError for one that there is not.
    """
    with store.read() as session:
        words = vocabulary(session)
        subject = _find(words.catalog, path)
        graph = _Graph(session, words, hooks)
        direct: dict[int, tuple[str, ...]] = {}
        for id, condition in graph.conditions.items():
            if _reads(condition, subject):
                direct[id] = tuple(_parts(condition, subject))
        return Impact(
            "attribute" if isinstance(subject, Attribute) else "relation",
            str(subject),
            (*graph.uses(direct), *graph.unreadable()),
        )


def of_segment(
    store: Store, ref: str, hooks: Sequence[Hook], type: ObjectType | None = None
) -> Impact:
    """What refers to the segment of that name or id."""
    with store.read() as session:
        words = vocabulary(session)
        graph = _Graph(session, words, hooks)
        subject = graph.views[find_row(session, ref, type).id]
        found = [*graph.around(subject, ()), *graph.uses(graph.readers(subject.id), subject.id)]
        return Impact("segment", subject.name, tuple(found))


def _find(catalog: Catalog, path: str) -> Attribute | Relation:
    kind, dot, name = path.strip().partition(".")
    if not dot or not name or "." in name:
        raise UsageError(
            f'"{path}" is not of the form type.attribute', hint="for example contact.status"
        )
    event = kind.lower() in ("event", "events")
    type = ObjectType.EVENT if event else object_type(kind)
    relation = catalog.relation(type, name)
    return relation if relation is not None else catalog.attribute(type, name)


def _inverse(subject: Attribute | Relation) -> Relation | None:
    """The other way along a relation: `deal.contact` is read by `any deals`, too."""
    if isinstance(subject, Attribute):
        return None
    return RELATIONS[subject.target][subject.inverse]


class _Graph:
    """The segments and what refers to which."""

    def __init__(self, session: Session, words: Vocabulary, hooks: Sequence[Hook]) -> None:
        self._session = session
        self._hooks = hooks
        self.views: dict[int, SegmentView] = {each.id: each for each in views(session)}
        self.conditions: dict[int, Condition] = {}
        self._problems: dict[int, str] = {}
        for each in self.views.values():
            try:
                self.conditions[each.id] = words.parse(each.condition, each.type)
            except ConditionError as error:
                self._problems[each.id] = error.message
        self._read_by: dict[int, list[int]] = {}
        for reader, read in load_references(session).items():
            for id in read:
                self._read_by.setdefault(id, []).append(reader)

    def readers(self, segment: int) -> dict[int, tuple[str, ...]]:
        """The segments that refer to one, with the parts of their conditions that do."""
        found: dict[int, tuple[str, ...]] = {}
        for id in self._read_by.get(segment, ()):
            condition = self.conditions.get(id)
            found[id] = () if condition is None else tuple(_parts(condition, segment))
        return found

    def uses(
        self, direct: Mapping[int, tuple[str, ...]], subject: int | None = None
    ) -> Iterator[Use]:
        """The segments of `direct`, what refers to these and so on, each once and the near first;
        after each what the team and the config make of it."""
        order = sorted(direct, key=self._name)
        waiting: deque[tuple[int, tuple[str, ...]]] = deque((id, ()) for id in order)
        seen = {*order, *([subject] if subject is not None else [])}
        while waiting:
            id, path = waiting.popleft()
            segment = self.views[id]
            yield Use(
                Kind.SEGMENT,
                segment.name,
                segment.type,
                id,
                path,
                direct.get(id, ()) if not path else (),
                self._problems.get(id, ""),
            )
            onward = (*path, segment.name)
            yield from self.around(segment, onward)
            for reader in sorted(self._read_by.get(id, ()), key=self._name):
                if reader not in seen:
                    seen.add(reader)
                    waiting.append((reader, onward))

    def around(self, segment: SegmentView, path: tuple[str, ...]) -> Iterator[Use]:
        """Defaults, pins, rules, visibility and hooks of a segment."""
        found = uses(self._session, segment.id)
        if found.default_of is not None:
            name = f"shared default of {found.default_of}"
            yield Use(Kind.DEFAULT, name, segment.type, None, path)
        for email in found.pinned_by:
            yield Use(Kind.PIN, email, segment.type, None, path)
        if found.rule is not None:
            position, to = found.rule
            yield Use(
                Kind.RULE, f"rule {position}", segment.type, None, path, note=f"chats to {to}"
            )
        for who in self._hidden_from(segment.id):
            yield Use(Kind.HIDDEN, who, segment.type, None, path)
        for hook in hearing(self._hooks, segment):
            yield Use(Kind.HOOK, hook, segment.type, None, path)

    def unreadable(self) -> Iterator[Use]:
        """Segments of which it cannot be told what they read."""
        for id in sorted(self._problems, key=self._name):
            segment = self.views[id]
            yield Use(Kind.UNREADABLE, segment.name, segment.type, id, (), note=self._problems[id])

    def _hidden_from(self, segment: int) -> list[str]:
        query = (
            sa.select(sa.func.coalesce(_member.c.email, _group.c.name))
            .select_from(_hidden)
            .outerjoin(_member, _member.c.id == _hidden.c.member_id)
            .outerjoin(_group, _group.c.id == _hidden.c.group_id)
            .where(_hidden.c.segment_id == segment)
        )
        return sorted(self._session.execute(query).scalars())

    def _name(self, id: int) -> tuple[str, int]:
        return self.views[id].name.lower(), id


def _parts(condition: Condition, subject: Attribute | Relation | int) -> Iterable[str]:
    """The smallest parts of a condition that read it, each once."""
    return dict.fromkeys(to_text(part) for part in _smallest(condition, subject))


def _smallest(condition: Condition, subject: Attribute | Relation | int) -> Iterator[Condition]:
    bare = condition.item if isinstance(condition, Not) else condition
    if isinstance(bare, And | Or):
        for child in bare.items:
            yield from _smallest(child, subject)
    elif _reads(condition, subject):
        yield condition


def _reads(condition: Condition, subject: Attribute | Relation | int) -> bool:
    match subject:
        case int():
            return subject in walk.segments(condition)
        case Attribute():
            return subject in walk.attributes(condition)
        case Relation():
            return bool({subject, _inverse(subject)} & walk.relations(condition))
