"""Opening the indexes of a process: from snapshots where they fit, from the table where they do not."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from backend.db import Database
from backend.matching import snapshots
from backend.matching.remote import RemoteVectors
from backend.matching.sides import SIDES, Side, SideIndex, Sides
from backend.matching.snapshot_keeper import SnapshotKeeper
from embeddings.index import FaissIndex
from embeddings.types import Encoder


def load(database: Database, keeper: SnapshotKeeper, encoder: Encoder, remote: Mapping[Side, RemoteVectors]) -> Sides:
    """All sides as their snapshots have them, two at a time."""

    def one(side: Side) -> SideIndex:
        with database.session() as session:
            folder = keeper.folder(side)
            index = snapshots.load(session, side, folder, encoder.name, encoder.dimension, local=not remote)
        index.remote = remote.get(side)
        return index

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SIDES, pool.map(one, SIDES), strict=True))


def empty(encoder: Encoder, remote: Mapping[Side, RemoteVectors]) -> Sides:
    """All sides without a passage."""
    return {
        side: SideIndex(None if remote else FaissIndex(encoder.dimension, encoder.name), remote.get(side))
        for side in SIDES
    }
