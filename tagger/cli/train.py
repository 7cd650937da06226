"""`tagger train`: labels in, a new model out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.cli.terminal import DONE, REFUSED, Commands, command, training_packages
from tagger.errors import UsageError
from tagger.themes import OUR_THEMES, Theme, read_themes

if TYPE_CHECKING:
    from tagger.learning.checks import Finding
    from tagger.learning.data import TrainingData
    from tagger.learning.evaluation import Figures
    from tagger.learning.gate import Comparison
    from tagger.learning.search import Search

MAX_FINDINGS = 20
MAX_CHANGES = 20  # paragraphs whose tag changes that are shown
CHANGE_CHARACTERS = 60


def add(commands: Commands) -> None:
    """Add the command `train`."""
    example = "tagger train --data training_data 我的标注.jsonl --models 我的模型"
    parser = command(commands, "train", "用标注训练新模型；不比正在用的差才启用。", example=example)
    add_data(parser)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--models", metavar="文件夹", type=Path, help="模型库：新版本与正在用的比过，不差才启用")
    place.add_argument("--out", metavar="文件夹", type=Path, help="只写一个模型文件夹，不比较")
    parser.add_argument("--search", action="store_true", help="先试几组设置，明显更好的才换（多花半分钟到几分钟）")
    parser.add_argument("--curve", action="store_true", help="报告里加一条学习曲线：再多标一些还有没有用")
    parser.set_defaults(run=_train)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what a model is trained on."""
    data = "标注（*.jsonl、*.jsonl.gz）、术语表（lexicon.tsv），或它们所在的文件夹；可以给几个"
    parser.add_argument("--data", metavar="路径", type=Path, nargs="+", required=True, help=data)
    parser.add_argument("--themes", metavar="文件", type=Path, help="自己的主题（themes.toml）；不写就是自带的六个")


def data_of(options: argparse.Namespace) -> TrainingData:
    """Gather what the options name."""
    from tagger.learning.data import gather_data  # noqa: PLC0415 - tagging does without its packages

    return gather_data(options.data, _themes(options))


def _themes(options: argparse.Namespace) -> Sequence[Theme]:
    return read_themes(options.themes) if options.themes else OUR_THEMES


def _train(options: argparse.Namespace, console: Console) -> int:
    with training_packages():
        from tagger.learning.card import write_card  # noqa: PLC0415 - tagging does without these
        from tagger.learning.retraining import BY_DEFAULT, retrain  # noqa: PLC0415
        from tagger.learning.search import learning_curve, search  # noqa: PLC0415
        from tagger.learning.training import train_model  # noqa: PLC0415
    if options.curve and options.out:
        advice = "换成 --models，或去掉 --curve"
        raise UsageError("--curve", found="与 --out 一起使用", expected="--models", advice=advice)
    data, findings = _checked(options)
    _show_findings(findings, console)
    if data is None or any(finding.severity == finding.severity.ERROR for finding in findings):
        console.print("标注里有必须改的地方；改好再训练。")
        return REFUSED
    tried = search(data, progress=console.print) if options.search else BY_DEFAULT
    show_search(tried, console)
    if options.out:
        trained = train_model(data, options.out, settings=tried.settings, progress=console.print)
        write_card(options.out, options.out.with_name(f"{options.out.name}.md"))
        show_figures(trained.figures(data.locked), console)
        console.print(f"模型：{options.out}。用 --model 指定它，或重新安装本软件包，才会用上。", markup=False)
        return DONE
    curve = learning_curve(data, tried.settings, progress=console.print) if options.curve else ()
    outcome = retrain(data, options.models, search=tried, curve=curve, findings=findings, progress=console.print)
    show_figures(outcome.figures, console)
    if outcome.comparison:
        show_comparison(outcome.comparison, console)
    console.print(f"报告：{outcome.report}", markup=False)
    if outcome.in_use:
        console.print(f"已启用 {outcome.version}。标注时用 --model {options.models}。", markup=False)
        return DONE
    console.print(f"{outcome.version} 没有启用，正在用的模型不变。仍要用它：", markup=False)
    console.print(f"tagger models {options.models} --use {outcome.version}", markup=False)
    return REFUSED


