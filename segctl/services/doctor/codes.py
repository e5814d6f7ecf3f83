"""What doctor can find: a code each, how serious it is, what it means and what mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How serious a finding is, the most serious first."""

    ERROR = "error"
    """Something is wrong: members are, or cannot be, what they should be."""
    WARNING = "warning"
    """Something will go wrong, or hardly is what somebody wanted."""
    NOTE = "note"
    """Something to know."""

    @property
    def rank(self) -> int:
        """0 is the most serious."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding. `mend` says what to do; `safe`: doctor --fix does it by itself."""

    name: str
    level: Level
    title: str
    explanation: str
    mend: str
    safe: bool = False


_E, _W, _N = Level.ERROR, Level.WARNING, Level.NOTE

CODES: dict[str, Code] = {
    code.name: code
    for code in (
        # ------------------------------------------------------------ the store
        Code(
            "network-file-system",
            _E,
            "The store is on a network file system.",
            "SQLite's write-ahead log shares memory between processes, which works on one machine "
            "only. Two machines would write into each other's pages.",
            "Move the file to a local disk, or use Postgres.",
        ),
        Code(
            "schema-version",
            _E,
            "The store's schema is of another version than this segctl.",
            "No command can use the store before it is brought up to date; nothing else was looked "
            "at.",
            "`segctl store upgrade`, or a newer segctl.",
        ),
        Code(
            "sqlite-version",
            _W,
            "This SQLite has a bug that can damage a store.",
            "Versions 3.7.0 to 3.51.2 (but 3.44.6 and 3.50.7) can lose a part of the "
            "write-ahead log "
            "if one process writes while two checkpoints overlap. It is rare, and happens only if "
            "several processes use the store at once.",
            "Use a Python with SQLite 3.51.3 or newer, or Postgres.",
        ),
        Code(
            "trigger-missing",
            _E,
            "A trigger of the write trace is missing, off or changed.",
            "Writes of other programs leave no trace, so that what they changed may be "
            "missed until "
            "the next full recalculation.",
            "`segctl doctor --fix` installs it; the segments of its type go full once.",
            safe=True,
        ),
        Code(
            "index-missing",
            _W,
            "An index of the schema is missing.",
            "Everything still works, and some of it slowly.",
            "`segctl doctor --fix` makes it on SQLite. On Postgres run the statement by yourself, "
            "because writers wait while it runs.",
            safe=True,
        ),
        Code(
            "column-missing",
            _E,
            "An attribute has no column, or a column no attribute.",
            "Some program has altered a record table. Conditions that name the attribute fail.",
            "Undo what the program did: `segctl store check` says which column it is.",
        ),
        Code(
            "id-overtaken",
            _E,
            "Explicit ids have overtaken the numbers that Postgres gives out.",
            "The next insert fails, because its id is taken.",
            "`SELECT setval(pg_get_serial_sequence('TABLE', 'id'), max(id)) FROM TABLE`",
        ),
        Code(
            "trace-grows",
            _N,
            "The write trace holds more than the workspace keeps.",
            "Nobody prunes it: the daemon does, and so does `segctl recalc --all`.",
            "`segctl store prune`",
        ),
        # ------------------------------------------------------------ definitions
        Code(
            "condition-unreadable",
            _E,
            "A condition can no longer be read.",
            "An attribute or a choice that it names has gone since it was written. The "
            "segment keeps "
            "its members and is not recalculated.",
            "`segctl segments edit NAME --where …`",
        ),
        Code(
            "reference-missing",
            _E,
            "A condition refers to a segment that there is not.",
            "The segment was deleted although others refer to it. This one keeps its members "
            "and is "
            "not recalculated.",
            "`segctl segments edit NAME --where …`, or create the segment anew.",
        ),
        Code(
            "cycle",
            _E,
            "Segments refer to each other in a circle.",
            "segctl refuses that; some program wrote it into the table. None of them can be "
            "recalculated before the others.",
            "`segctl segments edit NAME --where …` for one of them.",
        ),
        Code(
            "references-outdated",
            _W,
            "The stored references of a segment are not those of its condition.",
            "Some program changed the condition in the table. The order of recalculations follows "
            "the stored references.",
            "`segctl doctor --fix` writes them anew.",
            safe=True,
        ),
        Code(
            "hash-outdated",
            _W,
            "The definition hash of a segment is not that of its condition.",
            "Some program changed the condition in the table, or the workspace's timezone. The "
            "segment does not know that it is stale.",
            "`segctl doctor --fix` computes it; the segment is stale then.",
            safe=True,
        ),
        Code(
            "contradiction",
            _W,
            "No record can ever satisfy the condition.",
            "As in `score > 5 and score < 3`. The segment is empty for ever.",
            "`segctl segments edit NAME --where …`",
        ),
        Code(
            "always-true",
            _N,
            "Every record satisfies the condition.",
            "It says nothing that `everything` does not say.",
            "`segctl segments edit NAME --where everything`, or what was meant.",
        ),
        Code(
            "duplicate",
            _W,
            "Two segments have the same condition.",
            "The same canonical form, or two that are proven to mean the same. Both are "
            "counted, and "
            "nobody knows which to use.",
            "`segctl impact segment NAME`, then `segctl segments delete NAME`",
        ),
        Code(
            "contained",
            _N,
            "A segment is contained in another by its condition.",
            "Whoever satisfies the one satisfies the other, as with `A and B` and `A`. That "
            "is often "
            "as it should be; if so, a reference says it better.",
            "`segctl segments edit NAME --where 'in segment \"OTHER\" and …'`",
        ),
        # ------------------------------------------------------------ how they stand
        Code(
            "never-counted",
            _W,
            "A segment was never counted.",
            "It has no members yet, and what refers to it cannot be counted either.",
            "`segctl recalc NAME`",
        ),
        Code(
            "stale",
            _W,
            "A segment is stale.",
            "Its members are those of an earlier definition.",
            "`segctl recalc NAME`",
        ),
        Code(
            "failing",
            _E,
            "The last recalculation of a segment failed.",
            "Its members, if it has some, are those of an earlier one.",
            "What the error says, then `segctl recalc NAME`",
        ),
        Code(
            "parked",
            _E,
            "A segment is parked.",
            "It failed so often that nobody tries again by himself.",
            "What the error says, then `segctl retry NAME`",
        ),
        Code(
            "held",
            _N,
            "A segment is held.",
            "Its last runs were undone, and nothing recalculates it before a person says so.",
            "When its condition and the records are right: `segctl retry NAME`",
        ),
        Code(
            "late",
            _W,
            "A count is older than two intervals.",
            "No daemon is running, or it cannot keep up.",
            "`segctl status`, then `segctl daemon`",
        ),
        Code(
            "interval-short",
            _W,
            "A recalculation takes longer than the interval.",
            "The segment is due again before it is done.",
            "`segctl segments edit NAME --interval …`",
        ),
        Code(
            "too-heavy",
            _W,
            "A segment is too heavy.",
            "It takes too long, or too much of the time that all segments take.",
            "A simpler condition or an index; `segctl segments show NAME` says why.",
        ),
        Code(
            "empty",
            _N,
            "A segment has no members.",
            "That may be as it should be.",
            "`segctl why NAME RECORD` for a record that should be in it.",
        ),
        Code(
            "unused",
            _N,
            "Nothing in the store refers to a segment.",
            "No segment, default, pin, assignment rule or hook by name. Other programs may "
            "read its "
            "members all the same.",
            "`segctl segments delete NAME`, if nobody needs it.",
        ),
        Code(
            "trace-lost",
            _N,
            "The write trace no longer reaches back to a segment's last recalculation.",
            "What changed since cannot be told, so the next recalculation is a full one.",
            "`segctl recalc NAME`; a longer `trace_keep_days`, if it happens often.",
        ),
        # ------------------------------------------------------------ members
        Code(
            "count-differs",
            _E,
            "The stored count is not the number of members.",
            "Some program wrote to the members.",
            "`segctl doctor --fix` sets the count; `segctl doctor --verify NAME` compares the "
            "members.",
            safe=True,
        ),
        Code(
            "members-orphaned",
            _E,
            "There are members of a segment that there is not.",
            "Some program deleted the segment from the table.",
            "`segctl doctor --fix` deletes them.",
            safe=True,
        ),
        Code(
            "members-deleted",
            _N,
            "Records were deleted that are still stored members.",
            "They leave at the next recalculation; until then listings leave them out.",
            "`segctl recalc NAME`",
        ),
        Code(
            "drift",
            _E,
            "Stored members are not what the condition says.",
            "They were compared at the clock of the last recalculation, and only records that have "
            "not been written since. Some program wrote to the members, or a recalculation went "
            "wrong.",
            "`segctl recalc NAME`, and tell whoever writes to the store.",
        ),
        Code(
            "changes-wait",
            _N,
            "Stored members differ from the condition, and that is explained.",
            "Records were written since the last recalculation, or a segment was counted to which "
            "it refers. What is left unexplained cannot be told.",
            "`segctl recalc NAME`",
        ),
        Code(
            "not-compared",
            _N,
            "Stored members could not be compared with the condition.",
            "It was never counted, is stale or held, or its condition cannot be read.",
            "`segctl recalc NAME`, then `segctl doctor --verify NAME`",
        ),
        # ------------------------------------------------------------ the team
        Code(
            "default-hidden",
            _W,
            "A shared default is hidden from somebody.",
            "These team members see all records instead.",
            "`segctl visibility show NAME --to WHO`, or another default.",
        ),
        Code(
            "pin-hidden",
            _N,
            "A pinned segment is hidden from whoever pinned it.",
            "The pin is skipped while it is hidden.",
            "`segctl pins clear TYPE --as WHO`, or `segctl visibility show NAME --to WHO`",
        ),
        Code(
            "rule-shadowed",
            _W,
            "An assignment rule can never decide.",
            "Whoever it is for is in the segment of an earlier rule.",
            "`segctl assignments move NAME --to …`",
        ),
        Code(
            "rule-nobody",
            _E,
            "An assignment rule gives chats to nobody.",
            "The team member was deactivated, or the group has no active member.",
            "`segctl assignments lint`",
        ),
        Code(
            "hook-lost",
            _W,
            "A hook of the config file hears of nothing.",
            "It names a segment that there is not.",
            "Mend its `segments` in the config file.",
        ),
        Code(
            "hook-dead",
            _W,
            "Deliveries to a hook were given up.",
            "It failed as often as it may.",
            "`segctl hooks deliveries --state dead`, then `segctl hooks retry`",
        ),
    )
}
"""By name, in the order in which they are shown."""
