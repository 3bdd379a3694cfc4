"""Hard filters: passed, failed and unknown on texts as people write them, and the questions that follow."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend import taxonomies
from backend.matching.filter_registration import registration_of
from backend.matching.filters import (
    CapabilityFacts,
    Filter,
    FilterName,
    NeedFacts,
    State,
    admissible,
    check,
    fails,
    places,
    questions,
    sink,
)

KNOWN = places((term.code, term.zh, term.en) for term in taxonomies.regions().terms.values())
PASSED, FAILED, UNKNOWN = State.PASSED, State.FAILED, State.UNKNOWN


def line(need: NeedFacts, capability: CapabilityFacts, name: FilterName) -> Filter | None:
    found = [f for f in check(need, capability, KNOWN) if f.name is name]
    return found[0] if found else None


def state(need: NeedFacts, capability: CapabilityFacts, name: FilterName) -> State | None:
    found = line(need, capability, name)
    return found.state if found else None


# What a need says, certificate, stage and text of the capability, and the state of the line.
REGISTRATIONS: list[tuple[str, str, str | None, str, State | None]] = [
    ("须已取得医疗器械注册证。", "第三类，注册证在有效期内", None, "", PASSED),
    ("须已取得医疗器械注册证。", "国械注准20213030369", None, "", PASSED),
    ("须已取得医疗器械注册证。", "", "marketed", "", PASSED),
    ("须已取得医疗器械注册证。", "", "clinical", "", FAILED),
    ("须已取得医疗器械注册证。", "拟按第二类申报，检验样本已送检", None, "", FAILED),
    ("须已取得医疗器械注册证。", "第三类，注册申请已受理", None, "", FAILED),
    ("须已取得医疗器械注册证。", "第三类", None, "", UNKNOWN),
    ("须已取得医疗器械注册证。", "", None, "一款可调弯鞘。", UNKNOWN),
    ("须已取得医疗器械注册证。", "", None, "注册证号沪械注准20242030122。", PASSED),
    ("只考虑已上市产品", "", "approved", "", UNKNOWN),
    ("只考虑已上市产品", "第三类，已在十个省挂网", None, "", PASSED),
    ("需要三类证", "沪械注准20242030122", None, "", FAILED),
    ("须有三类证", "管理类别：三类，已取得注册证", None, "", PASSED),
    ("需要二类证", "国械注准20213030369", None, "", PASSED),
    ("需要二类证", "沪械备20240012", None, "", FAILED),
    ("需要有备案凭证的产品", "沪械备20240012", None, "", PASSED),
    ("不接受未获证产品", "", "prototype", "", FAILED),
    ("至少要完成动物实验", "", "pilot", "", FAILED),
    ("至少要完成动物实验", "", "type_test", "", PASSED),
    ("It must be an NMPA-approved product.", "NMPA approved, Class II", None, "", PASSED),
    ("It must be an NMPA-approved product.", "NMPA approval pending", None, "", FAILED),
    ("We need a Class III registration certificate.", "", None, "A steerable sheath.", UNKNOWN),
    ("不要求注册证，样机即可", "", "prototype", "", None),
    ("现用的已上市产品都太大", "", "prototype", "", None),
    ("希望配合我们尽快取得注册证", "", "prototype", "", None),
    ("可在产品上市前参与评价", "", "prototype", "", None),
    ("病人分为三类，各有各的难处", "", "prototype", "", None),
    ("穿刺针在心脏里能调弯。", "第三类，已取得注册证", "marketed", "", None),
]


@pytest.mark.parametrize(("wanted", "certificate", "stage", "text", "expected"), REGISTRATIONS)
def test_registration(wanted: str, certificate: str, stage: str | None, text: str, expected: State | None) -> None:
    need = NeedFacts("clinical", "310107", (wanted,))
    capability = CapabilityFacts("product", "310114", (text,), stage=stage, certificate=certificate)
    assert state(need, capability, FilterName.REGISTRATION) is expected


def test_services_and_money_have_no_registration() -> None:
    need = NeedFacts("service", "310107", ("只委托已取得注册证的同类产品做过的团队",))
    assert state(need, CapabilityFacts("service", "310107"), FilterName.REGISTRATION) is None


@pytest.mark.parametrize(
    ("text", "classes", "domestic"),
    [
        ("国械注准20243032641", {3}, True),
        ("国械注进20173033094", {3}, False),
        ("国械注许20222060123", {2}, False),
        ("沪械注准20242140036、粤械注准20242071199", {2}, True),
        ("沪浦械备20210045号", {1}, True),
        ("国械备20180456", {1}, False),
        ("沪G妆网备字2024023523", set(), None),
        ("生产许可证：SC10737110203268", set(), None),
        ("主机为第二类，耗材为第三类", {2, 3}, None),
    ],
)
def test_registration_numbers(text: str, classes: set[int], domestic: bool | None) -> None:
    found = registration_of(text)
    assert (set(found.classes), found.domestic) == (classes, domestic)


@pytest.mark.parametrize(
    ("name", "wanted", "offered", "expected"),
    [
        (FilterName.CERTIFICATION, "须有FDA 510(k)许可", "已获FDA批准，CE认证", PASSED),
        (FilterName.CERTIFICATION, "须有FDA 510(k)许可", "FDA申报中", FAILED),
        (FilterName.CERTIFICATION, "须有FDA 510(k)许可", "已取得国内注册证", UNKNOWN),
        (FilterName.CERTIFICATION, "The device must be CE marked.", "CE certificate since 2021", PASSED),
        (FilterName.CERTIFICATION, "The device must be CE marked.", "CE pending", FAILED),
        (FilterName.CERTIFICATION, "The device must be CE marked.", "A device for PFO.", UNKNOWN),
        (FilterName.CERTIFICATION, "PFO封堵，不要CEA检测", "", None),
        (FilterName.ORIGIN, "仅限国产", "国械注准20213030369", PASSED),
        (FilterName.ORIGIN, "仅限国产", "国械注进20213030369", FAILED),
        (FilterName.ORIGIN, "仅限国产", "可实现进口替代", UNKNOWN),
        (FilterName.ORIGIN, "国产服务器和数据库", "国械注进20213030369", None),
    ],
)
def test_certificates_and_origin(name: FilterName, wanted: str, offered: str, expected: State | None) -> None:
    need = NeedFacts("clinical", "310107", (wanted,))
    capability = CapabilityFacts("product", "310107", ("一款产品",), certificate=offered)
    assert state(need, capability, name) is expected


ROOMS: list[tuple[FilterName, str, str, State | None]] = [
    (FilterName.LOAD, "地坪每平方米4吨以上", "地面荷载每平方米5吨", PASSED),
    (FilterName.LOAD, "地坪每平方米4吨以上", "楼面荷载每平方米500千克，货梯载重5吨", FAILED),
    (FilterName.LOAD, "地坪每平方米4吨以上", "货梯载重5吨", UNKNOWN),
    (FilterName.LOAD, "承重不低于5kN/㎡", "楼面荷载500kg/㎡", PASSED),
    (FilterName.LOAD, "承重不低于5kN/㎡", "楼板荷载3.5 kN/m²", FAILED),
    (FilterName.LOAD, "承重≥0.8t/㎡", "荷载1吨/平方米", PASSED),
    (FilterName.LOAD, "floor load of at least 10 kN/m2", "Floor load 500 kg per square meter", FAILED),
    (FilterName.LOAD, "floor load of at least 10 kN/m2", "Ground floor: 2 tonnes per square metre", PASSED),
    (FilterName.HEIGHT, "净高不低于8米，可装10吨行车", "檐高12米", PASSED),
    (FilterName.HEIGHT, "净高不低于8米，可装10吨行车", "首层层高7.2米，标准层层高5.4米", FAILED),
    (FilterName.HEIGHT, "净高不低于8米，可装10吨行车", "单跨24米", UNKNOWN),
    (FilterName.HEIGHT, "净高不低于8米", "净高6米以上", UNKNOWN),
    (FilterName.HEIGHT, "clear height of at least 4.5 m", "Ceiling 5 metres", PASSED),
    (FilterName.AREA, "想租三百平米十万级", "出租180至600平方米", PASSED),
    (FilterName.AREA, "六十平带通风橱的湿实验室", "可租50至80平方米", PASSED),
    (FilterName.AREA, "60至100平方米湿实验室", "楼层单元1500至4000平方米", FAILED),
    (FilterName.AREA, "60至100平方米湿实验室", "整栋1900平方米", UNKNOWN),
    (FilterName.AREA, "不少于3000㎡", "单层1,200平方米", FAILED),
    (FilterName.AREA, "不少于3000㎡", "单层", UNKNOWN),
    (FilterName.AREA, "at least 300 square meters", "Suites of 200 to 800 sqm", PASSED),
    (FilterName.CLEANROOM, "十万级洁净区", "局部可做万级", PASSED),
    (FilterName.CLEANROOM, "十万级洁净区", "GMP厂房，D级洁净区", PASSED),
    (FilterName.CLEANROOM, "万级洁净车间", "带十万级净化车间", FAILED),
    (FilterName.CLEANROOM, "万级洁净车间", "普通厂房", UNKNOWN),
    (FilterName.CLEANROOM, "ISO Class 7 cleanroom", "ISO 8 cleanroom", FAILED),
    (FilterName.CLEANROOM, "洁净度达到ISO7", "ISO8级车间", FAILED),
    (FilterName.CLEANROOM, "ISO Class 7 cleanroom", "class 10,000 cleanroom", PASSED),
    (FilterName.POWER, "供电容量不低于800千伏安", "双回路供电2×630千伏安", PASSED),
    (FilterName.POWER, "供电容量不低于800千伏安", "供电500 kVA", FAILED),
    (FilterName.POWER, "供电容量不低于800千伏安", "供电900千瓦", PASSED),
    (FilterName.POWER, "供电容量不低于800千伏安", "供电600千瓦", UNKNOWN),
    (FilterName.POWER, "用电不低于800千瓦", "供电600千伏安", FAILED),
    (FilterName.POWER, "用电不低于800千瓦", "供电1000千伏安", UNKNOWN),
    (FilterName.HEIGHT, "层高不限，能停车就行", "层高3米", None),
    (FilterName.AREA, "找靠近地铁的办公室", "整栋1900平方米", None),
]


@pytest.mark.parametrize(("name", "wanted", "offered", "expected"), ROOMS)
def test_rooms(name: FilterName, wanted: str, offered: str, expected: State | None) -> None:
    need, capability = NeedFacts("space", "310107", (wanted,)), CapabilityFacts("space", "310107", (offered,))
    assert state(need, capability, name) is expected


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ("产能每天不少于1500颗", "日产2000颗", PASSED),
        ("产能每天不少于1500颗", "每月可测三万颗", FAILED),
        ("产能每天不少于1500颗", "全自动测试线", UNKNOWN),
        ("产能每天不少于1500颗", "每天可跑2000份样本", UNKNOWN),
        ("at least 200 samples per day", "6,000 samples per month", FAILED),
        ("at least 200 samples per day", "300 samples per day", PASSED),
        ("首批60件，之后每季300件", "每月100件", None),
        ("全年手术约460例", "每年100例", None),
    ],
)
def test_throughput(wanted: str, offered: str, expected: State | None) -> None:
    need, capability = NeedFacts("service", "310107", (wanted,)), CapabilityFacts("service", "310107", (offered,))
    assert state(need, capability, FilterName.CAPACITY) is expected


@pytest.mark.parametrize(
    ("name", "wanted", "offered", "expected"),
    [
        (FilterName.MONEY, "天使轮六百万，够到动物实验完成", "首轮200万至1500万元", PASSED),
        (FilterName.MONEY, "天使轮六百万，够到动物实验完成", "每项30万至100万元", FAILED),
        (FilterName.MONEY, "天使轮六百万，够到动物实验完成", "基金规模3亿元", UNKNOWN),
        (FilterName.MONEY, "单笔交易金额可达一亿元以上", "单笔3000万至2亿元", PASSED),
        (FilterName.MONEY, "资助额度500万至800万元", "单笔3000万至2亿元", FAILED),
        (FilterName.MONEY, "年销售约六千万", "单笔1亿元", None),
        (FilterName.MONEY, "Raising RMB 6 million", "We invest RMB 2 to 15 million per project", PASSED),
        (FilterName.MONEY, "Raising RMB 6 million", "We invest RMB 50 million per project", FAILED),
        (FilterName.ROUND, "天使轮六百万", "医疗器械天使轮投资", PASSED),
        (FilterName.ROUND, "天使轮六百万", "成长期投资", FAILED),
        (FilterName.ROUND, "天使轮六百万", "设备融资租赁", UNKNOWN),
        (FilterName.ROUND, "正在募集Pre-A轮", "主投A轮和B轮", PASSED),
        (FilterName.ROUND, "Looking for a Series B lead", "Seed and angel investor", FAILED),
        (FilterName.ROUND, "找一笔钱走到产品", "医疗器械天使轮投资", None),
    ],
)
def test_money(name: FilterName, wanted: str, offered: str, expected: State | None) -> None:
    need, capability = NeedFacts("capital", "310107", (wanted,)), CapabilityFacts("capital", "310107", (offered,))
    assert state(need, capability, name) is expected


@pytest.mark.parametrize(
    ("kind", "wanted", "own", "other", "expected"),
    [
        ("service", "仅限本市机构", "310107", "310114", PASSED),
        ("service", "仅限本市机构", "310107", "320500", FAILED),
        ("service", "仅限本区企业", "310107", "310114", FAILED),
        ("service", "仅限本区企业", "310107", "310000", UNKNOWN),
        ("space", "想在普陀或嘉定租", "320500", "310114", PASSED),
        ("space", "想在普陀或嘉定租", "320500", "310115", FAILED),
        ("space", "位于普陀区或其周边", "310107", "310107", PASSED),
        ("space", "位于普陀区或其周边", "310107", "320500", UNKNOWN),
        ("space", "位于普陀区或其周边", "310107", "320100", FAILED),
        ("space", "离学校车程半小时以内", "310107", "310114", UNKNOWN),
        ("space", "搬到上海西北", "310107", "310114", PASSED),
        ("validation", "限沪宁一线的医院", "310107", "320400", PASSED),
        ("validation", "限沪宁一线的医院", "310107", "321200", FAILED),
        ("validation", "限沪宁一线的医院", "310107", "320000", UNKNOWN),
        ("validation", "只限江浙沪的中心", "310107", "321200", PASSED),
        ("service", "The lab must be in Shanghai.", "310107", "310115", PASSED),
        ("service", "The lab must be in Shanghai.", "310107", "320200", FAILED),
        ("clinical", "普通话和上海话都要测过", "310107", "320500", None),
        ("service", "地区不限", "310107", "320500", None),
        ("service", "泰州厂区的辐射安全许可证已有乙级场所", "321200", "310107", None),
    ],
)
def test_region(kind: str, wanted: str, own: str, other: str, expected: State | None) -> None:
    capability = {"space": "space", "clinical": "product"}.get(kind, "service")
    found = line(NeedFacts(kind, own, (wanted,)), CapabilityFacts(capability, other), FilterName.REGION)
    assert (found.state if found else None) is expected
    if found:
        assert (found.code, found.of_need) == (other, False)


@pytest.mark.parametrize(("own", "expected"), [("310107", PASSED), ("310115", FAILED)])
def test_a_capability_may_ask_for_a_region_too(own: str, expected: State) -> None:
    fund = CapabilityFacts("capital", "310000", ("返投要求落在普陀或嘉定",))
    found = line(NeedFacts("capital", own), fund, FilterName.REGION)
    assert found is not None
    assert (found.state, found.of_need, found.code) == (expected, True, own)


def test_kind_and_conflict_of_interest() -> None:
    need = NeedFacts("space", "310107", organisation_id="a")
    assert check(need, CapabilityFacts("product", "310107"), KNOWN) == (Filter(FilterName.KIND, FAILED),)
    own = check(need, CapabilityFacts("space", "310107", organisation_id="a"), KNOWN)
    assert [(f.name, f.state) for f in own] == [(FilterName.KIND, PASSED), (FilterName.CONFLICT, FAILED)]
    related = CapabilityFacts("space", "310107", organisation_id="b", related=frozenset({"a"}))
    assert state(need, related, FilterName.CONFLICT) is UNKNOWN
    for other in ("b", None):
        stranger = CapabilityFacts("space", "310107", organisation_id=other)
        assert state(need, stranger, FilterName.CONFLICT) is None


def test_who_is_left_out_and_who_moves_down() -> None:
    wrong_kind, own = (Filter(FilterName.KIND, FAILED),), (Filter(FilterName.CONFLICT, FAILED),)
    low, wish = (Filter(FilterName.HEIGHT, FAILED),), (Filter(FilterName.HEIGHT, FAILED, hard=False),)
    open_, good = (Filter(FilterName.HEIGHT, UNKNOWN),), (Filter(FilterName.HEIGHT, PASSED),)
    assert [admissible(f, is_desk=False) for f in (wrong_kind, own, low, open_)] == [False, False, True, True]
    assert [admissible(f, is_desk=True) for f in (wrong_kind, own)] == [False, True]
    assert fails(low) and not fails(wish)
    assert sink([low, wish, open_, low, good], lambda entry: entry) == [wish, open_, good, low, low]


def test_a_wish_is_shown_but_does_not_count() -> None:
    need = NeedFacts("space", "310107", ("最好净高8米以上",))
    found = line(need, CapabilityFacts("space", "310107", ("层高5米",)), FilterName.HEIGHT)
    assert found == Filter(FilterName.HEIGHT, FAILED, "最好净高8米以上", "层高5米", hard=False)


def test_of_a_demand_and_a_wish_the_demand_is_shown() -> None:
    need = NeedFacts("space", "310107", ("十万级洁净区300平方米以上，可预留万级。",))
    found = line(need, CapabilityFacts("space", "310107", ("十万级",)), FilterName.CLEANROOM)
    assert found is not None
    assert (found.state, found.hard) == (PASSED, True)


DEMANDS: list[tuple[str, str, str, str]] = [
    ("clinical", "须已取得三类注册证", "product", "第三类，已取得注册证"),
    ("clinical", "须有FDA许可", "product", "FDA批准"),
    ("clinical", "仅限国产", "product", "国产"),
    ("space", "净高不低于8米", "space", "净高5米"),
    ("space", "地坪每平方米4吨以上", "space", "荷载每平方米5吨"),
    ("space", "不少于300平方米", "space", "200平方米"),
    ("space", "十万级洁净车间", "space", "万级"),
    ("space", "供电容量不低于800千伏安", "space", "供电500千伏安"),
    ("service", "每天不少于1500颗", "service", "日产1000颗"),
    ("capital", "天使轮六百万", "capital", "单笔3000万元"),
]
SILENCE = [
    "", "产品线以导引鞘为主。", "随访412例，未见栓塞。",
    "Our team has ten years of experience.", "团队18人，专利三项！",
    "直径21至33毫米，重90千克；", "可签一年短租", "价格面议\n", "货梯载重3吨", "A级", "公司2015年成立",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(DEMANDS),
    st.lists(st.sampled_from(SILENCE), max_size=4),
    st.lists(st.sampled_from(SILENCE), max_size=4),
)
def test_silence_never_turns_unknown_into_failed(
    case: tuple[str, str, str, str], need_words: list[str], words: list[str]
) -> None:
    kind, wanted, other, offered = case
    bare = NeedFacts(kind, "310107", (wanted,))
    wordy = NeedFacts(kind, "310107", (*need_words, wanted))
    for said in ("", offered):
        before = check(bare, CapabilityFacts(other, "310114", (said,)), KNOWN)
        after = check(wordy, CapabilityFacts(other, "310114", (*words, said)), KNOWN)
        assert [(f.name, f.state) for f in before] == [(f.name, f.state) for f in after]
        if not said:
            assert {f.state for f in before if f.name is not FilterName.KIND} == {UNKNOWN}


@given(st.permutations([wanted for kind, wanted, _, _ in DEMANDS if kind == "space"]))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_texts_does_not_matter(wanted: list[str]) -> None:
    offered = tuple(text for kind, _, _, text in DEMANDS if kind == "space")
    capability = CapabilityFacts("space", "310114", offered)
    assert len(check(NeedFacts("space", "310107", tuple(wanted)), capability, KNOWN)) == 6
    first = check(NeedFacts("space", "310107", tuple(wanted)), capability, KNOWN)
    assert first == check(
        NeedFacts("space", "310107", tuple(sorted(wanted))),
        CapabilityFacts("space", "310114", offered[::-1]),
        KNOWN,
    )


def test_questions_come_by_importance_and_are_at_most_four() -> None:
    lines = (
        Filter(FilterName.KIND, PASSED),
        Filter(FilterName.REGISTRATION, UNKNOWN, "须有注册证", hard=False),
        Filter(FilterName.HEIGHT, UNKNOWN, "净高不低于8米"),
        Filter(FilterName.REGION, UNKNOWN, "位于普陀"),
        Filter(FilterName.AREA, FAILED, "300平方米"),
    )
    asked = questions(lines, ["净高不低于8米，可装10吨行车。", "可装10吨行车。", "能办环评。"])
    assert [(q.name, q.asked) for q in asked] == [
        (FilterName.REGION, "位于普陀"),
        (FilterName.HEIGHT, "净高不低于8米"),
        (FilterName.REGISTRATION, "须有注册证"),
        (None, "可装10吨行车。"),
    ]
    assert questions(()) == ()


def test_the_filters_read_plain_data_alone() -> None:
    """No database, web or index: the service fills the facts."""
    folder = Path(__file__).parents[2] / "backend" / "matching"
    for path in [*folder.glob("filter*.py"), folder / "diversity.py"]:
        source = path.read_text(encoding="utf-8")
        assert "sqlmodel" not in source and "fastapi" not in source, path


@pytest.mark.parametrize("text", ["9" * 20000, "每平方米" * 5000, "1," * 5000, "、9平方米" * 3000, "沪械注准" * 4000])
def test_no_text_stalls_the_reading(text: str) -> None:
    """Of 20,000 characters one kind took minutes before clauses had a longest length."""
    began = time.process_time()
    for kind, other in (("space", "space"), ("clinical", "product"), ("service", "service"), ("capital", "capital")):
        check(NeedFacts(kind, "310107", (text,)), CapabilityFacts(other, "310107", (text,), certificate=text), KNOWN)
    assert time.process_time() - began < 5
