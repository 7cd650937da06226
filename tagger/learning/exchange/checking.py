"""Which entries of another program become labels: all that are sound, found in their documents and undisputed.

Nothing is guessed. An entry that could mean two things, or that says other than another one, is left out and listed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from tagger.errors import TaggerError
from tagger.learning.exchange.entries import Entry, Problem, squeezed
from tagger.learning.labelling import document_items
from tagger.themes import OTHER
from tagger.writing.jsonl import read_rows
from tagger.writing.xlsx import CUT

Answer: TypeAlias = tuple[str, frozenset[str]]
Line: TypeAlias = tuple[str, Mapping[str, Any]]  # its place and what it says

MODEL = "模型"  # the labeller of proposals that were taken as they are
NO_TEXT = "没有正文"
SHOWN_DOCUMENTS = 3  # in one message
ROLES = {
    "number": "发文字号",
    "title": "公文标题",
    "salutation": "主送机关",
    "heading": "小标题",
    "attachment": "附件说明",
    "signature": "落款",
    "date": "成文日期",
    "copy": "抄送",
    "cell": "表格里的短单元格",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A paragraph of a document; `theme` is that which the model proposed, where that is known."""

    document: str
    text: str
    title: str = ""
    headings: tuple[str, ...] = ()
    role: str = "body"
    theme: str = ""


def paragraphs_at(paths: Iterable[str | Path]) -> Iterator[Standing | TaggerError]:
    """The paragraphs of documents and folders, and those of a `paragraphs.jsonl`; what cannot be read as its error.

    Raises `InputError` if a path is missing or a `paragraphs.jsonl` cannot be read.
    """
    for path in paths:
        if Path(path).suffix.lower() == ".jsonl":
            yield from _recorded(path)
            continue
        for item in document_items([path]):
            if isinstance(item, TaggerError):
                yield item
            else:
                yield Standing(item.document, item.text, item.title, item.headings)


def _recorded(path: str | Path) -> Iterator[Standing]:
    title, before = "", ("", "")
    for row in read_rows(path):
        if row.file != before[0]:
            title = ""
        if row.role == "title":  # it may have several lines
            title = title + row.text if before == (row.file, "title") else row.text
        yield Standing(row.file, row.text, title, row.headings, row.role, row.theme or "")
        before = row.file, row.role


class Documents:
    """The paragraphs of documents, found by their texts."""

    def __init__(self, paragraphs: Iterable[Standing]) -> None:
        self._by_text: defaultdict[str, list[Standing]] = defaultdict(list)
        for each in paragraphs:
            self._by_text[squeezed(each.text)].append(each)

    def located(self, entry: Entry) -> Entry | Problem:
        """The entry as it stands in its document. Blanks do not count; a text that Excel cut is found by its start."""
        found = self._like(entry.text)
        if not entry.themes:
            return _check_proposal(entry, next((each for each in found if each.document == entry.document), None))
        standing = _standing(entry, found)
        if isinstance(standing, str):
            return Problem(entry.place, standing, entry.text)
        entry = replace(
            entry,
            text=standing.text,
            document=standing.document,
            title=standing.title,
            headings=standing.headings,
        )
        return _check_proposal(entry, standing)

    def _like(self, text: str) -> list[Standing]:
        if text.endswith(CUT):
            start = text.removesuffix(CUT)
            return [each for group in self._by_text.values() for each in group if each.text.startswith(start)]
        found = self._by_text.get(squeezed(text), [])
        return [each for each in found if each.text == text] or found


def _standing(entry: Entry, found: Sequence[Standing]) -> Standing | str:
    """Which of the paragraphs with its text an entry is about, or why that cannot be told."""
    if not entry.text.strip():
        return NO_TEXT
    if not found:
        return "正文改动过，或不在用来核对的文件里"
    bodies: dict[str, Standing] = {}
    for each in found:
        if each.role == "body":
            bodies.setdefault(each.document, each)
    names = "、".join(list(bodies)[:SHOWN_DOCUMENTS]) + ("等" if len(bodies) > SHOWN_DOCUMENTS else "")
    if not bodies:
        return f"这是{ROLES.get(found[0].role, found[0].role)}，不是正文"
    if entry.document:
        return bodies.get(entry.document, f"文件是“{entry.document}”，这段文字却在 {names} 里")
    if len(bodies) > 1:
        return f"没有写文件，{len(bodies)} 个文件里都有这段文字（{names}）"
    return next(iter(bodies.values()))


def _check_proposal(entry: Entry, standing: Standing | None) -> Entry | Problem:
    if standing is None or not standing.theme or entry.proposed in {"", standing.theme}:
        return entry
    why = f"“主题”一列是“{entry.proposed}”，标注时是“{standing.theme}”；要改主题，请写在“更正”里"
    return Problem(entry.place, why, entry.text)


def checked(entry: Entry, themes: Sequence[str], *, first_is_primary: bool = False) -> Entry | Problem:
    """The entry, if it is one that a label file may hold."""
    entry = replace(entry, themes=tuple(dict.fromkeys(entry.themes)))
    unknown = [theme for theme in entry.themes if theme not in themes]
    why = ""
    if not entry.themes:
        return entry
    if not entry.text.strip():
        why = NO_TEXT
    elif unknown:
        why = f"没有“{'”“'.join(unknown)}”这个主题；有的是：{'、'.join(themes)}"
    elif not entry.ordered and len(entry.themes) > 1 and not first_is_primary:
        why = f"选了{'、'.join(entry.themes)}，看不出哪个是主要的；如果都是先选主要的，加上 --first-is-primary"
    elif OTHER in entry.themes[1:]:
        why = f"{OTHER}不能作次要主题"
    elif entry.text.endswith(CUT):
        why = "正文太长，被 Excel 截短了；加上 --documents 原来的文件再读"
    return Problem(entry.place, why, entry.text) if why else entry


