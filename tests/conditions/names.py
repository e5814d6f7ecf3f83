"""A small workspace for tests of the language: a few attributes, a few segments, no store."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from segctl.catalog import Attribute, Catalog, ObjectType, ValueType
from segctl.conditions.fold import fold

T = ObjectType


@dataclass
class Names:
    """Segments in memory: type → name → id."""

    known: dict[ObjectType, dict[str, int]] = field(
        default_factory=lambda: {
            T.CONTACT: {"Newsletter readers": 1, "VIP": 2, 'Odd "name"': 5},
            T.COMPANY: {"Churned companies": 3, "Big": 6},
            T.DEAL: {"Open": 4},
        }
    )

    def find(self, type: ObjectType, name: str) -> tuple[int, str] | None:
        for spelling, id in self.known.get(type, {}).items():
            if fold(spelling) == fold(name):
                return id, spelling
        return None

    def names(self, type: ObjectType) -> Sequence[str]:
        return list(self.known.get(type, {}))


def _custom(type: ObjectType, name: str, kind: str, *choices: str) -> Attribute:
    return Attribute(type, name, ValueType(kind), choices, standard=False)


CATALOG = Catalog(
    (
        *(_custom(T.CONTACT, name, "boolean") for name in ("vip", "first", "event", "anniversary")),
        *(_custom(T.CONTACT, name, "integer") for name in ("count", "last", "item")),
        *(_custom(T.CONTACT, name, "datetime") for name in ("on", "before")),
        _custom(T.CONTACT, "birthday", "date"),
        _custom(T.CONTACT, "version", "string"),
        _custom(T.CONTACT, "address_city", "string"),
        _custom(T.CONTACT, "interests", "multichoice", "tea", "coffee"),
        _custom(T.EVENT, "amount", "float"),
        _custom(T.EVENT, "paid", "boolean"),
        _custom(T.EVENT, "seen_at", "datetime"),
    ),
    version=1,
)
NAMES = Names()
