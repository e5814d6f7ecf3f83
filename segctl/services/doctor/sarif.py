"""Findings as SARIF 2.1.0, for whatever shows the results of code scanning."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from segctl import __version__
from segctl.services.doctor.codes import CODES
from segctl.services.doctor.findings import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """One run of one tool. Segments have no file: their place is `segments/TYPE/NAME`."""
    used = [code for code in CODES.values() if any(each.code is code for each in findings)]
    places = {code.name: place for place, code in enumerate(used)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "segctl doctor",
                        "version": __version__,
                        "rules": [
                            {
                                "id": code.name,
                                "name": _pascal(code.name),
                                "shortDescription": {"text": code.title},
                                "fullDescription": {"text": code.explanation},
                                "help": {"text": f"{code.explanation} {code.mend}"},
                                "defaultConfiguration": {"level": code.level.value},
                            }
                            for code in used
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(each, places[each.code.name]) for each in findings],
            }
        ],
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    text = f"{finding.place}: {finding.message}"
    if finding.command:
        text += f" ({finding.command})"
    name = "/".join(filter(None, (finding.type, finding.subject))) or finding.kind
    return {
        "ruleId": finding.code.name,
        "ruleIndex": rule,
        "level": finding.level.value,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(f"{finding.kind}s/{name}", safe="/")},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [
                    {"name": finding.subject or finding.kind, "fullyQualifiedName": name}
                ],
            }
        ],
        "partialFingerprints": {"segctl/v1": finding.fingerprint},
    }


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
