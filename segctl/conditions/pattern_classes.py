"""The classes and escapes of a `matches` pattern, all ASCII."""

from segctl.conditions.pattern_tree import Ranges, union


def _ascii(members: str) -> Ranges:
    return union([(ord(character), ord(character)) for character in members])


_DIGIT: Ranges = ((0x30, 0x39),)
_UPPER: Ranges = ((0x41, 0x5A),)
_LOWER: Ranges = ((0x61, 0x7A),)
_ALPHA = union([*_UPPER, *_LOWER])
_ALNUM = union([*_ALPHA, *_DIGIT])
_WORD = union([*_ALNUM, (0x5F, 0x5F)])
_SPACE = _ascii(" \t\n\r\f\v")
NAMED: dict[str, Ranges] = {
    "alnum": _ALNUM,
    "alpha": _ALPHA,
    "blank": _ascii(" \t"),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": _DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": _LOWER,
    "print": ((0x20, 0x7E),),
    "punct": _ascii("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "space": _SPACE,
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": union([*_DIGIT, (0x41, 0x46), (0x61, 0x66)]),
}
CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
PUNCTUATION = frozenset(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

REFUSED_ESCAPES = {
    "A": ("there is no \\A", "write ^, which is always the start of the whole text"),
    "Z": ("there is no \\Z", "write $, which is always the end of the whole text"),
    "z": ("there is no \\z", "write $, which is always the end of the whole text"),
    "B": ("there is no \\B", "only \\b, the word boundary"),
    "p": ("classes of Unicode are not supported", "write a class like [[:alpha:]] or [a-zà-ÿ]"),
    "P": ("classes of Unicode are not supported", "write a class like [^[:alpha:]]"),
    "u": ("there is no \\u", "write the character itself"),
    "U": ("there is no \\U", "write the character itself"),
    "x": ("there is no \\x", "write the character itself"),
    "c": ("there is no \\c", "write the character itself"),
    "y": ("there is no \\y", "write \\b for a word boundary"),
    "m": ("there is no \\m", "write \\b for a word boundary"),
    "M": ("there is no \\M", "write \\b for a word boundary"),
    "h": ("there is no \\h", "write [ \\t]"),
    "R": ("there is no \\R", "write \\r?\\n"),
    "Q": ("there is no \\Q", "write a backslash before each special character"),
}
