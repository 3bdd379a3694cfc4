"""Copies of what forms save by themselves, and departments that lack the same

Revision: 0009; after: 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "draft_copy",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("subject_kind", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=16), nullable=False),
        sa.Column("editing", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_draft_copy_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_copy")),
        sa.UniqueConstraint("subject_kind", "subject_id", "user_id", name=op.f("uq_draft_copy_subject_kind")),
    )
    with op.batch_alter_table("draft_copy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_draft_copy_user_id"), ["user_id"], unique=False)
    op.create_table(
        "need_support",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("need_id", sa.String(length=16), nullable=False),
        sa.Column("party", sa.String(length=16), nullable=False),
        sa.Column("organisation_id", sa.String(length=16), nullable=False),
        sa.Column("department_id", sa.String(length=16), nullable=True),
        sa.Column("user_id", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["department.id"],
            name=op.f("fk_need_support_department_id_department"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["need_id"], ["need.id"], name=op.f("fk_need_support_need_id_need"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_need_support_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_need_support_user_id_user_account"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_need_support")),
        sa.UniqueConstraint("need_id", "party", name=op.f("uq_need_support_need_id")),
    )
    with op.batch_alter_table("need_support", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_need_support_organisation_id"), ["organisation_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("need_support", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_need_support_organisation_id"))
    op.drop_table("need_support")
    with op.batch_alter_table("draft_copy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_draft_copy_user_id"))
    op.drop_table("draft_copy")
