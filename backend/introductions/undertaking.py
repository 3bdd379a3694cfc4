"""保密承诺: the undertaking that every party accepts by name before it learns what the other one keeps for itself.

A text never changes: a new wording is a new version, and what was signed stays what it was. The English text is a
translation for reading; the Chinese one counts.
"""

from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True)
class Undertaking:
    """One version of the text, a paragraph to each clause."""

    version: str
    zh: tuple[str, ...]
    en: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the Chinese text in UTF-8, clauses joined by line feeds, in hex."""
        return sha256("\n".join(self.zh).encode()).hexdigest()


VERSIONS = (
    Undertaking(
        version="2026-11",
        zh=(
            "本单位通过医桥平台参加本次产学研医对接，知悉对方开放的需求详情、技术资料、联系方式及沟通内容"
            "（以下称“保密信息”）可能包含未公开的临床、技术和经营信息，现承诺如下。",
            "一、仅为评估和开展本次合作使用保密信息，不用于其他目的，不据此申请专利或者抢先开展同类项目。",
            "二、仅向本单位确需知悉的人员提供保密信息，并要求其承担同等义务；未经对方书面同意，不向第三方提供。",
            "三、以不低于保护本单位同类信息的措施保管保密信息；发现泄露或者可能泄露时，及时告知对方和撮合员。",
            "四、保密信息不包括：公开渠道可以取得的信息，本单位此前已合法掌握的信息，独立研发取得的信息，"
            "以及法律法规要求披露的信息；依法披露前，在允许的范围内先告知对方。",
            "五、对接终止后停止使用保密信息，并按对方要求返还或者销毁；本承诺自接受之日起生效，"
            "保密义务自对接终止之日起延续三年，双方另有书面约定的从其约定。",
            "六、本承诺不转让任何知识产权，也不构成合作承诺；合作事项由双方另行签订协议。",
        ),
        en=(
            "Our organisation takes part in this introduction on Yiqiao. We know that the details of needs, technical "
            "material, contacts and messages that the other side opens to us (“confidential information”) may hold "
            "unpublished clinical, technical and business matters, and we undertake the following.",
            "1. We use confidential information to assess and carry out this collaboration alone. We do not file "
            "patents on it or start a like project ahead of the other side.",
            "2. We give it only to those of our people who need to know, bind them to the same duties, and give it to "
            "no third party without the other side's written consent.",
            "3. We keep it at least as safely as our own information of this kind, and tell the other side and the "
            "broker at once of any leak or likely leak.",
            "4. Not confidential is what is publicly available, what we lawfully knew before, what we developed "
            "independently, and what the law requires us to disclose; before such a disclosure we tell the other "
            "side as far as we may.",
            "5. When the introduction ends we stop using confidential information and return or destroy it as the "
            "other side asks. This undertaking takes effect when it is accepted and binds us for three years after "
            "the introduction ends, unless the parties agree otherwise in writing.",
            "6. It transfers no intellectual property and is no promise to collaborate; the parties agree on that "
            "separately.",
        ),
    ),
)

PRESENT = VERSIONS[-1]


def find(version: str) -> Undertaking | None:
    """A version of the text."""
    return next((u for u in VERSIONS if u.version == version), None)
