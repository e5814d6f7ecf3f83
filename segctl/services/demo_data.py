"""The records of the demo workspace, made up from a seed: the same seed, size and `now` give the
same rows.

A row is a dict of attribute names and values, as a record of that type has them; a relation stands
under its name as the external id of the other record (a list of them for a deal's products).
Everything is relative to `now`, so the demo is as fresh in ten years as today.

Here are the things and people; what they do (deals, tasks, tickets, events) is in demo_work.py.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt
from itertools import accumulate
import math
from random import Random
from typing import Any, Generic, TypeVar
import unicodedata

from segctl.services import demo_words as words

Row = dict[str, Any]
T = TypeVar("T")

YEARS = 3
"""How far back the workspace goes."""

MONTH_TRADE = (0.8, 0.8, 0.9, 0.95, 1.0, 0.9, 0.7, 0.65, 1.0, 1.1, 1.5, 1.7)
"""How much is bought in each month, January first: a slow summer and a busy end of the year."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many records of each type; events come on top."""

    companies: int
    contacts: int
    deals: int
    tasks: int
    tickets: int
    products: int

    @property
    def records(self) -> int:
        return (
            self.companies + self.contacts + self.deals + self.tasks + self.tickets + self.products
        )


def sizes(records: int) -> Sizes:
    """Share out `records` (at least 100) over the six types."""
    every_product = sum(len(goods.names) * len(goods.sizes) for goods in words.GOODS)
    products = min(every_product, max(10, records // 100))
    rest = records - products
    companies, deals, tasks, tickets = (int(rest * part) for part in (0.06, 0.16, 0.17, 0.15))
    return Sizes(
        companies=companies,
        contacts=rest - companies - deals - tasks - tickets,
        deals=deals,
        tasks=tasks,
        tickets=tickets,
        products=products,
    )


class Weighted(Generic[T]):
    """Draws items by weight."""

    def __init__(self, items: Sequence[T], weights: Sequence[float]) -> None:
        self.items = items
        self.sums = list(accumulate(weights))

    def draw(self, random: Random) -> T:
        return self.items[bisect(self.sums, random.random() * self.sums[-1])]


class Calendar:
    """Draws instants, whole seconds, that look like people's working days."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now.replace(microsecond=0)
        self.start = self.now - dt.timedelta(days=365 * YEARS)

    def days_ago(self, days: float) -> dt.datetime:
        return self.now - dt.timedelta(seconds=round(days * 86_400))

    def between(self, random: Random, low: dt.datetime, high: dt.datetime) -> dt.datetime:
        span = (high - low).total_seconds()
        return low + dt.timedelta(seconds=int(random.random() * max(span, 0.0)))

    def busy(self, random: Random, low: dt.datetime, high: dt.datetime) -> dt.datetime:
        """Between the two, rather in busy months, on weekdays and in the day time."""
        when = low
        for _ in range(4):
            when = self.between(random, low, high)
            weight = MONTH_TRADE[when.month - 1] * (0.35 if when.weekday() >= 5 else 1.0)
            if 6 <= when.hour <= 20 and random.random() * 1.7 < weight:
                break
        return when

    def growing(self, random: Random) -> dt.datetime:
        """When something of a growing workspace began: the nearer to now, the more."""
        return self.days_ago(365 * YEARS * (1.0 - math.sqrt(random.random())))


@dataclass(frozen=True, slots=True)
class Company:
    row: Row
    country: words.Country
    industry: words.Industry
    domain: str


@dataclass(frozen=True, slots=True)
class Contact:
    """`zeal` from 0 to about 4: how much a person does."""

    row: Row
    country: words.Country
    company: Company | None
    zeal: float


_PLAIN = str.maketrans(
    {"ł": "l", "Ł": "L", "ß": "ss", "ø": "o", "ı": "i", "'": "", " ": "", "&": ""}
)


def plain(text: str) -> str:
    """Lower-case ASCII letters for an address, "" if there are none."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(c for c in decomposed if c.isascii() and c.isalnum()).lower()


def seller(random: Random, country: words.Country) -> str:
    """The e-mail of an agent who looks after the country."""
    return random.choice(_SELLERS[country.code in words.NORTH])


def address(name: str) -> str:
    """A team member's e-mail."""
    return ".".join(plain(part) for part in name.split()) + "@crema.example"


_SELLERS = {
    north: [address(name) for name, _, group in words.TEAM if group == home]
    for north, home in ((True, "Sales North"), (False, "Sales South"))
}
SUPPORTERS = tuple(address(name) for name, _, group in words.TEAM if group == "Support")


def products(random: Random, calendar: Calendar, number: int) -> list[Row]:
    """The price list, families interleaved so that a small demo has some of each."""
    kinds = [
        (position / (len(goods.names) * len(goods.sizes)), goods, name, size)
        for goods in words.GOODS
        for position, (name, size) in enumerate(
            (name, size) for size in goods.sizes for name in goods.names
        )
    ]
    kinds.sort(key=lambda kind: kind[0])
    rows: list[Row] = []
    for n, (_, goods, name, size) in enumerate(kinds[:number], start=1):
        low, high = goods.price
        step = (goods.sizes.index(size) + random.random()) / len(goods.sizes)
        created = calendar.between(random, calendar.start, calendar.days_ago(30))
        tags = [
            tag
            for tag, likely in (
                ("bestseller", 0.12 * goods.appeal),
                ("new", 0.7 if created > calendar.days_ago(120) else 0.0),
                ("organic", 0.4 if goods.category == "Beans" else 0.0),
                ("end of line", 0.06),
            )
            if random.random() < likely
        ]
        rows.append(
            {
                "external_id": f"P-{n:03}",
                "name": f"{name} {size}",
                "category": goods.category,
                "price": round(round(low * (high / low) ** step, 1) - 0.01, 2),
                "quantity": None
                if goods.stock == 0
                else int(goods.stock * random.random() ** 2 * 2),
                "url": f"https://crema.example/{plain(goods.category)}/{plain(name + size)}",
                "description": f"{goods.category}: {name}, {size}",
                "tags": tags,
                "created_at": created,
                "updated_at": calendar.between(random, created, calendar.now),
            }
        )
    return rows


def companies(random: Random, calendar: Calendar, number: int) -> list[Company]:
    industries = Weighted(words.INDUSTRIES, [i.weight for i in words.INDUSTRIES])
    countries = Weighted(words.COUNTRIES, [c.weight for c in words.COUNTRIES])
    towns = {c.code: Weighted(c.cities, [t.weight for t in c.cities]) for c in words.COUNTRIES}
    taken: dict[str, int] = {}
    made: list[Company] = []
    for n in range(1, number + 1):
        industry = industries.draw(random)
        country = countries.draw(random)
        city = towns[country.code].draw(random)
        size = max(1, round(random.lognormvariate(math.log(industry.heads), industry.spread)))
        name = f"{random.choice(words.COMPANY_WORDS)} {random.choice(industry.endings)}"
        if name in taken:
            name = f"{name} {city.name}"
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            name = f"{name} {taken[name]}"
        domain = f"{plain(name) or 'company'}{'' if random.random() < 0.9 else n}.example"
        created = calendar.growing(random)
        weight = size * industry.turnover * industry.thirst
        tier = "gold" if weight > 25_000 else "silver" if weight > 6_000 else "bronze"
        row: Row = {
            "external_id": f"CO-{n:04}",
            "name": name,
            "industry": industry.name,
            "size": size if random.random() < 0.95 else None,
            "revenue": round(size * industry.turnover * random.uniform(0.6, 1.5)) * 1000.0
            if random.random() < 0.85
            else None,
            "country": country.code,
            "city": city.name,
            "website": f"https://{domain}" if random.random() < 0.9 else None,
            "assignee": seller(random, country),
            "tier": tier if random.random() < 0.9 else None,
            "tags": [
                tag
                for tag, likely in (
                    ("partner", 0.04),
                    ("chain", 0.5 if size > 200 and industry.name == "Hospitality" else 0.03),
                    ("late payer", 0.07),
                )
                if random.random() < likely
            ],
            "created_at": created,
            "updated_at": calendar.between(random, created, calendar.now),
        }
        made.append(Company(row, country, industry, domain))
    return made


def contacts(
    random: Random, calendar: Calendar, number: int, companies: Sequence[Company]
) -> list[Contact]:
    """Visitors and users, most of them at a company and then mostly of its country."""
    countries = Weighted(words.COUNTRIES, [c.weight for c in words.COUNTRIES])
    towns = {c.code: Weighted(c.cities, [t.weight for t in c.cities]) for c in words.COUNTRIES}
    employers = Weighted(companies, [1 + math.sqrt(c.row["size"] or 10) for c in companies])
    made: list[Contact] = []
    for n in range(1, number + 1):
        company = employers.draw(random) if random.random() < 0.72 else None
        at_home = company is not None and random.random() < 0.85
        country = company.country if company and at_home else countries.draw(random)
        city = towns[country.code].draw(random)
        user = random.random() < (0.62 if company else 0.4)
        # Half of the visitors have not said who they are.
        known = user or random.random() < 0.5
        woman = random.random() < 0.5
        first = random.choice(country.women if woman else country.men)
        last = random.choice(country.surnames)
        zeal = random.gammavariate(1.3, 0.8) if user else random.random() * 0.4
        seen_first = calendar.growing(random)
        # A third of the users have gone for good; the others were here lately.
        gone = random.random() < (0.33 if user else 0.8)
        seen_last = (
            calendar.between(random, seen_first, calendar.now)
            if gone
            else max(seen_first, calendar.days_ago(random.expovariate(1 / 18.0)))
        )
        mailbox = f"{plain(first) or 'mail'}.{plain(last) or 'box'}"
        domain = company.domain if company else random.choice(("mail.example", "post.example"))
        row: Row = {
            "external_id": f"CT-{n:05}",
            "name": f"{first} {last}" if known else None,
            "first_name": first if known else None,
            "last_name": last if known else None,
            "email": f"{mailbox}{n if n % 3 else ''}@{domain}" if known else None,
            "phone": f"{country.dial} {random.randrange(10_000, 99_999)}"
            if known and random.random() < 0.6
            else None,
            "gender": ("female" if woman else "male") if known and random.random() < 0.7 else None,
            "status": "user" if user else "visitor",
            "score": min(100, int(zeal * 22 + random.random() * 25)),
            "city": city.name,
            "region": city.region,
            "country": country.code,
            "timezone": city.timezone,
            "first_seen_at": seen_first,
            "last_seen_at": seen_last,
            "last_contacted_at": calendar.between(random, seen_first, calendar.now)
            if known and random.random() < 0.55
            else None,
            "page_views": 1 + int(zeal * random.expovariate(1 / 12.0)),
            "unsubscribed": random.random() < 0.09,
            "assignee": seller(random, country) if known and random.random() < 0.7 else None,
            "plan": _plan(random, company) if user else None,
            "birthday": _birthday(random, calendar) if known and random.random() < 0.6 else None,
            "source": random.choice(words.SOURCES),
            "company": company.row["external_id"] if company else None,
            "tags": [
                tag
                for tag, likely in (
                    ("vip", 0.25 if zeal > 2.2 else 0.01),
                    ("barista", 0.12),
                    ("decision maker", 0.16 if company else 0.0),
                    ("do not call", 0.03),
                )
                if random.random() < likely
            ]
            if known
            else [],
            "lists": [
                name
                for name, likely in (
                    ("Newsletter", 0.55),
                    ("Price list", 0.3 if company else 0.08),
                    ("Tastings", 0.15),
                )
                if random.random() < likely
            ]
            if known
            else [],
            "created_at": seen_first,
            "updated_at": seen_last,
        }
        made.append(Contact(row, country, company, zeal))
    return made


def _plan(random: Random, company: Company | None) -> str:
    size = (company.row["size"] or 10) if company else 1
    drawn = random.random() * (1.0 if size < 50 else 1.6)
    return "free" if drawn < 0.5 else "starter" if drawn < 0.8 else "team" if drawn < 1.2 else "pro"


def _birthday(random: Random, calendar: Calendar) -> dt.date:
    years = min(75.0, 20 + random.gammavariate(3.0, 6.5))
    return calendar.now.date() - dt.timedelta(days=int(years * 365.25))
