"""The schema as first released."""

from __future__ import annotations

from alembic import op

from sqlembed.schema.functions import frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(frozen(__file__, "tables"))
    op.execute(frozen(__file__, "functions"))


def downgrade() -> None:
    op.execute(frozen(__file__, "downgrade"))
