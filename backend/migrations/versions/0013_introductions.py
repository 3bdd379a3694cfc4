"""Introductions: cases, their parties and brokers, undertakings, and what was decided

Revision: 0013; after: 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("need_id", sa.String(length=16), nullable=False),
        sa.Column("capability_id", sa.String(length=16), nullable=True),
        sa.Column("introduction_id", sa.String(length=16), nullable=True),
        sa.Column("organisation_id", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("side", sa.String(length=20), nullable=False),
        sa.Column("ranker", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("grade", sa.String(length=20), nullable=False),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("step", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_decision_organisation_id_organisation"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_decision_user_id_user_account"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decision_introduction_id"), ["introduction_id"], unique=False)
        batch_op.create_index("ix_decision_kind_at", ["kind", "at"], unique=False)
        batch_op.create_index("ix_decision_pair", ["need_id", "capability_id"], unique=False)

    op.create_table(
        "introduction",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("need_id", sa.String(), nullable=False),
        sa.Column("capability_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("origin", sa.String(length=30), nullable=False),
        sa.Column("open_key", sa.String(length=40), nullable=True),
        sa.Column("follows_id", sa.String(length=16), nullable=True),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("created_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("introduced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_by", sa.String(length=30), nullable=True),
        sa.Column("reason", sa.String(length=30), nullable=True),
        sa.Column("release_ids", sa.JSON(), nullable=False),
        sa.Column("ranker", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("grade", sa.String(length=20), nullable=False),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["capability_id"],
            ["capability.id"],
            name=op.f("fk_introduction_capability_id_capability"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["user_account.id"],
            name=op.f("fk_introduction_created_by_user_account"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["need_id"], ["need.id"], name=op.f("fk_introduction_need_id_need"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_introduction")),
        sa.UniqueConstraint("open_key", name=op.f("uq_introduction_open_key")),
    )
    with op.batch_alter_table("introduction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_introduction_capability_id"), ["capability_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_introduction_follows_id"), ["follows_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_introduction_need_id"), ["need_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_introduction_status"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_introduction_updated_at"), ["updated_at"], unique=False)

    op.create_table(
        "case_broker",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("introduction_id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("leg", sa.String(length=30), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("is_lead", sa.Boolean(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_case_broker_introduction_id_introduction"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_case_broker_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_case_broker_user_id_user_account"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_broker")),
        sa.UniqueConstraint("introduction_id", "organisation_id", name=op.f("uq_case_broker_introduction_id")),
    )
    with op.batch_alter_table("case_broker", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_broker_introduction_id"), ["introduction_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_broker_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "case_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("introduction_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=True),
        sa.Column("organisation_id", sa.String(), nullable=True),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("note_for_brokers", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["user_account.id"], name=op.f("fk_case_event_actor_id_user_account"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_case_event_introduction_id_introduction"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_case_event_organisation_id_organisation"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
    )
    with op.batch_alter_table("case_event", schema=None) as batch_op:
        batch_op.create_index("ix_case_event_case", ["introduction_id", "id"], unique=False)

    op.create_table(
        "case_party",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("introduction_id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("side", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("capability_id", sa.String(length=16), nullable=True),
        sa.Column("role", sa.String(length=60), nullable=False),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answered_by"],
            ["user_account.id"],
            name=op.f("fk_case_party_answered_by_user_account"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_case_party_introduction_id_introduction"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_case_party_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_party")),
        sa.UniqueConstraint("introduction_id", "organisation_id", name=op.f("uq_case_party_introduction_id")),
    )
    with op.batch_alter_table("case_party", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_party_introduction_id"), ["introduction_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_party_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_party_region"), ["region"], unique=False)

    op.create_table(
        "undertaking_signature",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("introduction_id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("organisation_name", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("signed_name", sa.String(length=60), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["introduction_id"],
            ["introduction.id"],
            name=op.f("fk_undertaking_signature_introduction_id_introduction"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_undertaking_signature_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_undertaking_signature_user_id_user_account"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undertaking_signature")),
    )
    with op.batch_alter_table("undertaking_signature", schema=None) as batch_op:
        batch_op.create_index("ix_undertaking_signature_case", ["introduction_id", "organisation_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("undertaking_signature", schema=None) as batch_op:
        batch_op.drop_index("ix_undertaking_signature_case")

    op.drop_table("undertaking_signature")
    with op.batch_alter_table("case_party", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_party_region"))
        batch_op.drop_index(batch_op.f("ix_case_party_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_case_party_introduction_id"))

    op.drop_table("case_party")
    with op.batch_alter_table("case_event", schema=None) as batch_op:
        batch_op.drop_index("ix_case_event_case")

    op.drop_table("case_event")
    with op.batch_alter_table("case_broker", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_broker_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_case_broker_introduction_id"))

    op.drop_table("case_broker")
    with op.batch_alter_table("introduction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_introduction_updated_at"))
        batch_op.drop_index(batch_op.f("ix_introduction_status"))
        batch_op.drop_index(batch_op.f("ix_introduction_need_id"))
        batch_op.drop_index(batch_op.f("ix_introduction_follows_id"))
        batch_op.drop_index(batch_op.f("ix_introduction_capability_id"))

    op.drop_table("introduction")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index("ix_decision_pair")
        batch_op.drop_index("ix_decision_kind_at")
        batch_op.drop_index(batch_op.f("ix_decision_introduction_id"))

    op.drop_table("decision")
