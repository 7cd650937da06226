"""The command `tagger`: a thin caller. Only here does the package print and exit."""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tagger import __version__
from tagger.batch import FileResult, Summary, attempt, gather, tag_files
from tagger.errors import MissingPackageError, TaggerError, UsageError
from tagger.reading import read_content
from tagger.reading.text import decode
from tagger.records import Explanation, TaggedDocument
from tagger.tagging import Tagger
from tagger.themes import THEMES
from tagger.writing.rows import strongest

if TYPE_CHECKING:
    from tagger.learning.evaluation import Figures

Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"  # noqa: SLF001 - the type has no public name

DONE, SOME_FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
COLOURS = {"党建": "red", "法治": "blue", "乡村振兴": "green", "治理": "magenta", "作风": "yellow", "其他": "white"}
STANDARD_INPUT = "-"
STRONG_REASON = 0.5  # log-odds of words shown bold

TITLES = {"text": "留出的文件（有原文的标注）", "counts": "留出的来源（只有词频的标注）"}

MESSAGES = (  # argparse speaks English; its few sentences in Chinese
    (re.compile(r"the following arguments are required: (.+)"), r"缺少参数：\1"),
    (re.compile(r"unrecognized arguments: (.+)"), r"不认识的参数：\1"),
    (re.compile(r"argument (.+?): expected one argument"), r"参数 \1 后面要有一个值"),
    (re.compile(r"argument (.+?): expected at least one argument"), r"参数 \1 后面至少要有一个值"),
    (re.compile(r"argument (.+?): invalid int value: (.+)"), r"参数 \1 应为整数，来的是 \2"),
    (re.compile(r"argument (.+?): invalid choice: (.+?) \(choose from (.+)\)"), r"参数 \1 没有 \2，可选 \3"),
)


