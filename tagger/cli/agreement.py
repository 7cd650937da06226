"""`tagger agreement`: how far those who labelled the same paragraphs agree, and where they differ."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.cli.terminal import DONE, Commands, command
from tagger.errors import UsageError

if TYPE_CHECKING:
    from tagger.learning.agreement import Agreement, Disagreement, Kappa
    from tagger.learning.labelling import Answer

SHOWN = 60  # characters of a paragraph, enough to find it again


def add(commands: Commands) -> None:
    """Add the command `agreement`."""
    example = "tagger agreement 标注.jsonl"
    parser = command(commands, "agreement", "两个人标的是否一致：Cohen κ 和不一致的段落。", example=example)
    parser.add_argument(
        "files", nargs="+", metavar="标注", type=Path, help="标注文件（.jsonl），里面有两个人以上的答案"
    )
    parser.set_defaults(run=_agreement)


def _agreement(options: argparse.Namespace, console: Console) -> int:
    # learning is loaded only for those who learn
    from tagger.learning.agreement import agreements  # noqa: PLC0415
    from tagger.learning.labels import read_lines  # noqa: PLC0415

    found = agreements(line for path in options.files for line in read_lines(path))
    if not found:
        names = "、".join(map(str, options.files))
        expected = "同一份文件的同一段，两个标注人各标过一次"
        advice = "让第二个人运行 tagger label --again 50 --blind --labeller 名字 --out 同一个标注文件"
        raise UsageError(names, found="没有两个人都标过的段落", expected=expected, advice=advice)
    for each in found:
        _show(each, console)
    return DONE


def _show(agreement: Agreement, console: Console) -> None:
    first, second = agreement.first, agreement.second
    table = Table("主题", "κ", "95% 区间", first, second, "都标", title_justify="left")
    table.title = Text(f"{first} 与 {second}：{agreement.paragraphs} 段，其中盲标 {agreement.blind} 段")
    for theme, each in agreement.themes.items():
        numbers = (str(each.first), str(each.second), str(each.both))
        table.add_row(Text(theme), _value(each.kappa), _interval(each.kappa), *numbers)
    console.print(table)
    console.print(
        f"Cohen κ {_value(agreement.kappa)}（95% 区间 {_interval(agreement.kappa)}）；"
        f"主要主题一致 {agreement.same} 段（{agreement.same / agreement.paragraphs:.1%}），"
        f"其中次要主题不同 {agreement.also_differs} 段。"
    )
    console.print("κ 是扣除碰巧以后的一致程度：1 完全一致，0 与碰巧无异；0.8 以上可以放心，0.6 以下先对照主题手册。")
    if agreement.disagreements:
        console.print(f"不一致的 {len(agreement.disagreements)} 段：")
    for number, differing in enumerate(agreement.disagreements, start=1):
        console.print(_disagreement(number, differing, first, second))


def _disagreement(number: int, each: Disagreement, first: str, second: str) -> Text:
    place = " › ".join((each.item.document, *each.item.path)).strip(" ›")
    text = Text.assemble((f"{number}. {place}\n", "cyan"))
    text.append(f"   {first}：{_described(each.first)}　{second}：{_described(each.second)}\n")
    return text.append(f"   {each.item.text[:SHOWN]}{'…' if len(each.item.text) > SHOWN else ''}")


def _described(answer: Answer) -> str:
    return f"{answer}{f'（{answer.comment}）' if answer.comment else ''}"


def _value(kappa: Kappa) -> str:
    return "—" if kappa.value is None else f"{kappa.value:.3f}"


def _interval(kappa: Kappa) -> str:
    return "—" if kappa.low is None or kappa.high is None else f"{kappa.low:.2f}–{kappa.high:.2f}"
