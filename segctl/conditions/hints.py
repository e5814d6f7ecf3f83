"""What people write out of habit, and how this language says it.

Tables of other languages' words and symbols; the reader asks them only once a text has failed.
"""

from collections.abc import Iterable
import re

from segctl.catalog import did_you_mean
from segctl.conditions.tokens import Kind, Token

_LONGEST_WORD = 40
"""Comparing names costs the product of their lengths, and nobody means a longer one."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """`did you mean "x"?`, or None."""
    return did_you_mean(word, known) if len(word) <= _LONGEST_WORD else None


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """The nearest known word itself."""
    hint = nearest(word, known)
    return hint.split('"')[1] if hint else None


def short(text: str, longest: int = 40) -> str:
    """A text for a message: one line, no control characters, not too long."""
    safe = "".join(c if c.isprintable() else "\ufffd" for c in text[: longest + 1])
    return safe if len(safe) <= longest else safe[: longest - 1] + "…"


def describe(token: Token) -> str:
    """`"word"`, `the text "x"`, `the end of the condition`: a token inside a sentence."""
    match token.kind:
        case Kind.END:
            return "the end of the condition"
        case Kind.TEXT:
            return f"the text {short(token.text)}"
        case Kind.NUMBER:
            return f"the number {short(token.text)}"
        case Kind.MOMENT:
            return f"the date {short(token.text)}"
        case _:
            return f'"{short(token.text)}"'


# ---------------------------------------------------------------- symbols

_SYMBOLS = {
    "==": "write =",
    "===": "write =",
    "!==": "write !=",
    "<>": "write !=",
    "=>": "write >=",
    "=<": "write <=",
    "<=>": "write =",
    "≥": "write >=",
    "≤": "write <=",
    "≠": "write !=",
    "&&": "write and",
    "&": "write and",
    "||": "write or",
    "|": "write or",
    "!": "write not",
    "~": 'write matches "…"',
    "=~": 'write matches "…"',
    "!~": 'write not matches "…"',
    "−": "write a plain minus sign, -",
    "–": "write a plain minus sign, -",
    "—": "write a plain minus sign, -",
    "\u201c": 'write straight quotes, "…"',
    "\u201d": 'write straight quotes, "…"',
    "\u201e": 'write straight quotes, "…"',
    "\u00ab": 'write straight quotes, "…"',
    "\u00bb": 'write straight quotes, "…"',
    "\u2018": "write straight quotes, '…'",
    "\u2019": "write straight quotes, '…'",
    "`": "names are written without quotes, texts with straight ones",
    ";": "a segment has one condition; join two with and or or",
    "[": "a list stands in round brackets: (…)",
    "]": "a list stands in round brackets: (…)",
    "{": "a list stands in round brackets: (…)",
    "}": "a list stands in round brackets: (…)",
    "*": "there is no arithmetic; all records are everything",
    "/": "there is no arithmetic; a date is written 2026-01-31",
    "->": "nested values are flattened by the import: refer to the attribute it made",
    "->>": "nested values are flattened by the import: refer to the attribute it made",
    "::": "an attribute has its type already; leave the cast out",
    "%": "write the number alone; in texts, contains and starts with need no wildcard",
    "$": "write the number alone",
    "€": "write the number alone",
    "£": "write the number alone",
    "@": "a text stands in quotes",
    "?": "a condition has no parameters; write the value",
    ":": "a condition has no parameters; write the value",
    "^": 'patterns stand in quotes after matches: matches "^…"',
    "\\": "a text stands in quotes",
}
_SPACES = "\u00a0\u2007\u202f\u2009\u3000\ufeff\u200b"
_DATE_PARTS = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")
_EXPONENT = re.compile(r"(\d+)[eE](\d{1,2})")


def bad_token(token: Token) -> tuple[str, str | None]:
    """The message and hint for a token that no rule of the language can use."""
    text = token.text
    if text[0] in "\"'":
        return (
            "the text that starts here is never closed",
            f"end it with {text[0]}; inside it, write \\{text[0]} for the quote itself",
        )
    if text[0].isascii() and (text[0].isdigit() or (text[0] == "." and len(text) > 1)):
        return _bad_number(text)
    if text in _SYMBOLS:
        return f'"{text}" is not part of the language', _SYMBOLS[text]
    if text in _SPACES:
        return f"this looks like a space but is U+{ord(text):04X}", "write a plain space"
    if text.isalpha():
        return (
            f'"{text}" cannot be part of a name: names are a-z, 0-9 and _',
            "a text stands in quotes",
        )
    shown = f'"{text}"' if text.isprintable() else f"the character U+{ord(text[0]):04X}"
    return f"{shown} is not part of the language", None


def _bad_number(text: str) -> tuple[str, str | None]:
    parts = _DATE_PARTS.match(text)
    if parts and ("." not in parts[0] or 4 in (len(parts[1]), len(parts[3]))):
        return f'"{short(text)}" is not a date', _date_hint(parts[1], parts[2], parts[3], text)
    if exponent := _EXPONENT.fullmatch(text):
        whole = exponent[1].lstrip("0") + "0" * int(exponent[2])
        written = f"write {whole}" if 0 < len(whole) <= 20 else None
        return "numbers have no exponent", written or "write all digits"
    if text.startswith("."):
        return "a number starts with a digit", f"write 0{short(text)}"
    if text.endswith(".") and text[:-1].isdigit():
        return "a number ends with a digit", f"write {short(text[:-1])}"
    if "_" in text and text.replace("_", "").isdigit():
        return "numbers have no separators", f"write {short(text.replace('_', ''))}"
    digits = re.match(r"\d+", text)
    rest = text[digits.end() :] if digits else ""
    if digits and (unit := _SHORT_UNITS.get(rest.lower())):
        return f'"{short(text)}" is not a number', f"write {short(digits[0])} {unit}"
    if text.count(".") >= 2:
        return (
            f'"{short(text)}" is not a number',
            "versions are texts: write it in quotes, or import the parts as numbers",
        )
    return (
        f'"{short(text)}" is not a number',
        "numbers are written like 12 or -3.5, dates like 2026-01-31, texts in quotes",
    )


def _date_hint(first: str, second: str, third: str, text: str) -> str:
    if len(first) == 4:
        year, month, day = first, second, third
    else:
        # Day and month cannot be told apart unless one is above 12.
        year, month, day = third, second, first
        if int(second) > 12:
            month, day = first, second
        elif int(first) <= 12:
            return "a date is written year-month-day: 2026-01-31"
    if len(year) != 4 or not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return "a date is written 2026-01-31, a time 2026-01-31T10:00 or 2026-01-31T10:00:00Z"
    time = "T" in text.upper() or ":" in text
    return f"write {year}-{int(month):02d}-{int(day):02d}" + ("T10:00" if time else "")


_SHORT_UNITS = {
    short_form: unit
    for unit, short_forms in {
        "seconds": "s sec secs",
        "minutes": "min mins",
        "hours": "h hr hrs hour hours",
        "days": "d day days",
        "weeks": "w wk wks week weeks",
        "months": "m mo mon month months",
        "years": "y yr yrs year years",
    }.items()
    for short_form in short_forms.split()
}


def unit_hint(word: str, units: Iterable[str]) -> str:
    """For a word where a unit of time is expected."""
    if unit := _SHORT_UNITS.get(word.lower()):
        return f"write {unit}"
    found = nearest(word, units)
    return found or "the units are seconds, minutes, hours, days, weeks, months, quarters and years"


# ---------------------------------------------------------------- words

_LIKE = frozenset(["like", "ilike"])

_OPERATORS = {
    word: hint
    for hint, words in {
        "write =": "equals equal eq equalto",
        "write !=": "ne neq notequals differs",
        'write starts with "…"': "startswith starts_with begins beginswith begins_with prefix",
        'write ends with "…"': "endswith ends_with finishes suffix",
        'write matches "…"': "regex regexp rlike match matching similar glob",
        'write contains "…"': "contain containing include includes including substring",
        "write >": "greater gt larger bigger higher above exceeds over",
        "write <": "smaller lt lower below under fewer",
        "write >=": "gte ge minimum",
        "write <=": "lte le maximum",
        'write has "…", has any (…) or has all (…)': "having any_of all_of hasany hasall",
        "write is set": "exists present known notnull",
        "write is empty": "null isnull none nil missing absent blank unknown",
        "write in last 30 days or in next 30 days": "within",
        "write in this month, or between 2026-01-01 and 2026-01-31": "during",
        "write >= 2026-01-31": "since from starting",
        "write <= 2026-01-31": "until till through upto",
        "write more than 30 days ago": "older",
        "write less than 30 days ago": "newer younger",
        "write = with the value": "exactly",
        "a condition is about the record as it is now; for its last change use"
        " updated_at": "was were changed became becomes has_been been",
        "sequences of events cannot be asked for; compare the first or last one:"
        ' last event "…" in last 7 days': "then followed followedby preceded",
        "write any … (…) for related records": "where whose",
        "write (a and not b) or (b and not a)": "xor",
        "write and": "but also plus",
        "write or": "else otherwise",
        "leave it out: folding is written ignoring case, after the value": "collate",
    }.items()
    for word in words.split()
}

_LEADING = {
    word: hint
    for hint, words in {
        'write no … (not …): "all deals are won" is no deals (not status = "won")': "all every"
        " each",
        "write any … (…)": "some exists exist one having",
        "write no … (…)": "none without never zero nobody nothing",
        "leave it out: a condition starts with an attribute": "if when select filter the a an"
        " contacts companies with find get all_records",
        'write event "…" for the events of a contact': "events did performed triggered",
        "a value stands on the right side: attribute operator value": "today now yesterday"
        " tomorrow null",
        'write in segment "…"': "segment member members memberof",
    }.items()
    for word in words.split()
}

OPERATOR_WORDS = (
    *("is", "in", "not", "contains", "starts with", "ends with", "matches", "has", "between"),
    *("before", "after", "on", "more than", "less than", "and", "or", "ignoring case"),
)


def operator_hint(operand: str, word: Token, following: Token) -> str | None:
    """For a word or value where an operator is expected. `following` is the token after it."""
    leading = _LEADING.get(operand.lower())
    if word.kind is not Kind.WORD:
        return (
            leading or f"write an operator between the two: {short(operand)} = {short(word.text)}"
        )
    if word.word in _LIKE:
        return like_hint(following)
    if operand.lower() == "event":
        return f'an event\'s name stands in quotes: event "{short(word.text)}"'
    if leading:
        return leading
    if word.word == "at" and following.word in ("least", "most"):
        return f"write {'>=' if following.word == 'least' else '<='}"
    return _OPERATORS.get(word.word) or nearest(word.text, OPERATOR_WORDS)


def rest_hint(previous: Token, token: Token, following: Token) -> str | None:
    """For a token after a whole condition that neither joins another nor ends it."""
    if previous.kind is Kind.MOMENT and token.kind is Kind.NUMBER:
        return f"a time is joined to its date by T: {previous.text[:10]}T10:00"
    if token.word in ("+", "-"):
        return "there is no arithmetic but for points in time: today - 30 days"
    if token.word == "not":
        return "join two conditions with and or or: … and not …"
    if token.kind is not Kind.WORD:
        return None
    joined = nearest(token.text, ("and", "or")) or operator_hint("", token, following)
    return joined or "join two conditions with and or or"


def like_hint(following: Token) -> str:
    """`like "a%"` in the words of this language."""
    if following.kind is not Kind.TEXT:
        return "write contains, starts with, ends with or matches"
    quote, inner = following.text[0], following.text[1:-1]
    bare = inner.strip("%")
    if not bare or "%" in bare or "_" in bare:
        return "write contains, starts with, ends with or matches"
    operator = {
        (True, True): "contains",
        (False, True): "starts with",
        (True, False): "ends with",
        (False, False): "=",
    }[inner.startswith("%"), inner.endswith("%")]
    return f"write {operator} {quote}{short(bare)}{quote}"


def start_hint(token: Token) -> str | None:
    """For a token where a condition must start."""
    if token.kind is Kind.TEXT:
        inner = token.text[1:-1]
        if re.fullmatch(r"[a-z][a-z0-9_.]*", inner):
            return f"names are written without quotes: {short(inner)}"
        return 'a text stands on the right side: name = "…"'
    if token.kind in (Kind.NUMBER, Kind.MOMENT):
        return "a value stands on the right side: attribute operator value"
    return {
        "true": "all records are everything",
        "false": "no record is not everything",
        "where": "leave it out: a condition starts with an attribute",
        "has": "write the attribute before it: tags has …",
        "is": "write the attribute before it: company is set",
        "between": "write the attribute before it: score between 1 and 5",
        "*": "all records are everything",
        ")": "this bracket closes nothing",
    }.get(token.word)


_AFTER_IN = {
    word: hint
    for hint, words in {
        "write in last 30 days, without the": "the",
        "write in last": "past previous preceding prior",
        "write in next": "coming following upcoming",
        "write in this": "current",
        'write in segment "…"': "segments segmet group list audience",
        "there are no fiscal years; write between 2026-04-01 and 2027-03-31": "fiscal",
        "write between 2026-01-01 and 2026-01-31": "january february march april may june july"
        " august september october november december jan feb mar apr jun jul aug sep oct nov dec"
        " range",
    }.items()
    for word in words.split()
}


def in_hint(token: Token) -> str:
    """For what follows `in` and is neither a list, a period nor a segment."""
    if token.kind is Kind.MOMENT or token.word in ("today", "yesterday", "tomorrow"):
        return f"write on {short(token.text)}"
    if token.kind is Kind.TEXT:
        text = short(token.text)
        return f'write in ({text}) for a list, in segment "…" for a segment'
    if token.kind is Kind.NUMBER and len(token.text) == 4:
        return f"write between {token.text}-01-01 and {token.text}-12-31"
    if token.kind is Kind.NUMBER:
        return "write in last, in next, or a list in brackets"
    found = _AFTER_IN.get(token.word) or nearest(token.text, ("last", "next", "this", "segment"))
    return found or "write in (…), in last 30 days, in this month or in segment"


def is_hint(operand: str, token: Token, negated: bool) -> str:
    """For what follows `is` and is no state."""
    if token.word in ("null", "none", "nil", "missing", "blank", "undefined", "unknown"):
        return "write is set" if negated else "write is empty"
    if token.kind in (Kind.TEXT, Kind.NUMBER, Kind.MOMENT):
        return f"write {short(operand)} {'!=' if negated else '='} {short(token.text)}"
    if token.word in ("in", "between", "before", "after", "on", "more", "less"):
        return f"leave out is: {short(operand)} {'not ' if negated else ''}{token.word} …"
    found = _OPERATORS.get(token.word) or nearest(token.text, ("set", "empty", "true", "false"))
    return found or "write is set, is empty, is true or is false"
