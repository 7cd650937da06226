"""Labelling by hand: the paragraphs to label, the answers, and the file that keeps them.

An answer is one line of a label file (see `labels`). Lines are only ever added, so that nothing is lost: of the lines
that one labeller wrote on one paragraph the last counts, and one with `undone` takes the answer back. A line with
`adjudicated` settles a paragraph on which labellers differ. `current` applies these rules.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any, TypeAlias

from tagger.atomic import not_writable
from tagger.errors import InputError, LabelError
from tagger.records import Reason, Tag
from tagger.themes import OTHER

Record: TypeAlias = Mapping[str, Any]
Line: TypeAlias = tuple[str, Record]  # its place (file:line) and what it says, as labels.read_lines gives them
Key: TypeAlias = tuple[str, str]  # document and text: what tells paragraphs apart

PAUSE = 120.0  # seconds; who takes longer for one paragraph is counted as having been away
BLANK = b"\xef\xbb\xbf \t\r\n"  # what may stand before the first line of a file
MIN_MINUTES = 0.1  # of work, before it is said how fast it goes
ADJUDICATION = object()  # the author of all lines that settle a paragraph, whoever wrote them
LOCK_AT = 1 << 30  # the byte that stands for the file in locks of Windows; far behind any label


@dataclass(frozen=True, slots=True)
class Item:
    """A paragraph to label; `title` is that of its document, `why` says why it was chosen."""

    text: str
    document: str = ""
    headings: tuple[str, ...] = ()
    why: str = ""
    title: str = ""

    @property
    def key(self) -> Key:
        """What tells it from other paragraphs."""
        return self.document, self.text

    @property
    def path(self) -> tuple[str, ...]:
        """The headings above it, the title of the document first."""
        return (self.title, *self.headings) if self.title else self.headings


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the model says of a paragraph, and the words that decided."""

    tag: Tag
    reasons: tuple[Reason, ...]
    model_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a labeller says of a paragraph; no theme if nothing has been chosen yet."""

    theme: str = ""
    also: tuple[str, ...] = ()
    comment: str = ""
    unsure: bool = False

    def __str__(self) -> str:
        themes = "".join((self.theme, *(f" 兼 {theme}" for theme in self.also)))
        return themes + ("（拿不准）" if self.unsure else "")


@dataclass(frozen=True, slots=True)
class Labeller:
    """Who labels, and how: `blind` without seeing any answer, or to settle (`settles`) where others differ."""

    name: str
    blind: bool = False
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a session is."""

    done: int
    left: int  # those that were skipped among them
    skipped: int
    per_minute: float | None  # None as long as too little time has gone by to say
    compared: int  # answers that had a proposal
    agreed: int  # those of them that have its theme


# ---- the lines of a label file ----


