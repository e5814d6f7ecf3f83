"""The folding of conditions: what `contains`, `ignoring case` and segment names compare by.

It lives in the store, where SQLite needs it too, and Postgres spells it
`replace(lower(x COLLATE "und-x-icu"), 'ς', 'σ')`.
"""

from segctl.store.functions import fold

__all__ = ["fold"]
