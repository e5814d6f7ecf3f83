"""What happens in the demo workspace: deals, tasks, tickets and events (see demo_data.py)."""

from collections.abc import Iterator, Sequence
import datetime as dt
import math
from random import Random

from segctl.services import demo_words as words
from segctl.services.demo_data import (
    SUPPORTERS,
    Calendar,
    Company,
    Contact,
    Row,
    Weighted,
    seller,
)


def _shelf(products: Sequence[Row]) -> Weighted[Row]:
    """Products by how often they are bought."""
    appeal = {goods.category: goods.appeal for goods in words.GOODS}
    return Weighted(
        products,
        [appeal[p["category"]] * (3 if "bestseller" in p["tags"] else 1) for p in products],
    )


def deals(
    random: Random,
    calendar: Calendar,
    number: int,
    companies: Sequence[Company],
    contacts: Sequence[Contact],
    products: Sequence[Row],
) -> list[Row]:
    """Deals move through the stages with age; most are decided after three months."""
    staff: dict[str, list[Contact]] = {}
    for contact in contacts:
        if contact.company and contact.row["name"]:
            staff.setdefault(contact.company.row["external_id"], []).append(contact)
    buyers = Weighted(
        companies, [c.industry.thirst * (1 + math.sqrt(c.row["size"] or 10)) for c in companies]
    )
    shelf = _shelf(products)
    rows: list[Row] = []
    for n in range(1, number + 1):
        company = buyers.draw(random)
        people = staff.get(company.row["external_id"])
        person = random.choice(people) if people and random.random() < 0.9 else None
        begun = calendar.busy(random, calendar.days_ago(730), calendar.now)
        age = (calendar.now - begun).total_seconds() / 86_400
        length = 10 + random.gammavariate(2.0, 28.0)
        renewal = random.random() < 0.3
        bought = {
            p["external_id"]: p
            for p in (shelf.draw(random) for _ in range(random.choice((1, 1, 2, 2, 3, 4))))
        }
        value = sum(p["price"] * random.choice((1, 1, 2, 4, 10)) for p in bought.values())
        value = round(value * (1 + math.log1p(company.row["size"] or 10)) / 2, 2)
        row: Row = {
            "external_id": f"D-{n:05}",
            "name": f"{company.row['name']}: {next(iter(bought.values()))['name']}",
            "pipeline": "Renewal" if renewal else "New business",
            "value": value,
            "currency": company.country.currency,
            "assignee": company.row["assignee"],
            "contact": person.row["external_id"] if person else None,
            "company": company.row["external_id"],
            "products": list(bought),
            "competitors": [r for r in words.RIVALS if random.random() < 0.13],
            "tags": [
                tag
                for tag, likely in (("rush", 0.06), ("discount", 0.18), ("pilot", 0.08))
                if random.random() < likely
            ],
            "created_at": begun,
            "expected_close_date": (begun + dt.timedelta(days=length * 1.1)).date(),
            "won_at": None,
            "lost_at": None,
            "loss_reason": None,
        }
        row |= _outcome(random, calendar, begun, age, length, 0.66 if renewal else 0.42)
        if row["status"] == "lost" and not row["competitors"] and row["loss_reason"] == "rival":
            row["competitors"] = [random.choice(words.RIVALS)]
        rows.append(row)
    return rows


def _outcome(
    random: Random,
    calendar: Calendar,
    begun: dt.datetime,
    age: float,
    length: float,
    chance: float,
) -> Row:
    """Status, stage, probability and the dates that go with them."""
    if age > length and random.random() < 0.93:
        decided = begun + dt.timedelta(seconds=int(length * 86_400))
        drawn = random.random()
        if drawn < chance:
            return {
                "status": "won",
                "stage": "Closed",
                "probability": 1.0,
                "won_at": decided,
                "updated_at": decided,
            }
        if drawn < 0.9:
            return {
                "status": "lost",
                "stage": "Closed",
                "probability": 0.0,
                "lost_at": decided,
                "loss_reason": random.choice(words.LOSS_REASONS),
                "updated_at": decided,
            }
        status = "abandoned" if drawn < 0.96 else "archived"
        return {"status": status, "stage": "Closed", "probability": 0.0, "updated_at": decided}
    step = min(len(words.DEAL_STAGES) - 1, int(age / length * 4 * random.uniform(0.6, 1.2)))
    stage, probability = words.DEAL_STAGES[step]
    return {
        "status": "in_progress",
        "stage": stage,
        "probability": probability,
        # One in five is left lying.
        "updated_at": calendar.between(random, begun, calendar.now)
        if random.random() < 0.2
        else max(begun, calendar.days_ago(random.expovariate(1 / 8.0))),
    }


