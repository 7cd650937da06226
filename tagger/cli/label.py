"""`tagger label`: a person reads paragraphs at the terminal and gives each its theme, one key a paragraph."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import getpass
import os
import re
import signal
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.screen import Screen
from rich.text import Text

from tagger.cli.terminal import DONE, SOME_FAILED, Commands, command, complaints
from tagger.errors import OutputError, TaggerError, UsageError
from tagger.tagging import Tagger
from tagger.themes import OTHER, Theme
from tagger.writing.rows import NEARLY_SURE

if TYPE_CHECKING:
    from tagger.learning.labelling import Answer, Item, Proposal, Session

ESCAPE, ENTER, BACKSPACE, INTERRUPT = "\x1b", ("\r", "\n"), ("\x7f", "\x08"), "\x03"
PASTED, PASTED_END = "\x1b[200~", "\x1b[201~"  # how a terminal marks text that was pasted
ESCAPE_SECONDS = 0.05  # the bytes of an arrow key come together; a person who presses Esc takes longer
RESIZE_SECONDS = 0.5  # how soon a changed window is noticed
SHIFTED = {"!": 1, "@": 2, "#": 3, "$": 4, "¥": 4, "%": 5, "^": 6, "&": 7, "*": 8, "(": 9}  # US and Chinese keyboards
ALIKE = {"、": "/", "=": "+", "\r": "\n", " ": "\n", "　": "\n"}  # keys that do the same, some with Chinese input on
CUT = "…（v 看全文）"
MIN_ROOM = 3  # lines of the paragraph, at the least
MAX_THEMES = 9  # that have a digit, beside 其他
HELP = """\
回车、空格　照“答案”一行保存，到下一段
1–9、0　　　保存这个主题（0 是其他），到下一段
+ 再按数字　加上或去掉次要主题，也可以按 Shift+数字；然后再按主题或回车
d　　　　　 拿不准：记下来，训练时分量减半
c　　　　　 写评语，和答案一起保存
u　　　　　 撤回上一个答案，回到那一段；可以连按
s　　　　　 跳过；下次打开时放到最后再问
/　　　　　 查找正文、标题、文件名、评语；n 找下一处
v　　　　　 看全文
Esc　　　　 放弃这一段还没有保存的选择
?　　　　　 本说明
q、Ctrl-C　 离开；答案都已存好，再运行同一条命令就接着标

