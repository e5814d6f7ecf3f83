"""The demo workspace's own attributes and its segments: one for each thing the language can say."""

from dataclasses import dataclass

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.services import demo_words as words


def _own(
    type: ObjectType, name: str, kind: ValueType, description: str, choices: tuple[str, ...] = ()
) -> Attribute:
    return Attribute(type, name, kind, choices, standard=False, description=description)


_T = ObjectType
_K = ValueType

ATTRIBUTES: tuple[Attribute, ...] = (
    _own(_T.CONTACT, "plan", _K.CHOICE, "What a user pays for", ("free", "starter", "team", "pro")),
    _own(_T.CONTACT, "birthday", _K.DATE, "For the greeting card"),
    _own(_T.CONTACT, "source", _K.STRING, "How they found us"),
    _own(_T.COMPANY, "tier", _K.CHOICE, "How much it could buy", ("bronze", "silver", "gold")),
    _own(_T.DEAL, "competitors", _K.MULTICHOICE, "Who else made an offer", words.RIVALS),
    _own(_T.EVENT, "amount", _K.FLOAT, "Of a purchase"),
    _own(_T.EVENT, "currency", _K.STRING, "ISO 4217"),
    _own(_T.EVENT, "quantity", _K.INTEGER, "Pieces bought"),
    _own(_T.EVENT, "path", _K.STRING, "The page viewed"),
    _own(_T.EVENT, "device", _K.STRING, "Logged in with"),
    _own(_T.EVENT, "issue", _K.STRING, "Which newsletter"),
)


@dataclass(frozen=True, slots=True)
class DemoSegment:
    """`interval` is in minutes, 0 for manual, None for the workspace's default."""

    type: ObjectType
    name: str
    condition: str
    description: str
    interval: int | None = None


SEGMENTS: tuple[DemoSegment, ...] = (
    # Companies first: a segment can only refer to one that is there.
    DemoSegment(
        _T.COMPANY,
        "Key accounts",
        'tier = "gold" and sum(deals.value where status = "won") > 20000',
        "Gold companies that have bought for more than 20,000",
    ),
    DemoSegment(
        _T.COMPANY,
        "Key accounts to wake up",
        'in segment "Key accounts" and max(deals.won_at) more than 90 days ago\n'
        'and no deals (status = "in_progress")',
        "Nothing bought for a quarter of a year, and nothing on the way",
        1440,
    ),
    DemoSegment(
        _T.COMPANY,
        "Nordic and Polish cafés",
        'industry = "Hospitality" and country in ("SE", "PL") and name contains "café"',
        "For the tasting tour",
        0,
    ),
    DemoSegment(
        _T.CONTACT,
        "Newsletter readers",
        'lists has "Newsletter" and unsubscribed is false and email is set',
        "May be written to",
        60,
    ),
    DemoSegment(
        _T.CONTACT,
        "Active users",
        'status = "user" and last_seen_at in last 30 days',
        "Were here within thirty days",
        30,
    ),
    DemoSegment(
        _T.CONTACT,
        "Quiet readers",
        'in segment "Newsletter readers" and not in segment "Active users"\n'
        'and event "newsletter opened" in last 1 year',
        "Read the newsletter but have stopped coming",
    ),
    DemoSegment(
        _T.CONTACT,
        "Big spenders",
        'event "purchase" where amount > 400 at least 2 times in last 1 year',
        "Two large purchases in a year",
        120,
    ),
    DemoSegment(
        _T.CONTACT,
        "Slipping away",
        'event "purchase" at least 2 times and no event "login" in last 60 days\n'
        "and last_seen_at more than 60 days ago",
        "Used to buy and have not logged in for two months",
    ),
    DemoSegment(
        _T.CONTACT,
        "New buyers",
        'first event "purchase" in last 90 days',
        "Bought for the first time this quarter of a year",
    ),
    DemoSegment(
        _T.CONTACT,
        "Bean drinkers",
        'last event "purchase" with (product.category = "Beans" and quantity >= 2)',
        "Bought several bags of beans last time",
    ),
    DemoSegment(
        _T.CONTACT,
        "Birthday this week",
        "anniversary of birthday in next 7 days and unsubscribed is false",
        "Send a card",
        1440,
    ),
    DemoSegment(
        _T.CONTACT,
        "Decision makers of key accounts",
        'tags has any ("vip", "decision maker") and company in segment "Key accounts"',
        "Whom to ring first",
    ),
    DemoSegment(
        _T.DEAL,
        "Closing this month",
        'status = "in_progress" and expected_close_date in this month',
        "The forecast of the month",
        60,
    ),
    DemoSegment(
        _T.DEAL,
        "Stalled deals",
        'status = "in_progress" and updated_at more than 30 days ago and no tasks (not done)',
        "Nobody has touched them, and nobody is going to",
    ),
    DemoSegment(
        _T.DEAL,
        "Lost to a rival",
        'status = "lost" and loss_reason in ("rival", "price")\n'
        'and competitors has any ("Bean Brothers", "Nordrost") and lost_at in last 1 year',
        "Win them back",
    ),
    DemoSegment(
        _T.DEAL,
        "Bundles with a machine",
        'count(products) >= 2 and any products (category = "Espresso machines")',
        "Sold more than the machine",
    ),
    DemoSegment(
        _T.TASK,
        "Overdue tasks",
        "not done and due_at before now",
        "Should have been done",
        30,
    ),
    DemoSegment(
        _T.TASK,
        "Calls to key accounts this week",
        'kind = "call" and not done and due_at in this week\n'
        'and (company in segment "Key accounts" or deal.value > 10000)',
        "Prepare these",
    ),
    DemoSegment(
        _T.TICKET,
        "Waiting too long",
        'status = "active" and due_at before now',
        "Open beyond their time",
        30,
    ),
    DemoSegment(
        _T.TICKET,
        "Unhappy gold customers",
        'satisfaction <= 2 and company.tier = "gold" and closed_at in last 1 year',
        "Low marks from those who could buy most",
    ),
    DemoSegment(
        _T.PRODUCT,
        "Running low",
        'quantity < 20 and any deals (status = "in_progress")',
        "Order before somebody signs",
        60,
    ),
    DemoSegment(
        _T.PRODUCT,
        "Trouble makers",
        'count(tickets where priority in ("high", "urgent")) >= 15 or tags has "end of line"',
        "Many serious tickets, or about to go",
        0,
    ),
)

DEFAULTS: tuple[tuple[ObjectType, str], ...] = (
    (_T.CONTACT, "Active users"),
    (_T.DEAL, "Stalled deals"),
)
"""The shared default of a type."""

PINS: tuple[tuple[str, str], ...] = (("Agata Żuk", "Lost to a rival"),)
"""Team member, segment."""

HIDDEN: tuple[tuple[str, str], ...] = (("Quiet readers", "Support"),)
"""Segment, the group that does not see it."""
