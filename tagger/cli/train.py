"""`tagger train`: labels in, a new model out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tagger.cli.terminal import DONE, Commands, command, training_packages

if TYPE_CHECKING:
    from tagger.learning.evaluation import Figures

TITLES = {"text": "留出的文件（有原文的标注）", "counts": "留出的来源（只有词频的标注）"}


def add(commands: Commands) -> None:
    """Add the command `train`."""
    example = "tagger train --data training_data --out models/default"
    parser = command(commands, "train", "用标注训练新模型。", example=example)
    data = "标注（*.jsonl、*.jsonl.gz）和 lexicon.tsv 所在的文件夹"
    parser.add_argument("--data", metavar="文件夹", type=Path, required=True, help=data)
    parser.add_argument("--out", metavar="文件夹", type=Path, required=True, help="模型写到哪里")
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace, console: Console) -> int:
    with training_packages():
        from tagger.learning.training import train_folder  # noqa: PLC0415 - tagging does without its packages
    trained = train_folder(options.data, options.out, progress=console.print)
    for name, figures in trained.figures().items():
        _show_figures(TITLES[name], figures, console)
    console.print(f"模型：{options.out}。用 --model 指定它，或重新安装本软件包，才会用上。", markup=False)
    return DONE


def _show_figures(title: str, figures: Figures, console: Console) -> None:
    table = Table("主题", "准确率", "召回率", "F1", "段数", title=title, title_justify="left")
    for theme, each in figures.themes.items():
        table.add_row(theme, f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}", str(each.support))
    console.print(table)
    console.print(
        f"宏平均 F1 {figures.macro_f1:.3f}，正确率 {figures.accuracy:.3f}，"
        f"放宽（含次要主题）{figures.relaxed_accuracy:.3f}，校准误差 {figures.calibration_error:.3f}；"
        f"确定的占 {figures.certain_share:.1%}，其中正确 {figures.certain_accuracy:.1%}；"
        f"次要主题准确率 {figures.also_precision:.2f}、召回率 {figures.also_recall:.2f}"
    )
