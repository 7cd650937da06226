"""The report of a training and the card of a model: complete, self-contained, safe whatever the labels hold."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tagger.artifact import load_artifact
from tagger.errors import ArtifactError, OutputError
from tagger.learning.card import card, write_card
from tagger.learning.checks import Finding, Severity, check_answers, check_labels
from tagger.learning.data import TrainingData, gather_data
from tagger.learning.evaluation import NEVER_CERTAIN
from tagger.learning.gate import compare
from tagger.learning.labels import is_locked
from tagger.learning.plots import Axis, coverage, learning, numbers, reliability
from tagger.learning.report import Training, as_markdown, as_page, sections_of, write_report
from tagger.learning.search import Search, Size, Trial
from tagger.learning.settings import Settings
from tagger.learning.training import train
from tagger.records import Label
from tagger.tagging import Tagger
from tagger.themes import OUR_THEMES

SMALL = Settings(min_word_labels=2, min_gram_labels=3, folds=3)
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"' $title ${x} | *强调* [链接](http://x)\ud800"
)


@dataclass
class Page(HTMLParser):
    """A page taken apart."""

    content: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.content)
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(autouse=True, scope="module")
def alone() -> Iterator[None]:
    """No further processes, which would take longer to start than such small trainings take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


@pytest.fixture(scope="module")
def training(small_labels: list[Label], root: Path, tagger: Tagger) -> Training:
    """A small training on hostile labels, with everything that a report can tell."""
    locked = gather_data([root / "training_data" / "documents.jsonl"]).locked
    few = [label for label in small_labels if not is_locked(label)][:500]
    odd = Label(f"{HOSTILE}党员教育培训", "作风", document="文件<b>", title=HOSTILE)
    labels = tuple(replace(label, place=f"标注.jsonl:{row}") for row, label in enumerate((*few, odd), start=1))
    trained = train(labels, {}, settings=SMALL, progress=lambda line: None)
    comparison = compare(tagger, tagger, locked)
    return Training(
        name="0002-abc",
        data=TrainingData(labels, locked, {}, OUR_THEMES, {}),
        trained=trained,
        findings=[
            *check_labels(labels, trained.model.themes),
            *check_answers(trained.judged, trained.tags),
            Finding("可能标错", f"{HOSTILE}:3", HOSTILE, Severity.HINT),
        ],
        search=Search((Trial(SMALL, 0.8, 0, 0), Trial(replace(SMALL, balance=0.25), 0.81, 0.01, 0.02)), SMALL),
        curve=(Size(100, 0.6), Size(500, 0.8)),
        comparison=replace(comparison, reasons=("作风的 F1 从 0.900 降到 0.800",)),
    )


def test_the_report_tells_everything(training: Training, tmp_path: Path) -> None:
    page, markdown = write_report(training, tmp_path / "报告" / "0002-abc")
    said = markdown.read_text("utf-8")
    for title in ["结论", "各主题", "把什么当成了什么", "概率可信吗", "只信把握大的，能对多少", "标注越多标得越准吗"]:
        assert f"## {title}\n" in said
        assert title in page.read_text("utf-8")
    for title in ["每个主题最看重的词", "错得最有把握的", "检查标注", "试过的设置", "与正在用的模型比较"]:
        assert f"## {title}\n" in said
    assert re.search(r"标注\.jsonl:\d+\*\* 标为.+，模型认为是.+：", said)
    assert "主题平衡 0.25" in said
    assert "新模型没有启用" in said
    assert "没有启用** 作风的 F1" in said
    assert len(re.findall("（0\\.\\d{3}–", said)) >= 6 + len(OUR_THEMES)


