"""The benchmark's segments, each twice: as a condition, and as the SQL that a careful person would
write by hand for it.

The SQL is what stands after WHERE in `SELECT id FROM <type> WHERE …`. `{member:NAME}` in it stands
for the members of another segment; everything else is plain text that both stores understand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
import datetime as dt
from itertools import count

from bench import rows


@dataclass(frozen=True, slots=True)
class BenchSegment:
    type: str
    name: str
    condition: str
    sql: str


Family = Callable[[int], tuple[str, str]]


def _quoted(values: Sequence[str], mark: str) -> str:
    return ", ".join(f"{mark}{value}{mark}" for value in values)


class Clock:
    """Turns ages into literals; `now` is the instant that both sides evaluate at."""

    def __init__(self, now: dt.datetime, postgres: bool) -> None:
        self.now = now
        self.postgres = postgres

    def ago(self, days: float) -> str:
        moment = (self.now - dt.timedelta(days=days)).astimezone(dt.UTC)
        return f"'{moment:%Y-%m-%dT%H:%M:%S.%fZ}'"

    def like(self, column: str, pattern: str) -> str:
        return f"{column} {'ILIKE' if self.postgres else 'LIKE'} '{pattern}'"

    def birthdays(self, days: int) -> str:
        wanted = [f"{self.now.date() + dt.timedelta(days=n):%m-%d}" for n in range(days + 1)]
        if "02-28" in wanted:
            wanted.append("02-29")
        part = "to_char(birthday, 'MM-DD')" if self.postgres else "substr(birthday, 6, 5)"
        return f"{part} IN ({_quoted(wanted, chr(39))})"


def _attribute_families(clock: Clock) -> list[Family]:
    """Ten kinds of conditions on a contact's own attributes; each takes 0, 1, 2, …"""

    def place(n: int) -> tuple[str, str]:
        some = [rows.COUNTRIES[(n + step) % len(rows.COUNTRIES)] for step in range(3)]
        score = 20 + 5 * n
        return (
            f"country in ({_quoted(some, chr(34))}) and score >= {score}",
            f"country IN ({_quoted(some, chr(39))}) AND score >= {score}",
        )

    def active(n: int) -> tuple[str, str]:
        days = (7, 14, 30, 45, 60, 90, 3, 1)[n % 8]
        return (
            f'status = "user" and last_seen_at in last {days} days',
            f"status = 'user' AND last_seen_at >= {clock.ago(days)}"
            f" AND last_seen_at <= {clock.ago(0)}",
        )

    def paying(n: int) -> tuple[str, str]:
        plan = rows.PLANS[n % 4]
        return (
            f'plan = "{plan}" and mrr > {20 + 15 * n} and seats between 5 and {60 + 10 * n}',
            f"plan = '{plan}' AND mrr > {20 + 15 * n} AND seats BETWEEN 5 AND {60 + 10 * n}",
        )

    def mailbox(n: int) -> tuple[str, str]:
        return (
            f'email ends with "@example.com" and not unsubscribed and email contains "{n}1"',
            f"{clock.like('email', '%@example.com')} AND unsubscribed IS NOT TRUE"
            f" AND {clock.like('email', f'%{n}1%')}",
        )

    def reader(n: int) -> tuple[str, str]:
        language = ("en", "de", "fr", "pl", "es")[n % 5]
        return (
            f'newsletter and language = "{language}" and nps >= {9 - n}',
            f"newsletter IS TRUE AND language = '{language}' AND nps >= {9 - n}",
        )

    def town(n: int) -> tuple[str, str]:
        some = rows.CITIES[n * 10 : n * 10 + 12]
        return (
            f"city in ({_quoted(some, chr(34))}) and page_views between {n} and {20 + 5 * n}",
            f"city IN ({_quoted(some, chr(39))}) AND page_views BETWEEN {n} AND {20 + 5 * n}",
        )

    def fresh(n: int) -> tuple[str, str]:
        days, source = 30 + 40 * n, rows.SOURCES[n % 5]
        return (
            f'created_at in last {days} days and (source = "{source}" or score > 60)',
            f"created_at >= {clock.ago(days)} AND created_at <= {clock.ago(0)}"
            f" AND (source = '{source}' OR score > 60)",
        )

    def tagged(n: int) -> tuple[str, str]:
        some = (rows.TAGS[n % 8], rows.TAGS[(n + 3) % 8])
        return (
            f'tags has any ({_quoted(some, chr(34))}) and country != "US"',
            "id IN (SELECT record_id FROM contact_item WHERE attribute = 'tags'"
            f" AND item IN ({_quoted(some, chr(39))}))"
            " AND (country IS NULL OR country <> 'US')",
        )

    def nobody(n: int) -> tuple[str, str]:
        return (
            f'assignee is empty and plan != "free" and score > {4 * n}'
            f' and not name starts with "{rows.FIRST[n]}"',
            f"assignee IS NULL AND (plan IS NULL OR plan <> 'free') AND score > {4 * n}"
            f" AND (name IS NULL OR NOT {clock.like('name', rows.FIRST[n] + '%')})",
        )

    def dates(n: int) -> tuple[str, str]:
        if n % 2:
            return (
                f"anniversary of birthday in next {7 + n} days and unsubscribed is false",
                f"{clock.birthdays(7 + n)} AND unsubscribed IS FALSE",
            )
        return (
            f"trial_ends_at in next {7 + n} days or last_contacted_at more than {200 + n} days ago",
            f"(trial_ends_at >= {clock.ago(0)} AND trial_ends_at <= {clock.ago(-7 - n)}"
            f" OR last_contacted_at < {clock.ago(200 + n)})",
        )

    return [place, active, paying, mailbox, reader, town, fresh, tagged, nobody, dates]


