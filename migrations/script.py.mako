"""${message}."""

from __future__ import annotations

from alembic import op

from sqlembed.schema.functions import frozen

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "op.execute(frozen(__file__, \"upgrade\"))"}


def downgrade() -> None:
    ${downgrades if downgrades else "op.execute(frozen(__file__, \"downgrade\"))"}
