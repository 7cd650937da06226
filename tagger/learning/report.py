"""The report of a training, as one web page that needs nothing else and as Markdown: the same story by two hands.

First the story is put together from sections, paragraphs, tables and pictures; then it is written down twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from tagger.atomic import written_whole
from tagger.learning.checks import Finding
from tagger.learning.data import TrainingData
from tagger.learning.evaluation import BINS, Figures, evaluate
from tagger.learning.gate import Comparison
from tagger.learning.intervals import MIN_DOCUMENTS, documents_of, drawn_f1, drawn_macro_f1, drawn_sums, interval
from tagger.learning.plots import coverage, learning, reliability
from tagger.learning.search import MIN_LEAD, Search, Size
from tagger.learning.settings import Settings
from tagger.learning.training import Trained
from tagger.model import Doubles
from tagger.records import Label, Tag
from tagger.themes import Theme
from tagger.writing.page import chip, numbered, page, safe

TOP_TERMS = 20
WORST = 20
MOST_FINDINGS = 60
MOST_CHANGES = 30
MOST_CHARACTERS = 160  # of a paragraph
COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
CURVE_POINTS = 100
MIN_SURE = 20  # tags; the accuracy of fewer says nothing
SETTINGS = {
    "inverse_regularisation": "正则化的倒数",
    "ratio_power": "朴素贝叶斯比值的幂",
    "balance": "主题平衡",
    "min_word_labels": "词至少在几段里",
    "min_gram_labels": "字串至少在几段里",
}
MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


@dataclass(frozen=True, slots=True)
class Judged:
    """Labels, and what models that did not see them say."""

    name: str
    labels: Sequence[Label]
    tags: Sequence[Tag]

    @property
    def figures(self) -> Figures:
        """How right the tags are."""
        return evaluate([(label.theme, label.also) for label in self.labels], self.tags)

    @property
    def given(self) -> list[str]:
        """The themes given."""
        return [tag.theme for tag in self.tags]


@dataclass(frozen=True, slots=True)
class Training:
    """A training, and all that is to be told of it."""

    name: str  # of the version
    data: TrainingData
    trained: Trained
    findings: Sequence[Finding] = ()
    search: Search | None = None
    curve: Sequence[Size] = ()
    comparison: Comparison | None = None

    def judged(self) -> list[Judged]:
        """The sets of labels that the model is judged by; the one that matters most first."""
        trained = self.trained
        rows = list(zip(trained.judged, trained.tags, trained.bare_tags, strict=True))
        own, pooled = ([row for row in rows if (row[0].counts is None) == text] for text in (True, False))
        sets = [
            ("留出的文件", [(label, tag) for label, tag, _ in own]),
            ("同上，不看标题", [(label, bare) for label, _, bare in own]),
            ("留出的来源（只有词频）", [(label, tag) for label, tag, _ in pooled]),
            ("锁定的文件，从不训练", list(zip(self.data.locked, trained.tags_of(self.data.locked), strict=True))),
        ]
        return [Judged(name, *map(list, zip(*pairs, strict=True))) for name, pairs in sets if pairs]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; cells are plain text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing for the page alone; a table beside it says the same."""

    svg: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; each item is a few words that stand out, then a sentence."""

    items: Sequence[tuple[str, str]]


Block = str | Table | Picture | Items


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the story with its title."""

    title: str
    blocks: Sequence[Block]


def write_report(training: Training, stem: str | Path) -> tuple[Path, Path]:
    """Write the page and the Markdown, `<stem>.html` and `<stem>.md`. Raises `OutputError` if it cannot be written."""
    page_path, markdown_path = Path(f"{stem}.html"), Path(f"{stem}.md")
    sections = sections_of(training)
    for path, content in (
        (page_path, as_page(training, sections)),
        (markdown_path, as_markdown(training, sections)),
    ):
        with written_whole(path) as beside:
            beside.write_bytes(content.encode())
    return page_path, markdown_path


def sections_of(training: Training) -> list[Section]:
    """The story of a training."""
    judged = training.judged()
    main = judged[0]
    sections = [
        _summary(training, judged),
        Section("各主题", [f"{main.name}。括号里是 95% 区间。", _by_theme(main)]),
        Section("把什么当成了什么", ["行是标注的主题，列是模型给的主题。", _confusion(main)]),
        _calibration(main),
        _coverage(main),
        Section("标注越多标得越准吗", _curve(training.curve)),
        Section("每个主题最看重的词", ["按在模型里的分量从重到轻。", Items(list(_heaviest(training.trained)))]),
        Section("错得最有把握的", _worst(main)),
        Section("检查标注", _findings(training.findings)),
        Section("试过的设置", _trials(training.search)),
        Section("与正在用的模型比较", _compared(training.comparison)),
    ]
    return [section for section in sections if section.blocks]


