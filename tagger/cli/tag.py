"""`tagger tag`: files, folders, tables or standard input in, tags out."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger import batch
from tagger.cli.progress import STYLES, Meter, shown
from tagger.cli.terminal import (
    DONE,
    INTERRUPTED,
    REFUSED,
    SOME_FAILED,
    STANDARD_INPUT,
    Commands,
    command,
    complaints,
    styles,
)
from tagger.errors import InputError, OutputError, UsageError
from tagger.reading import read_all, read_content
from tagger.records import TaggedDocument
from tagger.tables import Layout
from tagger.tagging import Tagger

EXTRAS = {
    "report": "另写 report.html：可筛选、可打印的网页，含全部文件",
    "xlsx": "另写 paragraphs.xlsx：段落、文件、主题三张表",
    "parquet": "另写 paragraphs.parquet：给数据分析用",
    "collection": "另写 index.html：全部文件的总览和素材库",
    "annotate": "另写每份 .docx 的批注副本（名称.标注.docx），原文件不动",
}
INPUT_NAME = "标准输入"
EXIT_CODES = "退出码：0 全部标注了；1 有标注不了的（哪怕全部），原因在 run.json；2 没有做成，原因在屏幕上。"
MAX_TOLD = 20  # failures told at the terminal; all of them are in run.json


def add(commands: Commands) -> None:
    """Add the command `tag`."""
    parser = command(
        commands,
        "tag",
        "给文件、文件夹、表格或标准输入逐段标注主题。",
        example="tagger tag 报告.docx 材料/ --out 结果 --report",
    )
    parser.epilog = f"{parser.epilog}　{EXIT_CODES}"
    parser.add_argument("paths", nargs="*", metavar="路径", help="文件、文件夹或表格；- 表示标准输入")
    parser.add_argument(
        "--out",
        metavar="文件夹",
        type=Path,
        help="写入 paragraphs.jsonl 和 paragraphs.csv（表格写成 名称.标注.csv 等），替换其中旧的；不写则显示在屏幕上",
    )
    for extra, text in EXTRAS.items():
        parser.add_argument(f"--{extra}", dest="extras", action="append_const", const=extra, help=text)
    parser.add_argument("--items", action="store_true", help="“一是……二是……”的每一项各标一次")
    parser.add_argument("--select", metavar="条件", default="", help="只写这些行，例：theme=法治,probability>0.9")
    parser.add_argument("--columns", metavar="列名", default="", help="只写这些列，按这个次序，例：file,text,theme")
    parser.add_argument("--model", metavar="文件夹", type=Path, help="模型文件夹；默认用自带的模型")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="同时使用的进程数，默认 1")
    parser.add_argument("--engine", metavar="地址", help=f"在已有的集群上做：{batch.ADDRESSES}；见 docs/scaling.md")
    parser.add_argument("--resume", action="store_true", help="接着做没有完成的那次运行，结果与一次做完的相同")
    parser.add_argument("--dry-run", action="store_true", help="只说会做什么，不做")
    parser.add_argument(
        "--progress", metavar="方式", choices=STYLES, default="auto", help="显示进度：auto、json（给程序看）或 none"
    )
    _add_table_options(parser)
    parser.set_defaults(run=_tag, extras=[])


def _add_table_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("表格（.csv、.tsv、.jsonl、.xlsx、.parquet）")
    group.add_argument("--tables", action="store_true", help="在文件夹里找表格，不找文档")
    group.add_argument("--stdin-jsonl", action="store_true", help="从标准输入逐行读 JSON 对象，加上标注写到标准输出")
    group.add_argument("--text", metavar="列名", help="正文所在的列；默认认“正文”“内容”“text”等")
    group.add_argument("--headings", metavar="列名", help="标题所在的列；默认没有")
    group.add_argument("--sheet", metavar="名称", help="Excel 的工作表；默认第一张")
    group.add_argument("--prefix", metavar="前缀", default="", help="加在标注的列名前，免得与已有的列同名")
    group.add_argument("--reasons", action="store_true", help="另写起决定作用的词语，慢许多")


def _tag(options: argparse.Namespace, console: Console) -> int:
    _check(options)
    tagger = Tagger.load(options.model)
    if options.stdin_jsonl:
        return _tag_lines(options, tagger)
    if options.paths == [STANDARD_INPUT]:
        return _tag_standard_input(options, tagger, console)
    inputs = batch.inputs_at(options.paths, out=options.out, in_tables=options.tables)
    if options.out is None:
        return _show_files(inputs, tagger, items=options.items, console=console)
    if not options.tables:
        _tell_of_tables(options, console)
    return _run(batch.planned(inputs, options.out, tagger, _batch_options(options)), options, console)


def _tell_of_tables(options: argparse.Namespace, console: Console) -> None:
    """Say that tables in the folders given are passed over."""
    folders = [path for path in options.paths if Path(path).is_dir()]
    with suppress(InputError):  # there are none, the usual case
        passed = batch.gather(folders, out=options.out, in_tables=True) if folders else []
        if passed:
            console.print(f"文件夹里另有 {len(passed)} 份表格没有标；要标它们，另外加上 --tables 运行一次。")


def _check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for options that do not go together."""
    if options.jobs < 1:
        raise UsageError("--jobs", found=str(options.jobs), expected="1 或更大的整数", advice="改正后再试")
    if bool(options.paths) == options.stdin_jsonl:
        found = "既有路径又有 --stdin-jsonl" if options.paths else "缺少参数：路径"
        raise UsageError("tagger tag", found=found, expected="路径、- 或 --stdin-jsonl", advice="改正后再试")
    if STANDARD_INPUT in options.paths and (len(options.paths) > 1 or options.resume or options.engine):
        advice = "单独使用 -，或先把文字存成文件"
        raise UsageError("-", found="与其他路径、--resume 或 --engine 一起使用", expected="单独一个 -", advice=advice)
    if options.engine is not None and options.jobs > 1:
        advice = "去掉其中一个"
        raise UsageError("--engine", found="与 --jobs 一起使用", expected="集群或本机的进程", advice=advice)
    if options.out is None:
        needing = {f"--{extra}": True for extra in options.extras}
        needing |= {"--resume": options.resume, "--dry-run": options.dry_run, "--engine": options.engine}
        needing |= {"--tables": options.tables}
        if not options.stdin_jsonl:
            needing |= {"--select": options.select, "--columns": options.columns}
        if given := [option for option, value in needing.items() if value]:
            raise UsageError("、".join(given), found="没有 --out", expected="--out 文件夹", advice="加上它再试")


