"""`tagger labels`: label files in and out."""

from __future__ import annotations

import argparse
import getpass
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tagger.cli.terminal import DONE, SOME_FAILED, Commands, chinese_titles, command, complaints, training_packages
from tagger.errors import UsageError
from tagger.tagging import Tagger
from tagger.themes import OUR_THEMES, Theme, read_themes

if TYPE_CHECKING:
    from tagger.learning.exchange import Format, Problem

SHOWN_CHARACTERS = 24  # of a paragraph in a list of problems
RECORD = "paragraphs.jsonl"  # what `tagger tag` writes beside its workbook
TARGETS: dict[Format, str] = {  # formats, each an option of export
    "xlsx": "Excel 工作簿，有“更正”一栏，改好后用 labels import 读回来",
    "csv": "CSV 表格",
    "doccano": "doccano 的 JSONL",
    "label-studio": "Label Studio 的 JSON；给的是文件而不是标注时，里面是模型的预标",
    "fasttext": "fastText 的文本，每行一段",
}
FROM_DOCUMENTS: frozenset[Format] = frozenset(
    {"doccano", "label-studio"}
)  # formats in which paragraphs without labels make sense
LABEL_SUFFIXES = (".jsonl", ".jsonl.gz")


def add(commands: Commands) -> None:
    """Add the command `labels`."""
    labels = commands.add_parser(
        "labels",
        help="标注文件的进出：Excel、CSV、doccano、Label Studio、fastText、词频。",
        description="标注文件的进出：Excel、CSV、doccano、Label Studio、fastText、词频。",
        epilog="例：tagger labels import 结果/paragraphs.xlsx --out 标注.jsonl",
        add_help=False,
    )
    chinese_titles(labels)
    actions: Commands = labels.add_subparsers(title="命令", required=True, metavar="命令")
    _add_import(actions)
    _add_export(actions)


def _add_import(actions: Commands) -> None:
    example = "tagger labels import 结果/paragraphs.xlsx --out 标注.jsonl --labeller 王芳"
    parser = command(actions, "import", "把改好的表格、别的标注软件的结果读成标注；有疑问的列出来。", example=example)
    parser.add_argument("file", metavar="文件", type=Path, help="改好的工作簿，或别的软件导出的文件")
    parser.add_argument("--out", metavar="标注", type=Path, required=True, help="标注文件（.jsonl）；已有的接着往下写")
    parser.add_argument("--labeller", metavar="名字", help="标注人，用于文件里没有写明的；默认用登录名")
    parser.add_argument(
        "--documents",
        metavar="路径",
        nargs="+",
        type=Path,
        default=[],
        help=f"用来核对正文的 {RECORD}、文件或文件夹；默认用与 paragraphs.xlsx 放在一起的 {RECORD}",
    )
    parser.add_argument("--format", choices=("auto", *TARGETS), default="auto", help="文件的格式；默认看内容")
    accept = parser.add_mutually_exclusive_group()
    accept.add_argument(
        "--accept-certain",
        dest="accept",
        action="store_const",
        const="certain",
        help="没有更正、也没有写“不确定”的行，照程序的主题收下，记为弱标注（没有人看过）",
    )
    accept.add_argument(
        "--accept-all",
        dest="accept",
        action="store_const",
        const="all",
        help="每一行都有人看过了：没有更正的行都照程序的主题收下，算人工标注",
    )
    parser.add_argument("--first-is-primary", action="store_true", help="几个主题不分先后时，认第一个为主要主题")
    parser.add_argument("--replace", action="store_true", help="与标注文件里的不一样时，以这次读的为准")
    _add_themes(parser)
    parser.set_defaults(run=_import, accept="")