def undisputed(entries: Iterable[Entry | Problem]) -> list[Entry | Problem]:
    """The same with each that says other than another one turned into a problem, and none said twice.

    Of one text in one document there can be one label; a document that is not named may be any. What a model proposed
    gives way to what a person says.
    """
    entries = list(entries)
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, entry in enumerate(entries):
        if isinstance(entry, Entry) and entry.themes:
            groups[squeezed(entry.text)].append(number)
    left_out: set[int] = set()
    for numbers in groups.values():
        said: dict[tuple[str, Answer], Entry] = {}
        members = [(number, entry) for number in numbers if isinstance(entry := entries[number], Entry)]
        for _, entry in sorted(members, key=lambda member: member[1].weak):
            said.setdefault((entry.document, answer_of(entry)), entry)
        for number, entry in members:
            rivals = [
                other
                for (document, answer), other in said.items()
                if answer != answer_of(entry) and (document == entry.document or not (document and entry.document))
            ]
            rival = next((other for other in rivals if not other.weak), rivals[0] if rivals and entry.weak else None)
            if rival is None:
                left_out |= {number} if said[entry.document, answer_of(entry)] is not entry else set()
            elif entry.weak and not rival.weak:
                left_out.add(number)
            else:
                why = f"与 {rival.place} 是同一段文字，那里是{described(rival)}，这里是{described(entry)}"
                entries[number] = Problem(entry.place, why, entry.text)
    return [entry for number, entry in enumerate(entries) if number not in left_out]


def answer_of(entry: Entry) -> Answer:
    """What an entry says of its paragraph."""
    return entry.themes[0], frozenset(entry.themes[1:])


def described(entry: Entry) -> str:
    """The same in words."""
    return " 兼 ".join(entry.themes)


class LabelFile:
    """The labels of a file that count, to which others are to be added."""

    def __init__(self, labels: Iterable[Entry], settled: Iterable[tuple[str, str]] = ()) -> None:
        self._by_text: defaultdict[str, list[Entry]] = defaultdict(list)
        self._settled = frozenset(settled)  # document and text of paragraphs on which somebody decided
        for label in labels:
            if label.text:
                self._by_text[squeezed(label.text)].append(label)

    def added(self, entry: Entry, *, replaces: bool = False) -> dict[str, Any] | Problem | None:
        """The line that brings this entry into the file; None if there is nothing to add."""
        there = [
            label
            for label in self._by_text[squeezed(entry.text)]
            if label.document == entry.document or not (label.document and entry.document)
        ]
        others = [label for label in there if not _same(entry, label)]
        if not there:
            self._by_text[squeezed(entry.text)].append(entry)
            return _record(entry)
        if entry.weak or not (others or all(label.weak for label in there)):
            return None
        if others and not replaces:
            why = f"{others[0].place} 已标为{_told(others[0])}，这里是{_told(entry)}；要换掉那里的，加上 --replace"
            return Problem(entry.place, why, entry.text)
        if len({(label.document, label.text) for label in there}) > 1:
            why = f"标注文件里有 {len(there)} 段这样的文字，看不出该换哪一段；请写明文件"
            return Problem(entry.place, why, entry.text)
        return self._replacing(there, replace(entry, text=there[0].text, document=there[0].document))

    def _replacing(self, there: Sequence[Entry], entry: Entry) -> dict[str, Any]:
        """The line that counts in place of these: the labeller's next, or one that settles what others said."""
        same_text = self._by_text[squeezed(entry.text)]
        self._by_text[squeezed(entry.text)] = [*(label for label in same_text if label not in there), entry]
        own = all(label.labeller == entry.labeller for label in there)
        if own and (entry.document, entry.text) not in self._settled:
            return _record(entry) | {"supersedes": there[-1].labelled_at}
        return _record(entry) | {"adjudicated": True}


def _same(entry: Entry, label: Entry) -> bool:
    return answer_of(entry) == answer_of(label) and (entry.unsure is None or entry.unsure == bool(label.unsure))


def _told(entry: Entry) -> str:
    return described(entry) + ("（拿不准）" if entry.unsure else "")


def _record(entry: Entry) -> dict[str, Any]:
    record = {
        "text": entry.text,
        "document": entry.document,
        "source": entry.source,
        "title": entry.title,
        "headings": list(entry.headings),
        "labeller": entry.labeller,
        "labelled_at": entry.labelled_at,
        "theme": entry.themes[0],
        "also": list(entry.themes[1:]),
        "unsure": bool(entry.unsure),
        "comment": entry.comment,
        "imported": entry.place,
    }
    return record | ({"kind": entry.kind} if entry.kind else {}) | ({"weak": True} if entry.weak else {})


def signed(entry: Entry, labeller: str) -> Entry:
    """The entry with who labelled it and when, where the file does not say."""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return replace(
        entry,
        labeller=entry.labeller or (MODEL if entry.weak else labeller),
        labelled_at=entry.labelled_at or now,
    )
