"""Conversations of cases: messages, who is mentioned in them, how far they were read

Revision: 0017; after: 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("introduction_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("organisation_id", sa.String(), nullable=True),
        sa.Column("is_note", sa.Boolean(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_case_message_introduction_id_introduction"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_case_message_organisation_id_organisation"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_case_message_user_id_user_account"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_message")),
        sa.UniqueConstraint("key", name=op.f("uq_case_message_key")),
    )
    with op.batch_alter_table("case_message", schema=None) as batch_op:
        batch_op.create_index("ix_case_message_case", ["introduction_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_message_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "conversation_read",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("introduction_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=True),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_conversation_read_introduction_id_introduction"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_conversation_read_organisation_id_organisation"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_conversation_read_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_read")),
        sa.UniqueConstraint("introduction_id", "user_id", name=op.f("uq_conversation_read_introduction_id")),
    )
    with op.batch_alter_table("conversation_read", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conversation_read_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_conversation_read_user_id"), ["user_id"], unique=False)

    op.create_table(
        "message_mention",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["case_message.id"],
            name=op.f("fk_message_mention_message_id_case_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_message_mention_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_mention")),
        sa.UniqueConstraint("message_id", "user_id", name=op.f("uq_message_mention_message_id")),
    )
    with op.batch_alter_table("message_mention", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_mention_user_id"), ["user_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("message_mention", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_mention_user_id"))

    op.drop_table("message_mention")
    with op.batch_alter_table("conversation_read", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conversation_read_user_id"))
        batch_op.drop_index(batch_op.f("ix_conversation_read_organisation_id"))

    op.drop_table("conversation_read")
    with op.batch_alter_table("case_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_message_organisation_id"))
        batch_op.drop_index("ix_case_message_case")

    op.drop_table("case_message")
