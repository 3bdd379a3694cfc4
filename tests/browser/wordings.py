"""Needs in the words of those who have them; written apart from the seed data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NeedText:
    """What an author types into the form of a need."""

    title: str
    summary: str
    problem: str
    kind: str = "clinical"
    procedure: str = ""
    current_practice: str = ""
    frequency: str = ""
    acceptance_criteria: str = ""
    requirements: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()

    def fields(self) -> dict[str, str]:
        """The texts by the labels of their fields, without empty ones."""
        texts = {
            "标题": self.title,
            "摘要": self.summary,
            "遇到的问题与后果": self.problem,
            "术式与场景": self.procedure,
            "目前的做法": self.current_practice,
            "发生频度": self.frequency,
            "怎样算解决": self.acceptance_criteria,
            "需求要点（详情）": "\n".join(self.requirements),
        }
        return {label: text for label, text in texts.items() if text}

    @property
    def text(self) -> str:
        """Everything in one piece, as it would be told in a conversation."""
        return "\n".join(self.fields().values())


TRANSSEPTAL = NeedText(
    title="穿间隔的针最好到了心脏里还能改弯",
    summary="我们做房颤消融和左心耳封堵都要先过房间隔。手里的针是死弯，一顶到间隔上就往上溜，扎的地方和原先看好的不是一处，"
    "最怕的是扎进主动脉，或者把心脏戳破。想找一种进了心脏还能调弯、能稳稳停住的针。",
    problem="针顶着房间隔时打滑，往上跑，定好的点就丢了。肥厚、有瘢痕的间隔更麻烦，只能使劲推，一推过去收不住手，出过心包积液。",
    procedure="经股静脉把针送到右心房，在超声和透视下选好点，再穿到左心房。",
    current_practice="退出来在体外把针重新掰个弯，再送进去，来回折腾两三趟。",
    frequency="一年两百来台，三成左右要重新找位置。",
    acceptance_criteria="在心脏里就能把弯度调到想要的角度；调好以后顶住不动；过间隔不用蛮力。",
    requirements=("针的弯度在心脏里面可以调", "顶住间隔以后不往上滑", "过间隔时不靠硬推"),
    offers=("临床观摩", "动物实验设计", "上市前评价"),
)

BONE_DEFECT = NeedText(
    title="翻修病人骨头缺一大块，配不上现成的植入物",
    summary="关节翻修的病人骨缺损大，又骨质疏松，现成的植入物对不上，螺钉把持不住。想按病人的CT打印个体化的钛合金多孔植入物，"
    "表面的孔隙能让骨头长进去，螺钉不松动。",
    problem="缺损的形状每个人都不一样，术中只能拿垫块拼，拼不严就松；有两位病人一年里又来翻修。",
    current_practice="术中用金属垫块和骨水泥填，现场修磨，多花一个多小时。",
    requirements=("按病人的CT设计和打印", "表面多孔，骨能长入", "骨质疏松的病人螺钉不松动"),
    offers=("临床观摩", "上市前评价"),
)

CERVICAL = NeedText(
    title="宫颈细胞片子太多，病理科看不过来",
    summary="两癌筛查一开始，每天几百张宫颈液基细胞片子堆在那里，科里就三个人能看，看到下午眼睛都花了，怕漏掉有问题的细胞。"
    "想让机器先把可疑的细胞挑出来，标好位置，我们再复核。",
    problem="阴性片子占九成多，可每一张都得从头看到尾。出报告要拖十来天，病人等得着急；累了以后漏看，年底抽查时翻出来过两例。",
)

CT_TUBE = NeedText(
    kind="supply",
    title="CT球管全靠进口，坏一次要等一周",
    summary="我们院的CT一天做两百多个病人，球管一坏就停机，进口的管子要从国外调货，等一个多星期，一只上百万。想问问国内有没有哪家自己在做球管。",
    problem="停机那几天，急诊的病人只能往别的医院送。球管的价格和供货全由国外厂家说了算，没有第二家可选。",
)

APPENDAGE_LEAK = NeedText(
    title="左心耳封完边上还漏",
    summary="房颤病人封堵左心耳，封完以后超声一看，边上还有一道缝在漏血，药停不了。左心耳的口不圆，圆的封堵器贴不住。想要能贴得住的左心耳封堵器。",
    problem="术后一个多月复查，漏超过三毫米的有好几例，病人只能接着吃抗凝药，吃药又出血，两头为难。",
)

HOT_PRESSURE = NeedText(
    kind="technical",
    title="热的地方用的压力传感器",
    summary="我们的设备腔体里温度很高，现在装的压力传感器一热就飘，读数不准，几个月就得换。想找能在高温下长期用的压力传感器。",
    problem="温度一上来零点就跑，停下来凉了又回去，没法补偿；换一次要停机半天。",
)

MONEY = NeedText(
    kind="capital",
    title="高校的科研成果想做成产品，缺一笔启动的钱",
    summary="课题组做了五年的一项成果，专利也有了，想办公司把它做成产品，可是样机定型和注册检验的钱还没着落，银行不贷，投资人嫌早。"
    "想找愿意投早期、扶持大学成果转化的资金。",
    problem="学校的经费到年底就结了，做样机还差两三百万；没有钱，团队里的博士毕业就要散。",
)

UNANSWERABLE = (
    "核动力的鱼用助听器",
    "水族馆鱼类听力障碍的核能助听装置",
    "给鱼戴的核动力助听器，要能在水下用一百年不换电池",
    "我们渔场的鱼听力不好，想找一家企业做用小型核反应堆供电的助听器，戴在鱼身上，防水耐压。",
    "养殖场的鱼年纪大了，听不见投料的声音，抢不到食，越来越瘦。希望有一种用核电池供电的助听器，可以夹在鱼鳃上。",
)
"""Needs that nothing in the seed data can answer."""

NONSENSE = (
    "asdf",
    "asdf qwer zxcv",
    "1234567890",
    "哈哈哈哈哈",
    "今天天气真好，适合出去散步",
    "明天会下雨吗，要不要带伞",
)
"""Texts that are no needs at all."""
