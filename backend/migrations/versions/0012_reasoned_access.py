"""Reasoned access of administrators to briefs

Revision: 0012; after: 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reasoned_access",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("subject_kind", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=16), nullable=True),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_reasoned_access_user_id_user_account"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reasoned_access")),
    )
    with op.batch_alter_table("reasoned_access", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reasoned_access_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reasoned_access_user_id"), ["user_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("reasoned_access", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reasoned_access_user_id"))
        batch_op.drop_index(batch_op.f("ix_reasoned_access_subject_id"))
    op.drop_table("reasoned_access")
