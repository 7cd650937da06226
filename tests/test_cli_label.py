"""`tagger label` as a person uses it, in a real pseudo-terminal; and `tagger agreement`."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import random
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from tagger.cli import main
from tagger.cli.label import Desk, Keyboard
from tagger.learning.labelling import Item, Labeller, Session, current
from tagger.learning.labels import read_lines
from tagger.themes import OTHER, THEMES, Theme

pty = pytest.importorskip("pty", reason="Windows 没有伪终端")
import fcntl  # noqa: E402 - as above
import termios  # noqa: E402

PATIENCE = 30.0  # seconds; the machine may be busy
HOME = "\x1b[H"  # each picture of the screen begins with it
CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])")
TEXTS = (
    "组建普法小分队进村宣讲，法治副校长到校上法治课十六次。",
    "支部换届全部完成，发展党员三名，整顿软弱涣散党组织两个。",
    "新建高标准农田两千亩，脱贫户人均增收三千元。",
    "排查矛盾纠纷九十起，化解八十八起，网格员天天巡查。",
    "严肃查处违反中央八项规定精神问题四起，通报曝光两批。",
    "天气渐凉，大家注意身体。",
)


class Terminal:
    """A pseudo-terminal with a program in it: type keys, look at the screen."""

    def __init__(self, command: Sequence[str], folder: Path, *, size: tuple[int, int] = (24, 80)) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.before = termios.tcgetattr(theirs)
        hidden = ("COLUMNS", "LINES", "NO_COLOR", "PYTHONWARNINGS")
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        environment |= {"PYTHONPATH": os.environ["TAGGER_ROOT"], "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        self.theirs = theirs
        self.seen = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def look(self, seconds: float) -> str:
        """Everything that has been written so far, after waiting for at most so long for more."""
        if select.select([self.ours], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.seen += self.decoder.decode(os.read(self.ours, 1 << 16))
        return self.seen

    @property
    def screen(self) -> str:
        """The picture that stands there now, as text."""
        return CONTROL.sub("", self.seen.rpartition(HOME)[2])

    @property
    def drawn(self) -> bool:
        """Whether the picture is complete: all its lines, to the end of the last."""
        height, width, *_ = struct.unpack("HHHH", fcntl.ioctl(self.theirs, termios.TIOCGWINSZ, bytes(8)))
        rows = self.screen.splitlines()
        return len(rows) == height and cell_len(rows[-1]) == width

    def wait_for(self, words: str) -> str:
        until = time.monotonic() + PATIENCE
        while words not in self.screen or not self.drawn:
            assert time.monotonic() < until, f"{words!r} never came:\n{self.screen}"
            self.look(0.05)
        return self.screen

    def type(self, keys: str, then: str) -> str:
        """Type, and wait until the screen says so."""
        self.seen = ""
        os.write(self.ours, keys.encode())
        return self.wait_for(then)

    def leave(self, keys: str = "q") -> int:
        os.write(self.ours, keys.encode())
        return self.ended()

    def ended(self) -> int:
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < until, self.screen
            self.look(0.02)
        self.look(0.05)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Terminal]]:
    """Start `tagger` with these arguments in a pseudo-terminal, in the folder of this test."""
    monkeypatch.setenv("TAGGER_ROOT", str(root))
    (tmp_path / "报告.txt").write_text("某县工作总结\n" + "\n".join(TEXTS), encoding="utf-8")
    opened = []

    def start(*arguments: str, size: tuple[int, int] = (24, 80)) -> Terminal:
        opened.append(Terminal([sys.executable, "-m", "tagger", *arguments], tmp_path, size=size))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def queue(tmp_path: Path) -> Callable[[int], str]:
    """A label queue of so many paragraphs."""

    def write(count: int) -> str:
        lines = [
            json.dumps(
                {"text": f"第{n}段：{TEXTS[n % 6]}", "document": f"{n % 7}.docx", "headings": ["一"], "why": "新词"}
            )
            for n in range(count)
        ]
        (tmp_path / "队列.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return "队列.jsonl"

    return write


LABEL = ("label", "报告.txt", "--out", "标注.jsonl", "--labeller", "甲")


def answers(folder: Path) -> list[tuple[str, list[str], str]]:
    records = [record for _, record in current(read_lines(folder / "标注.jsonl"))]
    return [(record["theme"], record["also"], record["comment"]) for record in records]


def test_a_whole_session(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    at = terminal(*LABEL)
    shown = at.wait_for("答案　法治")
    for words in ("甲　已标 0　还剩 6", "1/6　报告.txt", TEXTS[0], "建议　法治", "因为：", "1党建 2法治", "q离开"):
        assert words in shown, words
    at.type("\r", "✓ 已存：法治")  # accept
    at.type("4", "✓ 已存：治理")  # choose
    at.type("+5", "兼 作风")  # a secondary theme with a second key
    at.type("!", "兼 党建 兼 作风")  # and with shift
    at.type("3", "✓ 已存：乡村振兴 兼 党建 兼 作风")
    at.type("u", "已撤回")
    assert "答案　乡村振兴 兼 党建 兼 作风" in at.screen
    at.type("！％", "答案　乡村振兴　")  # shift with Chinese input on
    at.type("c", "评语：")
    at.type("好 例子x\x7f\r", "评语：好 例子　回车保存")
    at.type(" ", "已标 3")
    at.type("s", "还剩 3（跳过 1）")
    at.type("/", "查找：")
    at.type("天气\r", "6/6")
    assert TEXTS[5] in at.screen
    at.type("0", "✓ 已存：其他")
    at.type("?", "任意键回去")
    at.type("x", "5/6")
    at.type("、好 例子\r", "3/6")  # search finds comments too
    assert "已存" in at.screen
    assert at.leave() == 0
    assert "甲 标了 4 段，还剩 2 段" in CONTROL.sub("", at.seen)
    assert termios.tcgetattr(at.theirs) == at.before
    assert answers(tmp_path) == [
        ("法治", [], ""),
        ("治理", [], ""),
        ("乡村振兴", [], "好 例子"),
        ("其他", [], ""),
    ]


def test_going_on_where_it_was_left(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    first = terminal(*LABEL)
    first.wait_for("1/6")
    first.type("1", "已标 1")
    assert first.leave("\x03") == 0  # Ctrl-C
    second = terminal(*LABEL)
    assert "2/6" in second.wait_for("甲　已标 1　还剩 5")
    second.type("u", "1/6")
    second.type("2", "已标 1")
    for key in "11111":
        os.write(second.ours, key.encode())
    second.wait_for("全部看完了")
    assert second.leave() == 0
    assert [theme for theme, _, _ in answers(tmp_path)] == ["法治", *["党建"] * 5]


def test_a_second_labeller_labels_blind_and_differences_are_settled(
    terminal: Callable[..., Terminal], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = terminal(*LABEL)
    first.wait_for("1/6")
    first.type("211450", "全部看完了")
    first.leave()
    other = ("label", "--out", "标注.jsonl")
    blind = terminal(*other, "--again", "6", "--blind", "--labeller", "乙")
    shown = blind.wait_for("已标 0　还剩 6　盲标")
    assert "建议" not in shown
    assert "别人" not in shown
    assert "甲" not in shown
    blind.type("\r", "还没有选主题")
    theirs = {}
    while "全部看完了" not in blind.screen:
        text = next(text for text in TEXTS if text in blind.wait_for("。"))
        theirs[text] = "2" if text == TEXTS[1] else "211450"[TEXTS.index(text)]
        blind.type(theirs[text], f"已标 {len(theirs)}")
    blind.leave()
    assert main(["agreement", str(tmp_path / "标注.jsonl")]) == 0
    said = capsys.readouterr().out
    assert "乙 与 甲：6 段，其中盲标 6 段" in said
    assert "主要主题一致 5 段（83.3%）" in said
    assert "不一致的 1 段" in said
    assert "乙：法治　甲：党建" in said
    settle = terminal(*other, "--settle", "--labeller", "组长")
    shown = settle.wait_for("别人　甲：党建　乙：法治")
    assert TEXTS[1] in shown
    settle.type("1", "全部看完了")
    settle.leave()
    assert len(answers(tmp_path)) == 11
    assert [theme for theme, _, _ in answers(tmp_path)].count("法治") == 2


def test_a_queue_says_why(terminal: Callable[..., Terminal], queue: Callable[[int], str]) -> None:
    at = terminal("label", "--queue", queue(3), "--out", "新/标注.jsonl", "--labeller", "甲", "--order", "uncertain")
    assert "选它是因为：新词" in at.wait_for("还剩 3")


def test_long_paragraphs_are_cut_and_shown_whole(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    whole = "".join(f"第{number}件事办得好\x1b[2J，" for number in range(300))
    lines = [{"text": whole, "document": "很长的名字" * 60, "headings": ["很长的标题" * 30] * 3, "why": "因为" * 100}]
    (tmp_path / "长.jsonl").write_text(json.dumps(lines[0]) + "\n", encoding="utf-8")
    at = terminal("label", "--queue", "长.jsonl", "--out", "标注.jsonl", "--labeller", "甲")
    shown = at.wait_for("q离开")
    assert "…（v 看全文）" in shown
    rows = shown.splitlines()
    assert len(rows) == 24
    assert [row for row in rows if cell_len(row) != 80] == []
    assert "1/1　…" in shown  # the end of a path says most
    at.type("v", "任意键往下看")
    seen = at.screen
    while "任意键回去" not in at.screen:
        at.type(" ", "任意键")
        seen += at.screen
    seen = re.sub(r"\s", "", seen).replace("任意键往下看，q回去", "")
    assert [number for number in range(300) if f"第{number}件事" not in seen] == []
    fcntl.ioctl(at.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    at.type(" ", "答案")
    assert [cell_len(row) for row in at.screen.splitlines()] == [40] * 10


def test_keys_that_mean_nothing_do_nothing(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    at = terminal(*LABEL)
    at.wait_for("1/6")
    at.type("\x1b[A\x1bOP\x1b[15~9", "这个键没有用处")
    at.type("\x1b[200~1111\n111\x1b[201~", "粘贴的文字没有用上")
    at.type("%", "兼 作风")
    at.type("\x1b", "答案　法治　回车保存")
    at.type(")", "这个键没有用处")
    at.type("+0", "其他不能作次要主题")
    at.type("n", "先按 / 查找")
    at.type("u", "没有可以撤回的答案")
    at.type("c", "评语：")
    at.type("\x1b[200~粘贴\r的\x1b[201~\x1b", "答案　法治　回车保存")
    assert at.leave() == 0
    assert answers(tmp_path) == []


def test_the_terminal_is_restored_whatever_happens(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    ended = terminal(*LABEL)
    ended.wait_for("1/6")
    ended.process.terminate()
    assert ended.ended() == 128 + signal.SIGTERM
    failed = terminal(*LABEL)
    failed.wait_for("1/6")
    (tmp_path / "标注.jsonl").write_text("别的程序写坏了", encoding="utf-8")
    assert failed.leave("1") == 2
    assert "不是标注文件" in CONTROL.sub("", failed.seen)
    (tmp_path / "标注.jsonl").unlink()
    for each in (ended, failed):
        assert termios.tcgetattr(each.theirs) == each.before
        assert each.seen.rindex("\x1b[?1049l") > each.seen.rindex("\x1b[?1049h")
        assert each.seen.rindex("\x1b[?25h") > each.seen.rindex("\x1b[?25l")
        assert each.seen.rindex("\x1b[?2004l") > each.seen.rindex("\x1b[?2004h")


def test_a_failed_write_is_said_and_can_be_tried_again(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    at = terminal(*LABEL)
    at.wait_for("1/6")
    (tmp_path / "标注.jsonl").unlink()
    (tmp_path / "标注.jsonl").mkdir()
    at.type("1", "没有存上")
    assert "已标 0" in at.screen
    (tmp_path / "标注.jsonl").rmdir()
    at.type("1", "✓ 已存：党建")
    at.leave()
    assert answers(tmp_path) == [("党建", [], "")]


def test_a_file_that_cannot_be_read_does_not_stop_the_others(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    (tmp_path / "坏.docx").write_bytes(b"PK\x03\x04")
    at = terminal("label", "坏.docx", *LABEL[1:])
    at.wait_for("1/6")
    assert at.leave() == 1
    assert "未能读取：坏.docx" in CONTROL.sub("", at.seen)


def test_killed_at_any_moment_nothing_is_lost(
    terminal: Callable[..., Terminal], queue: Callable[[int], str], tmp_path: Path
) -> None:
    """Two labellers on one file, each killed ten times in the middle of typing."""
    chance = random.Random(7)
    name = queue(5000)
    typed: dict[str, list[str]] = {"甲": [], "乙": []}
    for _ in range(10):
        at = {who: terminal("label", "--queue", name, "--out", "标注.jsonl", "--labeller", who) for who in typed}
        for who, each in at.items():
            each.wait_for(f"{who}　已标 {len(typed[who])}　")
        keys = {who: chance.choices("012345", k=200) for who in typed}
        for who, each in at.items():
            os.write(each.ours, "".join(keys[who]).encode())
        until = time.monotonic() + chance.uniform(0.01, 0.4)
        while time.monotonic() < until:
            for each in at.values():
                each.look(0.005)
        for each in at.values():
            each.process.send_signal(signal.SIGKILL)
            each.process.wait()
        for who, each in at.items():
            each.look(0)
            shown = max(map(int, re.findall(r"已标 (\d+)", CONTROL.sub("", each.seen))))
            saved = [record for _, record in current(read_lines(tmp_path / "标注.jsonl")) if record["labeller"] == who]
            new = len(saved) - len(typed[who])
            assert len(saved) >= shown, "an answer that the screen acknowledged is lost"
            typed[who] += keys[who][:new]
            assert [record["theme"] for record in saved] == [THEMES[int(key) - 1] for key in typed[who]]
            assert [record["text"].partition("段")[0] for record in saved] == [f"第{n}" for n in range(len(saved))]
    assert min(map(len, typed.values())) > 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.txt"], "这里不是终端"),
        ([], "给了 0 样"),
        (["a.txt", "--settle"], "给了 2 样"),
        (["--again", "0"], "--again：0"),
        (["--settle", "--blind"], "与 --blind 一起使用"),
    ],
)
def test_refusals(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "标注.jsonl"
    assert main(["label", *arguments, "--out", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_compressed_files_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "a.txt", "--out", "标注.jsonl.gz"]) == 2
    assert "没有压缩的" in capsys.readouterr().err


def test_agreement_needs_two_labellers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "标注.jsonl"
    path.write_text('{"text": "一", "theme": "党建", "labeller": "甲"}\n', encoding="utf-8")
    assert main(["agreement", str(path)]) == 2
    assert "--again 50 --blind" in capsys.readouterr().err


def test_own_themes_have_their_keys() -> None:
    themes = [*(Theme(f"主题{number}", "#123456", "") for number in range(1, 10)), Theme(OTHER, "#123456", "")]
    saved: list[Any] = []
    items = [Item(str(number)) for number in range(9)]
    names = [theme.name for theme in themes]
    session = Session(items, [], Labeller("甲"), names, propose=lambda _: None, save=saved.append)
    typed = iter(["9", "(", "+", "8", "*", "*", "7", "0", "q"])

    class Hand(Keyboard):
        def read(self) -> str:
            return next(typed)

    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    Desk(session, themes, Hand(), console).work()
    assert [(record["theme"], record["also"]) for record in saved] == [
        ("主题9", []),
        ("主题7", ["主题8", "主题9"]),
        ("其他", []),
    ]


@pytest.mark.parametrize("name", ["label", "agreement"])
def test_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert f"例：tagger {name}" in capsys.readouterr().out


def test_the_script_is_a_thin_caller(root: Path, tmp_path: Path) -> None:
    script = [sys.executable, str(root / "scripts" / "label.py"), "a.txt", "--out", str(tmp_path / "o.jsonl")]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(script, env=environment, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "这里不是终端" in done.stderr.decode()


def test_the_commands_of_the_page_run(
    terminal: Callable[..., Terminal], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(root / "examples", tmp_path / "材料")
    monkeypatch.chdir(tmp_path)
    page = (root / "docs" / "labelling.md").read_text("utf-8")
    commands = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert {shlex.split(line)[1] for line in commands} >= {"tag", "label", "agreement"}
    for line in commands:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "tagger"
        if arguments[0] != "label":
            assert main(arguments) == 0
            continue
        at = terminal(*arguments)
        at.wait_for("离开")
        differing = "4" if "--blind" in arguments else "1"
        for done in range(1, 4):
            at.type(differing, f"已标 {done}")
        assert at.leave() == 0
    settled = [record["adjudicated"] for _, record in current(read_lines(tmp_path / "标注.jsonl"))]
    assert settled == [True] * 3
