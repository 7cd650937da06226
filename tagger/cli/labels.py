"""`tagger labels`: label files in and out."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tagger.cli.terminal import DONE, Commands, chinese_titles, command, training_packages
from tagger.errors import UsageError


def add(commands: Commands) -> None:
    """Add the command `labels`."""
    labels = commands.add_parser("labels", help="标注文件的进出。", description="标注文件的进出。", add_help=False)
    chinese_titles(labels)
    actions: Commands = labels.add_subparsers(title="命令", required=True, metavar="命令")
    example = "tagger labels export --counts 标注.jsonl --out 词频.jsonl.gz"
    parser = command(actions, "export", "把标注写成词频，不给原文也能合在一起训练。", example=example)
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
    with training_packages():
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