def _add_export(actions: Commands) -> None:
    example = "tagger labels export 标注.jsonl --xlsx 标注.xlsx"
    parser = command(actions, "export", "把标注写给 Excel 和别的软件，或写成不含原文的词频。", example=example)
    parser.add_argument(
        "files", nargs="+", metavar="标注", type=Path, help="标注文件（*.jsonl），或要标注的文件、文件夹"
    )
    for target, text in TARGETS.items():
        parser.add_argument(f"--{target}", metavar="文件", type=Path, help=text)
    parser.add_argument("--model", metavar="文件夹", type=Path, help="预标用的模型；默认用自带的模型")
    parser.add_argument("--counts", action="store_true", help="写词频，不写原文，不给原文也能合在一起训练；另要 --out")
    parser.add_argument("--out", metavar="文件", type=Path, help="词频写到哪里（.jsonl.gz）")
    parser.add_argument(
        "--source", metavar="名称", default="", help="词频：这批标注的来源名称；训练时同一来源不会拆开评估"
    )
    parser.add_argument("--lexicon", metavar="文件", type=Path, help="词频：术语表（词语<TAB>主题），词语不会被切开")
    _add_themes(parser)
    parser.set_defaults(run=_export)


def _add_themes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--themes", metavar="文件", type=Path, help="自己的主题（themes.toml）；不写就是自带的六个")


def _themes(options: argparse.Namespace) -> tuple[Theme, ...]:
    return read_themes(options.themes) if options.themes else OUR_THEMES


# ---- in ----


def _import(options: argparse.Namespace, console: Console) -> int:
    from tagger.learning.exchange import ImportOptions, import_labels  # noqa: PLC0415 - learning is heavy

    _check_out(options)
    documents = options.documents or _record_beside(options.file)
    found = import_labels(
        options.file,
        options.out,
        _themes(options),
        ImportOptions(
            labeller=_labeller(options.labeller),
            documents=documents,
            accept=options.accept,
            first_is_primary=options.first_is_primary,
            replaces=options.replace,
        ),
        file_format=options.format,
    )
    _list(found.problems)
    checked = f"正文已用 {'、'.join(map(str, documents))} 核对" if documents else "正文没有核对（没有给 --documents）"
    console.print(f"{options.file}：{checked}。", markup=False)
    replaced = f"（其中 {found.replaced} 条换掉了原来的）" if found.replaced else ""
    console.print(f"写入 {options.out}：{found.added} 条标注{replaced}。", markup=False)
    if found.known:
        console.print(f"已经有了，没有再写：{found.known} 段。")
    if found.unlabelled:
        console.print(f"没有更正、没有标注的，没有读：{found.unlabelled} 段。")
    if found.problems:
        console.print(f"有疑问、没有读的：{len(found.problems)} 处，见上面列出的。改好后再读一次即可。")
    return SOME_FAILED if found.problems else DONE


def _check_out(options: argparse.Namespace) -> None:
    if options.out.suffix != ".jsonl":
        expected = "以 .jsonl 结尾、没有压缩的标注文件"
        raise UsageError("--out", found=str(options.out), expected=expected, advice="改正后再试")
    if _is_same(options.file, options.out):
        raise UsageError("--out", found="与要读的是同一个文件", expected="另一个文件", advice="换一个名字再试")


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _record_beside(file: Path) -> list[Path]:
    """What `tagger tag` wrote together with this workbook or table."""
    record = file.with_name(RECORD)
    return [record] if file.stem == record.stem and file.suffix in {".xlsx", ".csv"} and record.exists() else []


def _labeller(given: str | None) -> str:
    if given is not None and given.strip():
        return given.strip()
    try:
        if given is None:
            return getpass.getuser()
    except (OSError, KeyError, ImportError):
        pass
    raise UsageError("--labeller", found="没有标注人的名字", expected="一个名字", advice="加上 --labeller 名字")


def _list(problems: Sequence[Problem]) -> None:
    for problem in problems:
        shown = "".join(character if character.isprintable() else " " for character in problem.text)
        shown = shown if len(shown) <= SHOWN_CHARACTERS else shown[:SHOWN_CHARACTERS] + "…"
        complaints().print(Text(f"{problem.place}：{problem.why}{f'（{shown}）' if shown else ''}", style="red"))


# ---- out ----


