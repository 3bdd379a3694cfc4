"""Figures of results by hand: shares, stages, medians over the Spring Festival, reasons, small numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.introductions.models import CaseBroker, Side
from backend.results import figures, periods, sources
from backend.results.figures import HIDDEN, WITHHELD, Figure, Scope
from backend.results.periods import EVER, Period, Quarter, of_quarter, parse, quarter_of, year_to
from backend.results.sources import Ending, Happening, Stage, Subject, Wait, WaitKind
from backend.results.wordings import REASONS
from backend.working_days import today, working_days_between

PUTUO, JIADING = "310107", "310114"
Q3, Q4 = Quarter(2026, 3), Quarter(2026, 4)
SUMMER, AUTUMN = Q3.start + timedelta(days=20), Q4.start + timedelta(days=20)
ALL = Scope(None, frozenset(), EVER)


def subject(name: str, *, region: str = PUTUO, specialty: str = "03", at: datetime = AUTUMN) -> Subject:
    return Subject(name, region, specialty, "clinical", at)


def happened(stage: Stage, of: Subject, at: datetime = AUTUMN, **shares: int) -> Happening:
    given = {name.removeprefix("r"): share for name, share in shares.items()}
    return Happening(stage, at, of, given or {of.region: 100})


def test_quarters_begin_and_end_by_the_clock_of_china() -> None:
    assert Q4.start == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert Q4.end == Quarter(2027, 1).start == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert quarter_of(Q4.start) == Q4 and quarter_of(Q4.start - timedelta(seconds=1)) == Q3
    assert (Q3.next, Q4.previous, Quarter(2027, 1).previous) == (Q4, Q3, Q4)
    assert (str(Q4), Q4.label) == ("2026Q4", "2026年第四季度")
    assert parse("2026Q4") == Q4
    assert [parse(text) for text in ("2026Q5", "2026q4", "", "1999Q1", "2026Q44", "２０２６Q4")] == [None] * 6
    assert [str(q) for q in periods.last(3, Q4.start)] == ["2026Q2", "2026Q3", "2026Q4"]
    assert SUMMER in year_to(Q4) and SUMMER not in of_quarter(Q4)
    assert Q4.end not in of_quarter(Q4) and Q4.start in of_quarter(Q4)


@pytest.mark.parametrize(
    ("brokers", "expected"),
    [
        ([], {PUTUO: 100}),
        ([(100, True, True, JIADING)], {JIADING: 100}),
        ([(60, True, True, PUTUO), (40, False, True, JIADING)], {PUTUO: 60, JIADING: 40}),
        # What has been proposed and not agreed to does not count yet.
        ([(60, True, True, PUTUO), (40, False, False, JIADING)], {PUTUO: 100}),
        ([(60, False, True, PUTUO), (40, True, True, PUTUO)], {PUTUO: 100}),
        # An agency that has lost its jurisdiction has no region to count for.
        ([(100, True, True, None)], {PUTUO: 100}),
    ],
)
def test_shares_count_once_both_cities_have_agreed(
    brokers: list[tuple[int, bool, bool, str | None]], expected: dict[str, int]
) -> None:
    rows = [
        (
            CaseBroker(
                introduction_id="i",
                organisation_id=str(n),
                share=share,
                is_lead=lead,
                agreed_at=AUTUMN if agreed else None,
            ),
            region,
        )
        for n, (share, lead, agreed, region) in enumerate(brokers)
    ]
    assert sources.shares_of(rows, PUTUO) == expected


def test_the_funnel_counts_cases_by_shares_and_the_needs_behind_them() -> None:
    one, two = subject("one"), subject("two", at=SUMMER)
    found = [
        happened(Stage.NEEDS, one),
        happened(Stage.NEEDS, two, SUMMER),
        *(happened(Stage.SUGGESTED, one) for _ in range(3)),
        happened(Stage.PROPOSED, one, r310107=60, r310114=40),
        happened(Stage.PROPOSED, one),
        happened(Stage.PROPOSED, two, r310114=100),
        happened(Stage.ACCEPTED, one, r310107=60, r310114=40),
        happened(Stage.PATIENTS, one, r310107=60, r310114=40),
    ]

    def told(scope: Scope) -> dict[Stage, tuple[str, str, str]]:
        lines = figures.funnel(found, scope, protect=False)
        assert [line.stage for line in lines] == list(Stage)
        return {line.stage: (line.count.text, line.credit.text, line.needs.text) for line in lines}

    everywhere = told(ALL)
    assert everywhere[Stage.NEEDS] == ("2", "2", "2")
    assert everywhere[Stage.SUGGESTED] == ("3", "3", "1")
    assert everywhere[Stage.PROPOSED] == ("3", "3", "2")
    assert everywhere[Stage.MET] == ("0", "0", "0")
    here = told(Scope(frozenset({PUTUO}), frozenset(), of_quarter(Q4)))
    assert here[Stage.NEEDS] == ("1", "1", "1")
    assert here[Stage.PROPOSED] == ("2", "1.6", "1")
    assert here[Stage.PATIENTS] == ("1", "0.6", "1")
    there = told(Scope(frozenset({JIADING}), frozenset(), EVER))
    assert there[Stage.NEEDS] == ("0", "0", "0")
    assert there[Stage.PROPOSED] == ("2", "1.4", "2")
    # Followed by their needs: the case of the summer's need counts with the summer, wherever it happened.
    followed = Scope(None, frozenset(), of_quarter(Q3), by_need=True)
    assert told(followed)[Stage.PROPOSED] == ("1", "1", "1") and told(followed)[Stage.ACCEPTED] == ("0", "0", "0")
    parts = {
        line.stage: line.part for line in figures.funnel(found, Scope(None, frozenset(), EVER, True), protect=False)
    }
    assert (parts[Stage.NEEDS], parts[Stage.PROPOSED], parts[Stage.ACCEPTED]) == (100, 100, 50)
    assert {line.part for line in figures.funnel(found, ALL, protect=False)} == {None}
    assert told(Scope(None, frozenset({"04"}), EVER))[Stage.NEEDS] == ("0", "0", "0")


def test_small_figures_are_hidden_from_those_who_may_not_know() -> None:
    few = [happened(Stage.NEEDS, subject(name)) for name in "ab"]
    many = [happened(Stage.NEEDS, subject(name, specialty="04")) for name in "cdefg"]
    some = [happened(Stage.NEEDS, subject(name, specialty="05")) for name in "hijk"]
    lines = figures.funnel(few, ALL, protect=True)
    assert lines[0].count is HIDDEN and lines[0].count.text == "不足 3" == lines[0].count.cell
    assert lines[0].credit is HIDDEN and lines[1].count == Figure(0)
    assert figures.funnel(few, ALL, protect=False)[0].count == Figure(2)
    # Eight pairs of one need tell of that need.
    pairs = [happened(Stage.SUGGESTED, subject("a")) for _ in range(8)]
    assert figures.funnel(pairs, ALL, protect=True)[1].count is HIDDEN

    def rows(protect: bool) -> list[str]:
        labels = [("03", "内科"), ("04", "外科"), ("05", "妇产科")]
        found = figures.breakdown(few + many + some, lambda one: {one.subject.specialty: 100}, labels, protect=protect)
        return [row.cells[0].text for row in found]

    assert rows(protect=False) == ["2", "5", "4"]
    # The total is known, so one hidden figure alone could be computed.
    assert rows(protect=True) == ["不显示", "5", "不显示"]


def test_medians_count_working_days_of_china() -> None:
    def day(month: int, number: int) -> datetime:
        return datetime(2026, month, number, 4, tzinfo=UTC)

    for start, end in (
        ((2, 9), (2, 28)),
        ((2, 13), (2, 14)),
        ((9, 25), (10, 12)),
        ((5, 6), (5, 6)),
        ((1, 1), (12, 31)),
    ):
        expected = working_days_between(today(day(*start)), today(day(*end)))
        assert figures.working_days(day(*start), day(*end)) == expected
    # The Spring Festival of 2026 is 15 to 23 February; 14 and 28 February are worked.
    one = subject("one")
    waits = [
        Wait(WaitKind.ANSWER, day(2, 12), day(2, 14), one, {PUTUO: 100}),
        Wait(WaitKind.ANSWER, day(2, 12), day(2, 25), one, {PUTUO: 100}),
        Wait(WaitKind.ANSWER, day(2, 12), day(2, 28), one, {PUTUO: 100}),
    ]
    (answer,) = [line for line in figures.waiting(waits, ALL, protect=True) if line.kind is WaitKind.ANSWER]
    assert (answer.count, answer.median) == (Figure(3), Figure(4))
    others = [line for line in figures.waiting(waits, ALL, protect=True) if line.kind is not WaitKind.ANSWER]
    assert {line.median for line in others} == {None}
    hidden = figures.waiting(waits[:2], ALL, protect=True)[1]
    assert hidden.count is HIDDEN and hidden.median is WITHHELD


def test_reasons_stand_by_number_and_side() -> None:
    one = subject("one")
    given = [
        ("terms", Side.NEED),
        ("stage_too_early", Side.NEED),
        ("stage_too_early", Side.CAPABILITY),
        ("expired", None),
    ]
    found = [Ending(reason, side, AUTUMN, one, {PUTUO: 100}) for reason, side in given]
    rows, counts = figures.reasons(found, ALL, REASONS, protect=False)
    assert counts == {"stage_too_early": 2, "terms": 1, "expired": 1}
    assert [(row.label, *(cell.text for cell in row.cells)) for row in rows] == [
        (REASONS["stage_too_early"], "2", "1", "1"),
        (REASONS["terms"], "1", "1", "0"),
        (REASONS["expired"], "1", "0", "0"),
    ]
    assert figures.reasons(found, Scope(None, frozenset(), of_quarter(Q3)), REASONS, protect=False) == ((), {})


def test_needs_that_nobody_was_introduced_to() -> None:
    open_one, ended, introduced, later = (subject(name, at=SUMMER) for name in ("open", "ended", "done", "later"))
    found = [happened(Stage.NEEDS, one, SUMMER) for one in (open_one, ended, introduced, later)]
    found += [happened(Stage.PROPOSED, introduced, SUMMER), happened(Stage.PROPOSED, later, AUTUMN)]

    def left(moment: datetime) -> str:
        gone = {"ended": SUMMER + timedelta(days=5)}
        return figures.without_proposal(found, gone, Scope(None, frozenset(), Period()), moment, protect=False).text

    assert left(SUMMER + timedelta(days=1)) == "3"
    assert left(Q3.end) == "2"
    assert left(Q4.end) == "1"
