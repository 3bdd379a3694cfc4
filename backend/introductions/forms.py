"""The forms of introductions, and the wording of their enumerations."""

from typing import Any

from wtforms import BooleanField, HiddenField
from wtforms.validators import ValidationError

from backend.forms import BaseForm, Choice, number_field, text_area, text_field
from backend.i18n import gettext as _
from backend.introductions.models import (
    CONTACT_LENGTH,
    MESSAGE_LENGTH,
    NAME_LENGTH,
    NOTE_LENGTH,
    ROLE_LENGTH,
    Leg,
    PartyState,
    Side,
)
from backend.introductions.states import DeclineReason, IntroductionAction, IntroductionStatus

S, A = IntroductionStatus, IntroductionAction
STATUSES = {
    S.SUGGESTED: _("已请求引荐"),
    S.PROPOSED: _("待双方答复"),
    S.ACCEPTED_BY_NEED: _("需求方已接受"),
    S.ACCEPTED_BY_CAPABILITY: _("能力方已接受"),
    S.INTRODUCED: _("已引荐"),
    S.MEETING: _("对接洽谈中"),
    S.AGREED: _("已达成合作意向"),
    S.DECLINED: _("已婉拒"),
    S.WITHDRAWN: _("已撤回"),
    S.EXPIRED: _("逾期终止"),
}
ACTIONS = {
    A.PROPOSE: _("引荐双方"),
    A.ACCEPT_FOR_NEED: _("接受引荐"),
    A.ACCEPT_FOR_CAPABILITY: _("接受引荐"),
    A.MEET: _("已开始洽谈"),
    A.AGREE: _("达成合作意向"),
    A.DECLINE: _("婉拒"),
    A.TURN_DOWN: _("不予引荐"),
    A.WITHDRAW: _("撤回"),
    A.EXPIRE: _("逾期终止"),
}
REASONS = {
    DeclineReason.NOT_OUR_FIELD: _("不属于本单位的专业方向"),
    DeclineReason.ALREADY_SOLVED: _("问题已解决或已有合作方"),
    DeclineReason.STAGE_TOO_EARLY: _("对方所处阶段过早"),
    DeclineReason.CAPACITY: _("目前人手、产能或经费不足"),
    DeclineReason.CONFLICT_OF_INTEREST: _("存在利益冲突"),
    DeclineReason.TERMS: _("合作条件不合适"),
    DeclineReason.REGION: _("地区不合适"),
    DeclineReason.OTHER: _("其他原因"),
}
SIDES = {Side.NEED: _("需求方"), Side.CAPABILITY: _("能力方"), Side.PARTNER: _("协作方")}
PARTY_STATES = {
    PartyState.PROSPECT: _("尚未通知"),
    PartyState.INVITED: _("待答复"),
    PartyState.ACCEPTED: _("已接受"),
    PartyState.DECLINED: _("已婉拒"),
    PartyState.LEFT: _("已退出"),
}
LEGS = {Leg.WHOLE: _("全程"), Leg.RESEARCH: _("研发段"), Leg.PRODUCTION: _("生产段")}
EVENTS = {
    "introduction:ask": _("请求引荐"),
    "introduction:propose": _("提出引荐"),
    "introduction:accept": _("接受引荐"),
    "introduction:decline": _("婉拒引荐"),
    "introduction:turn-down": _("不予引荐"),
    "introduction:withdraw": _("撤回引荐"),
    "introduction:expire": _("逾期未答复，引荐终止"),
    "introduction:meet": _("开始对接洽谈"),
    "introduction:agree": _("达成合作意向"),
    "introduction:party:propose": _("提议增加协作方"),
    "introduction:party:admit": _("同意邀请协作方"),
    "introduction:party:accept": _("协作方加入"),
    "introduction:party:decline": _("协作方未加入"),
    "introduction:party:leave": _("协作方退出"),
    "introduction:broker:take": _("负责撮合"),
    "introduction:broker:add": _("邀请另一地区共同撮合"),
    "introduction:broker:agree": _("同意撮合分工"),
    "introduction:broker:remove": _("结束共同撮合"),
    "introduction:broker:hand-over": _("移交给同事"),
}
CHOOSE = _("请选择")
RECOMMENDED_LENGTH = 200
DECLINE_NOTE_LENGTH = NOTE_LENGTH - RECOMMENDED_LENGTH - 20
RECOMMENDED = _("可推荐的其他单位：")


