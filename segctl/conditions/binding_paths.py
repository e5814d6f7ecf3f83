"""Names → attributes and relations of the catalog."""

from dataclasses import dataclass

from segctl.catalog import RELATIONS, Attribute, Catalog, ObjectType, Relation, ValueType
from segctl.conditions import hints
from segctl.conditions.limits import MAX_HOPS
from segctl.conditions.nodes import Field, Item, Link, Many, Operand
from segctl.conditions.source import Source
from segctl.conditions.syntax import Path, Word
from segctl.errors import ConditionError

Scope = ObjectType | Attribute
"""What names mean: those of a record, or (an Attribute with many items) `item` alone."""

KIND_WORDS = {
    ValueType.STRING: "a text",
    ValueType.INTEGER: "a whole number",
    ValueType.FLOAT: "a number",
    ValueType.BOOLEAN: "true or false",
    ValueType.DATE: "a day",
    ValueType.DATETIME: "a point in time",
    ValueType.CHOICE: "a choice",
    ValueType.MULTICHOICE: "a list of choices",
    ValueType.TAGS: "a list of tags",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """An operand that a test is asked of, and how it was written."""

    operand: Operand
    kind: ValueType | None
    """None for a relation."""
    choices: tuple[str, ...]
    """The declared choices; empty where any text goes."""
    scope: Scope
    text: str
    start: int
    end: int


class PathBinder:
    def __init__(self, source: Source, catalog: Catalog) -> None:
        self.source = source
        self.catalog = catalog

    def resolve(
        self, path: Path, scope: Scope, end: int, quantifier: str = ""
    ) -> Field | Link | Item | Many:
        """What a path leads to; refuses unknown names and a to-many relation before the end.

        `end` is the end of what the path belongs to and `quantifier` the any or no before it: both
        only make the hint of a refusal.
        """
        if isinstance(scope, Attribute):
            if path.text != "item":
                raise self.scope_error(path.start, path.end, scope)
            return Item()
        hops, index, found = self._walk(path, scope)
        if found is None:
            return Link(hops)
        if index < len(path.names) - 1:
            if isinstance(found, Attribute):
                raise self._parts_error(path, index, found)
            raise self._middle_error(path, index, end, quantifier)
        return Field(hops, found) if isinstance(found, Attribute) else Many(hops, found)

    def resolve_call(
        self, path: Path, scope: Scope
    ) -> tuple[Field | Link | Many, Attribute | None]:
        """What an aggregate stands over: related records or items, and the attribute after them."""
        if isinstance(scope, Attribute):
            raise self.scope_error(path.start, path.end, scope)
        hops, index, found = self._walk(path, scope)
        rest = path.names[index + 1 :]
        if found is None:
            return Link(hops), None
        if isinstance(found, Attribute):
            if rest:
                raise self._parts_error(path, index, found)
            return Field(hops, found), None
        many = Many(hops, found)
        return many, self._attribute_of_many(found, rest) if rest else None

    def knows(self, path: Path, scope: Scope) -> bool:
        """Whether the first name means something here."""
        name = path.names[0].text
        if isinstance(scope, Attribute):
            return name == "item"
        return name in self.catalog.attributes[scope] or name in RELATIONS[scope]

    def scope_error(self, start: int, end: int, scope: Attribute) -> ConditionError:
        return self.source.error(
            start,
            end,
            f"the brackets of {scope.name} are about its items, which are texts",
            'write item, like any tags (item starts with "a")',
        )

    # ------------------------------------------------------------ steps

    def _walk(
        self, path: Path, scope: ObjectType
    ) -> tuple[tuple[Relation, ...], int, Attribute | Relation | None]:
        """To-one hops, the place of the first name that is none, and what it is."""
        # The relations have no circle of to-one ones, so what is longer is unknown somewhere as
        # well; that it is too long says more.
        if len(path.names) > MAX_HOPS + 2:
            raise self.source.error(
                path.names[MAX_HOPS].start,
                path.end,
                f"a path has at most {MAX_HOPS} relations in a row",
                "ask for a segment of the related records: … in segment",
                limit="hops",
            )
        hops: list[Relation] = []
        type = scope
        for index, name in enumerate(path.names):
            relation = RELATIONS[type].get(name.text)
            attribute = self.catalog.attributes[type].get(name.text)
            if relation is not None and not relation.to_many:
                hops.append(relation)
                type = relation.target
                continue
            if relation is not None or attribute is not None:
                return tuple(hops), index, relation or attribute
            raise self._unknown_error(path, index, type)
        return tuple(hops), len(path.names), None

    def _attribute_of_many(self, relation: Relation, names: tuple[Word, ...]) -> Attribute:
        name = names[0]
        attribute = self.catalog.attributes[relation.target].get(name.text)
        if attribute is None and name.text in RELATIONS[relation.target]:
            raise self.source.error(
                name.start,
                names[-1].end,
                f"after {relation.name} comes an attribute of {relation.target}, not a relation",
                f"count({relation.name} where …) takes conditions through {name.text}",
            )
        if attribute is None:
            raise self._unknown_error(Path(names), 0, relation.target)
        if len(names) > 1:
            raise self._parts_error(Path(names), 0, attribute)
        return attribute

    # ------------------------------------------------------------ refusing

    def _unknown_error(self, path: Path, index: int, type: ObjectType) -> ConditionError:
        name = path.names[index]
        return self.source.error(
            name.start,
            name.end,
            f'unknown attribute "{hints.short(name.text)}" of {type}',
            self._unknown_hint(path, index, type),
            attribute=name.text[:100],
            object_type=type.value,
        )

    def _unknown_hint(self, path: Path, index: int, type: ObjectType) -> str | None:
        name = path.names[index].text
        known = self.catalog.attributes[type]
        joined = "_".join(word.text for word in path.names[index:])
        if index < len(path.names) - 1 and joined in known:
            return f'did you mean "{joined}"? Nested values are flattened by the import'
        if name in ("id", "ids", "record_id"):
            return "records are named by external_id"
        if near := hints.nearest(name, self.catalog.names(type)):
            return near
        for relation in RELATIONS[type].values():
            if name in self.catalog.attributes[relation.target]:
                if not relation.to_many:
                    return f'did you mean "{relation.name}.{name}"?'
                return f"it is an attribute of {relation.target}: any {relation.name} ({name} …)"
        for relation in RELATIONS[type].values():
            known = self.catalog.attributes[relation.target]
            if not relation.to_many and (near := hints.nearest_word(name, known)):
                return f'did you mean "{relation.name}.{near}"?'
        return f"segctl attributes list {type} shows what there is"

    def _parts_error(self, path: Path, index: int, found: Attribute) -> ConditionError:
        return self.source.error(
            path.names[index + 1].start,
            path.end,
            f"{found.name} is {KIND_WORDS[found.kind]} and has no parts",
            "nested values are flattened by the import: refer to the attribute it made",
        )

    def _middle_error(self, path: Path, index: int, end: int, quantifier: str) -> ConditionError:
        many = path.names[index]
        before = self.source.slice(path.start, many.end)
        rest = self.source.slice(path.names[index + 1].start, end)
        if quantifier:
            rest = f"any {rest}"
        return self.source.error(
            many.start,
            many.end,
            f'"{many.text}" leads to many records and can only end a path',
            f"write {quantifier or 'any'} {before} ({rest})",
        )
