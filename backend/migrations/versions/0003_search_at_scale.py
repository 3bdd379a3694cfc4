"""Search at scale: stamps of passages, an index for changes and comparisons, the lease of the feeder

Revision: 0003; after: 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    with op.batch_alter_table("search_sequence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("feeder", sa.String(length=16), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("feeder_until", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("search_document", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stamp", sa.BigInteger(), nullable=False, server_default="0"))
    _fill_stamps()
    with op.batch_alter_table("search_document", schema=None) as batch_op:
        batch_op.drop_index("ix_search_document_kind_tier")
        batch_op.create_index(
            "ix_search_document_changes", ["subject_kind", "tier", "sequence", "deleted", "stamp"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_search_document_stamp"), ["stamp"], unique=False)


def _fill_stamps() -> None:
    """As `documents.stamp_of` does it; no database computes that from hexadecimal text in the same words."""
    table = sa.table("search_document", sa.column("id", sa.Integer), sa.column("digest"), sa.column("stamp"))
    connection = op.get_bind()
    last = 0
    while True:
        query = sa.select(table.c.id, table.c.digest).where(table.c.id > last).order_by(table.c.id).limit(BATCH)
        rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].id
        values = [{"row": row.id, "value": int(row.digest[:8], 16) >> 1} for row in rows if row.digest]
        if values:
            change = sa.update(table).where(table.c.id == sa.bindparam("row")).values(stamp=sa.bindparam("value"))
            connection.execute(change, values)


def downgrade() -> None:
    with op.batch_alter_table("search_document", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_search_document_stamp"))
        batch_op.drop_index("ix_search_document_changes")
        batch_op.drop_column("stamp")
        batch_op.create_index("ix_search_document_kind_tier", ["subject_kind", "tier"], unique=False)
    with op.batch_alter_table("search_sequence", schema=None) as batch_op:
        batch_op.drop_column("feeder_until")
        batch_op.drop_column("feeder")
