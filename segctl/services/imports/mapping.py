"""Which column of the file becomes what: decided before the first row is read."""

from collections.abc import Iterable
from dataclasses import dataclass
import re
from typing import Final

from segctl.catalog import (
    RELATIONS,
    Attribute,
    Catalog,
    ObjectType,
    Relation,
    Storage,
    ValueType,
    check_new_name,
    did_you_mean,
)
from segctl.errors import FileError, NotFound, UsageError
from segctl.services.imports.chunks import Reader
from segctl.services.imports.options import ImportOptions
from segctl.services.values import quoted

REJECT_COLUMNS: Final = ("reject_line", "reject_column", "reject_value", "reject_reason")
"""The first columns of a rejects file; an import passes over them in silence."""

_KEY_KINDS: Final = (ValueType.STRING, ValueType.CHOICE, ValueType.INTEGER)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: a column (by position), or else the same text for every row."""

    name: str
    index: int | None
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class AttributeTarget:
    source: Source
    attribute: Attribute


@dataclass(frozen=True, slots=True)
class RelationTarget:
    """`key` is the attribute of the related type that the texts name records by."""

    source: Source
    relation: Relation
    key: Attribute


@dataclass(frozen=True, slots=True)
class NewAttribute:
    """A column that becomes an attribute, if `--create-attributes` says so."""

    source: Source
    name: str


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What each column becomes."""

    attributes: tuple[AttributeTarget, ...]
    relations: tuple[RelationTarget, ...]
    new: tuple[NewAttribute, ...]
    ignored: tuple[str, ...]


def forms(column: str) -> tuple[str, ...]:
    """The attribute names that a column's name can stand for, the likelier first.

    "Company Name" and "companyName" stand for company_name, "E-Mail" for e_mail.
    """
    plain = _name(column.lower())
    snake = _name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", column).lower())
    return (plain,) if plain == snake else (snake, plain)


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


