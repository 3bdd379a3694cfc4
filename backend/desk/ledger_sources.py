"""Ledgers on the desk that nobody has moved for too long."""

from datetime import timedelta

from sqlmodel import Session

from backend.desk import brokered
from backend.desk.items import Item, Moment
from backend.desk.kinds import ItemKind
from backend.i18n import gettext as _
from backend.introductions.models import Introduction
from backend.ledger import clock, policy, service, telling, views
from backend.ledger.wordings import STEPS
from backend.organisations.policy import Viewer
from backend.working_days import deadline

LEDGER_DAYS = 5
"""Working days after a ledger has begun to stall within which somebody should have asked."""


def ledgers(session: Session, viewer: Viewer, moment: Moment) -> list[Item]:
    """Agreed cases with something left to do in which nothing has happened, at the step that they stand at.

    Of two cities that share a case each has it on the desk while something of its own leg is left.
    """
    found = brokered.cases(session, viewer, clock.not_moved_since(moment.ledger_clock, moment.now))
    steps = service.steps(session, [case.row.id for case in found])
    states = clock.states_of(session, steps)
    items = []
    for case in found:
        facts = service.facts_of(case)
        if not policy.can_see(viewer, facts):
            continue
        seen = [step for step in steps[case.row.id] if policy.can_see_step(viewer, facts, policy.step_facts(step))]
        step = service.current(seen)
        if step is None:
            continue
        row: Introduction = case.row
        moved = clock.last_move(row, states.get(row.id))
        since = moved + timedelta(days=moment.ledger_clock.stalled)
        items.append(
            Item(
                kind=ItemKind.LEDGER,
                subject_id=row.id,
                title=views.need_title(case) or _("需求已不再公开"),
                url=telling.path_of(row.id),
                region=brokered.region_of(viewer, case),
                since=since,
                due=deadline(since, LEDGER_DAYS),
                detail=_("停在“%(step)s”，%(days)s 天没有进展")
                % {"step": STEPS[step.kind], "days": (moment.now - moved).days},
                owner_id=brokered.owner_of(viewer, case),
            )
        )
    return items
