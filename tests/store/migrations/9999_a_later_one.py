"""A migration as later ones will be: it adds, changes and drops columns of tables full of rows."""

from alembic import op
import sqlalchemy as sa

from segctl.store.migrations.batch import altered

revision = "9999"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE contact RENAME COLUMN gender TO sex")
    with altered("contact") as contact:
        contact.add_column(sa.Column("nickname", sa.Text()))
        contact.drop_column("region")
    with altered("contact_item") as item:
        item.add_column(sa.Column("weight", sa.Integer()))
    with altered("event") as event:
        event.create_index("event_occurred_at", ["occurred_at"])
    op.create_table("note", sa.Column("id", sa.Integer(), primary_key=True))
