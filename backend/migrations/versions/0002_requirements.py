"""Requirements: source and tier, at most 200 characters

Revision: 0002; after: 0001.
"""

import re
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LENGTH = 200
FORMER_LENGTH = 400

requirement = sa.table(
    "requirement",
    sa.column("id", sa.String),
    sa.column("need_id", sa.String),
    sa.column("position", sa.Integer),
    sa.column("text", sa.String),
    sa.column("source", sa.String),
    sa.column("tier", sa.String),
)


def upgrade() -> None:
    # What is there was typed by authors into the brief.
    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("source", sa.String(length=30), nullable=False, server_default="author"))
        batch_op.add_column(sa.Column("tier", sa.String(length=30), nullable=False, server_default="brief"))
    _cut_long_ones()
    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.alter_column(
            "source", existing_type=sa.String(length=30), existing_nullable=False, server_default=None
        )
        batch_op.alter_column("tier", existing_type=sa.String(length=30), existing_nullable=False, server_default=None)
        batch_op.alter_column(
            "text",
            existing_type=sa.String(length=FORMER_LENGTH),
            type_=sa.String(length=LENGTH),
            existing_nullable=False,
        )


def downgrade() -> None:
    # Proposals come from the text and are made again; a requirement of the teaser was unknown before.
    op.execute(requirement.delete().where(requirement.c.source != "author"))
    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.alter_column(
            "text",
            existing_type=sa.String(length=LENGTH),
            type_=sa.String(length=FORMER_LENGTH),
            existing_nullable=False,
        )
        batch_op.drop_column("tier")
        batch_op.drop_column("source")


def _cut_long_ones() -> None:
    """Make several requirements of one that is longer than now allowed: nothing that was typed is lost."""
    connection = op.get_bind()
    too_long = sa.func.length(requirement.c.text) > LENGTH
    needs = connection.execute(sa.select(requirement.c.need_id).where(too_long).distinct()).scalars().all()
    for need_id in needs:
        of_need = requirement.c.need_id == need_id
        rows = connection.execute(
            sa.select(requirement.c.id, requirement.c.text).where(of_need).order_by(requirement.c.position)
        ).all()
        position = 0
        for row_id, text in rows:
            first, *further = _pieces(text)
            connection.execute(
                requirement.update().where(requirement.c.id == row_id).values(text=first, position=position)
            )
            position += 1
            for piece in further:
                values = {
                    "id": secrets.token_hex(8),
                    "need_id": need_id,
                    "position": position,
                    "text": piece,
                    "source": "author",
                    "tier": "brief",
                }
                connection.execute(requirement.insert().values(**values))
                position += 1


def _pieces(text: str) -> list[str]:
    """The text in pieces of at most LENGTH, cut after a punctuation mark where there is one."""
    pieces = []
    while len(text) > LENGTH:
        marks = [match.end() for match in re.finditer(r"[。！？；，、.!?;,\s]", text[:LENGTH])]
        end = marks[-1] if marks and marks[-1] > LENGTH // 2 else LENGTH
        pieces.append(text[:end].strip())
        text = text[end:].strip()
    return [piece for piece in (*pieces, text) if piece]