def _summary(training: Training, judged: Sequence[Judged]) -> Section:
    main, labels = judged[0], training.data.labels
    rows = []
    for each in judged:
        figures = each.figures
        certain = f"{figures.certain_accuracy:.1%}" if figures.certain_share else "—"
        shares = [f"{figures.calibration_error:.3f}", f"{figures.certain_share:.1%}", certain]
        rows.append([each.name, str(figures.paragraphs), *_with_intervals(each, figures), *shares])
    header = ["判断所依据的", "段数", "宏平均 F1（95% 区间）", "正确率（95% 区间）", "校准误差"]
    return Section(
        "结论",
        [
            f"{len(labels)} 段标注，来自 {documents_of(labels)} 份文件；另锁定 {len(training.data.locked)} 段。",
            f"在没有见过的文件上，每一百段标对约 {100 * main.figures.accuracy:.0f} 段。{_verdict(training.comparison)}",
            Table([*header, "确定的占比", "其中正确"], rows),
            "“留出的文件”是模型没有见过的文件。宏平均 F1 是各主题 F1 的平均，1 最好。",
            "区间以文件为单位重抽得出：段落少，区间就宽；相差不出区间的不要当真。",
        ],
    )


def _verdict(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    return "新模型不比正在用的差，已启用。" if comparison.accepted else "新模型没有启用，原因见最后一节。"


def _with_intervals(judged: Judged, figures: Figures) -> tuple[str, str]:
    """Macro-F1 and accuracy with their intervals, where there are documents enough to tell."""
    labels, given = judged.labels, judged.given
    if documents_of(labels) < MIN_DOCUMENTS:
        return f"{figures.macro_f1:.3f}（文件太少）", f"{figures.accuracy:.3f}（文件太少）"
    right = [label.theme == theme for label, theme in zip(labels, given, strict=True)]
    sums = drawn_sums(labels, np.column_stack([right, np.ones(len(right))]))
    drawn = drawn_macro_f1(labels, given, judged.tags[0].themes)
    return _with_interval(figures.macro_f1, drawn), _with_interval(figures.accuracy, sums[:, 0] / sums[:, 1])


def _with_interval(value: float, drawn: Doubles) -> str:
    low, high = interval(drawn)
    return f"{value:.3f}（{low:.3f}–{high:.3f}）"


def _by_theme(judged: Judged) -> Table:
    drawn = drawn_f1(judged.labels, judged.given, judged.tags[0].themes)
    rows = []
    for column, (theme, each) in enumerate(judged.figures.themes.items()):
        f1 = _with_interval(each.f1, drawn[:, column]) if each.support else "—"
        rows.append([theme, f"{each.precision:.3f}", f"{each.recall:.3f}", f1, str(each.support)])
    return Table(["主题", "准确率", "召回率", "F1（95% 区间）", "段数"], rows)


def _confusion(judged: Judged) -> Table:
    themes = judged.tags[0].themes
    counts = Counter(zip((label.theme for label in judged.labels), judged.given, strict=True))
    rows = [[gold, *(str(counts[gold, given] or "·") for given in themes)] for gold in themes]
    return Table(["标注＼模型", *themes], rows)


def _calibration(judged: Judged) -> Section:
    said = np.array([tag.probability for tag in judged.tags])
    right = np.array([label.theme == given for label, given in zip(judged.labels, judged.given, strict=True)])
    numbers = np.minimum((said * BINS).astype(int), BINS - 1)
    bins = [
        (float(said[inside].mean()), float(right[inside].mean()), int(inside.sum()))
        for inside in (numbers == each for each in range(BINS))
        if inside.any()
    ]
    rows = [[f"{each:.0%}", f"{share:.0%}", str(count)] for each, share, count in bins]
    return Section(
        "概率可信吗",
        [
            "模型说“八成”的那些段落，真有八成标对吗？点落在虚线上最好；在虚线下面是说得太满。点越大，段落越多。",
            Picture(reliability(bins)),
            Table(["模型说的概率（平均）", "实际正确", "段数"], rows),
        ],
    )


def _coverage(judged: Judged) -> Section:
    said = np.array([tag.probability for tag in judged.tags])
    right = np.array([label.theme == given for label, given in zip(judged.labels, judged.given, strict=True)])
    accuracy = np.cumsum(right[np.argsort(-said, kind="stable")]) / np.arange(1, len(right) + 1)
    count = len(right)
    rows = [[f"{each:.0%}", f"{accuracy[max(1, round(each * count)) - 1]:.1%}"] for each in COVERAGES]
    ends = np.unique(np.linspace(min(MIN_SURE, count), count, CURVE_POINTS).astype(int))
    points = [(end / count, float(accuracy[end - 1])) for end in ends.tolist()]
    return Section(
        "只信把握大的，能对多少",
        [
            "把段落按把握从大到小排，只取前面一部分，看其中多少标对。虚线左边是模型认为确定的，右边标“不确定”，请人看。",
            Picture(coverage(points, judged.figures.certain_share)),
            Table(["取前面的", "其中正确"], rows),
        ],
    )


def _curve(sizes: Sequence[Size]) -> list[Block]:
    if not sizes:
        return []
    rows = [[str(size.labels), f"{size.macro_f1:.3f}"] for size in sizes]
    return [
        "用一部分文件的标注训练，在留出的文件上量。线到最后还在往上走，说明再多标一些还会更准。",
        Picture(learning([(size.labels, size.macro_f1) for size in sizes])),
        Table(["标注段数", "宏平均 F1"], rows),
    ]


def _heaviest(trained: Trained) -> Iterator[tuple[str, str]]:
    weights = trained.model.weights
    strength = weights.coefficients * weights.idf[:, None]
    for column, theme in enumerate(weights.themes):
        ranked = (trained.terms[row] for row in np.argsort(-strength[:, column], kind="stable").tolist())
        words = (term for term in ranked if len(term) > 1)
        yield theme, "、".join(word for word, _ in zip(words, range(TOP_TERMS), strict=False))


def _worst(judged: Judged) -> list[Block]:
    pairs = zip(judged.labels, judged.tags, strict=True)
    wrong = [(label, tag) for label, tag in pairs if tag.theme != label.theme and label.counts is None]
    wrong.sort(key=lambda pair: -pair[1].probability)
    items = [
        (
            label.place,
            f"标为{label.theme}，模型认为是{tag.theme}（{tag.probability:.0%}）：{_short(label.text)}",
        )
        for label, tag in wrong[:WORST]
    ]
    return ["模型把握最大却与标注不同的段落：或者模型错了，或者标注错了。", Items(items)] if items else []


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _findings(findings: Sequence[Finding]) -> list[Block]:
    if not findings:
        return ["没有发现要核对的地方。"]
    counts = Counter(finding.kind for finding in findings)
    said = "，".join(f"{kind} {count} 处" for kind, count in counts.items())
    items = [(finding.place, f"{finding.kind}：{finding.message}") for finding in findings[:MOST_FINDINGS]]
    rest = len(findings) - len(items)
    blocks: list[Block] = [f"请对照原文看一看：{said}。程序没有改动任何标注。", Items(items)]
    return [*blocks, f"还有 {rest} 处没有列出。"] if rest else blocks


def _trials(search: Search | None) -> list[Block]:
    if search is None or not search.trials:
        return []
    given = search.trials[0].settings
    rows = [
        [
            _difference(given, trial.settings) or "原来的设置",
            f"{trial.macro_f1:.3f}",
            f"{trial.lead:+.3f}",
            f"{trial.standard_error:.3f}",
            "采用" if trial.settings == search.settings else "",
        ]
        for trial in search.trials
    ]
    return [
        f"每组设置在留出的文件上快速试一次。好出一个标准误、而且至少好 {MIN_LEAD} 才换，免得追着偶然跑。",
        Table(["设置", "宏平均 F1", "比原来", "标准误", ""], rows),
    ]


def _difference(given: Settings, other: Settings) -> str:
    before, after = asdict(given), asdict(other)
    changed = (each.name for each in fields(Settings) if before[each.name] != after[each.name])
    return "，".join(f"{SETTINGS.get(name, name)} {after[name]}" for name in changed)


def _compared(comparison: Comparison | None) -> list[Block]:
    if comparison is None:
        return []
    old, new = comparison.old, comparison.new
    rows = [
        [theme, f"{old.themes[theme].f1:.3f}", f"{each.f1:.3f}", f"{each.f1 - old.themes[theme].f1:+.3f}"]
        for theme, each in new.themes.items()
    ]
    difference = new.macro_f1 - old.macro_f1
    rows.append(["宏平均", f"{old.macro_f1:.3f}", f"{new.macro_f1:.3f}", f"{difference:+.3f}"])
    low, high = comparison.interval
    said = f"在锁定的 {new.paragraphs} 段上比较；宏平均之差的 90% 区间是 {low:+.3f} 到 {high:+.3f}。"
    blocks: list[Block] = [said, Table(["F1", "正在用的", "新的", "差"], rows)]
    if comparison.reasons:
        blocks.append(Items([("没有启用", reason) for reason in comparison.reasons]))
    if comparison.changes:
        changes = [
            (f"{change.old.theme} → {change.new.theme}", f"标注是{change.label.theme}：{_short(change.label.text)}")
            for change in comparison.changes[:MOST_CHANGES]
        ]
        blocks += [f"主题变了的 {len(comparison.changes)} 段：", Items(changes)]
    return blocks


def as_markdown(training: Training, sections: Sequence[Section]) -> str:
    """The story in Markdown."""
    lines = [f"# 训练报告：{_plain(training.name)}", ""]
    for section in sections:
        lines += [f"## {_plain(section.title)}", ""]
        for block in section.blocks:
            lines += [*_lines(block), ""]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"


def _lines(block: Block) -> list[str]:
    match block:
        case str():
            return [_plain(block)]
        case Table():
            rows = [block.header, ["---"] * len(block.header), *block.rows]
            cells = [rows[1] if row is rows[1] else list(map(_plain, row)) for row in rows]
            return [f"| {' | '.join(row)} |" for row in cells]
        case Items():
            return [f"- **{_plain(first)}** {_plain(rest)}" for first, rest in block.items]
        case Picture():
            return []


def _plain(text: str) -> str:
    """Text in one line that Markdown shows as it is; a lone surrogate cannot be written and becomes “?”."""
    return MARKUP.sub(r"\\\1", " ".join(text.split())).encode("utf-8", "replace").decode()


def as_page(training: Training, sections: Sequence[Section]) -> str:
    """The story as a self-contained web page."""
    themes = training.trained.themes
    contents = "\n".join(
        f'<li><a href="#part{number}">{safe(section.title)}</a></li>' for number, section in enumerate(sections)
    )
    parts = "\n".join(_card(number, section, themes) for number, section in enumerate(sections))
    return page(
        "training",
        title=f"训练报告：{safe(training.name)}",
        themes=themes,
        places={"name": safe(training.name), "contents": contents, "sections": parts},
    )


def _card(number: int, section: Section, themes: Sequence[Theme]) -> str:
    blocks = "\n".join(_html(block, themes) for block in section.blocks)
    title = f'<h2 id="title{number}">{safe(section.title)}</h2>'
    return f'<section class="card" id="part{number}" aria-labelledby="title{number}">{title}\n{blocks}\n</section>'


def _html(block: Block, themes: Sequence[Theme]) -> str:
    match block:
        case str():
            return f'<p class="said">{safe(block)}</p>'
        case Table():
            return _html_table(block, themes)
        case Items():
            items = (f"<li><b>{_cell(first, themes)}</b> {safe(rest)}</li>" for first, rest in block.items)
            return f'<ul class="items">{"".join(items)}</ul>'
        case Picture():
            return f'<figure class="figure">{block.svg}</figure>'


def _html_table(table: Table, themes: Sequence[Theme]) -> str:
    header = "".join(f'<th scope="col">{_cell(each, themes)}</th>' for each in table.header)
    rows = "".join(_html_row(row, themes) for row in table.rows)
    return f'<div class="wide"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>'


def _html_row(row: Sequence[str], themes: Sequence[Theme]) -> str:
    first, *rest = row
    return f'<tr><th scope="row">{_cell(first, themes)}</th>{"".join(f"<td>{safe(each)}</td>" for each in rest)}</tr>'


def _cell(text: str, themes: Iterable[Theme]) -> str:
    """A theme in its colour, anything else as text."""
    numbers = numbered(list(themes))
    return chip(text, numbers) if text in numbers else safe(text)
