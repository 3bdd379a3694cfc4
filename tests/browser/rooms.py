"""Cases in every state for pictures and layout: introductions, talk, meetings, calls, docking events, a ledger.

Everything is made by the services of the application, in the name of the demonstration accounts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import update
from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.config import Settings
from backend.conversations import service as conversations
from backend.conversations.service import Draft
from backend.db import Database, new_id, utc_now
from backend.decisions.service import Suggested
from backend.introductions import brokers, parties, service
from backend.introductions.brokers import LegShare
from backend.introductions.models import Introduction, Leg
from backend.introductions.states import DeclineReason
from backend.ledger import blockers
from backend.ledger import service as ledger
from backend.ledger.service import Move, Plan
from backend.ledger.states import StepKind
from backend.meetings import docking, docking_sending, docking_wishes, holding
from backend.meetings import service as meetings
from backend.meetings.calendar import Sender
from backend.meetings.docking import Frame
from backend.meetings.docking_wishes import Found
from backend.meetings.holding import Minutes
from backend.meetings.models import Fit
from backend.meetings.service import Plan as MeetingPlan
from backend.needs import service as needs
from backend.needs.models import Need, NeedKind
from backend.organisations import service as organisations
from backend.organisations.models import Membership, Organisation, OrganisationKind
from backend.responses import answers, calling, calls, clock, reviewing
from backend.responses.forms import DEFAULT_CRITERIA
from backend.responses.models import CallResponse, ResponseCall, Review
from backend.responses.reviewing import Given
from backend.working_days import add_working_days, today
from tests.factories import JIADING, PUTUO, Factory, Party
from tests.response_steps import ANSWER
from tests.unit.test_introductions import CONSENT

Result = TypeVar("Result")
SENDER = Sender("desk@yiqiao.example", "http://127.0.0.1")
LONG = "https://hospital.example/" + "transseptal-" * 6
TALK = (
    ("company", "张医生，样机弯度可以在 30°到 90°之间连续调节。能否先到科室观摩两台手术，确认进针角度？"),
    ("hospital", "可以。下周二、周四上午都有房颤消融，请提前一天发来人员名单。\n\n注意：进导管室前要做一次院感培训。"),
    ("company", f"收到。说明书和离体试验报告放在这里：{LONG}"),
)
CASES = (
    ("支架输送时远端回弹，定位偏移", "asked"),
    ("内镜下止血夹在湿滑创面上容易脱落，且一次只能释放一枚，出血量大时来不及更换", "proposed"),
    ("术中冷冻切片等待时间长", "half"),
    ("颅内导管显影不清", "introduced"),
    ("穿刺引导支架占用手术视野", "met"),
    ("骨科术中定位反复透视", "declined"),
    ("呼吸机湿化罐积水报警频繁", "withdrawn"),
)


LISTS = {
    "introductions": "/introductions",
    "introductions-closed": "/introductions?state=closed",
    "conversations": "/conversations",
    "conversations-found": "/conversations?q=样机",
    "docking": "/docking",
    "ledger": "/ledger",
    "responses": "/responses",
    "transfers": "/transfers",
}
OF_OFFICES = {
    "desk": "/desk",
    "desk-deferred": "/desk?view=deferred",
    "desk-handed": "/desk?view=handed",
    "assignment": "/desk/assignment",
    "results": "/results",
    "report": "/results/report",
    "docking-new": "/docking/new",
}


@dataclass
class Rooms:
    """Where the rooms are: addresses by name, as each role takes them."""

    broker: dict[str, str] = field(default_factory=lambda: OF_OFFICES | LISTS)
    hospital: dict[str, str] = field(default_factory=lambda: dict(LISTS))
    enterprise: dict[str, str] = field(default_factory=lambda: dict(LISTS))
    reviewer: dict[str, str] = field(default_factory=lambda: {"responses": "/responses"})
    admin: dict[str, str] = field(default_factory=lambda: {"results": "/results", "report": "/results/report"})

    def of(self) -> dict[str, dict[str, str]]:
        """The addresses by demonstration account."""
        return {
            "putuo": self.broker,
            "cardiology": self.hospital,
            "enterprise": self.enterprise,
            "university": self.reviewer,
            "admin": self.admin,
        }


class Furnisher:
    """The demonstration accounts, and calls in transactions of their own."""

    def __init__(self, database: Database) -> None:
        self.database, self.make, self.rooms = database, Factory(database), Rooms()
        self.broker, self.second = self.account("putuo"), self.account("jiading")
        self.hospital, self.company = self.account("cardiology"), self.account("enterprise")
        self.rival, self.expert = self.account("startup"), self.account("university")
        self.make._reviewers = {PUTUO: self.broker, JIADING: self.second}

    def do(self, work: Callable[[Session], Result]) -> Result:
        with self.database.session(write=True) as session:
            return work(session)

    def account(self, name: str) -> Party:
        """One of the demonstration accounts."""

        def work(session: Session) -> Party:
            user = session.exec(select(User).where(User.email == f"{name}@demo.yiqiao.example")).one()
            query = select(Organisation).join(Membership).where(Membership.user_id == user.id)
            return Party(session.exec(query).one(), user, organisations.viewer_of(session, user))

        return self.do(work)

    def need(self, title: str, kind: NeedKind = NeedKind.CLINICAL) -> Need:
        return self.make.need(self.hospital, title, kind=kind, specialty="03", requirements=("不增加手术步骤。",))

    def propose(self, need: Need, offer: str = "") -> Introduction:
        capability = self.make.capability(self.company, offer or f"{need.title[:12]}的解决方案")
        return self.do(
            lambda s: service.propose(s, self.broker.viewer, need.id, capability.id, "两家条件相近，值得一谈。")
        )

    def answer(self, party: Party, row: Introduction) -> Introduction:
        return self.do(lambda s: service.answer(s, party.viewer, row.id, CONSENT))

    def introduced(self, title: str) -> Introduction:
        row = self.propose(self.need(title))
        self.answer(self.hospital, row)
        return self.answer(self.company, row)

    def everywhere(self, name: str, path: str) -> None:
        """A page that both sides and the broker open."""
        for role in (self.rooms.broker, self.rooms.hospital, self.rooms.enterprise):
            role[name] = path

    def cases(self) -> None:
        """A case in each state."""
        for title, state in CASES:
            need = self.need(title)
            if state == "asked":
                offer = self.make.capability(self.company, "短程回弹补偿输送系统")
                asked = (self.company.viewer, need.id, offer.id, "我们做过同类输送系统，愿意试制。", CONSENT)
                row = self.do(lambda s, asked=asked: service.ask(s, *asked))  # type: ignore[misc]
                self.rooms.broker[f"case-{state}"] = f"/introductions/{row.id}"
                continue
            row = self.propose(need)
            self.everywhere(f"case-{state}", f"/introductions/{row.id}")
            if state == "half":
                self.answer(self.hospital, row)
                then = utc_now() - timedelta(days=12)
                late = update(Introduction).where(col(Introduction.id) == row.id).values(waiting_since=then)
                self.do(lambda s, late=late: s.execute(late))  # type: ignore[misc]
            elif state in ("introduced", "met"):
                self.answer(self.hospital, row)
                self.answer(self.company, row)
                if state == "met":
                    self.act(row, "meet")
            elif state == "declined":
                said = "目前只有台式样机，没有动物实验数据。"
                self.do(
                    lambda s, row=row, said=said: service.decline(  # type: ignore[misc]
                        s, self.company.viewer, row.id, DeclineReason.STAGE_TOO_EARLY, said
                    )
                )
            elif state == "withdrawn":
                self.act(row, "withdraw", "发布单位已自行解决。")

    def act(self, row: Introduction, action: str, note: str = "") -> None:
        self.do(lambda s: service.act(s, self.broker.viewer, row.id, action, note))

    def landing(self) -> None:
        """A case with talk, meetings, a third party, two cities and a ledger half way with a blocker."""
        row = self.introduced("穿刺点定位后仍可微调的可调弯系统（示例）")
        self.talk(row)
        self.meet(row)
        self.act(row, "agree", "共同设计动物实验，完成注册前评价；样机由企业承担，手术观摩由科室安排。")
        lab = self.make.party(OrganisationKind.PLATFORM, name="示例·张江动物实验公共技术服务平台")
        third = self.do(lambda s: parties.propose(s, self.broker.viewer, row.id, lab.organisation.id, "动物实验"))
        self.do(lambda s: parties.admit(s, self.hospital.viewer, row.id, third.id, agree=True))
        self.do(lambda s: parties.accept(s, lab.viewer, row.id, CONSENT))
        mine, theirs = LegShare(Leg.RESEARCH, 60), LegShare(Leg.PRODUCTION, 40)
        agency = self.second.organisation.id
        self.do(lambda s: brokers.share_case(s, self.broker.viewer, row.id, agency, mine, theirs))
        seen = {self.broker.organisation.id: 60, agency: 40}
        self.do(lambda s: brokers.agree(s, self.second.viewer, row.id, seen))
        self.steps(row)
        base = f"/introductions/{row.id}"
        for name in ("", "/conversation", "/meetings", "/ledger", "/story", "/ledger/animal", "/ledger/prototype"):
            self.everywhere(f"landing{name.replace('/', '-')}", f"{base}{name}")

    def move(self, row: Introduction, kind: StepKind, action: str, said: Move) -> None:
        def work(session: Session) -> None:
            step = next(s for s in ledger.steps(session, [row.id])[row.id] if s.kind is kind)
            ledger.move(session, self.broker.viewer, row.id, kind, action, step.version, said)

        self.do(work)

    def plan(self, row: Introduction, kind: StepKind, planned: Plan) -> None:
        def work(session: Session) -> None:
            step = next(s for s in ledger.steps(session, [row.id])[row.id] if s.kind is kind)
            ledger.plan(session, self.broker.viewer, row.id, kind, step.version, planned)

        self.do(work)

    def steps(self, row: Introduction) -> None:
        """Done, skipped, running late, blocked with a need that came of it."""
        self.move(row, StepKind.ORDER, "finish", Move(evidence="合作协议，示例编号 2026-001"))
        self.move(row, StepKind.OBSERVATION, "finish", Move(evidence="观摩记录两份，2026 年 10 月"))
        self.move(row, StepKind.CONCEPT, "skip", Move("企业已有台式样机，概念已经验证。"))
        late = Plan(self.company.organisation.id, "示例项目经理", today() - timedelta(days=9))
        self.plan(row, StepKind.PROTOTYPE, late)
        self.move(row, StepKind.PROTOTYPE, "start", Move())
        self.plan(
            row, StepKind.ANIMAL, Plan(self.hospital.organisation.id, "示例科研秘书", today() + timedelta(days=40))
        )
        self.move(row, StepKind.ANIMAL, "start", Move())
        blocked = Move("猪舍排期到明年三月，缺少可以做大动物介入试验的场地。", NeedKind.SPACE)
        self.move(row, StepKind.ANIMAL, "block", blocked)
        self.do(lambda s: blockers.open_need(s, self.hospital.viewer, row.id, StepKind.ANIMAL))

    def talk(self, row: Introduction) -> None:
        """Messages of both sides, and a note of the broker."""
        people = {"company": self.company, "hospital": self.hospital}
        for who, text in TALK:
            self.say(people[who], row, text)
        self.say(self.hospital, row, "@普实医疗演示账号 名单收到了。", (self.company.user.id,))
        self.say(self.broker, row, "企业对费用分担还有顾虑，下次会议前先单独通一次电话。", is_note=True)

    def say(
        self, party: Party, row: Introduction, text: str, mentioned: tuple[str, ...] = (), *, is_note: bool = False
    ) -> None:
        self.do(lambda s: conversations.post(s, party.viewer, row.id, Draft(new_id(), text, mentioned, is_note)))

    def hour(self, days: int) -> datetime:
        return utc_now().replace(minute=0, second=0, microsecond=0) + timedelta(days=days)

    def meet(self, row: Introduction) -> None:
        """One meeting that waits for answers, one that is fixed, one that was held."""
        plan = MeetingPlan(60, place="普陀区商务委 3 号楼 205 会议室", note="请带样机和离体试验报告。")
        ids = {name: new_id() for name in ("proposed", "fixed", "held")}
        for name, meeting in ids.items():
            starts = [self.hour(3), self.hour(4), self.hour(6)]
            self.do(lambda s, m=meeting, t=starts: meetings.propose(s, self.broker.viewer, row.id, m, t, plan))  # type: ignore[misc]
            times = self.do(lambda s, m=meeting: [t.id for t in meetings.times(s, m)])  # type: ignore[misc]
            fits = {times[0]: Fit.YES, times[1]: Fit.NO, times[2]: Fit.MAYBE}
            self.do(lambda s, m=meeting, f=fits: meetings.answer(s, self.company.viewer, row.id, m, f))  # type: ignore[misc]
            if name != "proposed":
                self.do(
                    lambda s, m=meeting, t=times: meetings.fix(s, self.broker.viewer, SENDER, row.id, m, t[0])  # type: ignore[misc]
                )
            self.everywhere(f"meeting-{name}", f"/introductions/{row.id}/meetings/{meeting}")

        def past(session: Session) -> None:
            held = meetings.load(session, self.broker.viewer, row.id, ids["held"])[1]
            held.starts_at = utc_now() - timedelta(days=2)
            session.add(held)
            session.flush()
            present = {
                self.company.organisation.id: "示例工程师、示例注册专员",
                self.hospital.organisation.id: "示例主任",
            }
            text = "双方看了样机，弯度满足要求。\n\n手柄偏重，单手操作不便，企业下一版减重。"
            holding.hold(
                session, self.broker.viewer, row.id, ids["held"], Minutes(present, text, "企业两周内送样两台。")
            )

        self.do(past)

    def calls(self) -> None:
        """A call that is open, one under review with two responses, one that is proposed."""
        until = add_working_days(today(), 15)
        words = ("须有质量体系。", "值得公开征集。")
        for name, title in (("open", "经导管三尖瓣修复的影像引导"), ("review", "床旁快速测定凝血功能")):
            need = self.need(title)
            call = self.do(
                lambda s, n=need.id: calling.begin(s, self.hospital.viewer, n, until, DEFAULT_CRITERIA, *words)  # type: ignore[misc]
            )
            self.rooms.hospital[f"call-{name}"] = self.rooms.enterprise[f"call-{name}"] = f"/calls/{call.id}"
            self.rooms.broker[f"call-{name}"] = f"/calls/{call.id}"
            if name == "open":
                self.rooms.hospital["call-edit"] = f"/calls/{call.id}/edit"
                self.rooms.enterprise["respond"] = f"/calls/{call.id}/respond"
                continue
            rows = [self.respond(party, call.id) for party in (self.company, self.rival)]
            self.review(call.id, rows)
        need = self.need("重症监护室导管相关感染的早期提示")
        self.rooms.hospital["call-new"] = f"/needs/{need.id}/responses/new"

    def respond(self, party: Party, call_id: str) -> CallResponse:
        values = {**ANSWER, "solution": "用可调弯的鞘管，弯度在心脏内调节。\n\n手柄上有刻度，单手可以锁定。" * 3}
        return self.do(
            lambda s: answers.save(s, party.viewer, call_id, party.organisation.id, values, submit=True, version=0)
        )

    def review(self, call_id: str, rows: list[CallResponse]) -> None:
        """The date passes; one reviewer has handed in, and the expert has scored one response."""
        passed = (
            update(ResponseCall).where(col(ResponseCall.id) == call_id).values(until=utc_now() - timedelta(minutes=1))
        )
        self.do(lambda s: s.execute(passed))
        self.do(lambda s: clock.run(s, 15))
        pathologist = self.account("pathology-ai")
        for party in (self.expert, pathologist):
            self.do(lambda s, p=party: reviewing.invite(s, self.hospital.viewer, call_id, p.user.email))  # type: ignore[misc]
            self.do(lambda s, p=party: reviewing.accept(s, p.viewer, call_id))  # type: ignore[misc]

        def score(session: Session, party: Party, row: CallResponse, points: int) -> None:
            given = {c.id: Given(points, "有依据。") for c in calls.load(session, call_id).criteria}
            reviewing.score(session, party.viewer, call_id, row.id, given)

        for number, row in enumerate(rows):
            self.do(lambda s, r=row, n=number: score(s, pathologist, r, 3 + n))  # type: ignore[misc]
        self.do(lambda s: reviewing.submit(s, pathologist.viewer, call_id))
        self.do(lambda s: score(s, self.expert, rows[0], 4))
        self.rooms.reviewer |= {"review": f"/calls/{call_id}/review", "score": f"/responses/{rows[1].id}/review"}
        self.rooms.hospital |= {
            "call-results": f"/calls/{call_id}/results",
            "call-decision": f"/calls/{call_id}/decision",
            "response": f"/responses/{rows[0].id}",
        }
        self.rooms.enterprise["response"] = f"/responses/{rows[0].id}"

    def hall(self) -> None:
        """Docking events: one in preparation with a plan, and one whose plan is out."""
        companies = [self.make.party(name=f"示例·第{n}器械有限公司") for n in range(1, 5)]
        offers = [
            self.make.capability(c, f"第{n}号产品：可调弯鞘管") for n, c in enumerate([self.company, *companies], 1)
        ]
        wanted = [self.need(title) for title in ("术中超声探头消毒耗时", "左心耳封堵器尺寸不全", "取栓支架通过性差")]
        for name, words in (("draft", "筹备"), ("published", "已发出")):
            event, start = new_id(), self.hour(9)
            values = Frame(f"示例对接会（{words}）", "示例会议中心 2 楼", start, 4, 20, 3, (2,), 10)
            self.do(lambda s, e=event, v=values: docking.save(s, self.broker.viewer, e, v, is_new=True))  # type: ignore[misc]
            # Tables of one hospital follow each other, so not everybody has a talk: this company does.
            likely = {offers[0].id: 0.9}
            found = [
                Found(n.id, c.id, Suggested("test", 1, "strong", likely.get(c.id, 0.5))) for n in wanted for c in offers
            ]
            self.do(lambda s, e=event, f=found: docking_wishes.add_matches(s, self.broker.viewer, e, f))  # type: ignore[misc]
            self.do(lambda s, e=event: docking_wishes.plan(s, self.broker.viewer, e))  # type: ignore[misc]
            self.rooms.broker |= {
                f"docking-{name}": f"/docking/{event}",
                f"docking-{name}-plan": f"/docking/{event}/plan",
            }
            if name == "published":
                self.do(lambda s, e=event: docking_sending.publish(s, self.broker.viewer, SENDER, e, 0))  # type: ignore[misc]
                self.everywhere("docking-published", f"/docking/{event}")
            else:
                self.rooms.broker["docking-draft-edit"] = f"/docking/{event}/edit"

    def waiting(self) -> None:
        """What waits for a review."""
        for title in ("导尿管拔除时的尿道损伤", "手术室无影灯下的血管识别"):
            need = self.make.need(self.hospital, title, publish=False)
            self.do(lambda s, n=need.id: needs.act(s, self.hospital.viewer, n, "submit"))  # type: ignore[misc]


def furnish(data_dir: Path) -> Rooms:
    """Fill a seeded site with cases in every state; says where they are."""
    database = Database(Settings(data_dir=data_dir).resolved_database_url)
    try:
        made = Furnisher(database)
        for room in (made.cases, made.landing, made.calls, made.hall, made.waiting):
            room()
        reviews = made.do(lambda s: s.exec(select(Review)).all())
        assert reviews and made.rooms.reviewer
        return made.rooms
    finally:
        database.dispose()
