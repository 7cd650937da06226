"""`tagger mine`: labels from headings."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.cli.terminal import DONE, SOME_FAILED, Commands, command, complaints
from tagger.errors import InputError, UsageError
from tagger.tagging import Tagger

if TYPE_CHECKING:
    from tagger.learning.mining import Measured, Mined
    from tagger.records import Source


def add(commands: Commands) -> None:
    """Add the command `mine`."""
    example = "tagger mine 材料/ --out 标题标注.jsonl --precision 0.9"
    parser = command(commands, "mine", "从小标题取得标注：标题只讲一个主题的，标下面的段落。", example=example)
    parser.add_argument("paths", nargs="+", metavar="路径", help="文件或文件夹")
    parser.add_argument("--out", metavar="文件", type=Path, required=True, help="标注写到哪里（.jsonl）")
    labels = "人标过的段落，用来量每条规则的准确率；默认 training_data/documents.jsonl"
    parser.add_argument("--labels", nargs="+", metavar="标注", type=Path, help=labels)
    parser.add_argument("--rules", metavar="文件", type=Path, help="规则文件（正则表达式<TAB>主题<TAB>说明）；默认自带")
    parser.add_argument("--precision", metavar="比例", default="0.9", help="规则至少要多准才用，默认 0.9")
    parser.add_argument("--model", metavar="文件夹", type=Path, help="模型文件夹，主题以它为准；默认用自带的模型")
    parser.set_defaults(run=_mine)


def _mine(options: argparse.Namespace, console: Console) -> int:
    from tagger.learning import mining  # noqa: PLC0415 - learning is heavy
    from tagger.learning.labels import read_labels  # noqa: PLC0415

    precision = _share(options.precision)
    if options.out.exists():
        advice = "换个名字；原来的也许已经人工看过"
        raise UsageError("--out", found=f"已有 {options.out}", expected="还没有的文件名", advice=advice)
    themes = [theme.name for theme in Tagger.load(options.model).themes]
    rules = mining.read_rules(options.rules or mining.our_rules(), themes)
    labels = read_labels(options.labels or [_our_labels()], themes)
    measured = mining.measure(rules, labels)
    passed = {each.rule for each in measured if each.passes(precision)}
    failures: list[InputError] = []
    sources = _sources(options.paths, failures)
    texts = {label.text for label in labels}
    mined = list(mining.mine(sources, rules, passed, labelled=texts))
    mining.write_mined(options.out, mined)
    console.print(_rule_table(measured, mined, precision))
    by_theme = Counter(each.theme for each in mined)
    counts = "、".join(f"{theme} {by_theme[theme]}" for theme in themes if by_theme[theme]) or "没有"
    console.print(
        f"{len(measured)} 条规则里 {len(passed)} 条够准；标了 {len(mined)} 段（{counts}），写入 {options.out}。",
        markup=False,
    )
    console.print("这些是弱标注，训练时分量很小。请打开文件看一遍，不对的整行删去；rule 一栏写着是哪条规则标的。")
    return SOME_FAILED if failures else DONE


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise UsageError("--precision", found=text, expected="0 到 1 之间的数，例如 0.9", advice="改正后再试")
    return share


def _our_labels() -> Path:
    from tagger.learning.mining import our_labels  # noqa: PLC0415

    labels = our_labels()
    if labels is None:
        expected, advice = "人标过的段落，好量规则准不准", "在本软件的文件夹里运行，或用 --labels 指定标注文件"
        raise UsageError("--labels", found="没有标注文件", expected=expected, advice=advice)
    return labels


def _sources(paths: Sequence[str], failures: list[InputError]) -> Iterator[Source]:
    from tagger.batch import sources_at  # noqa: PLC0415

    for source in sources_at(paths):
        if isinstance(source, InputError):
            failures.append(source)
            complaints().print(Text(str(source), style="red"))
        else:
            yield source


def _rule_table(measured: Sequence[Measured], mined: Sequence[Mined], precision: float) -> Table:
    """Each rule with what was measured and how often it fires here; those that pass first."""
    fires = Counter(rule for each in mined for rule in each.rules)
    title = f"标题规则（准确率至少 {precision:.0%} 的才用）"
    table = Table("主题", "规则", "说明", title=title, title_justify="left")
    for name in ("量过的段数", "准确率", "95% 下界", "这里标了"):
        table.add_column(name, justify="right")
    table.add_column("用不用")
    for each in sorted((one for one in measured if one.fired), key=lambda each: not each.passes(precision)):
        figures = (f"{each.precision:.1%}", f"{each.lower_bound:.1%}")
        rule = each.rule
        row = (str(each.fired), *figures, str(fires[rule]))
        table.add_row(rule.theme, Text(rule.pattern.pattern), Text(rule.note), *row, _verdict(each, precision))
    return table


def _verdict(measured: Measured, precision: float) -> str:
    from tagger.learning.mining import MIN_FIRED  # noqa: PLC0415

    if measured.passes(precision):
        return "用"
    return f"证据不足 {MIN_FIRED} 段" if measured.fired < MIN_FIRED else "不够准"
