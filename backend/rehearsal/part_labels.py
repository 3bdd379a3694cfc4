"""What offices write at the head of a paragraph or in the left column of a table, by the field it stands for."""

from collections.abc import Mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LABELS: Mapping[str, tuple[str, ...]] = {
    "title": _words("需求名称 需求标题 项目名称 课题名称 标题 题目 名称 需求项目 需求主题 项目题目 title"),
    "summary": _words("摘要 需求摘要 公开摘要 对外摘要 对外简介 可公开内容 summary"),
    "procedure": _words(
        """
        术式与场景 术式 应用场景 使用场景 临床场景 适用场景 场景 应用领域 适用范围 临床应用 手术方式
        应用环节 发生环节 适应症 适用病种 病种 使用环境
        """
    ),
    "current_practice": _words(
        """
        现状 目前的做法 目前做法 现行做法 现有做法 现有方案 现有技术 现有产品 使用现状 目前现状 国内外现状
        技术现状 临床现状 需求现状 现有解决方案 目前采用的方法 现用产品 已采取的措施
        """
    ),
    "problem": _words(
        """
        遇到的问题与后果 遇到的问题 存在问题 存在的问题 主要问题 问题描述 问题 痛点 临床痛点 痛点描述
        需求描述 需求内容 需求说明 需求概述 需求简介 需求详情 具体需求 技术需求 临床需求 技术难题 难点
        技术难点 问题与不足 不足 需求背景 项目背景 背景 背景与意义 问题和后果 拟解决的问题 关键问题 核心问题
        瓶颈 主要内容 problem
        """
    ),
    "frequency": _words(
        """
        发生频度 频度 发生频率 频率 发生率 病例数 例数 年手术量 手术量 年用量 使用量 需求量 年病例数
        涉及人群 患者数量 数量
        """
    ),
    "acceptance_criteria": _words(
        """
        怎样算解决 预期目标 预期效果 期望目标 期望效果 目标 技术指标 考核指标 性能指标 主要指标 技术要求
        主要技术指标 预期指标 验收标准 验收指标 达到的效果 预期成果 期望解决方案 技术参数 主要技术要求
        拟达到的目标 期望达到的指标 需求目标 期望
        """
    ),
    "constraints": _words(
        """
        限制条件 约束条件 约束 限制 其他要求 预算 经费预算 费用预算 时间要求 完成期限 期限 价格要求 资质要求
        尺寸要求 兼容要求 投入预算 资金预算 拟投入资金 完成时间 成本要求
        """
    ),
    "requirements": _words("需求要点 要点 需求清单"),
    "offers_note": _words(
        """
        可以提供的支持 可提供的支持 支持说明 可提供条件 可提供的条件 支持条件 合作方式 合作意向 合作模式
        可提供资源 配套条件 已有条件 工作基础 现有基础 拟合作方式
        """
    ),
    "contact": _words(
        """
        联系人 联系方式 联系电话 电话 手机 手机号 手机号码 邮箱 电子邮箱 电子邮件 E-mail Email 通讯地址
        联系地址 地址 微信 联系人及电话 联系人及联系方式 联系人姓名 传真
        """
    ),
}
LEFT_OUT = _words(
    """
    单位名称 单位 填报单位 需求单位 申报单位 发布单位 所在单位 医院名称 企业名称 科室 所在科室 申报科室
    填报人 填表人 申报人 负责人 项目负责人 填报日期 填表日期 日期 编号 序号 职称 职务 审核意见 单位意见 盖章
    签字 签名 需求类型 需求类别 所属领域 技术领域 行业领域 统一社会信用代码
    """
)
"""Labels that stand for no field: their parts are named to the author, so that nothing goes lost unseen."""
KEEPS_LABEL = frozenset({"contact", "constraints"})
"""Fields in which several short parts come together: there each keeps its label."""
BESIDE = frozenset(_words("场景 目标 问题 背景 数量 名称 期望 限制 不足 地址 单位 日期 编号 要点"))
"""Words that are a label only when a colon or a cell of a table says so."""
