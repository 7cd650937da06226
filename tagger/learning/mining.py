"""Labels from headings: where the heading of a section speaks for one theme, it labels the paragraphs under it.

The rules are data: a file with a pattern, a theme and a note a line. A rule is believed only after it was measured on
paragraphs that a reader labelled: it passes if its precision is at least the one asked for. What it then labels is
weak: it counts little in training and is never used to judge a model. The file that comes out names the rule on every
line, so that a person can read it and strike what is wrong.

    pattern<TAB>theme<TAB>note      a regular expression, sought anywhere in a heading

The innermost heading that any rule matches decides. If rules for different themes match it, it speaks for no theme;
a rule whose theme is 不标 (`SILENT`) is there only to silence a heading in this way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.atomic import written_whole
from tagger.errors import LabelError
from tagger.learning.intervals import wilson
from tagger.learning.labelling import encoded
from tagger.records import Label, Paragraph, Source
from tagger.tagging import titles_of

PACKAGE = Path(__file__).parent.parent
RULE_PLACES = (PACKAGE / "heading_rules.tsv", PACKAGE.parent / "training_data" / "heading_rules.tsv")
LABEL_PLACES = (Path("training_data", "documents.jsonl"), PACKAGE.parent / "training_data" / "documents.jsonl")
MIN_FIRED = 10  # labelled paragraphs; a precision measured on fewer is no evidence
MIN_CHARACTERS = 12  # shorter paragraphs introduce what follows
LABELLER = "标题规则"
SILENT = "不标"  # in place of a theme: a heading that such a rule matches labels nothing
COLUMNS = "正则表达式<TAB>主题<TAB>说明"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a heading must hold to speak for a theme, and why one may think so."""

    pattern: re.Pattern[str]
    theme: str
    note: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A rule and how it did on labelled paragraphs."""

    rule: Rule
    fired: int
    right: int

    @property
    def precision(self) -> float:
        """The share of its labels that a reader agrees with; 0 if it never fired."""
        return self.right / max(1, self.fired)

    @property
    def lower_bound(self) -> float:
        """The lower end of the 95 % interval of the precision."""
        return float(wilson(self.right, self.fired)[0])

    def passes(self, precision: float) -> bool:
        """Whether it is precise enough, on enough evidence."""
        return self.fired >= MIN_FIRED and self.precision >= precision


@dataclass(frozen=True, slots=True)
class Mined:
    """A paragraph that headings label, and the rules that say so."""

    paragraph: Paragraph
    document: str
    title: str
    theme: str
    rules: tuple[Rule, ...]


def our_labels() -> Path | None:
    """The labelled documents that come with the project: in the present folder or the checkout; None if in neither."""
    return next((place for place in LABEL_PLACES if place.is_file()), None)


def our_rules() -> Path:
    """The rule file that comes with the package. Raises `LabelError` if it is not there."""
    for path in RULE_PLACES:
        if path.is_file():
            return path
    raise LabelError("自带的标题规则", found="没有找到", expected="heading_rules.tsv", advice="用 --rules 指定规则文件")


def read_rules(path: str | Path, themes: Collection[str]) -> list[Rule]:
    """Read a rule file; empty lines and those that start with # say nothing.

    Raises `LabelError`, with the line, if the file cannot be read, a pattern is none, or a theme is unknown.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(
            path, found=f"读不了（{error}）", expected="UTF-8 的规则文件", advice="检查路径和编码"
        ) from error
    rules: dict[tuple[str, str], Rule] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            rule = _rule(f"{path}:{number}", line, themes)
            if (rule.pattern.pattern, rule.theme) in rules:
                raise LabelError(f"{path}:{number}", found="与前面一条重复", expected="每条规则一行", advice="删去一行")
            rules[rule.pattern.pattern, rule.theme] = rule
    if not rules:
        raise LabelError(path, found="没有规则", expected=f"每行一条：{COLUMNS}", advice="写上规则再试")
    return list(rules.values())


def _rule(place: str, line: str, themes: Collection[str]) -> Rule:
    pattern, _, rest = line.partition("\t")
    theme, _, note = rest.partition("\t")
    if theme not in {*themes, SILENT}:
        expected = f"{COLUMNS}，主题为{'、'.join([*themes, SILENT])}之一"
        raise LabelError(place, found=f"主题是 {theme!r}", expected=expected, advice="改正这一行")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise LabelError(place, found=f"{pattern!r} 不是正则表达式", expected=COLUMNS, advice="改正这一行") from error
    if compiled.search(""):
        raise LabelError(place, found=f"{pattern!r} 什么标题都符合", expected="标题里的词语", advice="改正这一行")
    return Rule(compiled, theme, note.strip())


def speaking(headings: Sequence[str], rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules by which a path of headings speaks for one theme; none if it does not, or for several."""
    for heading in reversed(headings):
        matching = tuple(rule for rule in rules if rule.pattern.search(heading))
        if matching:
            speaks = len({rule.theme for rule in matching}) == 1 and matching[0].theme != SILENT
            return matching if speaks else ()
    return ()


def measure(rules: Sequence[Rule], labels: Iterable[Label]) -> list[Measured]:
    """How each rule does on labels of readers, whose headings must be known; weak labels do not count."""
    fired: defaultdict[Rule, int] = defaultdict(int)
    right: defaultdict[Rule, int] = defaultdict(int)
    for label in labels:
        if label.weak or len(label.text) < MIN_CHARACTERS:
            continue
        for rule in speaking(label.headings, rules):
            fired[rule] += 1
            right[rule] += rule.theme == label.theme
    return [Measured(rule, fired[rule], right[rule]) for rule in rules if rule.theme != SILENT]


def mine(
    documents: Iterable[Source], rules: Sequence[Rule], passed: Collection[Rule], *, labelled: Collection[str] = ()
) -> Iterator[Mined]:
    """The body paragraphs of documents that headings label by a rule that passed.

    The other rules still count against it where they name another theme. Texts in `labelled` are left out, and so is a
    text that stands under headings of different themes in one document.
    """
    from tagger.outline import outline  # noqa: PLC0415 - its patterns take time to compile

    known = set(labelled)
    for source in documents:
        found: dict[str, Mined] = {}
        contradicted: set[str] = set()
        paragraphs = outline(source)
        for title, paragraph in zip(titles_of(paragraphs), paragraphs, strict=True):
            if paragraph.role != "body" or len(paragraph.text) < MIN_CHARACTERS or paragraph.text in known:
                continue
            speaking_rules = [rule for rule in speaking(paragraph.headings, rules) if rule in passed]
            if speaking_rules:
                mined = Mined(paragraph, source.name, title, speaking_rules[0].theme, tuple(speaking_rules))
                if found.setdefault(paragraph.text, mined).theme != mined.theme:
                    contradicted.add(paragraph.text)
        yield from (each for text, each in found.items() if text not in contradicted)


def as_record(mined: Mined) -> dict[str, Any]:
    """A line of the label file; `learning.labels.read_labels` reads it."""
    return {
        "document": mined.document,
        "title": mined.title,
        "headings": list(mined.paragraph.headings),
        "text": mined.paragraph.text,
        "theme": mined.theme,
        "also": [],
        "weak": True,
        "labeller": LABELLER,
        "rule": [rule.pattern.pattern for rule in mined.rules],
    }


def write_mined(path: str | Path, mined: Iterable[Mined]) -> None:
    """Write a label file of mined paragraphs. Raises `OutputError` if it cannot be written."""
    with written_whole(path) as beside:
        beside.write_bytes(b"".join(encoded(as_record(each)) for each in mined))
