"""`tagger drift`: whether documents are still like those that the model was trained on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.cli.queue import add_labels, choice_table, labelled_texts, tagged_documents
from tagger.cli.terminal import DONE, SOME_FAILED, Commands, command, training_packages
from tagger.errors import InputError, UsageError
from tagger.tagging import Tagger
from tagger.themes import OUR_THEMES

if TYPE_CHECKING:
    from tagger.learning.drift import Drift, Phrase, Usual
    from tagger.records import TaggedDocument

PHRASES, NEXT = 20, 50
SHOWN_NEXT = 5


def add(commands: Commands) -> None:
    """Add the command `drift`."""
    example = "tagger drift 材料/ --data training_data --out 队列.jsonl"
    parser = command(commands, "drift", "看一批文件与训练材料像不像：生词、拿不准、主题、新提法。", example=example)
    parser.add_argument("paths", nargs="+", metavar="路径", help="文件或文件夹")
    data = "训练模型用的标注（文件夹或文件），用来找新提法；默认 training_data"
    parser.add_argument("--data", nargs="+", metavar="路径", type=Path, default=[], help=data)
    add_labels(parser)
    parser.add_argument("--out", metavar="文件", type=Path, help=f"把最值得先标的 {NEXT} 段写成队列（.jsonl）")
    parser.add_argument("--model", metavar="文件夹", type=Path, help="模型文件夹；默认用自带的模型")
    parser.set_defaults(run=_drift)


def _drift(options: argparse.Namespace, console: Console) -> int:
    from tagger.artifact import load_artifact  # noqa: PLC0415 - learning is heavy
    from tagger.learning import drift, queue  # noqa: PLC0415

    labelled = labelled_texts(options.labels)
    tagger = Tagger.load(options.model)
    usual = drift.usual_of(load_artifact(tagger.folder).manifest)
    failures: list[InputError] = []
    documents = list(tagged_documents(options.paths, tagger, failures))
    known = queue.known_to(tagger)
    found = drift.measure(documents, known, usual)
    if not found.paragraphs:
        raise UsageError("drift", found="没有读到正文段落", expected="有正文的文件", advice="换一些文件再试")
    phrases = _phrases(documents, options.data, tagger)
    _show(found, usual, console)
    _show_phrases(phrases, console)
    candidates = [candidate for document in documents for candidate in queue.candidates_of(document)]
    choices = queue.choose(candidates, tagger.model, known, number=NEXT, labelled=labelled)
    console.print(Text("接下来先标什么", style="bold"))
    console.print(choice_table(choices[:SHOWN_NEXT]))
    if options.out is not None:
        queue.write_queue(options.out, choices)
        console.print(f"{len(choices)} 段写入 {options.out}；接着运行", markup=False)
        console.print(f"tagger label --queue {options.out} --out 标注.jsonl", markup=False)
    else:
        console.print("要标得更多，加上 --out 队列.jsonl，再运行 tagger label --queue 队列.jsonl --out 标注.jsonl")
    return SOME_FAILED if failures else DONE


def _phrases(documents: Sequence[TaggedDocument], data: Sequence[Path], tagger: Tagger) -> list[Phrase] | None:
    """New set phrases; None where there are no training data to compare with."""
    from tagger.learning.mining import our_labels  # noqa: PLC0415

    ours = our_labels() if tagger.themes == OUR_THEMES else None
    places = list(data) or ([ours.parent] if ours else [])
    if not places:
        return None
    with training_packages():
        from tagger.learning.data import gather_data  # noqa: PLC0415
        from tagger.learning.drift import cut, new_phrases  # noqa: PLC0415

        texts = [each.paragraph.text for document in documents for each in document.paragraphs if each.tag]
        training = gather_data(places, tagger.themes)
        return new_phrases(texts, cut(texts), [*training.labels, *training.locked], number=PHRASES)


def _show(found: Drift, usual: Usual, console: Console) -> None:
    from tagger.learning.drift import FEW, in_words  # noqa: PLC0415

    console.print(Text(f"{found.documents} 份文件、{found.paragraphs} 段正文：{found.verdict}", style="bold"))
    if found.paragraphs < FEW:
        console.print(f"（不到 {FEW} 段，只供参考）")
    for finding in found.findings:
        console.print("· " + in_words(finding))
    themes = list(found.themes)
    table = Table("", "文件", "段数", "不确定", *themes, title="主题占比", title_justify="left")
    shares = (f"{usual.themes.get(theme, 0):.0%}" for theme in themes)
    table.add_row("训练材料", "", "", f"{usual.uncertain:.0%}", *shares, end_section=True)
    for year in found.years:
        shares = (f"{year.themes[theme]:.0%}" for theme in themes)
        name = f"{year.year} 年" if year.year else "年份不明"
        table.add_row(name, str(year.documents), str(year.paragraphs), f"{year.uncertain:.0%}", *shares)
    total = sum(finding.found for finding in found.findings if finding.name == "不确定的段落")
    shares = (f"{share:.0%}" for share in found.themes.values())
    table.add_section()
    table.add_row("合计", str(found.documents), str(found.paragraphs), f"{total:.0%}", *shares)
    console.print(table)


def _show_phrases(phrases: Sequence[Phrase] | None, console: Console) -> None:
    if phrases is None:
        console.print("没有训练材料可比，不找新提法；有的话用 --data 指定。")
        return
    if not phrases:
        console.print("没有训练材料里少见的新提法。")
        return
    title = "新提法：这里常见、训练材料里少见（对数似然比 G²，Dunning 1993）"
    table = Table("提法", title=title, title_justify="left")
    for name in ("这里几段", "训练材料至多几段", "G²"):
        table.add_column(name, justify="right")
    for phrase in phrases:
        table.add_row(Text(phrase.text), str(phrase.paragraphs), str(phrase.in_training), f"{phrase.surprise:.0f}")
    console.print(table)