def tasks(
    random: Random,
    calendar: Calendar,
    number: int,
    contacts: Sequence[Contact],
    deals: Sequence[Row],
) -> list[Row]:
    """Most tasks are about a deal; what was due is done, but for a tail that is overdue."""
    open_deals = [deal for deal in deals if deal["status"] == "in_progress"] or list(deals)
    known = [contact for contact in contacts if contact.row["name"]]
    kinds = Weighted(words.TASK_KINDS, [5, 4, 2, 1, 4])
    rows: list[Row] = []
    for n in range(1, number + 1):
        kind, minutes, titles = kinds.draw(random)
        row: Row = {"external_id": f"T-{n:05}", "name": random.choice(titles), "kind": kind}
        if deals and random.random() < 0.6:
            deal = random.choice(open_deals if random.random() < 0.4 else deals)
            row |= {"deal": deal["external_id"], "company": deal["company"]}
            row |= {"contact": deal["contact"], "assignee": deal["assignee"]}
        else:
            person = random.choice(known)
            row |= {"deal": None, "contact": person.row["external_id"]}
            row["company"] = person.row["company"]
            row["assignee"] = person.row["assignee"] or seller(random, person.country)
        due = calendar.busy(random, calendar.days_ago(365), calendar.days_ago(-45))
        late = (calendar.now - due).total_seconds() / 86_400
        created = min(due, calendar.now) - dt.timedelta(days=random.expovariate(1 / 9.0))
        created = created.replace(microsecond=0)
        done = random.random() < (0.84 + min(late, 60) / 400 if late > 0 else 0.05)
        done_at = (
            min(calendar.now, max(created, due + dt.timedelta(hours=round(random.gauss(-6, 30)))))
            if done
            else None
        )
        row |= {
            "due_at": due,
            "duration_minutes": minutes if random.random() < 0.8 else None,
            "done": done,
            "done_at": done_at,
            "tags": ["waiting"] if not done and random.random() < 0.1 else [],
            "created_at": created,
            "updated_at": done_at or created,
        }
        rows.append(row)
    return rows


def tickets(
    random: Random,
    calendar: Calendar,
    number: int,
    contacts: Sequence[Contact],
    products: Sequence[Row],
) -> list[Row]:
    """Tickets of users; the longer one took, the less satisfied they are."""
    users = [c for c in contacts if c.row["status"] == "user"] or list(contacts)
    askers = Weighted(users, [0.2 + c.zeal for c in users])
    subjects = Weighted(words.TICKET_SUBJECTS, [4, 1, 9, 5])
    shelf = _shelf(products)
    rows: list[Row] = []
    for n in range(1, number + 1):
        asker = askers.draw(random)
        priority, titles = subjects.draw(random)
        opened = calendar.busy(random, asker.row["created_at"], calendar.now)
        days = random.gammavariate(1.2, 4.0) * (0.4 if priority in ("high", "urgent") else 1.0)
        days = days + 25 if random.random() < 0.01 else days
        closed = opened + dt.timedelta(seconds=int(days * 86_400))
        status = "active"
        if closed <= calendar.now:
            status = "archived" if calendar.now - closed > dt.timedelta(days=400) else "closed"
        elif random.random() < 0.06:
            status = "draft"
        is_closed = status in ("closed", "archived")
        mood = min(5, max(1, round(random.gauss(4.9 - days / 4, 0.8))))
        within = {"urgent": 1, "high": 3, "normal": 7, "low": 14}[priority]
        rows.append(
            {
                "external_id": f"TK-{n:05}",
                "name": random.choice(titles),
                "status": status,
                "priority": priority,
                "channel": random.choice(words.CHANNELS),
                "due_at": opened + dt.timedelta(days=within),
                "assignee": random.choice(SUPPORTERS) if random.random() < 0.95 else None,
                "contact": asker.row["external_id"],
                "company": asker.row["company"],
                "product": shelf.draw(random)["external_id"] if random.random() < 0.8 else None,
                "satisfaction": float(mood) if is_closed and random.random() < 0.6 else None,
                "tags": ["escalated"] if days > 9 and random.random() < 0.5 else [],
                "created_at": opened,
                "updated_at": closed if is_closed else opened,
                "closed_at": closed if is_closed else None,
            }
        )
    return rows


def events(
    random: Random, calendar: Calendar, contacts: Sequence[Contact], products: Sequence[Row]
) -> Iterator[Row]:
    """What contacts did between the first and the last time they were seen."""
    shelf = _shelf([p for p in products if p["category"] != "Service plans"])
    number = 0

    def event(contact: Contact, name: str, when: dt.datetime, **more: object) -> Row:
        nonlocal number
        number += 1
        return {
            "external_id": f"E-{number:06}",
            "contact": contact.row["external_id"],
            "name": name,
            "occurred_at": when,
            "product": more.pop("product", None),
            "attributes": more,
        }

    for contact in contacts:
        low, high = contact.row["first_seen_at"], contact.row["last_seen_at"]
        for _ in range(min(6, 1 + contact.row["page_views"] // 12)):
            yield event(
                contact,
                "page view",
                calendar.between(random, low, high),
                path=random.choice(("/", "/beans", "/machines", "/prices", "/help")),
            )
        if contact.row["status"] == "user":
            for _ in range(int(contact.zeal * 2)):
                yield event(
                    contact,
                    "login",
                    calendar.between(random, low, high),
                    device=random.choice(("phone", "phone", "laptop", "tablet")),
                )
            yield event(contact, "login", high, device="laptop")
            for _ in range(int(random.expovariate(1 / (0.2 + contact.zeal)))):
                product = shelf.draw(random)
                quantity = random.choice((1, 1, 1, 2, 3))
                yield event(
                    contact,
                    "purchase",
                    calendar.busy(random, low, high),
                    amount=round(product["price"] * quantity, 2),
                    currency=contact.country.currency,
                    quantity=quantity,
                    product=product["external_id"],
                )
        if "Newsletter" in contact.row["lists"]:
            for _ in range(random.randrange(3)):
                yield event(
                    contact,
                    "newsletter opened",
                    calendar.between(random, low, high),
                    issue=random.choice(("spring", "summer", "autumn", "winter")),
                )