def current(lines: Iterable[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """The lines of one label file that count, in their order.

    Of the lines of one labeller on one paragraph the last counts, unless it says `undone`. Where a line says
    `adjudicated`, it alone counts for its paragraph. Lines without a labeller or without text stay as they are.
    """
    counting = latest(lines)
    settled = {key_of(record) for _, record in counting if record.get("adjudicated")}
    return [line for line in counting if line[1].get("adjudicated") or key_of(line[1]) not in settled]


def latest(lines: Iterable[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """The last line of each labeller on each paragraph, without those taken back; adjudications are kept apart."""
    kept: dict[Hashable, tuple[str, dict[str, Any]]] = {}
    for number, (place, record) in enumerate(lines):
        author = ADJUDICATION if record.get("adjudicated") else labeller_of(record)
        own = (key_of(record), author) if author and key_of(record)[1] else number
        kept.pop(own, None)
        if not record.get("undone"):
            kept[own] = (place, record)
    return list(kept.values())


def key_of(record: Record) -> Key:
    """Which paragraph a line is about; without text it is about none."""
    text = record.get("text")
    return str(record.get("document") or ""), text if isinstance(text, str) else ""


def labeller_of(record: Record) -> str:
    """Who wrote a line; nobody in particular if it does not say."""
    return str(record.get("labeller") or "")


def item_of(record: Record) -> Item:
    """The paragraph that a line is about."""
    why = record.get("why") or ""
    document, text = key_of(record)
    headings = tuple(map(str, record.get("headings") or ()))
    why = why if isinstance(why, str) else "；".join(map(str, why))
    return Item(text, document, headings, why, str(record.get("title") or ""))


def answer_of(record: Record) -> Answer:
    """The answer that a line gives."""
    also = tuple(map(str, record.get("also") or ()))
    return Answer(str(record.get("theme")), also, str(record.get("comment") or ""), bool(record.get("unsure")))


def append(path: str | Path, record: Record) -> None:
    """Add a line to a label file; when this returns it is on disk.

    The line is written at the end of the file in one piece and under a lock, so that two terminals on one file do not
    disturb each other. A last line that was left unfinished is mended first. Raises `OutputError` if it cannot be
    written; the file is then as it was.
    """
    line = encoded(record)
    with _opened(Path(path)) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - undone just below
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(size)
            raise


def mend(path: str | Path) -> None:
    """Finish or set aside a last line that was cut off when the machine stopped; make the file if there is none.

    What is cut off and cannot be read goes to a file beside it that ends in `.torn`. Raises `OutputError` if the file
    cannot be written, `LabelError` if it is no label file.
    """
    with _opened(Path(path)):
        pass


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[FileIO]:
    """A label file, mended and for us alone, to add to. What goes wrong with it is an `OutputError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # a device may never end
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))  # noqa: TRY301 - told just below
        with path.open("ab+", buffering=0) as file, _locked(file):
            _mend(path, file)
            yield file
    except OSError as error:
        raise not_writable(path, error) from error


def _mend(path: Path, file: FileIO) -> None:
    if _last_byte(file) in (b"", b"\n"):
        return
    file.seek(0)
    content = file.readall()
    tail = content[content.rfind(b"\n") + 1 :]
    if not all(part.lstrip(BLANK)[:1] in (b"", b"{") for part in (content, tail)):
        advice = "换一个文件名，免得写坏别的文件"
        raise LabelError(path, found="不是标注文件", expected="JSONL 文件，或还没有的文件", advice=advice)
    if not tail.strip(BLANK) or _readable(tail):
        file.write(b"\n")
        return
    with path.with_name(path.name + ".torn").open("ab") as aside:
        aside.write(tail + b"\n")
    file.truncate(len(content) - len(tail))


def _last_byte(file: FileIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    return file.read(1)


def _readable(line: bytes) -> bool:
    try:
        json.loads(line.decode("utf-8-sig"))
    except ValueError:
        return False
    return True


def encoded(record: Record) -> bytes:
    """A record as a line of a file."""
    try:
        return (json.dumps(record, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # a file name that is no Unicode
        return (json.dumps(record) + "\n").encode()


@contextlib.contextmanager
def _locked(file: FileIO) -> Iterator[None]:
    """Keep other terminals from writing meanwhile. The system lifts the lock of a program that is killed."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only Windows has it

        file.seek(LOCK_AT)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        try:
            yield
        finally:
            file.seek(LOCK_AT)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - Windows has none

        with contextlib.suppress(OSError):  # some network drives know no locks; writing in one piece must do there
            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file lifts the lock


# ---- which paragraphs ----


def document_items(paths: Iterable[str | Path]) -> Iterator[Item | InputError]:
    """The body paragraphs of files and folders, in order; what cannot be read comes as its error.

    Raises `InputError` if there is no document at all.
    """
    # readers are loaded when documents come
    from tagger.batch import sources_at  # noqa: PLC0415
    from tagger.outline import outline  # noqa: PLC0415
    from tagger.tagging import titles_of  # noqa: PLC0415

    for source in sources_at(paths):
        if isinstance(source, InputError):
            yield source
            continue
        paragraphs = outline(source)
        for title, each in zip(titles_of(paragraphs), paragraphs, strict=True):
            if each.role == "body":
                yield Item(each.text, source.name, each.headings, title=title)


def queue_items(lines: Iterable[tuple[str, dict[str, Any]]]) -> list[Item]:
    """The paragraphs of a label queue. Raises `LabelError` if a line has no text."""
    items = []
    for place, record in lines:
        if not key_of(record)[1].strip():
            raise LabelError(place, found="没有正文", expected="text 里有文字", advice="改正这一行再试")
        items.append(item_of(record))
    return items


def labelled_by_others(lines: Iterable[tuple[str, dict[str, Any]]], name: str, count: int) -> list[Item]:
    """Paragraphs that another labeller has labelled, chosen by lot: the same ones at each call."""
    items = {key_of(record): item_of(record) for record in answers(lines) if labeller_of(record) not in ("", name)}

    def lot(key: Key) -> bytes:
        return hashlib.sha256("\0".join((name, *key)).encode("utf-8", "surrogatepass")).digest()

    return [items[key] for key in sorted(items, key=lot)[:count]]


def disputed(lines: Iterable[tuple[str, dict[str, Any]]]) -> list[Item]:
    """Paragraphs to which labellers gave different themes."""
    items: dict[Key, Item] = {}
    themes: defaultdict[Key, set[str]] = defaultdict(set)
    for record in answers(lines):
        items[key_of(record)] = item_of(record)
        themes[key_of(record)].add(answer_of(record).theme)
    return [item for key, item in items.items() if len(themes[key]) > 1]


def answers(lines: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Record]:
    """The answers of all labellers to paragraphs of body text, each as it stands now, without adjudications."""
    for _, record in latest(lines):
        if key_of(record)[1] and record.get("role", "body") == "body" and not record.get("adjudicated"):
            yield record


def uncertain_first(items: Sequence[Item], tags: Sequence[Tag]) -> list[Item]:
    """The items with their tags, those first where the two likeliest themes are closest."""
    return [item for item, _ in sorted(zip(items, tags, strict=True), key=lambda pair: pair[1].margin)]


# ---- the session ----


@dataclass(slots=True)
class Session:
    """One labeller at work: which paragraph is next, what has been chosen for it, what was answered before.

    `lines` are those of the label file. `propose` gives the model's proposal for a paragraph, or None. `save` puts a
    line on disk before it returns; if it raises, nothing has changed. `position` is None when all is done.
    """

    items: Sequence[Item]
    lines: Iterable[tuple[str, dict[str, Any]]]
    labeller: Labeller
    themes: Sequence[str]
    propose: Callable[[Item], Proposal | None]
    save: Callable[[Record], None]
    seconds: Callable[[], float] = time.monotonic
    position: int | None = field(init=False, default=None)
    proposal: Proposal | None = field(init=False, default=None)
    draft: Answer = field(init=False, default=Answer())
    _places: dict[Key, int] = field(init=False, default_factory=dict)  # of the items
    _mine: dict[Key, Record] = field(init=False, default_factory=dict)
    _others: defaultdict[Key, list[Record]] = field(init=False, default_factory=lambda: defaultdict(list))
    _postponed: set[Key] = field(init=False, default_factory=set)  # skipped before: asked last
    _skipped: set[Key] = field(init=False, default_factory=set)  # skipped now: not asked again
    _history: list[tuple[int, Record | None]] = field(init=False, default_factory=list)  # and what stood before
    _touched: bool = field(init=False, default=False)  # whether the secondary themes of the draft are the labeller's
    _last_answer: float | None = field(init=False, default=None)
    _gaps: list[float] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        first: dict[Key, Item] = {}
        for item in self.items:
            first.setdefault(item.key, item)
        self.items = list(first.values())
        lines = list(self.lines)
        for place, record in latest(lines):
            self._check(place, record)
            if self._is_mine(record):
                self._mine[key_of(record)] = record
            elif record.get("role", "body") == "body" and record.get("theme"):
                self._others[key_of(record)].append(record)
        for _, record in lines:
            if self._is_mine(record):
                change = self._postponed.add if record.get("skipped") else self._postponed.discard
                change(key_of(record))
        self._places = {item.key: position for position, item in enumerate(self.items)}
        self._history = [(self._places[key], None) for key in self._mine if key in self._places]
        self._open(self._next())

    def _check(self, place: str, record: Record) -> None:
        """Raise `LabelError` if an answer of this labeller has a theme that is not on the list."""
        if self._is_mine(record) and record.get("theme") not in self.themes:
            found, expected = f"主题是 {record.get('theme')!r}", "、".join(self.themes) + "之一"
            raise LabelError(place, found=found, expected=expected, advice="用同一套主题的模型（--model）再试")

    def _is_mine(self, record: Record) -> bool:
        if self.labeller.settles:
            return bool(record.get("adjudicated"))
        return labeller_of(record) == self.labeller.name and not record.get("adjudicated")

    @property
    def item(self) -> Item | None:
        """The paragraph in hand."""
        return None if self.position is None else self.items[self.position]

    @property
    def answered(self) -> Answer | None:
        """What this labeller has answered for the paragraph in hand."""
        record = self._mine.get(self.item.key) if self.item else None
        return answer_of(record) if record else None

    @property
    def others(self) -> list[tuple[str, Answer]]:
        """What others have answered for it; nothing for who labels blind."""
        if self.item is None or self.labeller.blind:
            return []
        return [(labeller_of(record), answer_of(record)) for record in self._others[self.item.key]]

    @property
    def progress(self) -> Progress:
        """How far the work is."""
        answers = [record for key, record in self._mine.items() if key in self._places]
        proposed = [record for record in answers if record.get("proposed")]
        minutes = sum(self._gaps) / 60
        return Progress(
            done=len(answers),
            left=len(self.items) - len(answers),
            skipped=len(self._skipped),
            per_minute=len(self._gaps) / minutes if minutes >= MIN_MINUTES else None,
            compared=len(proposed),
            agreed=sum(record["proposed"].get("theme") == record["theme"] for record in proposed),
        )

    def answer(self, theme: str = "") -> Answer | None:
        """Save an answer and go on: this theme, or without one the draft as it is. None if nothing is chosen.

        A theme given here comes with the secondary themes that the labeller chose, not with those of the proposal.
        """
        also = self.draft.also if self._touched or not theme else ()
        theme = theme or self.draft.theme
        if self.position is None or not theme:
            return None
        answer = replace(self.draft, theme=theme, also=tuple(each for each in also if each != theme))
        item = self.items[self.position]
        before = self._mine.get(item.key)
        self._write(self._answered(item, answer, before))
        self._history.append((self.position, before))
        self._skipped.discard(item.key)
        self._time()
        self._open(self._next())
        return answer

    def toggle(self, theme: str) -> bool:
        """Add a secondary theme to the draft, or take it away. False for 其他, which cannot be one."""
        if self.position is None or theme == OTHER:
            return False
        also = set(self.draft.also) ^ {theme}
        self.draft = replace(self.draft, also=tuple(each for each in self.themes if each in also))
        self._touched = True
        return True

    def doubt(self) -> None:
        """Say that the labeller is unsure, or no longer."""
        self.draft = replace(self.draft, unsure=not self.draft.unsure)

    def comment(self, text: str) -> None:
        """Put a comment to the draft; it is saved with the answer."""
        self.draft = replace(self.draft, comment=text.strip())

    def skip(self) -> None:
        """Go on without an answer. What was skipped comes again last at the next start; an answer stays."""
        if self.position is None:
            return
        key = self.items[self.position].key
        if key not in self._mine:
            about = self._about(self.items[self.position])
            self._write(about | {"undone": True, "skipped": True, "comment": self.draft.comment})
            self._history.append((self.position, None))
            self._skipped.add(key)
        self._open(self._next())

    def undo(self) -> Item | None:
        """Take the last answer back, or the last skip, and return to its paragraph with the answer as a draft."""
        if not self._history:
            return None
        position, before = self._history[-1]
        item = self.items[position]
        undone = self._mine.get(item.key)
        taken_back = self._about(item) | {"undone": True}
        self._write(taken_back if before is None else dict(before) | {"labelled_at": _now()})
        self._history.pop()
        self._skipped.discard(item.key)
        self._postponed.discard(item.key)
        self._open(position)
        if undone is not None:
            self.draft, self._touched = answer_of(undone), True
        return item

    def search(self, words: str) -> bool:
        """Go to the next paragraph that holds these words in its text, headings, document or comment."""
        words = words.casefold()
        start = -1 if self.position is None else self.position
        for step in range(1, len(self.items) + 1):
            position = (start + step) % len(self.items)
            item = self.items[position]
            comment = str(self._mine.get(item.key, {}).get("comment") or "")
            if words in "\n".join((item.text, *item.path, item.document, comment)).casefold():
                self._open(position)
                return True
        return False

    def reopen(self) -> None:
        """Drop what was chosen for the paragraph in hand and not saved."""
        self._open(self.position)

    def _next(self) -> int | None:
        """The next paragraph without an answer, after the one in hand, then from the start; those skipped last."""
        start = -1 if self.position is None else self.position
        order = ((start + step) % len(self.items) for step in range(1, len(self.items) + 1))
        postponed = None
        for position in order:
            key = self.items[position].key
            if key not in self._mine and key not in self._skipped:
                if key not in self._postponed:
                    return position
                postponed = position if postponed is None else postponed
        return postponed

    def _open(self, position: int | None) -> None:
        self.position, self._touched = position, False
        self.proposal = self.propose(self.items[position]) if position is not None else None
        if self.answered is not None:
            self.draft, self._touched = self.answered, True
        elif self.proposal is not None:
            self.draft = Answer(self.proposal.tag.theme, self.proposal.tag.also)
        else:
            self.draft = Answer()

    def _time(self) -> None:
        now = self.seconds()
        if self._last_answer is not None:
            self._gaps.append(min(now - self._last_answer, PAUSE))
        self._last_answer = now

    def _write(self, record: dict[str, Any]) -> None:
        """Put a line on disk, then remember it."""
        self.save(record)
        if record.get("undone"):
            self._mine.pop(key_of(record), None)
        else:
            self._mine[key_of(record)] = record

    def _about(self, item: Item) -> dict[str, Any]:
        about = {
            "text": item.text,
            "document": item.document,
            "source": "",
            "title": item.title,
            "headings": list(item.headings),
            "labeller": self.labeller.name,
            "labelled_at": _now(),
        }
        return about | ({"adjudicated": True} if self.labeller.settles else {})

    def _answered(self, item: Item, answer: Answer, before: Record | None) -> dict[str, Any]:
        proposed = self.proposal and {
            "theme": self.proposal.tag.theme,
            "also": list(self.proposal.tag.also),
            "probability": round(self.proposal.tag.probability, 4),
            "uncertain": self.proposal.tag.uncertain,
        }
        return self._about(item) | {
            "theme": answer.theme,
            "also": list(answer.also),
            "unsure": answer.unsure,
            "comment": answer.comment,
            "blind": self.labeller.blind,
            "model_id": self.proposal.model_id if self.proposal else "",
            "proposed": proposed,
            "supersedes": str(before.get("labelled_at") or "") if before else "",
        }


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