def _checked(options: argparse.Namespace) -> tuple[TrainingData | None, list[Finding]]:
    """The data, if all labels can be read, and what a person should look at, what must be mended first."""
    from tagger.learning.checks import check_files, check_labels  # noqa: PLC0415 - tagging does without its packages
    from tagger.learning.data import files_of, label_files  # noqa: PLC0415

    names = [theme.name for theme in _themes(options)]
    unreadable = check_files(label_files(files_of(options.data)), names)
    if unreadable:
        return None, unreadable
    data = data_of(options)
    findings = check_labels([*data.labels, *data.locked], names)
    return data, sorted(findings, key=lambda finding: finding.severity != finding.severity.ERROR)


def _show_findings(findings: Sequence[Finding], console: Console) -> None:
    for finding in findings[:MAX_FINDINGS]:
        console.print(Text(str(finding), style="red" if finding.severity == finding.severity.ERROR else "yellow"))
    if len(findings) > MAX_FINDINGS:
        console.print(f"……还有 {len(findings) - MAX_FINDINGS} 处")


def show_search(search: Search, console: Console) -> None:
    """Show what settings were tried, and which are used."""
    if not search.trials:
        return
    table = Table("设置", "F1", "比默认", "标准误", title="试过的设置（留出的文件）", title_justify="left")
    default = asdict(search.trials[0].settings)
    for trial in search.trials:
        changed = {name: value for name, value in asdict(trial.settings).items() if value != default[name]}
        called = "，".join(f"{name}={value}" for name, value in changed.items()) or "默认"
        used = "（采用）" if trial.settings == search.settings else ""
        lead, error = f"{trial.lead:+.3f}", f"{trial.standard_error:.3f}"
        table.add_row(f"{called}{used}", f"{trial.macro_f1:.3f}", lead, error)
    console.print(table)


def show_figures(figures_by_set: Mapping[str, Figures], console: Console) -> None:
    """Show the figures of each set that a model was judged by."""
    from tagger.learning.evaluation import SETS  # noqa: PLC0415 - learning is heavy

    for name, figures in figures_by_set.items():
        table = Table("主题", "准确率", "召回率", "F1", "段数", title=SETS[name], title_justify="left")
        for theme, each in figures.themes.items():
            cells = (f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}", str(each.support))
            table.add_row(Text(theme), *cells)
        console.print(table)
        console.print(
            f"宏平均 F1 {figures.macro_f1:.3f}，正确率 {figures.accuracy:.3f}，"
            f"放宽（含次要主题）{figures.relaxed_accuracy:.3f}，校准误差 {figures.calibration_error:.3f}；"
            f"确定的占 {figures.certain_share:.1%}，其中正确 {figures.certain_accuracy:.1%}；"
            f"次要主题准确率 {figures.also_precision:.2f}、召回率 {figures.also_recall:.2f}"
        )


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Show how two models do on the locked documents, what changes, and the verdict."""
    old, new = comparison.old, comparison.new
    title = f"锁定的文件，{new.paragraphs} 段"
    table = Table("F1", "旧模型", "新模型", "差", title=title, title_justify="left")
    for theme, each in new.themes.items():
        before = old.themes[theme].f1
        table.add_row(Text(theme), f"{before:.3f}", f"{each.f1:.3f}", f"{each.f1 - before:+.3f}")
    difference = new.macro_f1 - old.macro_f1
    table.add_row("宏平均", f"{old.macro_f1:.3f}", f"{new.macro_f1:.3f}", f"{difference:+.3f}", style="bold")
    console.print(table)
    low, high = comparison.interval
    console.print(f"宏平均之差的 90% 区间：{low:+.3f} 到 {high:+.3f}；{len(comparison.changes)} 段的主题变了")
    for change in comparison.changes[:MAX_CHANGES]:
        verdict = {change.old.theme: "[旧对]", change.new.theme: "[新对]"}.get(change.label.theme, "[都不对]")
        text = change.label.text[:CHANGE_CHARACTERS]
        console.print(f"{verdict} {change.old.theme} → {change.new.theme}：{text}", markup=False)
    if len(comparison.changes) > MAX_CHANGES:
        console.print(f"……还有 {len(comparison.changes) - MAX_CHANGES} 段")
    for reason in comparison.reasons:
        console.print(Text(f"不接受：{reason}", style="red"))
    if comparison.accepted:
        console.print(Text("接受：新模型不比旧的差", style="green"))
