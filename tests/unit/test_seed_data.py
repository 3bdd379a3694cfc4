"""The demonstration data: complete, true to its own lists, and honest about what is invented."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, func, select

from backend import outbox, seeding
from backend.capabilities.models import Capability, CapabilityKind, Stage
from backend.config import SEED_DIR
from backend.db import Database
from backend.disclosure.models import TEXT_LENGTH, TITLE_LENGTH, Audience
from backend.needs.models import REQUIREMENT_LENGTH, REQUIREMENTS_MAX, Need, NeedKind, Offer, Requirement
from backend.organisations.models import MemberRole, OrganisationKind
from backend.seed_files import read_rows
from backend.taxonomies import device_categories, regions, specialties

Row = Mapping[str, Any]

# Organisations that exist. Of them only published facts may be stated; every other one bears 示例 in its name.
REAL = (
    "普实医疗 普陀区中心医院 致慧医疗 施江医药 联影集团 联影医疗 摩仑科技 鱼跃医疗 吉贝尔药业 艾普强 三友医疗 东方生物",
    "康德莱医疗器械产业园 中生复诺健 共进微电子 瑞金医院国家医学中心 瑞金创新中心 同济大学医学院 上海化工研究院",
    "国家智能传感器创新中心 上海微技术工业研究院 复旦大学国际科技创新中心 联影小镇 械谷 桃浦镇 同济科技园 未来岛园区",
    "中以创新园 上海高端医疗装备产业园 上海智能传感器产业园 上海国投先导 上海生物医药并购基金 未来产业基金",
    "同济科技园科技成果转化扶持资金 普陀区商务委 嘉定区经委",
)
REAL_NAMES = {name for line in REAL for name in line.split()}


def rows(name: str) -> list[Row]:
    """All rows of a kind of file."""
    return list(read_rows(SEED_DIR, name))


ORGANISATIONS, CAPABILITIES, NEEDS, ACCOUNTS = map(rows, ("organisations", "capabilities", "needs", "accounts"))


def test_there_is_enough_of_everything() -> None:
    assert len(ORGANISATIONS) >= 60
    assert len(CAPABILITIES) >= 160
    assert len(NEEDS) >= 60


def test_every_kind_is_there() -> None:
    assert {row["kind"] for row in ORGANISATIONS} == set(OrganisationKind)
    assert {row["kind"] for row in CAPABILITIES} == set(CapabilityKind)
    assert {row["kind"] for row in NEEDS} == set(NeedKind)


def test_invented_organisations_say_so() -> None:
    names = {row["name"] for row in ORGANISATIONS}
    assert {name for name in names if "示例" not in name} == REAL_NAMES


def test_keys_are_unique_and_refer_to_something() -> None:
    for found in (ORGANISATIONS, CAPABILITIES, NEEDS):
        assert len({row["key"] for row in found}) == len(found)
    known = {row["key"] for row in ORGANISATIONS}
    assert {row["organisation"] for row in [*CAPABILITIES, *NEEDS]} <= known


def test_codes_are_those_of_the_taxonomies() -> None:
    for row in [*CAPABILITIES, *NEEDS]:
        assert row.get("specialty") is None or row["specialty"] in specialties(), row["key"]
        assert row.get("device_category") is None or row["device_category"] in device_categories(), row["key"]
        assert row.get("region") is None or row["region"] in regions(), row["key"]
        assert row.get("audience") is None or row["audience"] in list(Audience), row["key"]
        assert row.get("stage") is None or row["stage"] in list(Stage), row["key"]
        assert set(row.get("offers") or ()) <= set(Offer), row["key"]
    for row in ORGANISATIONS:
        assert row["region"] in regions(), row["key"]
        for department in row.get("departments") or ():
            assert department.get("specialty") is None or department["specialty"] in specialties(), row["key"]


def test_texts_are_such_as_the_forms_would_take() -> None:
    for row in [*CAPABILITIES, *NEEDS]:
        assert 0 < len(row["title"]) <= TITLE_LENGTH, row["key"]
        assert row["summary"].strip(), row["key"]
        for name in (*seeding.NEED_TEXTS, *seeding.CAPABILITY_TEXTS):
            assert len(row.get(name, "")) <= TEXT_LENGTH, row["key"]
    for row in NEEDS:
        assert row["problem"].strip(), row["key"]
        assert len(row.get("requirements") or ()) <= REQUIREMENTS_MAX, row["key"]
        assert all(0 < len(text) <= REQUIREMENT_LENGTH for text in row.get("requirements") or ()), row["key"]


def test_no_text_is_used_twice() -> None:
    for found in (CAPABILITIES, NEEDS):
        assert len({row["title"] for row in found}) == len(found)
        assert len({row["summary"] for row in found}) == len(found)


def test_no_field_is_misspelt() -> None:
    shared = {"key", "organisation", "title", "kind", "specialty", "device_category", "region", "audience", "anonymous"}
    for row in NEEDS:
        assert set(row) <= shared | {*seeding.NEED_TEXTS, "department", "offers", "requirements"}, row["key"]
    for row in CAPABILITIES:
        assert set(row) <= shared | {*seeding.CAPABILITY_TEXTS, "stage"}, row["key"]


def test_judgements_grade_what_exists() -> None:
    with (SEED_DIR / "judgements.csv").open(encoding="utf-8", newline="") as file:
        judged = list(csv.DictReader(file))
    needs, capabilities = {row["key"] for row in NEEDS}, {row["key"] for row in CAPABILITIES}
    assert {row["need"] for row in judged} <= needs
    assert {row["capability"] for row in judged} <= capabilities
    assert {row["grade"] for row in judged} <= {"0", "1", "2", "3"}
    assert all(row["reason"].strip() for row in judged)
    assert len({(row["need"], row["capability"]) for row in judged}) == len(judged)
    assert len({row["need"] for row in judged}) >= 40


def test_the_readme_explains_every_field() -> None:
    readme = (SEED_DIR / "README.md").read_text(encoding="utf-8")
    for found in (ORGANISATIONS, CAPABILITIES, NEEDS, ACCOUNTS):
        for name in {name for row in found for name in row}:
            assert re.search(rf"`{name}\b", readme), name


def count(session: Session, table: type[Any]) -> int:
    """Rows of a table."""
    return session.exec(select(func.count()).select_from(table)).one()


def test_all_of_it_loads(database: Database) -> None:
    with database.session(write=True) as session:
        seeded = seeding.seed(session, SEED_DIR)
    assert len(seeded.organisations) == len(ORGANISATIONS)
    assert [email for email, _name, _place in seeded.accounts] == [row["email"] for row in ACCOUNTS]
    with database.session() as session:
        assert count(session, Capability) == len(CAPABILITIES)
        assert count(session, Need) == len(NEEDS)
        assert count(session, Requirement) == sum(len(row.get("requirements") or ()) for row in NEEDS)
        assert len(outbox.pending(session, outbox.Topic.INDEX)) == len(CAPABILITIES) + len(NEEDS)


SMALL = {
    "organisations": "- {key: a, name: 示例医院, kind: hospital, region: '310107',"
    " departments: [{key: d, name: 心血管内科, specialty: '03.04'}]}",
    "capabilities": "- {key: c, organisation: a, kind: service, title: 动物实验, summary: 可做大动物实验。}",
    "needs": "- {key: n, organisation: a, department: d, kind: clinical, title: 针, summary: 短, problem: 滑}",
    "accounts": "- {email: a@demo.example, name: 演示, organisation: a, department: d, role: editor}",
}


def write(folder: Path, **changes: str) -> Path:
    """A folder of seed files with one row each."""
    for name, content in {**SMALL, **changes}.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
    return folder


def test_a_small_folder_loads(database: Database, tmp_path: Path) -> None:
    with database.session(write=True) as session:
        seeded = seeding.seed(session, write(tmp_path))
    assert seeded.accounts == [("a@demo.example", "演示", "示例医院 心血管内科")]
    assert (seeded.needs, seeded.capabilities) == (1, 1)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("needs", SMALL["needs"].replace("organisation: a", "organisation: b"), KeyError),
        ("needs", SMALL["needs"].replace("department: d", "department: e"), KeyError),
        ("needs", SMALL["needs"].replace("clinical", "surgical"), ValueError),
        ("capabilities", SMALL["capabilities"].replace("title: 动物实验, ", ""), KeyError),
        ("organisations", SMALL["organisations"].replace("kind: hospital", "kind: clinic"), ValueError),
        ("accounts", SMALL["accounts"].replace("role: editor", "role: boss"), ValueError),
    ],
)
def test_a_file_that_refers_to_nothing_loads_nothing(
    name: str, content: str, error: type[Exception], database: Database, tmp_path: Path
) -> None:
    with pytest.raises(error), database.session(write=True) as session:
        seeding.seed(session, write(tmp_path, **{name: content}))
    with database.session() as session:
        assert count(session, Need) == 0


def test_roles_of_accounts_are_known() -> None:
    assert {row["role"] for row in ACCOUNTS if "role" in row} <= set(MemberRole)
