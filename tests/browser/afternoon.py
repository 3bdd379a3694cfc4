"""What is talked about at the docking event of a story: the needs of six hospitals and what twenty companies can do."""

from pathlib import Path

from backend.config import Settings
from backend.db import Database
from tests.browser import site as sites
from tests.factories import PUTUO, Factory, Party

NEEDS: tuple[tuple[str, str], ...] = (
    (
        "房间隔穿刺针进心脏后不能改弯",
        "针是死弯，顶住房间隔就往上滑，有心脏穿孔的风险。希望弯度在心脏内可调。",
    ),
    ("左心耳封堵前难以看清开口", "封堵器选型靠经验，经食管超声看不全左心耳开口。希望术前用影像重建开口大小和方向。"),
    ("宫颈细胞片看不过来", "两癌筛查每天几百张液基细胞片，人工阅片慢，怕漏掉可疑细胞。希望先由机器标出可疑细胞。"),
    ("冰冻切片报告等得太久", "术中冰冻切片要等四十分钟，外科医生在台上等。希望缩短制片和判读时间。"),
    ("骨缺损植入物术后松动", "肿瘤切除后骨缺损形状不规则，现成假体对不上，术后松动翻修。希望按病人定制带孔植入物。"),
    ("脊柱钉道偏了不容易发现", "椎弓根螺钉徒手置入，钉道偏了术中看不出来。希望有导航或机器人引导。"),
    ("糖尿病足伤口换药频繁", "慢性溃疡每天换药，病人痛，护士累。希望有能保湿抗菌、几天一换的敷料。"),
    ("老人夜里跌倒没人知道", "病区老人夜间起床跌倒，护士站不知道。希望有不用佩戴的离床和跌倒报警。"),
    ("输液快完时没人来得及换", "输液瓶空了靠家属叫，回血、进空气都发生过。希望能监测余量并提前提醒。"),
    ("内镜洗消是否合格看不出来", "内镜管腔里有没有残留，只能抽样培养，几天后才出结果。希望当场检测管腔清洗效果。"),
    ("康复训练在家做得对不对没人看", "中风病人回家训练动作走样，复诊才发现。希望在家用摄像头或传感器评估动作。"),
    ("血管吻合练习没有好的模型", "年轻医生练血管吻合只能用猪血管，来源少、保存难。希望有手感接近的仿真血管模型。"),
)
CAPABILITIES: tuple[tuple[str, str], ...] = (
    ("可调弯房间隔穿刺系统", "鞘管带牵引丝，穿刺针弯度在心脏内连续可调，针尖稳定不上滑，已完成离体猪心试验。"),
    ("射频房间隔穿刺针", "用射频能量穿过房间隔，不靠硬推，减少心脏穿孔，适合肥厚和瘢痕间隔。"),
    ("心脏影像三维重建软件", "由心脏增强影像重建左心耳开口、方向和封堵器尺寸，十分钟出报告。"),
    ("左心耳封堵器", "自适应左心耳开口的封堵器，可回收，已完成动物实验。"),
    ("宫颈细胞图像分析软件", "液基细胞片扫描后自动标出可疑细胞，医生复核，已取得二类证。"),
    ("玻片高速扫描仪", "病理玻片一分钟扫描，接人工智能阅片，可用于细胞片和组织片。"),
    ("快速冰冻制片机", "术中冰冻切片五分钟成片，自动染色，缩短病理报告等待时间。"),
    ("个性化增材制造植入物", "按病人影像设计多孔钛合金骨植入物，骨缺损贴合，减少松动。"),
    ("可降解骨修复材料", "带孔陶瓷骨填充材料，骨长入后逐渐降解，用于骨缺损。"),
    ("骨科手术导航机器人", "椎弓根螺钉置入的机器人引导和实时导航，钉道误差一毫米以内。"),
    ("术中三维影像设备", "移动式三维影像，术中一分钟确认螺钉位置。"),
    ("水凝胶抗菌敷料", "保湿抗菌水凝胶，慢性溃疡和糖尿病足伤口五天换一次药。"),
    ("负压伤口治疗仪", "便携负压吸引，慢性伤口居家使用，引流液自动计量。"),
    ("毫米波离床与跌倒报警器", "不用佩戴，毫米波雷达识别老人离床和跌倒，推送到护士站。"),
    ("智能床垫", "床垫传感器监测离床、心率和呼吸，夜间异常提醒护士。"),
    ("输液余量监测器", "称重式输液监测，余量和滴速上传护士站，快完时提前提醒。"),
    ("内镜管腔清洗快速检测试剂", "管腔残留蛋白当场检测，三十秒显色，判断内镜清洗是否合格。"),
    ("居家康复动作评估软件", "用手机摄像头评估中风病人的训练动作，走样时提示，医生远程查看。"),
    ("可穿戴康复传感器", "上肢动作传感器，记录居家训练的角度和次数，生成康复报告。"),
    ("仿真血管吻合模型", "水凝胶仿真血管，缝合手感接近真实血管，可反复使用，供血管吻合训练。"),
)
HOSPITALS = ("示例·梅川医院", "示例·岚皋医院", "示例·怒江医院", "示例·杏山医院", "示例·曹家渡医院", "示例·桃浦医院")


class Afternoon:
    """A site of its own with these twelve needs and twenty companies, all published."""

    def __init__(self, data_dir: Path, model_cache: Path) -> None:
        data_dir.mkdir(parents=True)
        (data_dir / "models").symlink_to(model_cache, target_is_directory=True)
        done = sites.run(data_dir, "migrate")
        assert done.returncode == 0, done.stdout + done.stderr
        self.data_dir = data_dir
        self.settings = Settings(data_dir=data_dir, _env_file=None)
        self.database = Database(self.settings.resolved_database_url)
        make = Factory(self.database)
        self.hospitals = [make.hospital(name=name) for name in HOSPITALS]
        for number, (title, summary) in enumerate(NEEDS):
            make.need(self.hospitals[number // 2], title, summary=summary, problem=summary)
        self.companies: list[Party] = []
        for number, (title, summary) in enumerate(CAPABILITIES, 1):
            company = make.party(name=f"示例·对接企业{number:02}")
            make.capability(company, title, summary=summary)
            self.companies.append(company)
        self.broker = make.reviewer(PUTUO)
