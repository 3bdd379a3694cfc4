"""The table of results: weighted means over the reviews that were handed in, and how far reviewers lie apart."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from sqlmodel import Session, col, select

from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.responses import answers, calls, policy, reviewing
from backend.responses.calls import Call
from backend.responses.models import CallResponse, Criterion, Score
from backend.responses.states import ReviewStatus


@dataclass(frozen=True)
class Mark:
    """Points of one reviewer by one criterion; `reviewer` is a name for overseers, else a number."""

    reviewer: str
    points: int
    remark: str


@dataclass(frozen=True)
class Cell:
    """One criterion of one response: the mean of the points and each of them."""

    criterion: Criterion
    mean: float | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Row:
    """One response. `mean` is the weighted mean over reviewers, `spread` the standard deviation of theirs (of the
    population, as these are all of them); both are None without reviews."""

    response: CallResponse
    organisation_name: str
    mean: float | None
    spread: float | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """All responses, the best first, and how many reviews they were scored in."""

    rows: tuple[Row, ...]
    reviews: int
    awaited: int


def weighted(points: Mapping[str, float], criteria: Sequence[Criterion]) -> float:
    """The mean of points by the weights of the criteria."""
    return sum(points[c.id] * c.weight for c in criteria) / sum(c.weight for c in criteria)


def table(session: Session, viewer: Viewer, call: Call) -> Table:
    """The results for a viewer; raises as `policy.check_can_read_scores`. Opening it is a reading of all responses."""
    policy.check_can_read_scores(viewer, call.facts)
    responses = answers.of_call(session, call.row.id)
    for response in responses:
        answers.record_reading(session, viewer, response)
    knows = policy.can_count(viewer, call.facts)
    reviews = [(r, name) for r, name in reviewing.listing(session, call)]
    done = [(r, name) for r, name in reviews if r.status is ReviewStatus.SUBMITTED]
    names = {r.id: name if knows else str(number) for number, (r, name) in enumerate(done, start=1)}
    query = select(Score).where(col(Score.review_id).in_(list(names)))
    by_response: dict[str, list[Score]] = defaultdict(list)
    for score in session.exec(query).all():
        by_response[score.response_id].append(score)
    authors = organisations.authors(session, [r.organisation_id for r in responses])
    rows = [_row(call, r, authors[r.organisation_id].name, by_response[r.id], names) for r in responses]
    rows.sort(key=lambda row: -(row.mean or 0))
    awaited = sum(r.status in (ReviewStatus.INVITED, ReviewStatus.ACCEPTED) for r, _name in reviews)
    return Table(tuple(rows), len(done), awaited)


def _row(call: Call, response: CallResponse, name: str, scores: Sequence[Score], reviewers: Mapping[str, str]) -> Row:
    by_review: dict[str, dict[str, Score]] = defaultdict(dict)
    for score in scores:
        by_review[score.review_id][score.criterion_id] = score
    totals = [
        weighted({id_: float(s.points) for id_, s in given.items()}, call.criteria)
        for given in by_review.values()
        if all(c.id in given for c in call.criteria)
    ]
    cells = []
    for criterion in call.criteria:
        marks = [
            Mark(
                reviewers[review_id],
                by_review[review_id][criterion.id].points,
                by_review[review_id][criterion.id].remark,
            )
            for review_id in reviewers
            if criterion.id in by_review[review_id]
        ]
        mean = fmean(m.points for m in marks) if marks else None
        cells.append(Cell(criterion, mean, tuple(marks)))
    mean = fmean(totals) if totals else None
    spread = pstdev(totals) if totals else None
    return Row(response, name, mean, spread, tuple(cells))


def get(session: Session, viewer: Viewer, call_id: str) -> tuple[Call, Table]:
    """A call with its results; raises NotFound or Forbidden."""
    call = calls.get(session, viewer, call_id)
    return call, table(session, viewer, call)