def test_the_page_needs_nothing_else_and_runs_nothing_but_its_own(training: Training) -> None:
    content = as_page(training, sections_of(training))
    page = Page(content)
    policy = next(attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes)
    assert policy is not None
    for kind in ("style", "script"):
        inner = re.search(rf"<{kind}>(.*?)</{kind}>", content, re.DOTALL)
        assert inner is not None
        digest = base64.b64encode(hashlib.sha256(inner[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert content.count(f"<{kind}") == 1
    assert policy.startswith("default-src 'none'")
    assert "http://" not in content.replace("[链接](http://x)", "")
    attributes = [name for _, each in page.elements for name in each]
    assert not {"style", "src", "onerror"} & set(attributes)
    assert sum(tag == "svg" for tag, _ in page.elements) == 3
    assert HOSTILE.replace("\ud800", "?") in page.text


def test_the_two_say_the_same(training: Training) -> None:
    sections = sections_of(training)
    page = re.sub(r"\s|\\", "", Page(as_page(training, sections)).text)
    for line in as_markdown(training, sections).splitlines():
        for part in re.split(r"\*\*| \| |^\| | \|$|^- |^#+ ", line):
            bare = re.sub(r"\s|\\", "", part)
            assert not bare.strip("-|") or bare in page


def test_labels_of_counts_alone_have_a_report_too(training: Training) -> None:
    counted = tuple(replace(each, text="", counts={"党": 1}) for each in training.trained.judged)
    data = replace(training.data, labels=counted, locked=())
    alone = Training("0001-x", data, replace(training.trained, judged=counted))
    titles = [section.title for section in sections_of(alone)]
    assert "错得最有把握的" not in titles
    assert "只有词频" in as_markdown(alone, sections_of(alone))
    assert "没有发现要核对的地方" in as_markdown(alone, sections_of(alone))


def test_where_a_report_cannot_be_written(training: Training, tmp_path: Path) -> None:
    (tmp_path / "报告").write_text("不是文件夹", encoding="utf-8")
    with pytest.raises(OutputError):
        write_report(training, tmp_path / "报告" / "0001")


def test_plots_stay_between_their_axes() -> None:
    plots = [
        reliability([(0.05, 1.0, 3), (0.95, 0.9, 1000)]),
        coverage([(0.1, 1.0), (1.0, 0.55)], 0.7),
        learning([(20, 0.31), (80, 0.9)]),
    ]
    for plot in plots:
        page = Page(plot)
        assert page.elements[0][0] == "svg"
        assert page.elements[0][1]["role"] == "img"
        for each in re.findall(r"points=\"([^\"]+)\"", plot):
            for x, y in (map(float, point.split(",")) for point in each.split()):
                assert 0 <= x <= 460
                assert 0 <= y <= 300
    assert Axis("几段", [(0, "0"), (10, "10")]).share(20) == 1
    assert [label for _, label in numbers("几段", [50, 20, 50]).ticks] == ["0", "20", "50"]


def test_the_card_of_the_shipped_model_is_in_step(root: Path) -> None:
    manifest = load_artifact(root / "models" / "default").manifest
    assert (root / "models" / "default.md").read_text("utf-8") == card(manifest)


def test_a_card_names_data_figures_limits_versions_and_hashes(root: Path, tmp_path: Path) -> None:
    write_card(root / "models" / "default", tmp_path / "说明" / "default.md")
    said = (tmp_path / "说明" / "default.md").read_text("utf-8")
    manifest = json.loads((root / "models" / "default" / "manifest.json").read_text("utf-8"))
    for digest in (*manifest["data"].values(), *manifest["sha256"].values(), manifest["model_id"]):
        assert digest in said
    for theme in OUR_THEMES:
        assert theme.definition in said
    for section in ("用途", "训练材料", "准不准", "局限", "怎样再现"):
        assert f"\n## {section}\n" in said
    with pytest.raises(ArtifactError):
        write_card(tmp_path, tmp_path / "x.md")


def test_the_card_of_a_weak_model_says_so(root: Path) -> None:
    manifest = json.loads((root / "models" / "default" / "manifest.json").read_text("utf-8"))
    text = manifest["figures"]["text"]
    text["themes"]["法治"] |= {"f1": 0.5, "support": 8}
    text["certain_accuracy"] = 0.9
    del manifest["figures"]["locked"]
    manifest["certain_from"] = NEVER_CERTAIN
    said = card(manifest)
    for limit in ("法治的 F1 不到", "法治的标注不到", "只有 90.0% 正确", "没有锁定的文件", "每个标签都是“不确定”"):
        assert limit in said