def _batch_options(options: argparse.Namespace) -> batch.Options:
    layout = Layout(options.text, options.headings, options.sheet, options.prefix, options.reasons)
    return batch.Options(options.extras, options.items, options.select, options.columns, layout)


def _tag_lines(options: argparse.Namespace, tagger: Tagger) -> int:
    wanted = _batch_options(options)
    selection = batch.selected(wanted, tagger.themes, [])
    failed = False
    with os.fdopen(sys.stdin.fileno(), "rb", closefd=False) as lines:
        for answers in batch.answers(batch.lines_available(lines), tagger, wanted.layout, selection):
            try:
                sys.stdout.buffer.writelines(answer.line for answer in answers if answer.line is not None)
                sys.stdout.buffer.flush()
            except BrokenPipeError:  # whoever read has seen enough, as `head` does
                _write_nowhere()
                return SOME_FAILED
            failed = failed or any(answer.is_error for answer in answers)
    return SOME_FAILED if failed else DONE


def _write_nowhere() -> None:
    """Have what is still to be flushed go nowhere: Python would complain of the closed pipe at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _tag_standard_input(options: argparse.Namespace, tagger: Tagger, console: Console) -> int:
    content = sys.stdin.buffer.read()
    if options.out is None:
        _show_document(tagger.tag_source(read_content(INPUT_NAME, content), items=options.items), tagger, console)
        return DONE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, INPUT_NAME)
        path.write_bytes(content)
        inputs = [replace(each, name=INPUT_NAME) for each in batch.inputs_at([path])]
        return _run(batch.planned(inputs, options.out, tagger, _batch_options(options)), options, console)


def _run(plan: batch.Plan, options: argparse.Namespace, console: Console) -> int:
    past = batch.unfinished(plan.out)
    if options.dry_run:
        _show_plan(plan, past if options.resume else None, console)
        return DONE
    engine_there = (
        nullcontext(batch.engine(options.jobs)) if options.engine is None else batch.engine_at(options.engine)
    )
    meter = Meter(len(plan.inputs), sum(each.size for each in plan.inputs))
    discarded = past is not None and not options.resume
    notice = f"{plan.out} 里有一次没有完成的运行，已丢弃；要接着做，下次用 --resume。" if discarded else ""
    try:
        with engine_there as engine, shown(options.progress, meter) as show:
            done = batch.run(plan, engine=engine, resume=options.resume, on_progress=_saying(notice, show))
    except KeyboardInterrupt:
        complaints().print("已中断；做完的部分都在，用同样的命令加 --resume 接着做。")
        return INTERRUPTED
    except OutputError as error:
        complaints().print(Text(str(error), style="red"))
        if batch.unfinished(plan.out):
            complaints().print("做完的部分都在；排除故障后，用同样的命令加 --resume 接着做。")
        return REFUSED
    _show_summary(done, plan, console)
    return SOME_FAILED if done.failures else DONE


def _saying(notice: str, show: Callable[[batch.Progress], None]) -> Callable[[batch.Progress], None]:
    """Give the notice when the run begins, which it does not if another one holds the folder."""
    notices = [notice] if notice else []

    def show_all(progress: batch.Progress) -> None:
        while notices:
            complaints().print(notices.pop(), markup=False)
        show(progress)

    return show_all


def _show_files(inputs: Sequence[batch.Input], tagger: Tagger, *, items: bool, console: Console) -> int:
    _check_documents(inputs)
    failed = False
    for each in inputs:
        for document in batch.guarded(each.path, _documents(each, tagger, items=items)):
            if isinstance(document, batch.Failure):
                failed = True
                complaints().print(Text(document.reason, style="red"))
            else:
                _show_document(document, tagger, console)
    return SOME_FAILED if failed else DONE


def _check_documents(inputs: Sequence[batch.Input]) -> None:
    for each in inputs:
        if each.is_table:
            advice = "加上 --out 文件夹，写成带标注的表格"
            raise UsageError(each.path, found="是表格，不能显示在屏幕上", expected="文档", advice=advice)


def _documents(file: batch.Input, tagger: Tagger, *, items: bool) -> Iterator[TaggedDocument | batch.Failure]:
    for source in read_all(file.path):
        if isinstance(source, InputError):
            yield batch.Failure(source.subject, str(source))
        else:
            yield tagger.tag_source(source, items=items)


def _show_document(document: TaggedDocument, tagger: Tagger, console: Console) -> None:
    """Print each paragraph with its theme before it; what is no body text is dimmed."""
    colours = styles([theme.name for theme in tagger.themes])
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
            line.append(f"{themes}{doubt}{each.tag.probability:.0%}\t", style=colours[each.tag.theme])
            line.append(each.paragraph.text)
        console.print(line)


def _show_plan(plan: batch.Plan, past: batch.Past | None, console: Console) -> None:
    """Say what a run would do."""
    documents = [each for each in plan.inputs if not each.is_table]
    shards, done = sum(1 for _ in plan.shards()), past.progress.shards if past else 0
    table = Table("", "个数", "大小", title="会做这些（没有做）", title_justify="left")
    for kind, inputs in (("文档", documents), ("表格", [each for each in plan.inputs if each.is_table])):
        if inputs:
            table.add_row(kind, str(len(inputs)), f"{sum(each.size for each in inputs) / 2**20:,.1f} MB")
    console.print(table)
    console.print(f"分成 {shards} 份" + (f"，上次做完了 {done} 份，还剩 {shards - done} 份。" if past else "。"))
    console.print(f"会写入 {plan.out}：{'、'.join(plan.outputs())}", markup=False)


def _show_summary(done: batch.Progress, plan: batch.Plan, console: Console) -> None:
    counts = done.counts
    failed = f"（{len(done.failures)} 处未能标注）" if done.failures else ""
    table = Table(title=f"{counts.files} 个文件，{counts.paragraphs} 段{failed}", title_justify="left")
    table.add_column("主题")
    table.add_column("段数", justify="right")
    table.add_column("占比", justify="right")
    for theme, colour in styles([theme.name for theme in plan.themes]).items():
        count = counts.themes[theme]
        table.add_row(Text(theme, style=colour), str(count), f"{count / max(1, counts.paragraphs):.1%}")
    console.print(table)
    console.print(f"不确定、需要人看的：{counts.uncertain} 段（{counts.uncertain / max(1, counts.paragraphs):.1%}）")
    if plan.recipe.selection.conditions:
        console.print(f"符合 --select 的：{counts.written} 行")
    console.print(f"结果在 {plan.out} 里。", markup=False)
    for failure in done.failures[:MAX_TOLD]:
        console.print(Text(f"未能标注：{failure.reason}", style="red"))
    if len(done.failures) > MAX_TOLD:
        console.print(Text(f"还有 {len(done.failures) - MAX_TOLD} 处未能标注，见 {plan.out / batch.LOG}", style="red"))
