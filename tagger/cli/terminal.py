"""What all commands share: an argument parser that speaks Chinese, and how things look at the terminal."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn, TypeAlias

from rich.console import Console

from tagger.errors import MissingPackageError

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - the type has no public name

DONE, SOME_FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
PALETTE = ("red", "blue", "green", "magenta", "yellow", "cyan")
STANDARD_INPUT = "-"

MESSAGES = (  # argparse speaks English; its few sentences in Chinese
    (re.compile(r"the following arguments are required: (.+)"), r"缺少参数：\1"),
    (re.compile(r"one of the arguments (.+) is required"), r"缺少参数：\1 之一"),
    (re.compile(r"argument (.+?): not allowed with argument (.+)"), r"参数 \1 不能与 \2 一起用"),
    (re.compile(r"argument (.+?): ignored explicit argument (.+)"), r"参数 \1 后面不要值，来的是 \2"),
    (re.compile(r"unrecognized arguments: (.+)"), r"不认识的参数：\1"),
    (re.compile(r"argument (.+?): expected one argument"), r"参数 \1 后面要有一个值"),
    (re.compile(r"argument (.+?): expected at least one argument"), r"参数 \1 后面至少要有一个值"),
    (re.compile(r"argument (.+?): invalid int value: (.+)"), r"参数 \1 应为整数，来的是 \2"),
    (re.compile(r"argument (.+?): invalid choice: (.+?) \(choose from (.+)\)"), r"参数 \1 没有 \2，可选 \3"),
)


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks Chinese."""

    def format_help(self) -> str:
        """The help page."""
        return super().format_help().replace("usage:", "用法：", 1)

    def format_usage(self) -> str:
        """The line that says how to call it."""
        return super().format_usage().replace("usage:", "用法：", 1)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and stop."""
        for english, chinese in MESSAGES:
            message = english.sub(chinese, message)
        self.exit(REFUSED, f"{self.format_usage()}{self.prog}：{message}。用 {self.prog} --help 看说明。\n")


def styles(themes: Sequence[str]) -> dict[str, str]:
    """A colour of the terminal for each theme; the last, 其他, is plain."""
    return {theme: PALETTE[number % len(PALETTE)] for number, theme in enumerate(themes[:-1])} | {themes[-1]: "white"}


def complaints() -> Console:
    """The console for what went wrong: standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def chinese_titles(parser: argparse.ArgumentParser) -> None:
    """Name the groups of a help page in Chinese."""
    parser._positionals.title, parser._optionals.title = "参数", "选项"  # noqa: SLF001 - argparse has no public way
    parser.add_argument("-h", "--help", action="help", help="显示本说明")


def command(commands: Commands, name: str, description: str, *, example: str) -> argparse.ArgumentParser:
    """A command with its description and an example."""
    parser = commands.add_parser(
        name, help=description, description=description, epilog=f"例：{example}", add_help=False, allow_abbrev=False
    )
    chinese_titles(parser)
    return parser


@contextlib.contextmanager
def training_packages() -> Iterator[None]:
    """Say what to install where the packages that only training needs are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        found, advice = f"没有安装 {error.name}", '在本软件的文件夹里运行 pip install ".[train]"'
        raise MissingPackageError("训练", found=found, expected="训练用的软件包", advice=advice) from error