def _related(clock: Clock) -> list[tuple[str, str, str]]:
    """(type, condition, SQL) of the twenty that look at events, companies and other segments."""

    def happened(name: str, days: int, more: str = "") -> str:
        return (
            f"SELECT contact_id FROM event WHERE name = '{name}'{more}"
            f" AND occurred_at >= {clock.ago(days)} AND occurred_at <= {clock.ago(0)}"
        )

    amount = " AND CAST(attributes->>'amount' AS DOUBLE PRECISION) > {}"
    company = "company_id IN (SELECT id FROM company WHERE {})"
    return [
        ("company", 'industry = "Software" and size > 50', "industry = 'Software' AND size > 50"),
        (
            "contact",
            'event "purchase" at least 2 times in last 90 days',
            f"id IN ({happened('purchase', 90)} GROUP BY contact_id HAVING count(*) >= 2)",
        ),
        (
            "contact",
            'company.industry = "Software" and score > 20',
            company.format("industry = 'Software'") + " AND score > 20",
        ),
        (
            "contact",
            'company in segment "Segment 5" and status = "user"',
            "company_id IN ({member:Segment 5}) AND status = 'user'",
        ),
        (
            "contact",
            'no event "login" in last 60 days and status = "user"',
            "status = 'user' AND NOT EXISTS (SELECT 1 FROM event e WHERE e.contact_id = contact.id"
            f" AND e.name = 'login' AND e.occurred_at >= {clock.ago(60)}"
            f" AND e.occurred_at <= {clock.ago(0)})",
        ),
        (
            "contact",
            'company.size > 200 and company.country in ("DE", "PL")',
            company.format("size > 200 AND country IN ('DE', 'PL')"),
        ),
        (
            "contact",
            'in segment "Segment 2" and not in segment "Segment 1"',
            "id IN ({member:Segment 2})"
            " AND NOT EXISTS ({member:Segment 1} AND record_id = contact.id)",
        ),
        (
            "contact",
            'event "purchase" where amount > 150 in last 180 days',
            f"id IN ({happened('purchase', 180, amount.format(150))})",
        ),
        (
            "contact",
            "company.revenue > 10000000 and newsletter",
            company.format("revenue > 10000000") + " AND newsletter IS TRUE",
        ),
        (
            "contact",
            'last event "login" more than 30 days ago',
            "(SELECT max(occurred_at) FROM event e WHERE e.contact_id = contact.id"
            f" AND e.name = 'login') < {clock.ago(30)}",
        ),
        (
            "contact",
            'in segment "Segment 10" and country = "PL"',
            "id IN ({member:Segment 10}) AND country = 'PL'",
        ),
        (
            "contact",
            'event "newsletter opened" at least 3 times in last 1 year',
            f"id IN ({happened('newsletter opened', 365)} GROUP BY contact_id"
            " HAVING count(*) >= 3)",
        ),
        (
            "contact",
            'company is empty and plan in ("team", "pro")',
            "company_id IS NULL AND plan IN ('team', 'pro')",
        ),
        (
            "contact",
            'event "page view" at least 5 times in last 30 days',
            f"id IN ({happened('page view', 30)} GROUP BY contact_id HAVING count(*) >= 5)",
        ),
        (
            "contact",
            'in segment "Segment 3" or in segment "Segment 15"',
            "(id IN ({member:Segment 3}) OR id IN ({member:Segment 15}))",
        ),
        (
            "contact",
            'company.industry != "Retail" and company.size < 10',
            company.format("(industry IS NULL OR industry <> 'Retail') AND size < 10"),
        ),
        (
            "contact",
            'event "trial started" in last 14 days and no event "purchase" in last 14 days',
            f"id IN ({happened('trial started', 14)}) AND NOT EXISTS"
            f" ({happened('purchase', 14)} AND contact_id = contact.id)",
        ),
        (
            "contact",
            'first event "purchase" in last 30 days',
            "(SELECT min(occurred_at) FROM event e WHERE e.contact_id = contact.id"
            f" AND e.name = 'purchase') BETWEEN {clock.ago(30)} AND {clock.ago(0)}",
        ),
        (
            "contact",
            'not in segment "Segment 12" and score > 70',
            "NOT EXISTS ({member:Segment 12} AND record_id = contact.id) AND score > 70",
        ),
        (
            "contact",
            'event "login" at most 1 times in last 7 days and tags has "vip"',
            "id IN (SELECT record_id FROM contact_item WHERE attribute = 'tags' AND item = 'vip')"
            f" AND NOT EXISTS ({happened('login', 7)} AND contact_id = contact.id"
            " GROUP BY contact_id HAVING count(*) >= 2)",
        ),
    ]


def segments(number: int, clock: Clock) -> Iterator[BenchSegment]:
    """The first `number` of an endless list: each fifth looks beyond the contact itself."""
    families = _attribute_families(clock)
    related = _related(clock)
    own = count()
    for n in range(1, number + 1):
        if n % 5 == 0:
            type, condition, sql = related[(n // 5 - 1) % len(related)]
        else:
            turn = next(own)
            type = "contact"
            condition, sql = families[turn % 10](turn // 10 % 8)
        yield BenchSegment(type, f"Segment {n}", condition, sql)
