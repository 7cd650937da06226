"""`tagger models`, `rollback`, `compare` and `verify`: the versions of a model, and whether to believe them."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.cli.terminal import DONE, REFUSED, Commands, command, training_packages
from tagger.cli.train import add_data, data_of, show_comparison
from tagger.errors import UsageError
from tagger.learning.models import rollback, use, versions
from tagger.tagging import Tagger


def add(commands: Commands) -> None:
    """Add the commands `models`, `rollback`, `compare` and `verify`."""
    parser = command(commands, "models", "列出模型库里的版本和数字。", example="tagger models 我的模型")
    parser.add_argument("store", metavar="模型库", type=Path, help="tagger train --models 所用的文件夹")
    parser.add_argument("--use", metavar="版本", help="启用这个版本")
    parser.set_defaults(run=_models)

    parser = command(commands, "rollback", "退回上一个启用过的版本。", example="tagger rollback 我的模型")
    parser.add_argument("store", metavar="模型库", type=Path, help="tagger train --models 所用的文件夹")
    parser.set_defaults(run=_rollback)

    example = "tagger compare models/default 我的模型 --data training_data"
    parser = command(commands, "compare", "在锁定的文件上比较两个模型。", example=example)
    parser.add_argument("old", metavar="旧模型", type=Path, help="模型文件夹或模型库")
    parser.add_argument("new", metavar="新模型", type=Path, help="模型文件夹或模型库")
    add_data(parser)
    parser.set_defaults(run=_compare)

    example = "tagger verify models/default --data training_data"
    parser = command(commands, "verify", "重新训练一遍，核对模型和它的数字。", example=example)
    parser.add_argument("model", metavar="模型", type=Path, help="模型文件夹或模型库")
    add_data(parser)
    parser.set_defaults(run=_verify)


def _models(options: argparse.Namespace, console: Console) -> int:
    if options.use:
        use(options.store, options.use)
    found = versions(options.store)
    if not found:
        advice = "先用 tagger train --models 训练，或换一个文件夹"
        raise UsageError(options.store, found="里面没有模型版本", expected="模型库", advice=advice)
    table = Table("版本", "状态", "留出 F1", "锁定 F1", "标注段数")
    for version in found:
        state = "正在用" if version.in_use else "用过" if version.was_in_use else "搁置"
        figures = version.manifest["figures"]
        f1 = (f"{figures[name]['macro_f1']:.3f}" if name in figures else "—" for name in ("text", "locked"))
        table.add_row(Text(version.name), state, *f1, str(sum(version.manifest["labels"].values())))
    console.print(table)
    return DONE


def _rollback(options: argparse.Namespace, console: Console) -> int:
    console.print(f"已退回 {rollback(options.store)}。", markup=False)
    return DONE


def _compare(options: argparse.Namespace, console: Console) -> int:
    with training_packages():
        from tagger.learning.gate import compare  # noqa: PLC0415 - its packages are those of training
    old, new = Tagger.load(options.old), Tagger.load(options.new)
    if old.themes != new.themes:
        names = ("、".join(theme.name for theme in each.themes) for each in (old, new))
        raise UsageError(
            options.new, found=f"主题是 {next(names)} 和 {next(names)}", expected="同样的主题", advice="换一个模型"
        )
    locked = data_of(options).locked
    if not locked:
        raise UsageError("--data", found="里面没有锁定的文件", expected="十六份文件里约有一份", advice="多给一些标注")
    comparison = compare(old, new, locked)
    show_comparison(comparison, console)
    return DONE if comparison.accepted else REFUSED


def _verify(options: argparse.Namespace, console: Console) -> int:
    with training_packages():
        from tagger.learning.retraining import verify  # noqa: PLC0415 - its packages are those of training
    differences = verify(options.model, data_of(options), progress=console.print)
    for difference in differences:
        console.print(Text(difference, style="red"))
    if differences:
        return REFUSED
    console.print(Text("核对无误：同样的标注得到逐字节相同的模型，数字也相同。", style="green"))
    return DONE