def _export(options: argparse.Namespace, console: Console) -> int:
    wanted = {target: path for target in TARGETS if (path := getattr(options, target.replace("-", "_"))) is not None}
    if bool(wanted) == options.counts:
        names = "、".join(f"--{target}" for target in TARGETS)
        found = "--counts 与别的格式同时用" if wanted else "没有说写成什么格式"
        raise UsageError("tagger labels export", found=found, expected=f"{names} 或 --counts", advice="改正后再试")
    if options.counts:
        return _export_counts(options, console)
    if options.out is not None:
        raise UsageError("--out", found="只用于 --counts", expected="--xlsx 文件 这样的写法", advice="改正后再试")
    if all(str(file).endswith(LABEL_SUFFIXES) for file in options.files):
        return _export_labels(options, wanted, console)
    if any(str(file).endswith(LABEL_SUFFIXES) for file in options.files):
        expected = "都是标注文件，或都是要标注的文件"
        raise UsageError("标注", found="既有标注，又有要标注的文件", expected=expected, advice="分两次写")
    return _export_documents(options, wanted, console)


def _export_labels(options: argparse.Namespace, wanted: dict[Format, Path], console: Console) -> int:
    from tagger.learning.exchange import checked_labels, export  # noqa: PLC0415

    themes = _themes(options)
    labels, problems = checked_labels(options.files, themes)
    _list(problems)
    for target, path in wanted.items():
        export(path, target, labels, themes)
        console.print(f"{len(labels)} 段标注已写入 {path}", markup=False)
    _show_config(wanted, themes, console)
    return SOME_FAILED if problems else DONE


def _export_documents(options: argparse.Namespace, wanted: dict[Format, Path], console: Console) -> int:
    from tagger.learning.exchange import export, export_predictions, unlabelled  # noqa: PLC0415

    if not wanted.keys() <= FROM_DOCUMENTS:
        found, expected = "给的是要标注的文件", "标注文件（*.jsonl）；要标注的文件只能写成 --label-studio 或 --doccano"
        raise UsageError(
            "标注", found=found, expected=expected, advice="先用 tagger tag 路径 --out 结果 --xlsx 得到工作簿"
        )
    tagger = Tagger.load(options.model)
    paragraphs, problems = unlabelled(options.files)
    _list(problems)
    for target, path in wanted.items():
        if target == "label-studio":
            export_predictions(path, paragraphs, tagger)
        else:
            export(path, "doccano", paragraphs, tagger.themes)
        console.print(f"{len(paragraphs)} 段正文已写入 {path}", markup=False)
    _show_config(wanted, tagger.themes, console)
    return SOME_FAILED if problems else DONE


def _show_config(wanted: dict[Format, Path], themes: Sequence[Theme], console: Console) -> None:
    from tagger.learning.exchange import label_config  # noqa: PLC0415

    if "label-studio" in wanted:
        console.print("Label Studio 项目的 Settings › Labeling Interface › Code 里贴上：")
        console.print(label_config(themes), markup=False)


def _code_name(document: str) -> str:
    """A name that tells documents apart without saying which they are."""
    return hashlib.sha256(document.encode()).hexdigest()[:12]


def _export_counts(options: argparse.Namespace, console: Console) -> int:
    if options.out is None or options.out.suffix != ".gz":
        found = "没有写" if options.out is None else str(options.out)
        raise UsageError("--out", found=found, expected="以 .jsonl.gz 结尾的文件名", advice="改正后再试")
    if any(_is_same(file, options.out) for file in options.files):
        raise UsageError("--out", found="与标注是同一个文件", expected="另一个文件", advice="换一个名字再试")
    with training_packages():
        from tagger.learning.counts import count_labels, write_counts  # noqa: PLC0415 - tagging does without them
        from tagger.learning.labels import read_labels  # noqa: PLC0415
        from tagger.learning.vocabulary import read_lexicon  # noqa: PLC0415
    labels = [
        replace(label, source=options.source or label.source, document=_code_name(label.document))
        for label in read_labels(options.files, [theme.name for theme in _themes(options)])
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
