"""The landing ledger: steps of agreed cases, needs that came of them, and what the clock has told

Revision: 0016; after: 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_state",
        sa.Column("introduction_id", sa.String(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_ledger_state_introduction_id_introduction"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("introduction_id", name=op.f("pk_ledger_state")),
    )
    op.create_table(
        "ledger_step",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("introduction_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("leg", sa.String(length=30), nullable=False),
        sa.Column("owner_organisation_id", sa.String(), nullable=True),
        sa.Column("owner_name", sa.String(length=60), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("evidence", sa.String(length=800), nullable=False),
        sa.Column("evidence_link", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.String(length=800), nullable=False),
        sa.Column("blocker", sa.String(length=800), nullable=False),
        sa.Column("blocker_kind", sa.String(length=30), nullable=True),
        sa.Column("blocked_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=True),
        sa.Column("reminded_for", sa.Date(), nullable=True),
        sa.Column("overdue_for", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_ledger_step_introduction_id_introduction"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["owner_organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ledger_step_owner_organisation_id_organisation"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["updated_by"],
            ["user_account.id"],
            name=op.f("fk_ledger_step_updated_by_user_account"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_step")),
        sa.UniqueConstraint("introduction_id", "kind", name=op.f("uq_ledger_step_introduction_id")),
    )
    with op.batch_alter_table("ledger_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_step_due_on"), ["due_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_step_introduction_id"), ["introduction_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_step_status"), ["status"], unique=False)

    op.create_table(
        "ledger_need",
        sa.Column("need_id", sa.String(), nullable=False),
        sa.Column("step_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_status", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(["need_id"], ["need.id"], name=op.f("fk_ledger_need_need_id_need"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["step_id"], ["ledger_step.id"], name=op.f("fk_ledger_need_step_id_ledger_step"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("need_id", name=op.f("pk_ledger_need")),
    )
    with op.batch_alter_table("ledger_need", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_need_step_id"), ["step_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("ledger_need", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_need_step_id"))

    op.drop_table("ledger_need")
    with op.batch_alter_table("ledger_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_step_status"))
        batch_op.drop_index(batch_op.f("ix_ledger_step_introduction_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_step_due_on"))

    op.drop_table("ledger_step")
    op.drop_table("ledger_state")
