"""Whether one condition provably implies another, by their form alone.

Sound and far from complete: what it says is so; what it does not say may be so too.
"""

from collections.abc import Mapping

from segctl.conditions.nodes import And, Condition, Everything, InSegment, Not, Or


class Implication:
    """`conditions` are those of segments, by id; a reference to one stands for its condition."""

    def __init__(self, conditions: Mapping[int, Condition]) -> None:
        self._conditions = conditions
        self._known: dict[tuple[int, int], bool] = {}

    def implies(self, first: Condition, second: Condition) -> bool:
        """Whether every record that satisfies the first is known to satisfy the second."""
        key = (id(first), id(second))  # they live as long as this does
        if key not in self._known:
            self._known[key] = False  # while it is being found out
            self._known[key] = self._implies(first, second)
        return self._known[key]

    def _implies(self, first: Condition, second: Condition) -> bool:
        if isinstance(second, Everything) or first == second:
            return True
        match first, second:
            case Not(inner), Not(other):
                return self.implies(other, inner)
            case Or(items), _:
                return all(self.implies(item, second) for item in items)
            case _, And(items):
                return all(self.implies(first, item) for item in items)
        if isinstance(second, Or) and any(self.implies(first, item) for item in second.items):
            return True
        if isinstance(first, And) and any(self.implies(item, second) for item in first.items):
            return True
        meaning = self._meaning(first)
        if meaning is not None and self.implies(meaning, second):
            return True
        meaning = self._meaning(second)
        return meaning is not None and self.implies(first, meaning)

    def _meaning(self, condition: Condition) -> Condition | None:
        if isinstance(condition, InSegment) and not condition.hops:
            return self._conditions.get(condition.segment)
        return None
