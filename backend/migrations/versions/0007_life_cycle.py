"""Review, versions, proposals of releases, notifications

Revision: 0007; after: 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _user(table: str, column: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_user_account")
    return sa.ForeignKeyConstraint([column], ["user_account.id"], name=name, ondelete="SET NULL")


def upgrade() -> None:
    for table in ("need", "capability"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True))
            batch_op.add_column(sa.Column("submitted_by", sa.String(), nullable=True))
            if table == "need":
                batch_op.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
            batch_op.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
            batch_op.create_foreign_key(
                batch_op.f(f"fk_{table}_submitted_by_user_account"),
                "user_account",
                ["submitted_by"],
                ["id"],
                ondelete="SET NULL",
            )
    # What is published holds from the day of its publishing.
    op.execute("UPDATE need SET confirmed_at = published_at")
    op.execute("UPDATE capability SET confirmed_at = published_at WHERE confirmed_at IS NULL")

    op.create_table(
        "status_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject_kind", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=True),
        sa.Column("action", sa.String(length=30), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        _user("status_change", "actor_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_change")),
    )
    with op.batch_alter_table("status_change", schema=None) as batch_op:
        batch_op.create_index("ix_status_change_subject", ["subject_kind", "subject_id"], unique=False)

    op.create_table(
        "subject_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject_kind", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        _user("subject_version", "user_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject_version")),
        sa.UniqueConstraint("subject_id", "number", "subject_kind", name=op.f("uq_subject_version_subject_id")),
    )

    op.create_table(
        "release_proposal",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("subject_kind", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.String(length=16), nullable=False),
        sa.Column("tier", sa.String(length=30), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=True),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_release_proposal_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        _user("release_proposal", "proposed_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_proposal")),
    )
    with op.batch_alter_table("release_proposal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_release_proposal_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_release_proposal_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "notification",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("notice", sa.String(length=30), nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_notification_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
    )
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.create_index("ix_notification_user_read", ["user_id", "read_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_notification_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "mail_preference",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("notice", sa.String(length=30), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_mail_preference_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_preference")),
        sa.UniqueConstraint("user_id", "notice", name=op.f("uq_mail_preference_user_id")),
    )
    with op.batch_alter_table("mail_preference", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_preference_user_id"), ["user_id"], unique=False)


def downgrade() -> None:
    # Statuses that were unknown before fall back to the nearest ones that were known.
    op.execute("UPDATE need SET status = 'draft' WHERE status IN ('submitted', 'returned')")
    op.execute("UPDATE need SET status = 'withdrawn' WHERE status IN ('closed', 'expired', 'fulfilled')")
    op.execute("UPDATE capability SET status = 'draft' WHERE status IN ('submitted', 'returned')")
    op.execute("UPDATE capability SET status = 'withdrawn' WHERE status IN ('closed', 'stale', 'archived')")
    for table in ("mail_preference", "notification", "release_proposal", "subject_version", "status_change"):
        op.drop_table(table)
    for table in ("need", "capability"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f"fk_{table}_submitted_by_user_account"), type_="foreignkey")
            batch_op.drop_column("reminded_at")
            if table == "need":
                batch_op.drop_column("confirmed_at")
            batch_op.drop_column("submitted_by")
            batch_op.drop_column("submitted_at")
