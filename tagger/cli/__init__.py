"""The command `tagger`: a thin caller, one module a command. Only here does the package print and exit."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

from tagger import __version__
from tagger.cli import agreement, drift, explain, label, labels, mine, models, queue, stats, tag, train
from tagger.cli.terminal import INTERRUPTED, REFUSED, Parser, chinese_titles, complaints
from tagger.errors import TaggerError

COMMANDS = (
    tag,
    explain,
    stats,
    queue,
    label,
    agreement,
    mine,
    labels,
    train,
    models,
    drift,
)  # in the order of the help page


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
        complaints().print(Text(str(error), style="red"))
        return REFUSED
    except KeyboardInterrupt:
        complaints().print("已中断；没有留下写了一半的文件。")
        return INTERRUPTED


def _parser() -> Parser:
    parser = Parser(
        prog="tagger",
        description="给中文公文逐段标注主题：党建、法治、乡村振兴、治理、作风、其他，并说明理由。",
        add_help=False,
        allow_abbrev=False,
    )
    chinese_titles(parser)
    parser.add_argument("--version", action="version", version=f"tagger {__version__}", help="显示版本")
    commands = parser.add_subparsers(title="命令", required=True, metavar="命令")
    for each in COMMANDS:
        each.add(commands)
    return parser
