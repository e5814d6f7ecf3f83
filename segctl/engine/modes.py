"""What a recalculation can be told to be. Imports no SQLAlchemy, so that `--help` stays fast."""

from enum import StrEnum


class Mode(StrEnum):
    """What somebody wants a recalculation to be."""

    AUTO = "auto"
    """Whatever is exact and cheapest."""
    FULL = "full"
    """Every record is evaluated."""
    INCREMENTAL = "incremental"
    """Only candidates are evaluated, however many, wherever that is exact."""
