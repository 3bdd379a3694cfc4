"""The rehearsal of a need: the check-up, the dry run, and what there is to do about both. Nothing is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from backend.matching.index_sync import SearchEngine
from backend.matching.trial import Trial, try_need
from backend.organisations.policy import Viewer
from backend.rehearsal.checks import Finding, Weight, check
from backend.rehearsal.finders import Draft
from backend.rehearsal.parts import Parts, labels_in, lines_of, take_apart

LEAST = 12
"""Characters from which a text says enough to be matched."""
MATCHED = ("summary", "procedure", "current_practice", "problem", "frequency", "acceptance_criteria", "constraints")
SPLITTABLE = ("problem", "summary", "procedure", "current_practice", "title")
LABELS_NEEDED = 2


@dataclass(frozen=True)
class Rehearsal:
    """What stands beside the form. `trial` is None where there is too little text; `split` names a field that holds the
    labels of several."""

    findings: tuple[Finding, ...] = ()
    trial: Trial | None = None
    split: str | None = None

    @property
    def warnings(self) -> list[Finding]:
        """What should not be sent as it is."""
        return [finding for finding in self.findings if finding.weight is Weight.WARNING]

    @property
    def advice(self) -> list[Finding]:
        """What would make the match better."""
        return [finding for finding in self.findings if finding.weight is Weight.ADVICE]

    @property
    def similar_total(self) -> int:
        """How many have posted or joined a similar need."""
        return sum(1 + card.supporters for card in self.trial.similar) if self.trial else 0


def rehearse(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    draft: Draft,
    requirements: Sequence[str],
    own_id: str,
) -> Rehearsal:
    """Check a need and match it as it stands; the caller has asked the policy whether the viewer may write it."""
    findings = tuple(check(draft))
    split = next((name for name in SPLITTABLE if _holds_several(draft.texts.get(name, ""))), None)
    texts = [draft.texts.get(name, "") for name in MATCHED]
    title = draft.texts.get("title", "")
    if len(title) + sum(map(len, texts)) < LEAST:
        return Rehearsal(findings, None, split)
    gist = draft.text("title", "summary", "problem") or draft.text(*MATCHED)
    trial = try_need(session, engine, viewer, draft.kind, title, texts, requirements, gist=gist, own_id=own_id)
    return Rehearsal(findings, trial, split)


def _holds_several(text: str) -> bool:
    return len(text) > LEAST and labels_in(text) >= LABELS_NEEDED


def own_names(viewer: Viewer, organisation_id: str | None) -> tuple[str, ...]:
    """The names by which the author's organisation can be recognised in a text: whole, and without its city."""
    member = viewer.membership_in(organisation_id or "")
    if member is None:
        return ()
    name = member.organisation_name.split("·")[-1]
    names = {member.organisation_name, name, name.removeprefix("上海市"), name.removeprefix("江苏省")}
    return tuple(sorted((n for n in names if len(n) > 2), key=len, reverse=True))


def split_field(texts: Mapping[str, str], name: str) -> tuple[dict[str, str], Parts]:
    """A form's texts with one field taken apart to where its labels say; what the other fields hold stays first."""
    parts = take_apart(lines_of(texts.get(name, "")), has_title=name != "title" and bool(texts.get("title")))
    return merged({**texts, name: ""}, parts), parts


def merged(texts: Mapping[str, str], parts: Parts) -> dict[str, str]:
    """The texts of a form with parts added: into an empty field as they are, else below what was typed."""
    found = dict(texts)
    for name, text in parts.fields.items():
        typed = found.get(name, "")
        if not typed:
            found[name] = text
        elif name == "title":
            if text != typed:
                found["problem"] = "\n\n".join(filter(None, [found.get("problem", ""), text]))
        elif text not in typed:
            found[name] = f"{typed}\n\n{text}"
    return found
