"""The third story: a need open for responses, three that answer, reviewers who score apart, and an outcome for all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from backend.config import Settings
from backend.db import Database, utc_now
from backend.responses import clock
from backend.responses.models import ResponseCall
from backend.working_days import add_working_days, today
from tests.browser.casework import accept
from tests.browser.conftest import OpenVisit
from tests.browser.site import Site
from tests.browser.visit import review, submit, write_need
from tests.browser.wordings import TRANSSEPTAL

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]


@pytest.fixture(scope="module")
def site(own_site: Site) -> Site:
    """A site of its own."""
    return own_site


NEED = replace(TRANSSEPTAL, title="公开征集：停得住、能改弯的房间隔穿刺针")
SEALED = "往上跑，定好的点就丢了"
SUMMARY = "优先考虑能在一年内进入动物实验、弯度可在心脏内调节的方案。"
CRITERIA = ("技术可行性", "成熟度", "团队与证据")


@dataclass(frozen=True)
class Company:
    """Who answers, what with, and what two reviewers give."""

    account: str
    name: str
    solution: str
    price: str
    points: tuple[str, str]


COMPANIES = (
    Company("enterprise", "普实医疗", "鞘管内置牵引丝，弯度在心脏里可调，针尖带钩。", "80 万至 120 万元", ("5", "4")),
    Company("pathology-ai", "致慧医疗", "术中影像配准，提示进针点和角度，针沿用现有产品。", "60 万元", ("3", "3")),
    Company("startup", "示例·霁川导管技术", "记忆合金针体，通电改变弯度。", "待商议", ("2", "4")),
)
UNPICKED = "方案有新意，但通电针体的安全性还没有动物实验依据。"


def enter(open_visit: OpenVisit, account: str) -> Page:
    """A window of somebody who may send a form that is not complete."""
    visit = open_visit()
    visit.expect_status(422)
    return visit.sign_in(account)


def open_call(doctor: Page, need: str) -> str:
    """Open the published need to responses; returns the address of the call."""
    doctor.goto(need)
    doctor.locator("#responses").get_by_role("link", name="开放征集").click()
    expect(doctor.get_by_role("heading", name="开放征集", level=1)).to_be_visible()
    doctor.get_by_label("截止日期").fill(add_working_days(today(), 5).isoformat())
    doctor.get_by_label("征集说明").fill("须有医疗器械质量体系。")
    for number, name in enumerate(CRITERIA, 1):
        doctor.get_by_label(f"标准 {number}", exact=True).fill(name)
    for number in (4, 5):
        doctor.get_by_label(f"标准 {number}", exact=True).fill("")
    doctor.get_by_role("button", name="开放征集").click()
    expect(doctor.locator("#flash")).to_be_visible()
    return doctor.url.split("?")[0].split("#")[0]


def respond(page: Page, company: Company) -> None:
    """Find the call among the open ones, and answer by the form; a draft first, which is not in yet."""
    page.goto("/responses")
    page.get_by_role("link", name=NEED.title).first.click()
    page.get_by_role("link", name="应征").first.click()
    expect(page.get_by_role("heading", name="应征", level=1)).to_be_visible()
    page.get_by_label("解决方案").fill(company.solution)
    page.get_by_role("button", name="提交应征").click()
    expect(page.locator("#error-summary")).to_contain_text("请写明已有的依据")
    expect(page.get_by_label("解决方案")).to_have_value(company.solution)
    page.get_by_label("所处阶段").select_option(label="样机")
    page.get_by_label("依据").fill("离体猪心试验 20 例，示例报告。")
    page.get_by_label("团队").fill("结构工程师 3 人，注册 1 人。")
    page.get_by_label("时间安排").fill("样机 6 个月，动物实验 12 个月。")
    page.get_by_label("费用范围").fill(company.price)
    page.get_by_label("希望医院提供的条件").fill("参与动物实验设计。")
    page.get_by_role("button", name="提交应征").click()
    expect(page.locator(".status-submitted").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("截止前只有本单位能看到这份应征")


def let_the_date_pass(site: Site, call: str) -> None:
    """The date that is stored is moved into the past, and the task of the worker runs. Nobody is told another time."""
    settings = Settings(data_dir=site.data_dir, _env_file=None)
    database = Database(settings.resolved_database_url)
    try:
        with database.session(write=True) as session:
            row = session.get_one(ResponseCall, call.rsplit("/", 1)[1])
            row.until = utc_now() - timedelta(minutes=1)
            session.add(row)
        clock.follow(database, settings)
    finally:
        database.dispose()


def told(page: Page, words: str) -> None:
    """A notification says so, and its link leads on."""
    page.goto("/notifications")
    entry = page.locator("li.notification").filter(has_text=words).filter(has_text=NEED.title).first
    entry.get_by_role("link", name=NEED.title).click()


def invite(doctor: Page, call: str, account: str) -> None:
    """Ask somebody to review, by the address of their account."""
    doctor.goto(call)
    doctor.get_by_label("或者填写其他专家的账号邮箱").fill(f"{account}@demo.yiqiao.example")
    doctor.get_by_role("button", name="发送邀请").click()
    expect(doctor.locator("#flash")).to_be_visible()


def score(page: Page, call: str, points: Mapping[str, str]) -> None:
    """Accept the invitation, score each response, and hand in; the scores of others are shut until then."""
    told(page, "请您评审")
    page.get_by_role("link", name="打开评审").click()
    expect(page.locator("main")).not_to_contain_text(SEALED)
    page.get_by_label("本人与应征单位没有利益冲突").check()
    page.get_by_role("button", name="接受评审").click()
    expect(page.locator("main")).to_contain_text(SEALED)
    for name, given in points.items():
        page.locator("section", has=page.get_by_role("heading", name="逐份打分")).get_by_role("link", name=name).click()
        for criterion in CRITERIA:
            page.get_by_label(criterion, exact=True).select_option(given)
        page.get_by_label("评语").first.fill(f"示例评语 {given}")
        page.get_by_role("button", name="保存打分").click()
        expect(page.locator("#flash")).to_be_visible()
    answer = page.request.get(f"{call}/results")
    assert answer.status == 403 and "示例评语" not in answer.text()
    page.get_by_role("button", name="提交评分").click()
    expect(page.get_by_role("heading", name="比较和评分", level=1)).to_be_visible()


def decide(doctor: Page, call: str) -> None:
    """Pick the best with the consent to the introduction, and say why to all."""
    doctor.goto(call)
    doctor.get_by_role("link", name="比较和评分").click()
    best = doctor.locator("table.results tbody tr").first
    expect(best).to_contain_text(COMPANIES[0].name)
    expect(best).to_contain_text("4.50")
    doctor.get_by_role("link", name="公布结果").click()
    picked = doctor.locator(".verdict").filter(has=doctor.get_by_role("heading", name=COMPANIES[0].name))
    picked.get_by_label("选定这份方案").check()
    verdicts = doctor.locator(".verdict").filter(has=doctor.get_by_label("选定这份方案"))
    expect(verdicts).to_have_count(len(COMPANIES))
    last = doctor.locator(".verdict").filter(has=doctor.get_by_role("heading", name=COMPANIES[2].name))
    last.get_by_label("未入选的主要原因").select_option(label="成熟度不足")
    last.get_by_label("给这家单位的说明").fill(UNPICKED)
    doctor.get_by_label("结果说明").fill(SUMMARY)
    # Whoever forgets the consent finds the form as it was.
    doctor.get_by_role("button", name="公布结果并通知").click()
    expect(doctor.locator("#error-summary")).to_be_visible()
    expect(picked.get_by_label("选定这份方案")).to_be_checked()
    expect(last.get_by_label("给这家单位的说明")).to_have_value(UNPICKED)
    doctor.get_by_label("已阅读并代表本单位接受保密承诺").check()
    doctor.get_by_label("承诺人姓名").fill("示例签署人")
    doctor.get_by_label("联系方式").fill("心血管内科 021-0000 0002")
    doctor.get_by_role("button", name="公布结果并通知").click()
    expect(doctor.locator(".status-decided").first).to_be_visible()


def test_from_an_open_call_to_the_outcome_for_everybody(open_visit: OpenVisit, site: Site) -> None:
    doctor, broker = enter(open_visit, "cardiology"), open_visit().sign_in("putuo")
    write_need(doctor, NEED)
    submit(doctor)
    need = doctor.url
    review(broker, NEED.title)
    call = open_call(doctor, need)

    pages = {company.name: enter(open_visit, company.account) for company in COMPANIES}
    for number, company in enumerate(COMPANIES, 1):
        respond(pages[company.name], company)
        doctor.goto(call)
        expect(doctor.locator("main")).to_contain_text(f"已收到 {number} 份应征")
    # Before the date nobody but the one who wrote it reads a response, neither author nor broker.
    for page in (doctor, broker):
        page.goto(call)
        expect(page.locator("main")).not_to_contain_text(COMPANIES[0].solution)
        expect(page.locator('main a[href^="/responses/"]')).to_have_count(0)
    let_the_date_pass(site, call)
    told(doctor, "征集已截止")
    late = pages[COMPANIES[1].name]
    late.goto(call)
    expect(late.get_by_role("link", name="修改")).to_have_count(0)

    # Three are asked; one refuses for conflict, and two score without seeing each other.
    for account in ("jiading", "university", "hospital"):
        invite(doctor, call, account)
    conflicted = open_visit().sign_in("jiading")
    told(conflicted, "请您评审")
    conflicted.get_by_role("link", name="打开评审").click()
    conflicted.get_by_label("谢绝原因").select_option(label="有利益冲突")
    conflicted.get_by_role("button", name="谢绝", exact=True).click()
    expect(conflicted.locator("#flash")).to_be_visible()
    told(doctor, "评审谢绝了邀请")
    expect(doctor.locator("main")).to_contain_text("有利益冲突")
    first, second = open_visit().sign_in("university"), open_visit().sign_in("hospital")
    score(first, call, {c.name: c.points[0] for c in COMPANIES})
    expect(first.locator("main")).to_contain_text("1 位尚未完成")
    score(second, call, {c.name: c.points[1] for c in COMPANIES})
    expect(second.locator("main")).to_contain_text("2 位评审提交评分")

    decide(doctor, call)
    # Everybody who answered is told the outcome and why, each their own.
    for company in COMPANIES:
        page = pages[company.name]
        told(page, "征集结果已公布")
        main = page.locator("main")
        expect(main).to_contain_text(SUMMARY)
        expect(main).to_contain_text("入选" if company is COMPANIES[0] else "未入选")
        for other in COMPANIES:
            if other is not company:
                expect(main).not_to_contain_text(other.solution)
    expect(pages[COMPANIES[2].name].locator("main")).to_contain_text(UNPICKED)
    expect(pages[COMPANIES[1].name].locator("main")).not_to_contain_text(UNPICKED)
    told(first, "征集结果已公布")

    # The picked one is an introduction, accepted by the department; the company accepts, and the brief opens.
    winner = pages[COMPANIES[0].name]
    winner.get_by_role("link", name="查看应征").click()
    winner.get_by_role("link", name="查看引荐").click()
    case = winner.url
    accept(winner, case, "研发部 021-0000 0001")
    expect(winner.locator(".case-introduced")).to_be_visible()
    winner.goto(need)
    expect(winner.get_by_text(SEALED)).to_be_visible()
    doctor.goto(case)
    expect(doctor.get_by_text("研发部 021-0000 0001")).to_be_visible()
    # The author sees whose reviewers have read the need.
    doctor.goto(f"{need}/releases")
    expect(doctor.locator("#readings").locator("xpath=..")).to_contain_text("沪西示例医院")
    expect(doctor.locator("main")).not_to_contain_text("未记录单位")
