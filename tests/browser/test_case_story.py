"""The story of the transseptal needle from the need to the first patient, by three people in three browsers."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from backend.db import utc_now
from backend.working_days import CHINA
from tests.browser.casework import accept, agree, finish, introduce, let_meeting_come
from tests.browser.conftest import OpenVisit
from tests.browser.site import Site
from tests.browser.visit import review, submit, write_need
from tests.browser.wordings import TRANSSEPTAL

pytestmark = [pytest.mark.browser, pytest.mark.story, pytest.mark.model]


@pytest.fixture(scope="module")
def site(own_site: Site) -> Site:
    """A site of its own."""
    return own_site


NEED = replace(TRANSSEPTAL, title="进了心脏还能改弯度的房间隔穿刺针")
SEALED = "往上跑，定好的点就丢了"
STEPS = {
    "order": "",
    "observation": "",
    "animal": "",
    "type_test": "型式检验报告，示例编号 2026-01",
    "clinical": "",
    "registration": "",
    "certificate": "注册证，示例编号 2026-02",
    "first_use": "首例手术记录，示例",
}
"""The steps of this story, with what shows those that have to be shown."""


def meet(site: Site, broker: Page, doctor: Page, case: str) -> None:
    """The broker proposes a time, the department answers, the broker fixes it; the day comes, then the minutes."""
    start = (utc_now().astimezone(CHINA) + timedelta(days=3)).replace(hour=14, minute=0)
    broker.goto(f"{case}/meetings")
    broker.get_by_label("时间一").fill(start.strftime("%Y-%m-%dT%H:%M"))
    broker.get_by_label("地点", exact=True).fill("普陀区商务委会议室")
    broker.get_by_role("button", name="发送提议").click()
    doctor.goto(f"{case}/meetings")
    doctor.get_by_role("link", name="1 个时间待答复").click()
    doctor.locator(".meeting-fit label").first.click()
    doctor.get_by_role("button", name="保存本单位的答复").click()
    broker.goto(f"{case}/meetings")
    broker.get_by_role("link", name="1 个时间待答复").click()
    broker.get_by_role("button", name="确定这个时间").click()
    expect(broker.locator(".meeting-fixed")).to_be_visible()
    expect(broker.get_by_label("会议纪要")).to_have_count(0)
    let_meeting_come(site, case)
    broker.reload()
    for box in broker.locator("input[name=present]").all():
        box.check()
    broker.get_by_label("会议纪要").fill("看了样机，约定先到科室观摩两台手术。")
    broker.get_by_role("button", name="保存纪要").click()
    expect(broker.get_by_role("heading", name="会议纪要")).to_be_visible()


def stages_of(page: Page) -> dict[str, int]:
    """The funnel of the broker's region: by stage, how many needs are behind it."""
    page.goto("/results")
    rows = page.locator("table.funnel tbody tr")
    found = {row.get_by_role("rowheader").inner_text(): row.locator("td").first.inner_text() for row in rows.all()}
    return {stage: int(re.sub(r"\D", "", words)) for stage, words in found.items()}


def test_from_the_need_to_the_first_patient(open_visit: OpenVisit, site: Site) -> None:
    doctor, broker = open_visit().sign_in("cardiology"), open_visit().sign_in("putuo")
    company = open_visit().sign_in("enterprise")
    before = stages_of(broker)
    write_need(doctor, NEED)
    submit(doctor)
    need = doctor.url
    review(broker, NEED.title)

    # The broker introduces the two from the match card.
    broker.goto(need)
    case = introduce(broker, "普实医疗")

    # The company knows the teaser alone until both have accepted.
    company.goto("/introductions")
    company.get_by_role("link", name=NEED.title).first.click()
    assert SEALED not in company.content()
    company.goto(need)
    expect(company.get_by_text("详情需经授权查看")).to_be_visible()
    accept(company, case, "研发部 021-0000 0001")
    company.goto(need)
    expect(company.get_by_text("详情需经授权查看")).to_be_visible()
    accept(doctor, case, "心血管内科 021-0000 0002")
    company.goto(need)
    expect(company.get_by_text(SEALED)).to_be_visible()
    company.goto(case)
    expect(company.get_by_text("心血管内科 021-0000 0002")).to_be_visible()
    with company.expect_download() as download:
        company.get_by_role("link", name="下载保密承诺书（PDF）").click()
    assert download.value.suggested_filename.endswith(".pdf")

    # They talk, and meet.
    company.goto(f"{case}/conversation")
    company.locator("textarea[name=text]").fill("样机弯度可调，能否先到科室观摩两台手术？")
    company.get_by_role("button", name="发送").click()
    doctor.goto(f"{case}/conversation")
    expect(doctor.get_by_text("能否先到科室观摩两台手术")).to_be_visible()
    meet(site, broker, doctor, case)

    # They agree, and the ledger leads to the first patient.
    agree(broker, case, "共同设计动物实验，完成注册前评价。")
    for step, evidence in STEPS.items():
        finish(doctor if step == "first_use" else broker, case, step, evidence)
    doctor.goto(f"{case}/story")
    for milestone in ("需求发布", "双方接受", "达成合作意向", "首次入院"):
        expect(doctor.get_by_role("rowheader", name=milestone).first).to_be_visible()
    doctor.goto(f"{case}/ledger")
    doctor.get_by_role("button", name="标记需求已解决").click()
    expect(doctor.locator(".status-fulfilled")).to_be_visible()

    # The figures of the region and the report of the quarter count it, once at each stage.
    now = stages_of(broker)
    counted = ("发布需求", "发起引荐", "双方接受", "会面对接", "达成合作", "首次入院")
    assert {stage: now[stage] - before[stage] for stage in counted} == dict.fromkeys(counted, 1)
    broker.goto("/results/report")
    expect(broker.get_by_role("heading", name="二、对接成效")).to_be_visible()
    expect(broker.locator("#report")).to_contain_text(f"首次入院 {now['首次入院']} 件")
