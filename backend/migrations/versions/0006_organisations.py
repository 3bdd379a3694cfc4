"""Organisations: verification, contact, merging; invitations and requests for membership

Revision: 0006; after: 0005.
"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

organisation = sa.table(
    "organisation",
    sa.column("id", sa.String),
    sa.column("name", sa.String),
    sa.column("name_key", sa.String),
    sa.column("verified_name", sa.String),
    sa.column("status", sa.String),
    sa.column("submitted_at", sa.DateTime(timezone=True)),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("verified_at", sa.DateTime(timezone=True)),
)
INDEXED = ("name_key", "status", "merged_into_id")


def columns() -> tuple[sa.Column, ...]:
    """The new columns of an organisation."""
    return (
        sa.Column("name_key", sa.String(length=400), nullable=False, server_default=""),
        sa.Column("verified_name", sa.String(length=100), nullable=True),
        sa.Column("contact_name", sa.String(length=60), nullable=False, server_default=""),
        sa.Column("contact_phone", sa.String(length=40), nullable=False, server_default=""),
        sa.Column("contact_email", sa.String(length=254), nullable=False, server_default=""),
        sa.Column("status", sa.String(length=30), nullable=False, server_default="waiting"),
        sa.Column("refusal", sa.String(length=1000), nullable=False, server_default=""),
        # A constant: SQLite adds no column whose default is the present moment.
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False, server_default="2026-01-01 00:00:00"),
        sa.Column("merged_into_id", sa.String(length=16), nullable=True),
    )


def upgrade() -> None:
    # Columns are added one by one and never by a rebuilt table: dropping the old one would empty all that hang on it.
    for column in columns():
        op.add_column("organisation", column)
    connection = op.get_bind()
    for row in connection.execute(sa.select(organisation.c.id, organisation.c.name)).all():
        key = "".join(unicodedata.normalize("NFKC", row.name).casefold().split())[:400]
        connection.execute(organisation.update().where(organisation.c.id == row.id).values(name_key=key))
    op.execute(organisation.update().values(submitted_at=organisation.c.created_at))
    verified = organisation.update().where(organisation.c.verified_at.is_not(None))
    op.execute(verified.values(status="verified", verified_name=organisation.c.name))
    for name in INDEXED:
        op.create_index(op.f(f"ix_organisation_{name}"), "organisation", [name], unique=False)

    op.create_table(
        "invitation",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("invited_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["user_account.id"], name=op.f("fk_invitation_invited_by_user_account"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_invitation_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_invitation_token_digest")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_email"), ["email"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitation_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "membership_request",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answered_by"],
            ["user_account.id"],
            name=op.f("fk_membership_request_answered_by_user_account"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_membership_request_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_membership_request_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership_request")),
    )
    with op.batch_alter_table("membership_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_membership_request_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_membership_request_user_id"), ["user_id"], unique=False)


def downgrade() -> None:
    op.drop_table("membership_request")
    op.drop_table("invitation")
    for name in INDEXED:
        op.drop_index(op.f(f"ix_organisation_{name}"), "organisation")
    for column in columns():
        op.drop_column("organisation", column.name)