class _Parser(argparse.ArgumentParser):
    """An argument parser that speaks Chinese."""

    def format_help(self) -> str:
        return super().format_help().replace("usage:", "用法：", 1)

    def format_usage(self) -> str:
        return super().format_usage().replace("usage:", "用法：", 1)

    def error(self, message: str) -> NoReturn:
        for english, chinese in MESSAGES:
            message = english.sub(chinese, message)
        self.exit(REFUSED, f"{self.format_usage()}{self.prog}：{message}。用 {self.prog} --help 看说明。\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 when all went well, 1 when some files failed, 2 when nothing could be done."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name or text that the terminal cannot show stops nothing
    console = Console(highlight=False, soft_wrap=True)
    try:
        run: Callable[[argparse.Namespace, Console], int] = options.run
        return run(options, console)
    except TaggerError as error:
        _complaints().print(Text(str(error), style="red"))
        return REFUSED
    except KeyboardInterrupt:
        _complaints().print("已中断；没有留下写了一半的文件。")
        return INTERRUPTED


def _complaints() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def _parser() -> _Parser:
    parser = _Parser(
        prog="tagger",
        description="给中文公文逐段标注主题：党建、法治、乡村振兴、治理、作风、其他，并说明理由。",
        add_help=False,
        allow_abbrev=False,
    )
    _chinese_titles(parser)
    parser.add_argument("--version", action="version", version=f"tagger {__version__}", help="显示版本")
    commands = parser.add_subparsers(title="命令", required=True, metavar="命令")
    _add_tag(commands)
    _add_explain(commands)
    _add_train(commands)
    _add_labels(commands)
    return parser


def _chinese_titles(parser: argparse.ArgumentParser) -> None:
    parser._positionals.title, parser._optionals.title = "参数", "选项"  # noqa: SLF001 - argparse has no public way
    parser.add_argument("-h", "--help", action="help", help="显示本说明")


def _command(commands: Commands, name: str, description: str, *, example: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=description, description=description, epilog=f"例：{example}", add_help=False, allow_abbrev=False
    )
    _chinese_titles(parser)
    return parser


def _add_tag(commands: Commands) -> None:
    parser = _command(
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
            _complaints().print(Text(document.failure, style="red"))
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


def _add_explain(commands: Commands) -> None:
    parser = _command(
        commands, "explain", "说明一段文字为什么得到这个主题。", example='tagger explain "组建普法小分队进村宣讲"'
    )
    parser.add_argument("text", metavar="文字", help="一段文字；- 表示标准输入")
    parser.add_argument("--model", metavar="文件夹", type=Path, help="模型文件夹；默认用自带的模型")
    parser.set_defaults(run=_explain)


def _explain(options: argparse.Namespace, console: Console) -> int:
    tagger = Tagger.load(options.model)
    text = options.text if options.text != STANDARD_INPUT else decode("标准输入", sys.stdin.buffer.read()).strip()
    if not text.strip():
        raise UsageError("explain", found="没有文字", expected="一段文字", advice="把文字放在引号里")
    tag, explanations = tagger.tag(text), tagger.explain(text)
    verdict = "、".join((tag.theme, *(f"兼 {theme}" for theme in tag.also)))
    doubt = "（不确定，请人看一看）" if tag.uncertain else ""
    console.print(Text(f"{verdict}　概率 {tag.probability:.0%}{doubt}", style="bold"))
    table = Table("主题", "概率", "对数几率", "起点", "最支持它的词语")
    for explanation in sorted(explanations, key=lambda each: -each.score.probability):
        score = explanation.score
        words = "　".join(f"{reason.text} {reason.log_odds:+.2f}" for reason in strongest(explanation))
        row = (f"{score.probability:.1%}", f"{score.log_odds:+.2f}", f"{explanation.bias:+.2f}", words)
        table.add_row(Text(score.theme, style=COLOURS[score.theme]), *row)
    console.print(table)
    console.print("对数几率＝起点＋全部词语的作用（正负都算，这里只列最强的）；概率是六个主题放在一起校准的。")
    console.print(_marked(text, explanations[tag.themes.index(tag.theme)]))
    return DONE


def _marked(text: str, explanation: Explanation) -> Text:
    """The text with the words for the theme in its colour, the strong ones bold, and the words against it struck."""
    marked = Text(text)
    colour = COLOURS[explanation.score.theme]
    for reason in explanation.reasons:
        if reason.log_odds >= STRONG_REASON:
            marked.stylize(f"bold underline {colour}", reason.start, reason.end)
        elif reason.log_odds >= STRONG_REASON / 4:
            marked.stylize(colour, reason.start, reason.end)
        elif reason.log_odds <= -STRONG_REASON:
            marked.stylize("strike dim", reason.start, reason.end)
    return marked


def _add_train(commands: Commands) -> None:
    example = "tagger train --data training_data --out models/default"
    parser = _command(commands, "train", "用标注训练新模型。", example=example)
    data = "标注（*.jsonl、*.jsonl.gz）和 lexicon.tsv 所在的文件夹"
    parser.add_argument("--data", metavar="文件夹", type=Path, required=True, help=data)
    parser.add_argument("--out", metavar="文件夹", type=Path, required=True, help="模型写到哪里")
    parser.set_defaults(run=_train)


@contextlib.contextmanager
def _training_packages() -> Iterator[None]:
    """Say what to install where the packages that only training needs are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        found, advice = f"没有安装 {error.name}", '在本软件的文件夹里运行 pip install ".[train]"'
        raise MissingPackageError("训练", found=found, expected="训练用的软件包", advice=advice) from error


def _train(options: argparse.Namespace, console: Console) -> int:
    with _training_packages():
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


def _add_labels(commands: Commands) -> None:
    labels = commands.add_parser("labels", help="标注文件的进出。", description="标注文件的进出。", add_help=False)
    _chinese_titles(labels)
    actions: Commands = labels.add_subparsers(title="命令", required=True, metavar="命令")
    example = "tagger labels export --counts 标注.jsonl --out 词频.jsonl.gz"
    parser = _command(actions, "export", "把标注写成词频，不给原文也能合在一起训练。", example=example)
    parser.add_argument("files", nargs="+", metavar="标注", type=Path, help="标注文件（*.jsonl）")
    parser.add_argument("--counts", action="store_true", required=True, help="写词频，不写原文")
    parser.add_argument("--out", metavar="文件", type=Path, required=True, help="写到哪里（.jsonl.gz）")
    parser.add_argument("--source", metavar="名称", default="", help="这批标注的来源名称；训练时同一来源不会拆开评估")
    parser.add_argument("--lexicon", metavar="文件", type=Path, help="术语表（词语<TAB>主题），其中的词语不会被切开")
    parser.set_defaults(run=_export_labels)


def _code_name(document: str) -> str:
    """A name that tells documents apart without saying which they are."""
    return hashlib.sha256(document.encode()).hexdigest()[:12]


def _export_labels(options: argparse.Namespace, console: Console) -> int:
    if options.out.suffix != ".gz":
        raise UsageError("--out", found=str(options.out), expected="以 .jsonl.gz 结尾的文件名", advice="改正后再试")
    with _training_packages():
        from tagger.learning.counts import count_labels, write_counts  # noqa: PLC0415 - tagging does without them
        from tagger.learning.labels import read_labels  # noqa: PLC0415
        from tagger.learning.vocabulary import read_lexicon  # noqa: PLC0415
    labels = [
        replace(label, source=options.source or label.source, document=_code_name(label.document))
        for label in read_labels(options.files)
    ]
    counted = count_labels(labels, read_lexicon(options.lexicon) if options.lexicon else {})
    terms = {term for label in counted for term in label.counts or ()}
    if not terms:
        raise UsageError(
            "标注", found=f"只有 {len(labels)} 段，没有词在三段里都出现", expected="几百段以上", advice="合并后再试"
        )
    write_counts(options.out, counted)
    console.print(f"{len(counted)} 段标注、{len(terms)} 个词和字串的词频已写入 {options.out}", markup=False)
    console.print("在三段以上出现的人名、地名也在其中；交出之前请看一看。")
    return DONE
