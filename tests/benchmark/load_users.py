"""What the users of `tests.benchmark.load` do; run by locust in a process of its own.

Of a hundred steps 45 look at pages, 30 search, 15 ask what fits, and 10 write: a need is drafted, edited and
handed in. Everybody pauses one to three seconds between two steps.
"""

import json
import os
import random
import re
from itertools import cycle
from typing import Any

from locust import HttpUser, between, task

from tests.web.pages import read

GIVEN: dict[str, Any] = json.loads(os.environ["YIQIAO_LOAD"])
COOKIE: str = GIVEN["cookie"]
TOKENS = cycle(GIVEN["tokens"])
NEEDS: list[str] = GIVEN["needs"]
CAPABILITIES: list[str] = GIVEN["capabilities"]
QUERIES = [
    "房间隔穿刺针不能弯曲", "病理切片 人工智能", "术中导航定位不准", "耐高温传感器", "胰岛素泵堵管", "内镜清洗消毒",
    "骨科手术机器人", "呼吸机管路冷凝水", "支架 涂层", "儿童用的喉镜", "康复外骨骼", "超声探头发热", "GMP 厂房",
    "动物实验 服务", "种子轮 投资",
]  # fmt: skip
STEP = re.compile(r'<form action="(/needs/[0-9a-f]{16}/(?:publish|submit))"')


class Member(HttpUser):
    """A member of a hospital or an enterprise."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Signed in already: how long passwords take is no matter of this."""
        self.client.cookies.set(COOKIE, next(TOKENS))
        self.number = 0

    @task(15)
    def lists(self) -> None:
        """The home page and the lists."""
        self.client.get(random.choice(["/", "/needs", "/capabilities", "/search?side=need", "/search?side=capability"]))

    @task(30)
    def pages(self) -> None:
        """The page of a need or of a capability, which records who has read it."""
        if random.random() < 0.5:
            self.client.get(f"/needs/{random.choice(NEEDS)}", name="/needs/{id}")
        else:
            self.client.get(f"/capabilities/{random.choice(CAPABILITIES)}", name="/capabilities/{id}")

    @task(30)
    def search(self) -> None:
        """A search by words of one's own."""
        side = random.choice(["need", "capability"])
        params = {"q": f"{random.choice(QUERIES)} {random.randrange(40)}", "side": side}
        self.client.get("/search", params=params, name="/search?q=")

    @task(15)
    def suggestions(self) -> None:
        """What fits a capability, as its page loads it."""
        url = f"/capabilities/{random.choice(CAPABILITIES)}/suggestions"
        self.client.get(url, headers={"HX-Request": "true"}, name="/capabilities/{id}/suggestions")

    @task(10)
    def write(self) -> None:
        """Draft, edit, hand in."""
        self.number += 1
        form = self.client.get("/needs/new", name="/needs/new")
        if form.status_code != 200:
            return
        text = random.choice(QUERIES)
        fields = {
            **read(form.text).fields,
            "title": f"{text}，第{self.number}项"[:80],
            "summary": f"希望改进：{text}。",
        }
        fields |= {"summary": f"希望改进：{text}。", "problem": f"每周约{random.randrange(2, 30)}次：{text}。"}
        fields["action"] = "save"
        saved = self.client.post("/needs", data=fields, allow_redirects=False, name="POST /needs")
        url = saved.headers.get("location", "")
        if saved.status_code != 303 or not url:
            return
        edit = self.client.get(f"{url}/edit", name="/needs/{id}/edit")
        if edit.status_code == 200:
            changed = {**read(edit.text).fields, "summary": f"改写：{text}，希望有替代方案。", "action": "save"}
            self.client.post(f"{url}/edit", data=changed, allow_redirects=False, name="POST /needs/{id}/edit")
        # What waits for its review is not edited.
        page = self.client.get(url, name="/needs/{id}")
        if step := STEP.search(page.text):
            self.client.post(step[1], allow_redirects=False, name="POST /needs/{id}/submit")
