"""The generated workspace looks like one, and is the same each time."""

import datetime as dt
import json

import pytest

from segctl.catalog import ObjectType
from segctl.services import demo, demo_data
from segctl.services.demo_data import Row
from segctl.services.demo_segments import SEGMENTS
from tests.conftest import NOW


def made(
    records: int = 2_000, seed: int = 1, now: dt.datetime = NOW
) -> dict[ObjectType, list[Row]]:
    return {type: list(rows) for type, rows in demo.content(records, seed, now)}


def test_the_same_seed_and_clock_make_the_same_rows() -> None:
    assert made(500, seed=3) == made(500, seed=3)


def test_another_seed_makes_other_rows() -> None:
    assert made(500, seed=3) != made(500, seed=4)


@pytest.mark.parametrize("records", [100, 101, 999, 24_000])
def test_there_are_exactly_as_many_records_as_asked_for(records: int) -> None:
    sizes = demo_data.sizes(records)
    assert sizes.records == records
    assert min(sizes.companies, sizes.contacts, sizes.deals, sizes.tasks, sizes.tickets) > 0


def test_the_smallest_demo_has_records_of_every_type() -> None:
    assert all(rows for rows in made(demo.SMALLEST).values())


def test_external_ids_are_unique_within_a_type() -> None:
    for rows in made().values():
        assert len({row["external_id"] for row in rows}) == len(rows)


def test_company_names_are_unique() -> None:
    names = [row["name"] for row in made(10_000)[ObjectType.COMPANY]]
    assert len(set(names)) == len(names)


def test_nothing_happened_in_the_future() -> None:
    for type, rows in made().items():
        for row in rows:
            for name in ("created_at", "updated_at", "last_seen_at", "occurred_at", "won_at"):
                assert (row.get(name) or NOW) <= NOW, (type, row)


def test_records_change_after_they_are_created() -> None:
    for type, rows in made().items():
        if type is not ObjectType.EVENT:
            assert all(row["created_at"] <= row["updated_at"] for row in rows), type


def test_a_won_deal_has_its_day_and_a_lost_one_its_reason() -> None:
    deals = made()[ObjectType.DEAL]
    for deal in deals:
        assert (deal["won_at"] is not None) == (deal["status"] == "won")
        assert (deal["loss_reason"] is not None) == (deal["status"] == "lost")
    assert {deal["status"] for deal in deals} == {
        "won", "lost", "in_progress", "abandoned", "archived",
    }  # fmt: skip


def test_customers_who_waited_longer_are_less_satisfied() -> None:
    rated = [t for t in made(5_000)[ObjectType.TICKET] if t["satisfaction"]]

    def marks(quick: bool) -> float:
        some = [
            t["satisfaction"]
            for t in rated
            if (t["closed_at"] - t["created_at"] < dt.timedelta(days=3)) == quick
        ]
        return sum(some) / len(some)

    assert marks(quick=True) > marks(quick=False) + 0.5


def test_more_is_bought_in_december_than_in_august() -> None:
    months = [
        event["occurred_at"].month
        for event in made(10_000)[ObjectType.EVENT]
        if event["name"] == "purchase"
    ]
    assert months.count(12) > 1.3 * months.count(8)


def test_cities_lie_in_their_country() -> None:
    cities = {(c.code, town.name) for c in demo_data.words.COUNTRIES for town in c.cities}
    for row in made()[ObjectType.CONTACT]:
        assert (row["country"], row["city"]) in cities


def test_names_have_accents() -> None:
    names = "".join(row["name"] or "" for row in made()[ObjectType.CONTACT])
    assert all(letter in names for letter in "éüłñå")


def test_addresses_are_plain_ascii_that_nobody_owns() -> None:
    for row in made()[ObjectType.CONTACT]:
        assert row["email"] is None or (
            row["email"].isascii() and row["email"].endswith(".example")
        )


def test_event_attributes_are_plain_json() -> None:
    for event in made(500)[ObjectType.EVENT]:
        assert json.loads(json.dumps(event["attributes"])) == event["attributes"]


def test_there_are_segments_of_all_six_types() -> None:
    assert {segment.type for segment in SEGMENTS} == set(ObjectType) - {ObjectType.EVENT}
    assert len(SEGMENTS) >= 12
