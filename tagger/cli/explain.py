"""`tagger explain`: why a text has its theme."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.cli.terminal import DONE, STANDARD_INPUT, Commands, command, styles
from tagger.errors import UsageError
from tagger.reading.text import decode
from tagger.reasons import strongest
from tagger.records import Explanation
from tagger.tagging import Tagger

STRONG_REASON = 0.5  # log-odds of words shown bold


def add(commands: Commands) -> None:
    """Add the command `explain`."""
    parser = command(
        commands, "explain", "说明一段文字为什么得到这个主题。", example='tagger explain "组建普法小分队进村宣讲"'
    )
    parser.add_argument("text", metavar="文字", help="一段文字；- 表示标准输入")
    parser.add_argument(
        "--headings", metavar="标题", nargs="+", default=[], help="它上面的标题：文件标题在前，最近的在后"
    )
    parser.add_argument("--model", metavar="文件夹", type=Path, help="模型文件夹；默认用自带的模型")
    parser.set_defaults(run=_explain)


def _explain(options: argparse.Namespace, console: Console) -> int:
    tagger = Tagger.load(options.model)
    text = options.text if options.text != STANDARD_INPUT else decode("标准输入", sys.stdin.buffer.read()).strip()
    if not text.strip():
        raise UsageError("explain", found="没有文字", expected="一段文字", advice="把文字放在引号里")
    tag, explanations = tagger.tag(text, options.headings), tagger.explain(text, options.headings)
    verdict = "、".join((tag.theme, *(f"兼 {theme}" for theme in tag.also)))
    doubt = "（不确定，请人看一看）" if tag.uncertain else ""
    console.print(Text(f"{verdict}　概率 {tag.probability:.0%}{doubt}", style="bold"))
    colours = styles(tag.themes)
    table = Table("主题", "概率", "对数几率", "起点", "标题", "最支持它的词语")
    for explanation in sorted(explanations, key=lambda each: -each.score.probability):
        score = explanation.score
        words = "　".join(f"{reason.text} {reason.log_odds:+.2f}" for reason in strongest(explanation))
        row = (
            f"{score.probability:.1%}",
            f"{score.log_odds:+.2f}",
            f"{explanation.bias:+.2f}",
            f"{explanation.context:+.2f}",
            words,
        )
        table.add_row(Text(score.theme, style=colours[score.theme]), *row)
    console.print(table)
    console.print(
        "对数几率＝起点＋标题的作用＋全部词语的作用（正负都算，这里只列最强的）；概率是各主题放在一起校准的。"
    )
    console.print(_marked(text, explanations[tag.themes.index(tag.theme)], colours[tag.theme]))
    return DONE


def _marked(text: str, explanation: Explanation, colour: str) -> Text:
    """The text with the words for the theme in its colour, the strong ones bold, and the words against it struck."""
    marked = Text(text)
    for reason in explanation.reasons:
        if reason.log_odds >= STRONG_REASON:
            marked.stylize(f"bold underline {colour}", reason.start, reason.end)
        elif reason.log_odds >= STRONG_REASON / 4:
            marked.stylize(colour, reason.start, reason.end)
        elif reason.log_odds <= -STRONG_REASON:
            marked.stylize("strike dim", reason.start, reason.end)
    return marked
