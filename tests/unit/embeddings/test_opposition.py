"""Sentences that say the contrary of a requirement in its own words."""

from __future__ import annotations

import pytest

from embeddings.opposition import opposed


@pytest.mark.parametrize(
    ("requirement", "sentence"),
    [
        ("穿刺针的弯度可以在心脏内调节", "弯型分标准、大弯两档，弧度出厂后不能调节。"),
        ("穿刺针的弯度可以在心脏内调节", "机械穿刺针，远端预成形为三种固定弧度。"),
        ("可调弯", "固定弯型穿刺针"),
        ("新鲜组织无需冷冻切片即可成像", "冷冻切片机主机、速冻包埋台。"),
        ("不采用吹风方式给病人保温", "主机输出过滤热风，进入体表的气毯。"),
        ("便携式，可以居家使用", "落地式主机，双腔管路。"),
        ("全血上样，15分钟内得到结果", "血清或血浆离心后上机。"),
        ("steerable tip", "A needle with a fixed curve."),
        ("支持无线传输", "本机不支持无线传输。"),
    ],
)
def test_contrary(requirement: str, sentence: str) -> None:
    assert opposed(requirement, sentence)


@pytest.mark.parametrize(
    ("requirement", "sentence"),
    [
        ("穿刺针的弯度可以在心脏内调节", "可调弯的射频房间隔穿刺系统，弯度可以调节。"),
        ("术后不需要双联抗血小板治疗", "不留下金属，术后无需长期双联抗血小板。"),
        ("直接检测全血，不依赖血培养", "取抗凝全血直接上机，无需经过血培养。"),
        ("取栓过程中防止血栓碎片向远端移动", "脱落的栓子被远端细网截留，减少飘移。"),
        ("误差不超过3毫米", "偏离超过3毫米即请求停束。"),
        ("采用不锈钢材料", "不锈钢针管。"),
        ("无菌包装", "无菌独立包装。"),
        ("避免穿孔", "心脏穿孔风险低。"),
        ("针", "软件"),
        ("", ""),
    ],
)
def test_no_contrary(requirement: str, sentence: str) -> None:
    assert not opposed(requirement, sentence)