class Mapper:
    """Collects what the options say, then lets the other columns map by their names."""

    def __init__(self, options: ImportOptions, reader: Reader, catalog: Catalog) -> None:
        self._options = options
        self._columns = reader.columns
        self._empty = reader.empty
        self._catalog = catalog
        self._type = options.type
        self._targets: dict[str, AttributeTarget | RelationTarget | NewAttribute] = {}
        self._used: set[str] = set()
        """Columns that an option names, other than the id's."""

    def mapping(self) -> ColumnMapping:
        options = self._options
        for given in options.maps:
            self._map(self._source(given.column, "--map"), given.attribute)
        for relate in options.relates:
            self._relate(relate.relation, relate.source)
        if options.id_column is not None:
            self._identify(options.id_column)
        ignore = {self._source(column, "--ignore").name for column in options.ignore}
        ignored = self._map_the_rest(ignore)
        for name, text in options.constants.items():
            self._claim(name, self._attribute_target(Source(f"{name}={text}", None, text), name))
        if not self._empty:
            self._check_complete()
            self._check_value_maps()
        targets = self._targets.values()
        return ColumnMapping(
            tuple(t for t in targets if isinstance(t, AttributeTarget)),
            tuple(t for t in targets if isinstance(t, RelationTarget)),
            tuple(t for t in targets if isinstance(t, NewAttribute)),
            tuple(ignored),
        )

    def _source(self, column: str, option: str) -> Source:
        """The column of that name, spelled as it is or nearly so."""
        names = self._columns
        if self._empty:
            return Source(column, None)
        if column in names:
            return Source(column, names.index(column))
        near = [name for name in names if _name(name.lower()) == _name(column.lower())]
        if len(near) == 1:
            return Source(near[0], names.index(near[0]))
        raise FileError(
            f"{option}: {self._options.name} has no column {quoted(column)}",
            hint=did_you_mean(column, names) or _listed(names),
            column=column,
        )

    def _map(self, source: Source, name: str) -> None:
        self._used.add(source.name)
        if name in self._catalog.attributes[self._type] or not self._options.create_attributes:
            self._claim(name, self._attribute_target(source, name))
        else:
            check_new_name(self._type, name)
            self._claim(name, NewAttribute(source, name))

    def _attribute_target(self, source: Source, name: str) -> AttributeTarget:
        if self._catalog.relation(self._type, name) is not None:
            raise UsageError(
                f'"{name}" is a relation of {self._type}, not an attribute',
                hint=f"--relate {name}={quoted(source.name)} relates to the records it names",
            )
        try:
            return AttributeTarget(source, self._catalog.attribute(self._type, name))
        except NotFound as error:
            error.hint = error.hint or "--create-attributes adds what is missing"
            raise

    def _relate(self, name: str, given: str) -> None:
        relation = self._relation(name)
        key = "external_id"
        try:
            source = self._source(given, "--relate")
        except FileError:
            column, colon, key = given.rpartition(":")
            if not colon:
                raise
            source = self._source(column, "--relate")
        attribute = self._catalog.attribute(relation.target, key)
        if attribute.kind not in _KEY_KINDS:
            raise UsageError(f"--relate: records cannot be looked up by {attribute}")
        self._used.add(source.name)
        self._claim(name, RelationTarget(source, relation, attribute))

    def _relation(self, name: str) -> Relation:
        relation = self._catalog.relation(self._type, name)
        if relation is None:
            raise NotFound(
                f'{self._type} has no relation "{name}"',
                hint=did_you_mean(name, RELATIONS[self._type])
                or "it has " + ", ".join(RELATIONS[self._type]),
            )
        if relation.storage is Storage.CHILD:
            raise UsageError(
                f"{relation} cannot be imported: it is kept with the {relation.name}",
                hint=f"import {relation.target} with --relate {relation.inverse}=…",
            )
        return relation

    def _identify(self, column: str) -> None:
        if self._options.no_id:
            raise UsageError("--id and --no-id exclude each other")
        source = self._source(column, "--id")
        self._claim("external_id", self._attribute_target(source, "external_id"))

    def _map_the_rest(self, ignore: set[str]) -> list[str]:
        """Map columns that no option names; the ones that stand for nothing come back."""
        ignored = []
        for index, column in enumerate(self._columns):
            if column in self._used or column in REJECT_COLUMNS or column in ignore:
                continue
            if not self._map_by_name(Source(column, index)):
                ignored.append(column)
        return ignored

    def _map_by_name(self, source: Source) -> bool:
        options, type = self._options, self._type
        id_column = source.name == self._id_name()
        for name in forms(source.name):
            if name in self._targets or name in options.constants:
                return id_column
            if name == "external_id" and options.no_id:
                return False
            if name in self._catalog.attributes[type]:
                self._targets[name] = self._attribute_target(source, name)
                return True
            relation = self._catalog.relation(type, name)
            if relation is not None and relation.storage is not Storage.CHILD:
                key = self._catalog.attribute(relation.target, "external_id")
                self._targets[name] = RelationTarget(source, relation, key)
                return True
        if id_column:
            return True
        if options.create_attributes:
            name = forms(source.name)[0]
            try:
                check_new_name(type, name)
            except UsageError as error:
                error.hint = (
                    f"--map {quoted(source.name)}=NAME gives it another name, "
                    f"--ignore {quoted(source.name)} leaves it out"
                )
                raise
            self._targets[name] = NewAttribute(source, name)
            return True
        return False

    def _id_name(self) -> str | None:
        target = self._targets.get("external_id")
        return target.source.name if isinstance(target, AttributeTarget) else None

    def _claim(self, name: str, target: AttributeTarget | RelationTarget | NewAttribute) -> None:
        taken = self._targets.get(name)
        if taken is not None:
            raise UsageError(
                f"{self._type}.{name} is given twice: by {quoted(taken.source.name)} and by "
                f"{quoted(target.source.name)}"
            )
        self._targets[name] = target

    def _check_complete(self) -> None:
        options = self._options
        if self._type is ObjectType.EVENT:
            for name, how in (
                ("contact", "--contact COLUMN"),
                ("name", "--name NAME or --map COLUMN=name"),
                ("occurred_at", "--map COLUMN=occurred_at"),
            ):
                if name not in self._targets:
                    raise FileError(
                        f'{options.name} has no column "{name}", which every event needs',
                        hint=f"{how} says where it is; {_listed(self._columns)}",
                        column=name,
                    )
        elif "external_id" not in self._targets and not options.no_id:
            raise FileError(
                f'{options.name} has no column "external_id", by which records are found again',
                hint=f"--id COLUMN names another one, --no-id makes every row a new record; "
                f"{_listed(self._columns)}",
                column="external_id",
            )

    def _check_value_maps(self) -> None:
        for name in self._options.value_maps:
            if name not in self._targets:
                raise UsageError(
                    f'--value-map: no column is imported as "{name}"',
                    hint=did_you_mean(name, self._targets),
                )


def _listed(names: Iterable[str]) -> str:
    listed = [quoted(name) for name in names]
    shown = ", ".join(listed[:12]) + (", …" if len(listed) > 12 else "")
    return f"its columns are {shown}" if listed else "it has no columns"
