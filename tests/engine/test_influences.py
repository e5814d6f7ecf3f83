"""What can change whether a record satisfies a condition."""

import pytest

from segctl.catalog import RELATIONS, Catalog, ObjectType
from segctl.conditions.parser import parse
from segctl.engine.influences import Influence, Owning, Pointing, Written, influences, leaf
from tests.conditions.pools import SegmentPool

NAMES = SegmentPool({ObjectType.COMPANY: ((7, "Big"),), ObjectType.CONTACT: ((8, "Readers"),)})


def shown(influence: Influence) -> str:
    """`contact.company <- written company`."""
    way = ""
    while isinstance(influence, Pointing | Owning):
        way += f"{influence.relation} <- "
        influence = influence.to if isinstance(influence, Pointing) else influence.some
    name = type(influence).__name__.lower()
    match influence:
        case Written(of):
            return f"{way}{name} {of}"
        case _:
            detail = getattr(influence, "relation", None) or getattr(influence, "attribute", None)
            return f"{way}{name} {detail or getattr(influence, 'segment', '')}"


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("score > 5", []),
        ("everything", []),
        ('tags has "x"', []),
        ('any tags (item = "x")', []),
        ("company is set", []),
        ('company.industry = "x"', ["contact.company <- written company"]),
        ('company.tags has "x"', ["contact.company <- written company"]),
        (
            'any deals (company.industry = "x")',
            [
                "contact.deals <- written deal",
                "contact.deals <- deal.company <- written company",
                "left deal.contact",
            ],
        ),
        (
            "count(company.deals) > 2",
            [
                "contact.company <- written company",
                "contact.company <- company.deals <- written deal",
                "contact.company <- left deal.company",
            ],
        ),
        (
            "any deals (any products)",
            [
                "contact.deals <- written deal",
                "contact.deals <- deal.products <- written product",
                "left deal.contact",
            ],
        ),
        ("last_seen_at in last 30 days", ["crossed contact.last_seen_at"]),
        (
            "max(deals.won_at) in last 30 days",
            [
                "contact.deals <- written deal",
                "contact.deals <- crossed deal.won_at",
                "left deal.contact",
            ],
        ),
        (
            'event "login" in last 30 days',
            [
                "contact.events <- written event",
                "contact.events <- crossed event.occurred_at",
                "left event.contact",
            ],
        ),
        (
            'last event "login" with (product.price > 5)',
            [
                "contact.events <- written event",
                "contact.events <- event.product <- written product",
                "left event.contact",
            ],
        ),
        ('not in segment "Readers"', ["joined 8"]),
        ('company in segment "Big"', ["contact.company <- joined 7"]),
    ],
)
def test_influences_of_a_condition_about_contacts(where: str, wanted: list[str]) -> None:
    condition = parse(where, ObjectType.CONTACT, Catalog(), NAMES)
    found = influences(condition, ObjectType.CONTACT)
    assert {shown(one) for one in found} == {"written contact", *wanted}
    assert {one.type for one in found} == {ObjectType.CONTACT}


def test_a_product_hears_of_the_deals_it_left() -> None:
    condition = parse("any deals (value > 5)", ObjectType.PRODUCT, Catalog(), NAMES)
    found = {shown(one) for one in influences(condition, ObjectType.PRODUCT)}
    assert found == {"written product", "product.deals <- written deal", "left deal.products"}


def test_a_way_begins_at_its_leaf() -> None:
    company = RELATIONS[ObjectType.CONTACT]["company"]
    deals = RELATIONS[ObjectType.COMPANY]["deals"]
    way = Pointing(company, Owning(deals, Written(ObjectType.DEAL)))
    assert leaf(way) == Written(ObjectType.DEAL)
    assert way.type is ObjectType.CONTACT
