"""What the rules would decide about a contact now; stores nothing."""

from dataclasses import dataclass
import datetime as dt

from segctl.services.contact_lookup import find_contact
from segctl.services.decision import Decision, Judge
from segctl.services.decision_rules import load_rules
from segctl.store.opening import Store


@dataclass(frozen=True, slots=True)
class Tried:
    """The decision about a contact; its trace lists every rule."""

    contact: str
    contact_id: int
    decision: Decision


def try_contact(store: Store, ref: str | None, email: str | None, *, now: dt.datetime) -> Tried:
    """The decision for the contact of that id or address at `now`; NotFound, UsageError.

    The member that a group would pick is who comes next now; nobody's turn is taken.
    """
    with store.read() as session:
        rules = load_rules(session)
        contact = find_contact(session, rules.tables, ref, email)
        decision = Judge(session, rules).decide(contact.id, now, take=False, every=True)
    return Tried(contact.name, contact.id, decision)