class Consents(BaseForm):
    """Accepting for an organisation: the undertaking by name, a contact, and a word to the others."""

    digest = HiddenField()
    message = text_area(_("给对方和撮合员的话"), MESSAGE_LENGTH, rows=4)
    accepted = BooleanField(_("已阅读并代表本单位接受以上保密承诺"))
    signed_name = text_field(_("承诺人姓名"), NAME_LENGTH, required=_("请填写承诺人姓名。"))
    contact = text_field(_("联系方式"), CONTACT_LENGTH, required=_("请填写双方接受后向对方公开的联系方式。"))

    def validate_accepted(self, field: Any) -> None:
        """Silence is no consent."""
        if not field.data:
            raise ValidationError(_("请阅读保密承诺并勾选接受。"))


class Beginning(BaseForm):
    """What the forms of a new case carry along: the pair, what the suggestion said, and which case it follows."""

    need = HiddenField()
    capability = HiddenField()
    suggested = HiddenField()
    follows = HiddenField()


class AskForm(Consents, Beginning):
    """A side asks for an introduction, and opts in with it."""


class ProposeForm(Beginning):
    """A broker introduces two sides."""

    message = text_area(_("引荐说明"), MESSAGE_LENGTH, required=_("请写明为什么引荐双方。"), rows=6)


class TakeOnForm(BaseForm):
    """A broker takes on what one side has asked for."""

    message = text_area(_("引荐说明"), MESSAGE_LENGTH, rows=4)


class DeclineForm(BaseForm):
    """Why not; what is said besides is for brokers alone."""

    reason = Choice(_("婉拒理由"), [(k.value, v) for k, v in REASONS.items()])
    note = text_area(_("补充说明"), DECLINE_NOTE_LENGTH, rows=3)
    recommended = text_field(_("可推荐的其他单位"), RECOMMENDED_LENGTH)

    def validate_note(self, field: Any) -> None:
        """ "Other" says nothing by itself."""
        if self.reason.data == DeclineReason.OTHER and not field.data:
            raise ValidationError(_("选择“其他原因”时，请写明具体情况。"))

    def words(self) -> str:
        """What brokers read."""
        recommended = f"{RECOMMENDED}{self.recommended.data}" if self.recommended.data else ""
        return "\n".join(part for part in (self.note.data or "", recommended) if part)


class NoteForm(BaseForm):
    """An action with a note, which the parties read; whether it may be empty is the table's to say."""

    note = text_area(_("说明"), NOTE_LENGTH, rows=4)


NOTE_WORDS = {
    A.MEET: (_("洽谈情况"), ""),
    A.AGREE: (_("达成的意向"), _("请写明双方商定了什么，例如试制样机、开展动物实验或签订协议。")),
    A.TURN_DOWN: (_("理由"), _("请写明不予引荐的理由，请求的单位会看到。")),
    A.WITHDRAW: (_("撤回理由"), _("请写明撤回理由，参与各方会看到。")),
}
"""What the note of an action is called, and what is said where it is missing."""


class PartnerForm(BaseForm):
    """A broker proposes a further party."""

    q = HiddenField()
    organisation_id = Choice(_("单位"), [], empty="")
    role = text_field(_("承担的工作"), ROLE_LENGTH, required=_("请写明该单位承担的工作，例如“动物实验”。"))


class SharesForm(BaseForm):
    """A second agency, with the legs and the credit of both."""

    agency_id = Choice(_("共同撮合的部门"), [], empty=CHOOSE)
    my_leg = Choice(_("本部门负责"), [(k.value, v) for k, v in LEGS.items()], default=Leg.RESEARCH.value)
    my_share = number_field(_("本部门分成（%）"), 3, default="50")
    their_leg = Choice(_("对方负责"), [(k.value, v) for k, v in LEGS.items()], default=Leg.PRODUCTION.value)

    def validate_agency_id(self, field: Any) -> None:
        """Whether it may be chosen is the service's to say."""
        if not field.data:
            raise ValidationError(_("请选择共同撮合的部门。"))

    def validate_my_share(self, field: Any) -> None:
        """The other share is what is left of a hundred."""
        text = field.data or ""
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 100):
            raise ValidationError(_("请填写 1 至 99 的整数，其余归对方。"))


class HandOverForm(BaseForm):
    """Who of one's colleagues goes on with a case."""

    user_id = Choice(_("移交给"), [], empty=CHOOSE)

    def validate_user_id(self, field: Any) -> None:
        """Whether they may is the service's to say."""
        if not field.data:
            raise ValidationError(_("请选择一位同事。"))
