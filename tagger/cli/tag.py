"""`tagger tag`: files, folders or standard input in, tags out."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tagger.batch import FileResult, Summary, attempt, gather, tag_files
from tagger.cli.terminal import COLOURS, DONE, SOME_FAILED, STANDARD_INPUT, Commands, command, complaints
from tagger.errors import UsageError
from tagger.reading import read_content
from tagger.records import TaggedDocument
from tagger.tagging import Tagger
from tagger.themes import THEMES


def add(commands: Commands) -> None:
    """Add the command `tag`."""
    parser = command(
        commands,
        "tag",
        "给文件、文件夹或标准输入逐段标注主题。",
        example="tagger tag 报告.docx 材料/ --out 结果 --report",
    )
    parser.add_argument("paths", nargs="+", metavar="路径", help="文件或文件夹；- 表示标准输入")
    parser.add_argument(
        "--out",
        metavar="文件夹",
        type=Path,
        help="写入 paragraphs.jsonl 和 paragraphs.csv，替换其中旧的；不写则显示在屏幕上",
    )
    extras = {
        "report": "另写 report.html：可筛选、可打印的网页，含全部文件",
        "xlsx": "另写 paragraphs.xlsx：段落、文件、主题三张表",
        "annotate": "另写每份 .docx 的批注副本（名称.标注.docx），原文件不动",
    }
    for extra, text in extras.items():
        parser.add_argument(f"--{extra}", dest="extras", action="append_const", const=extra, help=text)
    parser.add_argument("--model", metavar="文件夹", type=Path, help="模型文件夹；默认用自带的模型")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="同时使用的进程数，默认 1")
    parser.set_defaults(run=_tag, extras=[])


def _tag(options: argparse.Namespace, console: Console) -> int:
    if options.jobs < 1:
        raise UsageError("--jobs", found=str(options.jobs), expected="1 或更大的整数", advice="改正后再试")
    if STANDARD_INPUT in options.paths:
        if len(options.paths) > 1 or options.out is not None:
            advice = "单独使用 -，或先把文字存成文件"
            raise UsageError("-", found="与其他路径或 --out 一起使用", expected="单独一个 -", advice=advice)
        tagger = Tagger.load(options.model)
        _show_document(tagger.tag_source(read_content("标准输入", sys.stdin.buffer.read())), console)
        return DONE
    paths = gather(options.paths)
    if options.out is None:
        if options.extras:
            raise UsageError(
                "--report、--xlsx、--annotate", found="没有 --out", expected="--out 文件夹", advice="加上它再试"
            )
        return _show_files(paths, Tagger.load(options.model), console)
    with _progress(console, len(paths)) as on_result:
        summary = tag_files(
            paths,
            options.out,
            model=options.model,
            jobs=options.jobs,
            extras=options.extras,
            on_result=on_result,
        )
    _show_summary(summary, options.out, console)
    return SOME_FAILED if summary.failures else DONE


def _show_files(paths: Sequence[Path], tagger: Tagger, console: Console) -> int:
    failed = False
    for path in paths:
        document = attempt(path, functools.partial(tagger.tag_file, path))
        if isinstance(document, FileResult):
            failed = True
            complaints().print(Text(document.failure, style="red"))
        else:
            _show_document(document, console)
    return SOME_FAILED if failed else DONE


@contextlib.contextmanager
def _progress(console: Console, files: int) -> Iterator[Callable[[FileResult], None]]:
    """Show a bar at a terminal, and nothing but the failures elsewhere."""
    columns = (TextColumn("标注"), BarColumn(), MofNCompleteColumn(), TextColumn("个文件，剩余"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("标注", total=files)

        def advance(_: FileResult) -> None:
            bar.advance(task)

        yield advance


def _show_document(document: TaggedDocument, console: Console) -> None:
    """Print each paragraph with its theme before it; what is no body text is dimmed."""
    console.print(Text(document.source.name, style="bold"))
    if not any(each.tag for each in document.paragraphs):
        console.print("（没有正文段落）")
    for each in document.paragraphs:
        line = Text()
        if each.tag is None:
            line.append(f"{'':<18}{each.paragraph.text}", style="dim")
        else:
            themes = "+".join((each.tag.theme, *each.tag.also))
            doubt = "？" if each.tag.uncertain else "　"
            line.append(f"{themes}{doubt}{each.tag.probability:.0%}\t", style=COLOURS[each.tag.theme])
            line.append(each.paragraph.text)
        console.print(line)


def _show_summary(summary: Summary, out: Path, console: Console) -> None:
    failed = f"（其中 {len(summary.failures)} 个未能标注）" if summary.failures else ""
    table = Table(title=f"{summary.files} 个文件{failed}，{summary.paragraphs} 段", title_justify="left")
    table.add_column("主题")
    table.add_column("段数", justify="right")
    table.add_column("占比", justify="right")
    for theme in THEMES:
        count = summary.themes[theme]
        table.add_row(Text(theme, style=COLOURS[theme]), str(count), f"{count / max(1, summary.paragraphs):.1%}")
    console.print(table)
    console.print(f"不确定、需要人看的：{summary.uncertain} 段（{summary.uncertain / max(1, summary.paragraphs):.1%}）")
    console.print(f"结果在 {out} 里。", markup=False)
    for failure in summary.failures:
        console.print(Text(f"未能标注：{failure.failure}", style="red"))
