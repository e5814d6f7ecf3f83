"""What the tests of all data sets do: read a file without segctl, define segments, count them."""

from collections.abc import Callable, Iterable, Mapping
import csv
from pathlib import Path
from typing import Any

Segctl = Callable[..., Any]
"""The fixture `segctl`, bound to one store."""

Row = Mapping[str, str]


def read(path: Path) -> list[Row]:
    """The rows of a CSV file by the standard library, an independent witness."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def how_many(rows: Iterable[Any], test: Callable[[Any], object]) -> int:
    return sum(1 for row in rows if test(row))


def imported(segctl: Segctl, *words: object, input: str | None = None) -> dict[str, Any]:
    """Import, which must go well, and give back the report."""
    report: dict[str, Any] = segctl(*words, "-o", "json", input=input).ok().json
    parts = ("matched", "created", "updated", "unchanged", "rejected")
    assert sum(report[part] for part in parts) == report["rows"]
    return report


def counts(segctl: Segctl, type: str, segments: Mapping[str, str]) -> dict[str, int]:
    """Define the segments, recalculate them, and give back each one's stored count."""
    for name, condition in segments.items():
        segctl("segments", "create", name, "--type", type, "--where", condition).ok()
    segctl("recalc", "--type", type).ok()
    listed = segctl("segments", "list", "--type", type, "-o", "json").ok().json
    return {segment["name"]: segment["count"] for segment in listed if segment["name"] in segments}


def members(segctl: Segctl, name: str, columns: str) -> list[Row]:
    """The chosen attributes of the members of a segment."""
    text = segctl("segments", "members", name, "--columns", columns, "-o", "csv").ok().stdout
    return list(csv.DictReader(text.splitlines()))
