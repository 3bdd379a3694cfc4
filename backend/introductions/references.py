"""What cases hold of an organisation, for merging two of them."""

from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, exists, func, select, update

from backend.db import utc_now
from backend.introductions.brokers import WHOLE
from backend.introductions.cases import note, of
from backend.introductions.models import CaseBroker, CaseEvent, CaseParty, Introduction, Leg, Side, Signature
from backend.introductions.service import act
from backend.introductions.states import OPEN, IntroductionAction, IntroductionStatus
from backend.organisations.models import Organisation
from backend.organisations.references import Merge, Reference
from backend.transitions import Actor

SAME_NOW = "参与单位已合并。"
LEFT = "introduction:party:leave"


def of_cases(label: str) -> Reference:
    """Parties of cases. A case whose two sides become one organisation, or that stands beside another open case of the
    same pair, is withdrawn; of one that is agreed the former party stays what it was, as history.
    """

    def count(session: Session, organisation_id: str) -> int:
        query = select(func.count()).select_from(CaseParty).where(CaseParty.organisation_id == organisation_id)
        return session.exec(query.where(~_is_beside(organisation_id))).one()

    def move(session: Session, merge: Merge) -> None:
        rows = session.exec(
            select(CaseParty, Introduction)
            .join(Introduction, col(Introduction.id) == col(CaseParty.introduction_id))
            .where(CaseParty.organisation_id == merge.duplicate_id)
            .order_by(col(CaseParty.created_at), col(CaseParty.id))
        ).all()
        for party, case in rows:
            _move_party(session, merge, party, case)
        session.flush()

    return Reference(label, ["case_party.organisation_id"], count, move)


def _is_beside(organisation_id: str) -> Any:
    """The condition for parties in a case in which the organisation that took this one in is a party too."""
    other = aliased(CaseParty)
    return exists().where(
        col(Organisation.id) == organisation_id,
        col(other.introduction_id) == col(CaseParty.introduction_id),
        col(other.organisation_id) == col(Organisation.merged_into_id),
    )


def _move_party(session: Session, merge: Merge, party: CaseParty, case: Introduction) -> None:
    both = select(CaseParty).where(CaseParty.introduction_id == case.id, CaseParty.organisation_id == merge.kept_id)
    beside = session.exec(both).first()
    if beside is not None and Side.PARTNER in (party.side, beside.side):
        _join_parties(session, merge, party, beside, case)
        return
    key = f"{case.need_id}:{merge.kept_id}"
    is_keyed = case.open_key is not None and case.open_key.endswith(f":{merge.duplicate_id}")
    twin = select(Introduction.id).where(Introduction.open_key == key, Introduction.id != case.id)
    has_twin = is_keyed and session.exec(twin).first() is not None
    if (beside is not None or has_twin) and case.status in OPEN - {IntroductionStatus.AGREED}:
        act(session, None, case.id, IntroductionAction.WITHDRAW, SAME_NOW)
    elif is_keyed and not has_twin:
        case.open_key = key
        session.add(case)
    if beside is None:
        party.organisation_id = merge.kept_id
        session.add(party)


def _join_parties(session: Session, merge: Merge, party: CaseParty, beside: CaseParty, case: Introduction) -> None:
    """A further party that becomes one with another party has no place of its own any more; the case goes on."""
    gone, stays = (party, beside) if party.side is Side.PARTNER else (beside, party)
    note(session, of(session, case), LEFT, Actor.SYSTEM, None, organisation_id=merge.kept_id, text=SAME_NOW)
    session.delete(gone)
    session.flush()
    stays.organisation_id = merge.kept_id
    session.add(stays)
    if case.open_key is not None and case.open_key.endswith(f":{merge.duplicate_id}"):
        case.open_key = f"{case.need_id}:{merge.kept_id}"
        session.add(case)
    session.flush()


def of_columns(label: str, *columns: tuple[type[SQLModel], Any]) -> Reference:
    """Rows that name an organisation and nothing else: they follow it."""

    def count(session: Session, organisation_id: str) -> int:
        return sum(
            session.exec(select(func.count()).select_from(table).where(column == organisation_id)).one()
            for table, column in columns
        )

    def move(session: Session, merge: Merge) -> None:
        for table, column in columns:
            statement = update(table).where(column == merge.duplicate_id)
            session.exec(statement.values({column.key: merge.kept_id}))

    names = [f"{table.__tablename__}.{column.key}" for table, column in columns]
    return Reference(label, names, count, move)


def of_brokers(label: str) -> Reference:
    """Agencies that look after cases. Where both shared one, the one that stays has it whole."""

    def count(session: Session, organisation_id: str) -> int:
        query = select(func.count()).select_from(CaseBroker).where(CaseBroker.organisation_id == organisation_id)
        return session.exec(query.where(~_broker_beside(organisation_id))).one()

    def move(session: Session, merge: Merge) -> None:
        of_kept = select(CaseBroker).where(CaseBroker.organisation_id == merge.kept_id)
        kept = {broker.introduction_id: broker for broker in session.exec(of_kept).all()}
        for broker in session.exec(select(CaseBroker).where(CaseBroker.organisation_id == merge.duplicate_id)).all():
            stays = kept.get(broker.introduction_id)
            if stays is None:
                broker.organisation_id = merge.kept_id
                session.add(broker)
                continue
            stays.leg, stays.share, stays.is_lead = Leg.WHOLE, WHOLE, True
            stays.agreed_at = stays.agreed_at or utc_now()
            stays.user_id = stays.user_id or broker.user_id
            session.add(stays)
            session.delete(broker)
        session.flush()

    return Reference(label, ["case_broker.organisation_id"], count, move)


def _broker_beside(organisation_id: str) -> Any:
    other = aliased(CaseBroker)
    return exists().where(
        col(Organisation.id) == organisation_id,
        col(other.introduction_id) == col(CaseBroker.introduction_id),
        col(other.organisation_id) == col(Organisation.merged_into_id),
    )


def records(label: str) -> Reference:
    """What was written and signed in cases."""
    return of_columns(label, (CaseEvent, col(CaseEvent.organisation_id)), (Signature, col(Signature.organisation_id)))
