"""Calls for responses: criteria, responses, reviews and scores

Revision: 0014; after: 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "response_call",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("need_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("open_key", sa.String(length=16), nullable=True),
        sa.Column("terms", sa.String(length=4000), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("outcome", sa.String(length=1000), nullable=False),
        sa.Column("is_proposed", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["user_account.id"],
            name=op.f("fk_response_call_created_by_user_account"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["need_id"], ["need.id"], name=op.f("fk_response_call_need_id_need"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response_call")),
        sa.UniqueConstraint("open_key", name=op.f("uq_response_call_open_key")),
    )
    with op.batch_alter_table("response_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_response_call_need_id"), ["need_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_response_call_status"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_response_call_until"), ["until"], unique=False)

    op.create_table(
        "call_criterion",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["response_call.id"], name=op.f("fk_call_criterion_call_id_response_call"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_criterion")),
    )
    with op.batch_alter_table("call_criterion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_call_criterion_call_id"), ["call_id"], unique=False)

    op.create_table(
        "response",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("capability_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("solution", sa.String(length=4000), nullable=False),
        sa.Column("stage", sa.String(length=30), nullable=True),
        sa.Column("evidence", sa.String(length=4000), nullable=False),
        sa.Column("team", sa.String(length=4000), nullable=False),
        sa.Column("schedule", sa.String(length=4000), nullable=False),
        sa.Column("price", sa.String(length=200), nullable=False),
        sa.Column("asks", sa.String(length=4000), nullable=False),
        sa.Column("created_by", sa.String(), nullable=True),
        sa.Column("submitted_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=30), nullable=True),
        sa.Column("outcome", sa.String(length=1000), nullable=False),
        sa.Column("introduction_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["response_call.id"], name=op.f("fk_response_call_id_response_call"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["capability_id"], ["capability.id"], name=op.f("fk_response_capability_id_capability"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user_account.id"], name=op.f("fk_response_created_by_user_account"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_response_introduction_id_introduction"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_response_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["submitted_by"],
            ["user_account.id"],
            name=op.f("fk_response_submitted_by_user_account"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response")),
        sa.UniqueConstraint("call_id", "organisation_id", name=op.f("uq_response_call_id")),
    )
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_response_call_id"), ["call_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_response_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "response_review",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("refusal", sa.String(length=30), nullable=True),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("invited_by", sa.String(), nullable=True),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["response_call.id"], name=op.f("fk_response_review_call_id_response_call"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"],
            ["user_account.id"],
            name=op.f("fk_response_review_invited_by_user_account"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_response_review_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response_review")),
        sa.UniqueConstraint("call_id", "user_id", name=op.f("uq_response_review_call_id")),
    )
    with op.batch_alter_table("response_review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_response_review_call_id"), ["call_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_response_review_user_id"), ["user_id"], unique=False)

    op.create_table(
        "response_score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("review_id", sa.String(), nullable=False),
        sa.Column("response_id", sa.String(), nullable=False),
        sa.Column("criterion_id", sa.String(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("remark", sa.String(length=1000), nullable=False),
        sa.ForeignKeyConstraint(
            ["criterion_id"],
            ["call_criterion.id"],
            name=op.f("fk_response_score_criterion_id_call_criterion"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["response_id"], ["response.id"], name=op.f("fk_response_score_response_id_response"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["review_id"],
            ["response_review.id"],
            name=op.f("fk_response_score_review_id_response_review"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response_score")),
        sa.UniqueConstraint("review_id", "response_id", "criterion_id", name=op.f("uq_response_score_review_id")),
    )
    with op.batch_alter_table("response_score", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_response_score_criterion_id"), ["criterion_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_response_score_response_id"), ["response_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("response_score", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_response_score_response_id"))
        batch_op.drop_index(batch_op.f("ix_response_score_criterion_id"))

    op.drop_table("response_score")
    with op.batch_alter_table("response_review", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_response_review_user_id"))
        batch_op.drop_index(batch_op.f("ix_response_review_call_id"))

    op.drop_table("response_review")
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_response_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_response_call_id"))

    op.drop_table("response")
    with op.batch_alter_table("call_criterion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_call_criterion_call_id"))

    op.drop_table("call_criterion")
    with op.batch_alter_table("response_call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_response_call_until"))
        batch_op.drop_index(batch_op.f("ix_response_call_status"))
        batch_op.drop_index(batch_op.f("ix_response_call_need_id"))

    op.drop_table("response_call")
