"""The short lists of needs, and what brokers have put off or handed to a colleague

Revision: 0019; after: 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shortlist_cursor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("ranker", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortlist_cursor")),
    )
    op.create_table(
        "desk_mark",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("deferred_by", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("handed_by", sa.String(), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["deferred_by"],
            ["user_account.id"],
            name=op.f("fk_desk_mark_deferred_by_user_account"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["handed_by"], ["user_account.id"], name=op.f("fk_desk_mark_handed_by_user_account"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_desk_mark_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_desk_mark_user_id_user_account"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_mark")),
        sa.UniqueConstraint("organisation_id", "kind", "subject_id", name=op.f("uq_desk_mark_organisation_id")),
    )
    with op.batch_alter_table("desk_mark", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_desk_mark_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_desk_mark_user_id"), ["user_id"], unique=False)

    op.create_table(
        "shortlist",
        sa.Column("need_id", sa.String(length=16), nullable=False),
        sa.Column("need_version", sa.Integer(), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("best", sa.String(length=30), nullable=True),
        sa.Column("best_since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["need_id"], ["need.id"], name=op.f("fk_shortlist_need_id_need"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("need_id", name=op.f("pk_shortlist")),
    )
    with op.batch_alter_table("shortlist", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shortlist_best"), ["best"], unique=False)
        batch_op.create_index(batch_op.f("ix_shortlist_wanted_at"), ["wanted_at"], unique=False)

    op.create_table(
        "shortlisted",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("need_id", sa.String(length=16), nullable=False),
        sa.Column("capability_id", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("grade", sa.String(length=30), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("fails", sa.Boolean(), nullable=False),
        sa.Column("ranker", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["capability_id"],
            ["capability.id"],
            name=op.f("fk_shortlisted_capability_id_capability"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["need_id"], ["need.id"], name=op.f("fk_shortlisted_need_id_need"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortlisted")),
        sa.UniqueConstraint("need_id", "capability_id", name=op.f("uq_shortlisted_need_id")),
    )
    with op.batch_alter_table("shortlisted", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shortlisted_capability_id"), ["capability_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shortlisted_grade"), ["grade"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("shortlisted", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shortlisted_grade"))
        batch_op.drop_index(batch_op.f("ix_shortlisted_capability_id"))

    op.drop_table("shortlisted")
    with op.batch_alter_table("shortlist", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shortlist_wanted_at"))
        batch_op.drop_index(batch_op.f("ix_shortlist_best"))

    op.drop_table("shortlist")
    with op.batch_alter_table("desk_mark", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_desk_mark_user_id"))
        batch_op.drop_index(batch_op.f("ix_desk_mark_at"))

    op.drop_table("desk_mark")
    op.drop_table("shortlist_cursor")
