"""${message}"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """A store that was upgraded must equal a new one; tests/store/test_migrations.py proves it."""
