"""Finding assignment rules that can never decide, or not as somebody expects."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.services.decision import DISABLED, Judge
from segctl.services.decision_rules import Rule, Rules, Source, load_rules
from segctl.services.implication import Implication
from segctl.store.opening import Store
from segctl.store.tables import SegmentState

_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]


class Code(StrEnum):
    """What was found."""

    ASSIGNEE = "assignee"
    """Nobody can take it: deactivated, a group without (active) members."""
    CONDITION = "condition"
    """The condition can no longer be read."""
    NEVER_COUNTED = "never counted"
    """It needs stored members that there are none of."""
    FAILING = "failing"
    """It goes by stored members that can no longer be counted."""
    SHADOWED = "shadowed"
    """Earlier rules match all that it matches."""
    DISABLED = "disabled"
    NO_MEMBERS = "no members"
    """Nobody was in the segment when it was last counted."""


NOTICES = (Code.DISABLED, Code.NO_MEMBERS)
"""What is as somebody wanted it, or may change by itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a rule. `by` are the segments of the rules that come before it."""

    rule: int
    position: int
    segment: str
    code: Code
    message: str
    by: tuple[str, ...] = ()

    @property
    def problem(self) -> bool:
        return self.code not in NOTICES


@dataclass(frozen=True, slots=True)
class Lint:
    rules: int
    findings: Sequence[Finding]

    @property
    def problems(self) -> int:
        return sum(finding.problem for finding in self.findings)


def lint(store: Store) -> Lint:
    """Look at all rules, by position. Nothing is stored."""
    with store.read() as session:
        rules = load_rules(session)
        found = _Linter(session, rules)
        for rule in rules.rules:
            found.look_at(rule)
        return Lint(len(rules.rules), found.findings)


class _Linter:
    def __init__(self, session: Session, rules: Rules) -> None:
        self.findings: list[Finding] = []
        self._session = session
        self._rules = rules
        self._judge = Judge(session, rules)
        self._implication = Implication(rules.conditions)
        self._earlier: list[Rule] = []
        """The rules before, those left out that can never decide."""
        ids = [rule.segment_id for rule in rules.rules]
        counts = sa.select(_state.c.segment_id, _state.c.count).where(
            _state.c.segment_id.in_(ids), _state.c.count.is_not(None)
        )
        self._counts: dict[int, int] = {row.segment_id: row[1] for row in session.execute(counts)}

    def look_at(self, rule: Rule) -> None:
        if not rule.enabled:
            self._found(rule, Code.DISABLED, DISABLED)
            return
        before = len(self.findings)
        assigned = self._judge.assign(rule, take=False)
        if isinstance(assigned, str):
            self._found(rule, Code.ASSIGNEE, assigned)
        if rule.problem is not None:
            self._found(rule, Code.CONDITION, rule.problem)
        if self._rules.source is Source.STORED:
            self._look_at_members(rule)
        elif rule.problem is None:
            self._look_at_references(rule)
        dead = len(self.findings) > before
        if rule.problem is None:
            self._look_before(rule)
        if not dead:
            self._earlier.append(rule)

    def _found(self, rule: Rule, code: Code, message: str, by: Sequence[Rule] = ()) -> None:
        names = tuple(each.segment for each in by)
        self.findings.append(Finding(rule.id, rule.position, rule.segment, code, message, names))

    def _look_at_members(self, rule: Rule) -> None:
        state = self._judge.state(rule.segment_id)
        if state is None:
            self._found(
                rule,
                Code.NEVER_COUNTED,
                "its segment was never counted, and chats are assigned by stored members",
            )
        elif state.last_error is not None:
            self._found(
                rule,
                Code.FAILING,
                f"chats are assigned by stored members, and its segment fails: {state.last_error}",
            )

    def _look_at_references(self, rule: Rule) -> None:
        for reference in rule.stored:
            state = self._judge.state(reference.id)
            if state is None:
                self._found(
                    rule, Code.NEVER_COUNTED, f"{reference}, which it reads, was never counted"
                )
            elif state.last_error is not None:
                self._found(
                    rule, Code.FAILING, f"{reference}, which it reads, fails: {state.last_error}"
                )

    def _look_before(self, rule: Rule) -> None:
        for earlier in self._earlier:
            if self._always_before(rule, earlier):
                self._found(
                    rule,
                    Code.SHADOWED,
                    f'whoever satisfies its condition satisfies that of "{earlier.segment}", '
                    f"which comes first (position {earlier.position})",
                    [earlier],
                )
                return
        count = self._counts.get(rule.segment_id)
        if count == 0:
            self._found(rule, Code.NO_MEMBERS, "nobody was in its segment when it was last counted")
        elif count is not None:
            self._look_at_shadow(rule, count)

    def _always_before(self, rule: Rule, earlier: Rule) -> bool:
        conditions = self._rules.conditions
        return self._implication.implies(
            conditions[rule.segment_id], conditions[earlier.segment_id]
        )

    def _look_at_shadow(self, rule: Rule, count: int) -> None:
        """By stored members, which may have been counted at different times."""
        counted = [each for each in self._earlier if self._counts.get(each.segment_id)]
        if not counted or not self._covered(rule, counted):
            return
        one = next((each for each in counted if self._covered(rule, [each])), None)
        by = counted if one is None else [one]
        members = "its 1 member is" if count == 1 else f"its {count:,} members are all"
        where = (
            "in the segments of earlier rules"
            if one is None
            else f'in "{one.segment}" too, which comes first (position {one.position})'
        )
        self._found(rule, Code.SHADOWED, f"{members} {where}, as last counted", by)

    def _covered(self, rule: Rule, by: Sequence[Rule]) -> bool:
        """Whether every member of the rule's segment is in one of the others."""
        tables = self._rules.tables
        mine = tables.member(ObjectType.CONTACT).alias()
        theirs = tables.member(ObjectType.CONTACT).alias()
        covered = sa.exists().where(
            theirs.c.segment_id.in_([each.segment_id for each in by]),
            theirs.c.record_id == mine.c.record_id,
        )
        alone = sa.select(mine.c.record_id).where(mine.c.segment_id == rule.segment_id, ~covered)
        return self._session.execute(alone.limit(1)).first() is None
