"""A condition as SQL for both stores.

Truth is two-valued here as everywhere: a clause is true for the records that satisfy the condition
and false or NULL for all others, and negation is pushed down to single tests, whose opposite is
exact for missing values too (`IS DISTINCT FROM`, `(…) IS NOT TRUE`, NOT EXISTS). So positive tests
stay plain comparisons that an index can serve.

Modules: terms (clauses with what they cost) ← text, numbers, times ← values (tests of one value);
json_values (attributes of events); keys (sets of ids) ← related (relations, items, aggregates) ←
events ← logic (and, or, not, paths, members; the entry).
"""

from segctl.conditions.sql.logic import matching, predicate
from segctl.conditions.sql.scope import Scope

__all__ = ["Scope", "matching", "predicate"]
