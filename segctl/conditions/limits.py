"""How large a condition may be. Each limit has its own error; none is met by a crash."""

MAX_BYTES = 64 * 1024
"""Of the text, as UTF-8."""
MAX_COMPARISONS = 500
MAX_LEVELS = 64
"""Of brackets and `not` inside each other."""
MAX_HOPS = 8
"""To-one relations in one path."""
MAX_NESTED = 8
"""Brackets of related records or events inside each other."""
MAX_VALUES = 10_000
"""In one list."""
MAX_AMOUNT = 100_000
"""Of days, weeks, times, …"""
MAX_PATTERN = 1_000
"""Characters of a `matches` pattern."""
MAX_ANNIVERSARY_DAYS = 366
