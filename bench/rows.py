"""Rows for the benchmark's store, made by the column: a million rows of thirty values in seconds.

Instants are in the store's text form, which Postgres reads as well. The same seed, sizes and `now`
give the same rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import datetime as dt
import json
from random import Random
from typing import Any

CHUNK = 50_000

COUNTRIES = ("US", "DE", "GB", "FR", "PL", "ES", "NL", "SE", "BR", "JP", "IT", "CZ")
COUNTRY_WEIGHTS = (24, 15, 12, 10, 9, 7, 6, 4, 5, 4, 3, 1)
CITIES = tuple(f"City {n}" for n in range(200))
REGIONS = tuple(f"Region {n}" for n in range(60))
ZONES = ("America/New_York", "Europe/Berlin", "Europe/London", "Europe/Warsaw", "Asia/Tokyo")
FIRST = ("Anna", "Ben", "Chloé", "Dieter", "Elżbieta", "Fabio", "Grace", "Hélène", "Iga", "João")
LAST = ("Adams", "Böhm", "Costa", "Dupré", "Evans", "Fraser", "García", "Hughes", "Ito", "Jäger")
TEAM = tuple(f"agent{n}@example.com" for n in range(40))
TAGS = ("vip", "beta", "partner", "trial", "fair", "webinar", "press", "student")
LISTS = ("Newsletter", "Product news", "Events")
INDUSTRIES = ("Software", "Retail", "Finance", "Media", "Education", "Health care", "Logistics")
PLANS = ("free", "starter", "team", "pro")
SOURCES = ("search", "referral", "advert", "partner", "fair")
EVENTS = ("login", "page view", "purchase", "newsletter opened", "trial started")
EVENT_WEIGHTS = (40, 36, 12, 10, 2)

CUSTOM = (
    ("contact", "plan", "choice", PLANS),
    ("contact", "birthday", "date", ()),
    ("contact", "source", "string", ()),
    ("contact", "language", "string", ()),
    ("contact", "mrr", "float", ()),
    ("contact", "seats", "integer", ()),
    ("contact", "nps", "integer", ()),
    ("contact", "newsletter", "boolean", ()),
    ("contact", "trial_ends_at", "datetime", ()),
    ("event", "amount", "float", ()),
    ("event", "currency", "string", ()),
)
"""Type, name, kind and choices of the attributes beside the standard ones. A contact has 21 of
those in columns and these nine, which makes thirty; tags and lists come on top."""

CONTACT_COLUMNS = (
    "id", "external_id", "name", "first_name", "last_name", "email", "phone", "gender", "status",
    "score", "city", "region", "country", "timezone", "first_seen_at", "last_seen_at",
    "last_contacted_at", "page_views", "unsubscribed", "assignee", "created_at", "updated_at",
    "company_id", *(name for type, name, _, _ in CUSTOM if type == "contact"),
)  # fmt: skip
COMPANY_COLUMNS = (
    "id", "external_id", "name", "industry", "size", "revenue", "country", "city", "created_at",
    "updated_at",
)  # fmt: skip
EVENT_COLUMNS = ("id", "name", "occurred_at", "contact_id", "product_id", "attributes")
ITEM_COLUMNS = ("attribute", "item", "record_id")


@dataclass(frozen=True, slots=True)
class Sizes:
    contacts: int
    events: int
    companies: int


class Moments:
    """Pools of instants, as text, to draw from."""

    def __init__(self, random: Random, now: dt.datetime) -> None:
        self.now = now
        self.random = random
        self.past = self._pool(20_000, lambda: random.random() * 1000)
        self.recent = self._pool(20_000, lambda: random.expovariate(1 / 90.0))
        self.ahead = self._pool(5_000, lambda: -random.random() * 60)
        self.days = [(now.date() - dt.timedelta(days=6000 + n)).isoformat() for n in range(20_000)]

    def _pool(self, size: int, days: Any) -> list[str]:
        return [
            (self.now - dt.timedelta(seconds=round(days() * 86_400))).strftime(
                "%Y-%m-%dT%H:%M:%S.000000Z"
            )
            for _ in range(size)
        ]


def _some(values: Sequence[Any], share: float) -> list[Any]:
    """A pool to draw from: the values, and None so often that this share of draws is a value."""
    return [*values, *[None] * round(len(values) * (1 - share) / share)]


def contacts(random: Random, moments: Moments, sizes: Sizes) -> Iterator[list[tuple[Any, ...]]]:
    """Chunks of rows of CONTACT_COLUMNS."""
    scores = [min(100, int(random.expovariate(1 / 22.0))) for _ in range(5000)]
    views = [1 + int(random.expovariate(1 / 15.0)) for _ in range(5000)]
    money = [round(random.lognormvariate(3.5, 1.0), 2) for _ in range(5000)]
    gender = _some(("female", "male", "other"), 0.75)
    contacted = _some(moments.recent, 0.5)
    assignee = _some(TEAM, 0.6)
    company = _some(range(1, sizes.companies + 1), 0.7)
    birthday = _some(moments.days, 0.5)
    mrr = _some(money, 0.4)
    seats = _some(range(1, 200), 0.4)
    nps = _some(range(11), 0.3)
    trial_ends = _some(moments.ahead, 0.2)
    for start in range(1, sizes.contacts + 1, CHUNK):
        ids = range(start, min(start + CHUNK, sizes.contacts + 1))
        k = len(ids)
        firsts = random.choices(FIRST, k=k)
        lasts = random.choices(LAST, k=k)
        created = random.choices(moments.past, k=k)
        yield list(
            zip(
                ids,
                (f"c{n}" for n in ids),
                (f"{a} {b}" for a, b in zip(firsts, lasts, strict=True)),
                firsts,
                lasts,
                (
                    f"user{n}@{'gmail.example' if n % 4 else 'example.com'}" if n % 10 else None
                    for n in ids
                ),
                (f"+1 555 {n:07}" if n % 3 else None for n in ids),
                random.choices(gender, k=k),
                random.choices(("visitor", "user"), (55, 45), k=k),
                random.choices(scores, k=k),
                random.choices(CITIES, k=k),
                random.choices(REGIONS, k=k),
                random.choices(COUNTRIES, COUNTRY_WEIGHTS, k=k),
                random.choices(ZONES, k=k),
                created,
                random.choices(moments.recent, k=k),
                random.choices(contacted, k=k),
                random.choices(views, k=k),
                random.choices((False, True), (9, 1), k=k),
                random.choices(assignee, k=k),
                created,
                random.choices(moments.recent, k=k),
                random.choices(company, k=k),
                random.choices((*PLANS, None), (40, 12, 10, 4, 34), k=k),
                random.choices(birthday, k=k),
                random.choices(SOURCES, k=k),
                random.choices(("en", "de", "fr", "pl", "es"), k=k),
                random.choices(mrr, k=k),
                random.choices(seats, k=k),
                random.choices(nps, k=k),
                random.choices((True, False, None), (5, 3, 2), k=k),
                random.choices(trial_ends, k=k),
                strict=True,
            )
        )


def companies(random: Random, moments: Moments, sizes: Sizes) -> Iterator[list[tuple[Any, ...]]]:
    """Chunks of rows of COMPANY_COLUMNS."""
    staff = [max(1, int(random.lognormvariate(3.6, 1.2))) for _ in range(5000)]
    for start in range(1, sizes.companies + 1, CHUNK):
        ids = range(start, min(start + CHUNK, sizes.companies + 1))
        k = len(ids)
        heads = random.choices(staff, k=k)
        created = random.choices(moments.past, k=k)
        yield list(
            zip(
                ids,
                (f"o{n}" for n in ids),
                (f"Company {n}" for n in ids),
                random.choices(INDUSTRIES, k=k),
                heads,
                (n * 90_000.0 for n in heads),
                random.choices(COUNTRIES, COUNTRY_WEIGHTS, k=k),
                random.choices(CITIES, k=k),
                created,
                created,
                strict=True,
            )
        )


def events(
    random: Random, moments: Moments, sizes: Sizes, first_id: int = 1
) -> Iterator[list[tuple[Any, ...]]]:
    """Chunks of rows of EVENT_COLUMNS, in no order of contacts or time."""
    amounts = [
        json.dumps({"amount": round(random.lognormvariate(4.0, 1.0), 2), "currency": "EUR"})
        for _ in range(5000)
    ]
    plain = "{}"
    for start in range(first_id, first_id + sizes.events, CHUNK):
        ids = range(start, min(start + CHUNK, first_id + sizes.events))
        k = len(ids)
        names = random.choices(EVENTS, EVENT_WEIGHTS, k=k)
        paid = random.choices(amounts, k=k)
        # Half of the events come from a tenth of the contacts.
        busy = max(1, sizes.contacts // 10)
        people = [
            int(spot * busy) + 1 if n % 2 else int(spot * sizes.contacts) + 1
            for n, spot in enumerate(random.random() for _ in range(k))
        ]
        yield list(
            zip(
                ids,
                names,
                random.choices(moments.recent, k=k),
                people,
                [None] * k,
                [a if name == "purchase" else plain for name, a in zip(names, paid, strict=True)],
                strict=True,
            )
        )


def items(random: Random, sizes: Sizes) -> list[tuple[str, str, int]]:
    """Rows of ITEM_COLUMNS in key order: tags of a quarter of the contacts, lists of half."""
    rows: set[tuple[str, str, int]] = set()
    people = range(1, sizes.contacts + 1)
    for attribute, values, share in (("lists", LISTS, 0.65), ("tags", TAGS, 0.33)):
        k = int(sizes.contacts * share)
        drawn = random.choices(values, k=k), random.choices(people, k=k)
        rows.update((attribute, value, record) for value, record in zip(*drawn, strict=True))
    return sorted(rows)