每个答案保存到硬盘以后，屏幕上才显示“已存”。
中文输入法开着的时候，字母键到不了这里，请切换到英文。"""


def add(commands: Commands) -> None:
    """Add the command `label`."""
    example = "tagger label 材料/ --out 标注.jsonl"
    parser = command(commands, "label", "在终端里逐段人工标注，一段一个键。", example=example)
    parser.add_argument("paths", nargs="*", metavar="路径", help="文件或文件夹")
    out = "标注文件（.jsonl）；已有的接着往下写"
    parser.add_argument("--out", metavar="文件", type=Path, required=True, help=out)
    parser.add_argument("--labeller", metavar="名字", help="标注人；默认用登录名")
    parser.add_argument("--queue", metavar="文件", type=Path, help="标注 tagger queue 选出的段落（.jsonl）")
    again = "再标一遍：随机取 N 段别人标过的，看两个人是否一致"
    parser.add_argument("--again", metavar="N", type=int, help=again)
    parser.add_argument("--settle", action="store_true", help="裁定：逐条决定几个人标得不一样的段落")
    parser.add_argument("--blind", action="store_true", help="盲标：不显示模型的建议和别人的答案")
    order = "given 按原来的次序（默认），uncertain 模型最拿不准的在前"
    parser.add_argument("--order", choices=("given", "uncertain"), default="given", help=order)
    parser.add_argument("--model", metavar="文件夹", type=Path, help="模型文件夹；默认用自带的模型")
    parser.set_defaults(run=_label)


def _label(options: argparse.Namespace, console: Console) -> int:
    # labelling is loaded only for those who label
    from tagger.learning import labelling  # noqa: PLC0415
    from tagger.learning.labels import read_lines  # noqa: PLC0415

    _check(options)
    labeller = labelling.Labeller(_name(options), blind=options.blind, settles=options.settle)
    tagger = Tagger.load(options.model)
    _check_themes(tagger.themes)
    lines: list[tuple[str, dict[str, Any]]] = []
    if options.out.exists():
        labelling.mend(options.out)
        lines = list(read_lines(options.out))
    items, failures = _items(options, lines, labeller.name, tagger, console)
    labelling.mend(options.out)  # a file that cannot be written is found out before the first answer
    session = labelling.Session(
        items,
        lines,
        labeller,
        [theme.name for theme in tagger.themes],
        propose=_no_proposal if options.blind or options.settle else _proposer(tagger),
        save=lambda record: labelling.append(options.out, record),
    )
    with contextlib.suppress(KeyboardInterrupt), Keyboard() as keyboard, console.screen():  # Ctrl-C leaves like q
        Desk(session, tagger.themes, keyboard, console).work()
    for failure in failures:
        complaints().print(Text(f"未能读取：{failure}", style="red"))
    progress = session.progress
    console.print(f"{labeller.name} 标了 {progress.done} 段，还剩 {progress.left} 段。", markup=False)
    console.print(f"答案都在 {options.out} 里；再运行同一条命令就接着标。", markup=False)
    return SOME_FAILED if failures else DONE


def _check(options: argparse.Namespace) -> None:
    ways = [bool(options.paths), options.queue is not None, options.again is not None, options.settle]
    if sum(ways) != 1:
        expected = "文件或文件夹、--queue、--again、--settle 四样里的一样"
        raise UsageError("标什么", found=f"给了 {sum(ways)} 样", expected=expected, advice="改正后再试")
    if options.again is not None and options.again < 1:
        raise UsageError("--again", found=str(options.again), expected="1 或更大的整数", advice="改正后再试")
    if options.settle and options.blind:
        raise UsageError("--settle", found="与 --blind 一起使用", expected="只用其中一个", advice="去掉一个再试")
    if options.out.suffix == ".gz":
        expected = "没有压缩的 .jsonl 文件"
        raise UsageError("--out", found=str(options.out), expected=expected, advice="换一个文件名，或先解压")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        advice = "在终端窗口里直接运行，不用管道和重定向"
        raise UsageError("tagger label", found="这里不是终端", expected="能按键、能显示的终端", advice=advice)


def _check_themes(themes: Sequence[Theme]) -> None:
    if len(themes) - 1 > MAX_THEMES:
        found, expected = f"模型有 {len(themes) - 1} 个主题", f"最多 {MAX_THEMES} 个，另有{OTHER}"
        raise UsageError("--model", found=found, expected=expected, advice="用表格标注（tagger labels import）")


def _name(options: argparse.Namespace) -> str:
    if options.labeller is not None and options.labeller.strip():
        return str(options.labeller.strip())
    try:
        if options.labeller is None:
            return getpass.getuser()
    except (OSError, KeyError, ImportError):
        pass
    raise UsageError("--labeller", found="没有标注人的名字", expected="一个名字", advice="加上 --labeller 名字")


def _items(
    options: argparse.Namespace, lines: list[tuple[str, dict[str, Any]]], name: str, tagger: Tagger, console: Console
) -> tuple[list[Item], list[TaggerError]]:
    """The paragraphs to label, and what could not be read."""
    from tagger.learning import labelling  # noqa: PLC0415 - as above
    from tagger.learning.labels import read_lines  # noqa: PLC0415

    failures: list[TaggerError] = []
    items: list[Item] = []
    if options.settle:
        items = labelling.disputed(lines)
    elif options.again is not None:
        items = labelling.labelled_by_others(lines, name, options.again)
    elif options.queue is not None:
        items = labelling.queue_items(read_lines(options.queue))
    else:
        with console.status("正在读文件……"):
            for each in labelling.document_items(options.paths):
                failures.append(each) if isinstance(each, TaggerError) else items.append(each)
    if not items:
        for failure in failures:
            complaints().print(Text(f"未能读取：{failure}", style="red"))
        found = "没有两人标得不一样的段落" if options.settle else "没有要标的段落"
        expected = "别人标过的段落" if options.again or options.settle else "有正文的文件"
        raise UsageError("tagger label", found=found, expected=expected, advice="换一个文件再试")
    if options.order == "uncertain":
        tags = tagger.tag_batch([item.text for item in items], [item.path for item in items])
        items = labelling.uncertain_first(items, tags)
    return items, failures


def _proposer(tagger: Tagger) -> Callable[[Item], Proposal]:
    from tagger.learning.labelling import Proposal  # noqa: PLC0415 - as above

    def propose(item: Item) -> Proposal:
        tag = tagger.tag(item.text, item.path)
        return Proposal(tag, tagger.strongest_reasons([item.text], [tag.theme])[0], tagger.model_id)

    return propose


def _no_proposal(_: Item) -> None:
    return None


class Keyboard:
    """The keys of a terminal, one by one and unseen. On leaving, the terminal is as it was.

    `read` gives a character; text that was pasted comes whole, after the mark `PASTED`; "" stands for keys that mean
    nothing here and for a while without any. Ctrl-C, or the end of the window, raises `KeyboardInterrupt`.
    """

    def __init__(self) -> None:
        self._waiting = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        names = ("SIGTERM", "SIGHUP")  # a closed window: leave in good order
        self._handlers = {each: signal.signal(each, _leave) for each in _signals(names)}
        if sys.platform != "win32":
            import termios  # noqa: PLC0415 - Windows has none

            self._before = termios.tcgetattr(sys.stdin)
            raw = termios.tcgetattr(sys.stdin)
            raw[0] &= ~termios.IXON  # Ctrl-S must not freeze the screen
            raw[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, raw)
            _control("\x1b[?2004h")  # pasted text comes marked as such
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if sys.platform != "win32":
            import termios  # noqa: PLC0415 - as above

            with contextlib.suppress(termios.error, OSError):  # the window may be gone
                _control("\x1b[?2004l")
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
        for each, handler in self._handlers.items():
            signal.signal(each, handler)

    def read(self) -> str:
        """Wait for a key."""
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only Windows has it

            key = msvcrt.getwch()
            if key in ("\0", "\xe0"):  # an arrow or function key; its second half says which
                msvcrt.getwch()
                return ""
        else:
            if not self._waiting and not self._receive(RESIZE_SECONDS):
                return ""
            key = self._taken(1)
            if key == ESCAPE:
                return self._sequence()
        if key == INTERRUPT:
            raise KeyboardInterrupt
        return key

    def _receive(self, seconds: float) -> bool:
        """Take what has been typed into `_waiting`; False if nothing came in time."""
        import select  # noqa: PLC0415 - of no use for keys on Windows

        if not select.select([sys.stdin], [], [], seconds)[0]:
            return False
        try:
            typed = os.read(sys.stdin.fileno(), 4096)
        except OSError:
            typed = b""
        if not typed:
            raise KeyboardInterrupt  # the window is gone
        self._waiting += self._decoder.decode(typed)
        return True

    def _taken(self, length: int) -> str:
        taken, self._waiting = self._waiting[:length], self._waiting[length:]
        return taken

    def _sequence(self) -> str:
        """What follows Esc: the rest of an arrow key, pasted text, or nothing."""
        if not self._waiting:
            self._receive(ESCAPE_SECONDS)
        if self._waiting[:1] not in ("[", "O"):
            return ESCAPE
        sequence = ESCAPE + self._taken(1)
        while (self._waiting or self._receive(ESCAPE_SECONDS)) and (sequence := sequence + self._taken(1))[-1] < "@":
            pass  # digits and semicolons; a letter or ~ ends it
        return self._pasted() if sequence == PASTED else ""

    def _pasted(self) -> str:
        while PASTED_END not in self._waiting and self._receive(RESIZE_SECONDS):
            pass
        text, _, self._waiting = self._waiting.partition(PASTED_END)
        return PASTED + text


def _signals(names: Sequence[str]) -> list[int]:
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _leave(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _control(sequence: str) -> None:
    sys.stdout.write(sequence)
    sys.stdout.flush()


class Desk:
    """Where a person works: shows the paragraph in hand and turns keys into answers."""

    def __init__(self, session: Session, themes: Sequence[Theme], keyboard: Keyboard, console: Console) -> None:
        self.session = session
        self.themes = themes
        self.keyboard = keyboard
        self.console = console
        self.said = Text("按 ? 看各键的用处", style="dim")
        self.sought = ""
        self.adding = False  # whether + has been pressed

    def work(self) -> None:
        """Read keys and obey them until the person leaves."""
        key, size = "", None
        while key != "q":
            if key:
                self._obey(_plain(key))
            if key or size != self.console.size:
                self._draw()
            size, key = self.console.size, self.keyboard.read()

    def _obey(self, key: str) -> None:
        adding, self.adding = self.adding, False
        self.said = Text()
        try:
            if key.startswith(PASTED):
                self.said = Text("粘贴的文字没有用上", style="yellow")
            elif key.isdecimal() and int(key) <= min(MAX_THEMES, len(self.themes) - 1):
                theme = self.themes[int(key) - 1].name  # 0 is the last: 其他
                self._toggle(theme) if adding else self._answer(theme)
            elif key in SHIFTED and SHIFTED[key] < len(self.themes):
                self._toggle(self.themes[SHIFTED[key] - 1].name)
            elif key in self._commands():
                self._commands()[key]()
            else:
                self.said = Text("这个键没有用处；按 ? 看说明", style="yellow")
        except OutputError as error:
            self.said = Text(f"没有存上！{error}", style="bold red")

    def _commands(self) -> dict[str, Callable[[], None]]:
        return {
            "\n": self._answer,
            "+": self._add,
            "d": self.session.doubt,
            "c": self._comment,
            "u": self._undo,
            "s": self._skip,
            "/": self._search,
            "n": self._search_again,
            "v": self._show_all,
            "?": self._help,
            ESCAPE: self.session.reopen,
        }

    def _answer(self, theme: str = "") -> None:
        if self.session.item is None:
            return
        saved = self.session.answer(theme)
        if saved is None:
            self.said = Text("还没有选主题：请按数字", style="yellow")
        else:
            self.said = Text(f"✓ 已存：{saved}", style="green")

    def _add(self) -> None:
        self.adding = True
        self.said = Text("次要主题：请按数字", style="yellow")

    def _toggle(self, theme: str) -> None:
        if not self.session.toggle(theme):
            self.said = Text(f"{OTHER}不能作次要主题", style="yellow")

    def _undo(self) -> None:
        item = self.session.undo()
        self.said = Text("已撤回，请重新标这一段" if item else "没有可以撤回的答案", style="yellow")

    def _skip(self) -> None:
        self.session.skip()
        self.said = Text("已跳过", style="yellow")

    def _comment(self) -> None:
        if self.session.item is not None:
            text = self._ask("评语", self.session.draft.comment)
            if text is not None:
                self.session.comment(text)

    def _search(self) -> None:
        words = self._ask("查找", "")
        if words:
            self.sought = words
            self._search_again()

    def _search_again(self) -> None:
        if not self.sought:
            self.said = Text("先按 / 查找", style="yellow")
        elif self.session.search(self.sought):
            self.said = Text(f"找到“{_shown(self.sought)}”；n 找下一处", style="green")
        else:
            self.said = Text(f"没有“{_shown(self.sought)}”", style="yellow")

    def _ask(self, question: str, text: str) -> str | None:
        """A line of text; None if the person thinks better of it."""
        while True:
            self.said = Text.assemble(
                (f"{question}：", "bold"), _shown(text), ("▏", "bold"), ("　回车确定，Esc 取消", "dim")
            )
            self._draw()
            key = self.keyboard.read()
            if key in ENTER or key == ESCAPE:
                self.said = Text()
                return text.strip() if key in ENTER else None
            text = text[:-1] if key in BACKSPACE else text + _shown(key.removeprefix(PASTED))

    def _show_all(self) -> None:
        if self.session.item is not None:
            self._page([*self._place(self.session.item, None), Text(), self._marked(self.session.item)])

    def _help(self) -> None:
        self._page([Text(HELP)])

    def _page(self, texts: Sequence[Text]) -> None:
        """Show texts screen by screen, whatever key is pressed; q goes back at once."""
        width, height = self.console.size
        lines = [line for text in texts for line in _folded(text, width)]
        for start in range(0, len(lines), height - 2):
            more = "任意键往下看，q 回去" if start + height - 2 < len(lines) else "任意键回去"
            self._show([*lines[start : start + height - 2], Text(), Text(more, style="dim")])
            while not (key := self.keyboard.read()):
                pass
            if key in ("q", ESCAPE):
                return

    # ---- what is seen ----

    def _show(self, lines: Sequence[Text]) -> None:
        with self.console:  # all in one piece, or it flickers
            self.console.control(Control.home())
            self.console.print(Screen(*lines), end="", soft_wrap=False)

    def _draw(self) -> None:
        width, height = self.console.size
        item = self.session.item
        if item is None:
            whole = "全部看完了。u 撤回上一个答案，/ 查找，q 离开。"
            body: list[Text] = [Text(), Text(whole, style="bold")]
            above, below = [self._progress()], [self.said]
        else:
            above = [self._progress(), *self._place(item, 2 * width), Text()]
            below = [Text(), *self._answers(), self.said, self._keys()]
            body = _folded(self._marked(item, width * height), width)
        above, below = _fitted(above, width), _fitted(below, width)
        above = above[: max(1, height - len(below) - MIN_ROOM)]  # in a tiny window the answer matters more
        room = max(1, height - len(above) - len(below))
        if len(body) > room:
            body = body[:room]
            body[-1].truncate(max(1, width - cell_len(CUT)))
            body[-1].append(CUT, style="dim")
        body += [Text()] * (room - len(body))
        self._show([*above, *body, *below][:height])

    def _progress(self) -> Text:
        progress = self.session.progress
        text = Text(f"{_shown(self.session.labeller.name)}　已标 {progress.done}　还剩 {progress.left}", style="bold")
        if progress.skipped:
            text.append(f"（跳过 {progress.skipped}）")
        if progress.per_minute is not None:
            text.append(f"　每分钟 {progress.per_minute:.1f} 段")
        if progress.compared:
            share = progress.agreed / progress.compared
            text.append(f"　与建议一致 {progress.agreed}/{progress.compared}（{share:.0%}）")
        if self.session.labeller.blind:
            text.append("　盲标")
        if self.session.labeller.settles:
            text.append("　裁定")
        return text

    def _place(self, item: Item, room: int | None) -> list[Text]:
        """Where the paragraph stands, in so many cells, and why it was chosen."""
        number = f"{(self.session.position or 0) + 1}/{len(self.session.items)}　"
        document = _ending(_shown(item.document) or "（没有文件名）", room and room - cell_len(number) - 1)
        lines = [Text(number + document, style="cyan")]
        if item.path:
            lines.append(Text(_ending(" › ".join(map(_shown, item.path)), room and room - 1), style="cyan"))
        if item.why:
            lines.append(Text(f"选它是因为：{_shown(item.why)}", style="dim"))
        return lines

    def _marked(self, item: Item, length: int | None = None) -> Text:
        """The paragraph, or its beginning, with its deciding words in the colour of the proposed theme."""
        text = Text(_shown(item.text[:length]))
        proposal = self.session.proposal
        if proposal is not None:
            style = f"bold white on {self._colour(proposal.tag.theme)}"
            for reason in proposal.reasons:
                for found in re.finditer(re.escape(reason.text), item.text[:length]):
                    text.stylize(style, *found.span())
        return text

    def _answers(self) -> list[Text]:
        """What the model, others and this person say."""
        session, lines = self.session, []
        if session.proposal is not None:
            tag = session.proposal.tag
            line = Text.assemble(
                "建议　",
                self._named(tag.theme),
                " >99%" if tag.probability >= NEARLY_SURE else f" {tag.probability:.0%}",
            )
            line.append("".join(f" 兼 {theme}" for theme in tag.also))
            line.append("　不确定" if tag.uncertain else "", style="bold red")
            words = "、".join(_shown(reason.text) for reason in session.proposal.reasons)
            line.append(f"　因为：{words}" if words else "", style="dim")
            lines.append(line)
        if session.others:
            said = (f"{_shown(name) or '不知是谁'}：{_described(answer)}" for name, answer in session.others)
            lines.append(Text("别人　" + "　".join(said)))
        draft = session.draft
        line = Text.assemble("答案　", self._named(draft.theme) if draft.theme else Text("（还没有选）", style="dim"))
        line.append("".join(f" 兼 {theme}" for theme in draft.also if theme != draft.theme))
        line.append("　拿不准" if draft.unsure else "", style="bold red")
        line.append(f"　评语：{_shown(draft.comment)}" if draft.comment else "")
        line.append("　已存" if draft == session.answered else "　回车保存" if draft.theme else "", style="dim")
        return [*lines, line]

    def _keys(self) -> Text:
        keys = Text()
        for number, theme in enumerate(self.themes[:-1], start=1):
            keys.append_text(Text.assemble((f"{number}", "bold"), self._named(theme.name), " "))
        keys.append_text(Text.assemble(("0", "bold"), self._named(self.themes[-1].name)))
        for key, use in (("+", "次要"), ("u", "撤回"), ("s", "跳过"), ("c", "评语"), ("?", "说明"), ("q", "离开")):
            keys.append_text(Text.assemble(" ", (key, "bold"), use))
        return keys

    def _named(self, theme: str) -> Text:
        return Text(theme, style=f"white on {self._colour(theme)}")

    def _colour(self, theme: str) -> str:
        return next((each.colour for each in self.themes if each.name == theme), "#5C6269")


def _described(answer: Answer) -> str:
    return f"{answer}{f'（{_shown(answer.comment)}）' if answer.comment else ''}"


def _plain(key: str) -> str:
    """The key without the width of Chinese input, and one key for all that do the same."""
    key = unicodedata.normalize("NFKC", ALIKE.get(key, key)) if len(key) == 1 else key
    return ALIKE.get(key, key)


def _folded(text: Text, width: int) -> list[Text]:
    """The text in lines that fill the width, as Chinese is set: broken between any two characters."""
    lines: list[Text] = []
    for line in text.split("\n"):
        cuts, used = [], 0
        for place, character in enumerate(line.plain):
            cells = cell_len(character)
            used += cells
            if used > width:
                cuts.append(place)
                used = cells
        lines += line.divide(cuts)
    for line in lines:
        line.no_wrap = True
    return lines


def _ending(text: str, room: int | None) -> str:
    """The end of a path, which says most, in so many cells."""
    if room is None or cell_len(text) <= room:
        return text
    start, used = len(text), 1
    while start and (used := used + cell_len(text[start - 1])) <= room:
        start -= 1
    return "…" + text[start:]


def _fitted(texts: Sequence[Text], width: int) -> list[Text]:
    """Each text in at most two lines."""
    fitted: list[Text] = []
    for text in texts:
        lines = _folded(text, width)
        if len(lines) > 2:
            lines[1].truncate(max(1, width - 1))
            lines[1].append("…")
        fitted += lines[:2]
    return fitted


def _shown(text: str) -> str:
    """Text that does nothing to a terminal: what cannot be printed is a blank."""
    return "".join(character if character.isprintable() else " " for character in text)
