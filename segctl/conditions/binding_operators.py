"""Which operators go with which type, and what to write instead of one that does not."""

from segctl.catalog import ValueType
from segctl.conditions import hints, literals, syntax
from segctl.conditions.binding_paths import Subject
from segctl.conditions.source import Source

_TEXT_OPERATORS = "=, !=, in (…), contains, starts with, ends with, matches, is set and is empty"
OPERATORS = {
    ValueType.STRING: _TEXT_OPERATORS,
    ValueType.CHOICE: _TEXT_OPERATORS,
    ValueType.INTEGER: "=, !=, <, <=, >, >=, between, in (…), is set and is empty",
    ValueType.FLOAT: "=, !=, <, <=, >, >=, between, in (…), is set and is empty",
    ValueType.BOOLEAN: "is true, is false, is set and is empty",
    ValueType.DATE: "=, !=, <, <=, >, >=, between, before, after, on, in last 30 days and the like",
    ValueType.DATETIME: "=, !=, <, <=, >, >=, between, before, after, on, in last 30 days and the"
    " like",
    ValueType.MULTICHOICE: 'has "…", has any (…), has all (…), has only (…), is set and is empty',
    ValueType.TAGS: 'has "…", has any (…), has all (…), has only (…), is set and is empty',
}


def operator_hint(source: Source, subject: Subject, tail: syntax.Tail, operator: str) -> str | None:
    kind, name = subject.kind, subject.text
    value = ""
    if isinstance(tail, syntax.Versus):
        value = source.slice(tail.value.start, tail.value.end)
    if kind is None:
        return None
    if kind.many:
        return _list_hint(name, tail, operator, value)
    if isinstance(tail, syntax.Has):
        return f'write {name} = "…" or in (…): it holds one value' if not _timely(kind) else None
    match kind:
        case ValueType.CHOICE if operator in ("<", "<=", ">", ">=", "between"):
            listed = ", ".join(literals.shown(c) for c in subject.choices[:2])
            return f"name the ones you mean: {name} in ({listed or '…'})"
        case ValueType.STRING if operator in ("<", "<=", ">", ">=", "between"):
            return "numbers, dates and versions inside a text cannot be compared; import them"
        case ValueType.INTEGER | ValueType.FLOAT:
            sign = {"before": "<", "after": ">", "on": "=", "contains": "=", "has": "="}
            if operator in sign:
                return f"write {name} {sign[operator]} {value or '…'}"
            if isinstance(tail, syntax.State):
                return f"write {name} = 1" if tail.word == "true" else f"write {name} = 0"
        case ValueType.DATE | ValueType.DATETIME:
            if isinstance(tail, syntax.InList):
                return f"write {name} on 2026-01-31 or {name} on 2026-02-01"
            if operator in ("contains", "starts with", "ends with", "matches"):
                return f"write {name} in this month, or between 2026-01-01 and 2026-01-31"
        case ValueType.STRING if _is_time(tail):
            return "import it as a date or datetime attribute to ask about time"
    return None


def _list_hint(name: str, tail: syntax.Tail, operator: str, value: str) -> str | None:
    if isinstance(tail, syntax.InList):
        return f"write {name} has any (…)"
    if operator in ("=", "!="):
        negated = "not " if operator == "!=" else ""
        return f"write {name} {negated}has {value}"
    if operator in ("<", "<=", ">", ">="):
        return f"write count({name}) {operator} {value} for the number of items"
    if operator in ("contains", "starts with", "ends with", "matches"):
        whole = f"{name} has {value}" if operator == "contains" else ""
        return f"write {whole + ', or ' if whole else ''}any {name} (item {operator} {value})"
    return None


def _timely(kind: ValueType) -> bool:
    return kind in (ValueType.DATE, ValueType.DATETIME, ValueType.BOOLEAN)


def _is_time(tail: syntax.Tail) -> bool:
    match tail:
        case syntax.InRolling() | syntax.InPeriod() | syntax.Distance():
            return True
        case syntax.Versus(operator="before" | "after" | "on"):
            return True
    return False


def attribute_for(tail: syntax.Tail) -> str:
    """An attribute that nearly every type has and that the operator could go with."""
    if isinstance(tail, syntax.Has):
        return "tags"
    return "created_at" if _is_time(tail) else "name"


def operator_words(tail: syntax.Tail) -> str:
    """An operator as a reader of an error knows it."""
    match tail:
        case syntax.Versus():
            return tail.operator
        case syntax.State():
            return f"is {tail.word}"
        case syntax.InList():
            return "in (…)"
        case syntax.Has():
            return "has"
        case syntax.Between():
            return "between"
        case syntax.InRolling():
            return f"in {tail.direction} {hints.short(tail.amount.raw)} {tail.unit.text.lower()}"
        case syntax.InPeriod():
            return f"in {tail.which} {tail.unit.text.lower()}"
        case syntax.Distance():
            return "more than … ago" if tail.past else "more than … from now"
        case syntax.InSegment():
            return "in segment"
        case syntax.Bare():
            return "a bare name"
