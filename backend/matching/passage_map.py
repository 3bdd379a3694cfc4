"""Which passage belongs to which subject: columns of numbers for a million passages, searched without a lock.

A passage id belongs to one subject for ever (it is the row of a subject, tier and position), so readers and one writer
never disagree about more than whether a passage is there at all.
"""

import io
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Codes = NDArray[np.int32]
Number = TypeVar("Number", bound=np.generic)

STAMP_FACTOR = 4093
STAMP_MODULUS = 2_147_483_647
"""A passage counts in the checksum with stamp * (id % FACTOR + 1) % MODULUS: what SQL computes the same way in 63
bits, and what differs when two passages have changed places."""

_GONE = -1


class PassageMap:
    """Live passages of one side. One thread at a time may change it; lookups need no lock."""

    def __init__(self) -> None:
        self._subjects: list[str] = []
        self._code_of: dict[str, int] = {}
        self._ids: Numbers = np.empty(0, dtype=np.int64)
        self._codes: Codes = np.empty(0, dtype=np.int32)
        self._stamps: Numbers = np.empty(0, dtype=np.int64)
        self._used = 0
        # What lookups read: ids in rising order and the code of the subject of each, -1 for one that is gone.
        self._view: tuple[Numbers, Codes] = (self._ids, self._codes)

    def __len__(self) -> int:
        """Number of live passages."""
        return int(np.count_nonzero(self._view[1] != _GONE))

    def put(self, ids: Sequence[int], subject_ids: Sequence[str], stamps: Sequence[int]) -> None:
        """Store live passages: their ids, all different, the subject of each, and the stamp of its text."""
        if not ids:
            return
        numbers = np.asarray(ids, dtype=np.int64)
        codes = np.array([self._code(subject_id) for subject_id in subject_ids], dtype=np.int32)
        values = np.asarray(stamps, dtype=np.int64)
        order = np.argsort(numbers)
        numbers, codes, values = numbers[order], codes[order], values[order]
        places, known = self._places(numbers)
        self._stamps[places[known]] = values[known]
        self._codes[places[known]] = codes[known]
        if not known.all():
            self._append(numbers[~known], codes[~known], values[~known])

    def drop(self, ids: Sequence[int]) -> None:
        """Forget passages; unknown ones are no error."""
        places, known = self._places(np.asarray(ids, dtype=np.int64))
        self._codes[places[known]] = _GONE

    def known(self, ids: Sequence[int]) -> bool:
        """Whether any of the passages is live."""
        places, known = self._places(np.asarray(ids, dtype=np.int64))
        return bool((self._codes[places[known]] != _GONE).any())

    def subjects_of(self, ids: Numbers) -> list[str | None]:
        """The subject of each passage of an array (n,); None for one that is not live."""
        view_ids, view_codes = self._view
        if not len(view_ids):
            return [None] * len(ids)
        places = np.minimum(np.searchsorted(view_ids, ids), len(view_ids) - 1)
        codes = np.where(view_ids[places] == ids, view_codes[places], _GONE).tolist()
        return [self._subjects[code] if code >= 0 else None for code in codes]

    def passages_of(self, subject_ids: Collection[str]) -> Numbers:
        """The ids of all live passages of some subjects, in rising order."""
        codes = [code for s in subject_ids if (code := self._code_of.get(s)) is not None]
        ids, of = self._view
        if not codes:
            return ids[:0]
        wanted = np.zeros(len(self._subjects) + 1, dtype=bool)
        wanted[codes] = True
        # The last place is that of a passage that is gone, which -1 points to.
        wanted[-1] = False
        found: Numbers = ids[wanted[np.minimum(of, len(wanted) - 1)]]
        return found

    def others(self, subject_ids: Collection[str]) -> Numbers:
        """The ids of all live passages but those of some subjects, in rising order."""
        ids, of = self._view
        live: Numbers = ids[of != _GONE]
        return np.setdiff1d(live, self.passages_of(subject_ids), assume_unique=True)

    def subjects(self) -> set[str]:
        """The subjects that have live passages."""
        codes = np.unique(self._view[1])
        return {self._subjects[code] for code in codes.tolist() if code >= 0}

    def checksum(self, apart_from: Iterable[int] = ()) -> tuple[int, int, int]:
        """Number, sum of ids and sum of weighted stamps of the live passages, some left out."""
        ids, codes = self._view
        live = codes != _GONE
        left_out = np.fromiter(apart_from, dtype=np.int64)
        if len(left_out):
            live &= ~np.isin(ids, left_out)
        ids, stamps = ids[live], self._stamps[: self._used][live]
        weighted = stamps * (ids % STAMP_FACTOR + 1) % STAMP_MODULUS
        return len(ids), int(ids.sum()), int(weighted.sum())

    # -- files --

    def pack(self) -> bytes:
        """The live passages as bytes, for `unpack`."""
        ids, codes = self._view
        live = codes != _GONE
        used, renumbered = np.unique(codes[live], return_inverse=True)
        names = "\n".join(self._subjects[code] for code in used.tolist()).encode()
        buffer = io.BytesIO()
        np.savez(
            buffer,
            ids=ids[live],
            codes=renumbered.astype(np.int32),
            stamps=self._stamps[: self._used][live],
            subjects=np.frombuffer(names, dtype=np.uint8),
        )
        return buffer.getvalue()

    @classmethod
    def unpack(cls, content: bytes) -> "PassageMap":
        """What `pack` has packed; raises ValueError or KeyError for anything else."""
        made = cls()
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            made._ids, made._codes, made._stamps = file["ids"], file["codes"], file["stamps"]
            names = bytes(file["subjects"]).decode()
        made._subjects = names.split("\n") if names else []
        made._code_of = {subject_id: code for code, subject_id in enumerate(made._subjects)}
        made._used = len(made._ids)
        if not len(made._codes) == len(made._stamps) == made._used or (np.diff(made._ids) <= 0).any():
            raise ValueError("the columns of the passages do not fit each other")
        if made._used and not 0 <= made._codes.min() <= made._codes.max() < len(made._subjects):
            raise ValueError("a passage belongs to no subject")
        made._view = (made._ids, made._codes)
        return made

    # -- inside --

    def _code(self, subject_id: str) -> int:
        code = self._code_of.get(subject_id)
        if code is None:
            code = self._code_of[subject_id] = len(self._subjects)
            self._subjects.append(subject_id)
        return code

    def _places(self, numbers: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        """Where the ids are or would be, shape (n,), and whether they are there."""
        ids = self._ids[: self._used]
        places: Numbers = np.searchsorted(ids, numbers)
        if not len(ids):
            return places, np.zeros(len(numbers), dtype=bool)
        return places, ids[np.minimum(places, len(ids) - 1)] == numbers

    def _append(self, ids: Numbers, codes: Codes, stamps: Numbers) -> None:
        """Add unknown passages, in rising order. Columns that readers may hold are never moved, only written behind."""
        before = self._used
        if before and ids[0] < self._ids[before - 1]:
            # Rare: ids are given in rising order.
            places = np.searchsorted(self._ids[:before], ids)
            self._ids = np.insert(self._ids[:before], places, ids)
            self._codes = np.insert(self._codes[:before], places, codes)
            self._stamps = np.insert(self._stamps[:before], places, stamps)
        else:
            if before + len(ids) > len(self._ids):
                room = max(1024, (before + len(ids)) * 5 // 4)
                self._ids = _longer(self._ids[:before], room)
                self._codes = _longer(self._codes[:before], room)
                self._stamps = _longer(self._stamps[:before], room)
            end = before + len(ids)
            self._ids[before:end], self._codes[before:end], self._stamps[before:end] = ids, codes, stamps
        self._used = before + len(ids)
        self._view = (self._ids[: self._used], self._codes[: self._used])


def _longer(column: NDArray[Number], room: int) -> NDArray[Number]:
    """A copy of a column with room for more."""
    made: NDArray[Number] = np.empty(room, dtype=column.dtype)
    made[: len(column)] = column
    return made
