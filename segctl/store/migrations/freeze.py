"""Print today's schema as a migration's text: `python -m segctl.store.migrations.freeze sqlite`.

For whoever writes the next migration: freeze before and after the change, and migrate the
difference.
"""

import sys

from segctl.store.ddl import schema_statements

SEPARATOR = ";\n\n"


def frozen(dialect: str) -> str:
    """All statements, each ended by a semicolon and an empty line."""
    return "".join(
        statement.replace("%%", "%") + SEPARATOR for statement in schema_statements(dialect)
    )


if __name__ == "__main__":
    sys.stdout.write(frozen(sys.argv[1]))
