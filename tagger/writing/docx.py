"""The user's own Word file with the answers in it: a colour for each theme, and a comment that says why.

Only the text part, the comments and what declares them are written anew; all other parts stay as they are.
"""

from __future__ import annotations

import copy
import io
import posixpath
import re
import shutil
import zipfile
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from operator import attrgetter
from typing import Any, TypeAlias

from lxml import etree

from tagger.errors import InputError
from tagger.reading.docx import (
    STRICT,
    TRANSITIONAL,
    Leaf,
    W,
    leaves_of,
    main_part,
    opened,
    parse_part,
    read_docx,
    whole_number,
)
from tagger.reading.limits import check_bytes, limits
from tagger.records import TaggedDocument
from tagger.themes import Theme
from tagger.writing.rows import NEARLY_SURE, Row, body_rows
from tagger.writing.shades import light

Element: TypeAlias = Any  # lxml ships no types

AUTHOR = "tagger"
UNPACKED = 4  # times the largest file: all parts are packed anew, and a ZIP bomb among the pictures would count too
MAX_COPIED_BYTES = 2**14  # of the properties of a run that is cut: each piece gets them; real ones are short
FIRST_WORDS = 24  # of a text box or note, as its comment stands beside it: says what it speaks of

TYPES = "[Content_Types].xml"
TYPE_NAMES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
RELATION_NAMES = "{http://schemas.openxmlformats.org/package/2006/relationships}"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_RELATIONS = "http://purl.oclc.org/ooxml/officeDocument/relationships"
COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.comments+xml"

ID, TEXT, RUN, PARAGRAPH = W + "id", W + "t", W + "r", W + "p"
BLANKS = "{http://www.w3.org/XML/1998/namespace}space"
UNWRITABLE = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")  # in XML
OWN_COLOURS = (W + "shd", W + "highlight")
AFTER_SHADING = frozenset(  # Word wants the properties of a run in the order of the schema
    {W + "fitText", W + "vertAlign", W + "rtl", W + "cs", W + "em", W + "lang", W + "eastAsianLayout"}
    | {W + "specVanish", W + "oMath", W + "rPrChange"}
)


def annotate_docx(content: bytes, document: TaggedDocument, rows: Sequence[Row], themes: Sequence[Theme]) -> bytes:
    """Colour the tagged paragraphs of a Word file and give each a comment.

    `document` is what was read from `content` and tagged, `rows` are its rows and `themes` those of the model. Text
    that has a colour of its own keeps it. Raises `InputError` if `content` is damaged, or is not the file that
    `document` came from.
    """
    name = document.source.name
    if read_docx(name, content) != document.source:
        raise InputError(
            name, found="文件和标注结果对不上", expected="标注时读的那一份 .docx", advice="用现在的文件重新标注"
        )
    tagged = list(body_rows(rows))
    if not tagged:
        return content
    fills = {theme.name: light(theme.colour).removeprefix("#") for theme in themes}
    with opened(name, content) as archive:
        return _repacked(name, archive, _changed_parts(name, archive, tagged, fills))


def _changed_parts(
    name: str, archive: zipfile.ZipFile, rows: Sequence[Row], fills: Mapping[str, str]
) -> dict[str, bytes]:
    """The parts that are new or have changed."""
    part = main_part(archive) or ""
    folder, file = posixpath.split(part)
    text = _opened_part(name, archive, part)
    relations = _opened_part(name, archive, f"{folder}/_rels/{file}.rels", RELATION_NAMES + "Relationships")
    types = _opened_part(name, archive, TYPES)
    place = _comments_place(archive, folder, relations, STRICT_RELATIONS if text.is_strict else RELATIONS)
    comments = _opened_part(name, archive, place, W + "comments")
    comments.is_strict |= text.is_strict
    _declare_type(types, "/" + place)

    leaves = leaves_of(name, archive, text.root)
    found = [(row, own) for row in rows if (own := _leaves_within(leaves, row))]
    first = _free_id(text.root, comments.root)
    for row, own in reversed(found):  # what a cut takes away is no longer needed
        _cut_out(row, own)
        if not own[0].in_note:  # of a note, only its mark stands here
            _colour(own, fills[row.theme or ""])
    for number, (row, own) in enumerate(found, start=first):
        _anchor(own, number)
        comments.root.append(_comment(row, number))
    changed = [text, comments, *(part for part in (relations, types) if len(part.root) > part.children)]
    return {part.name: part.written() for part in changed}


def _repacked(name: str, archive: zipfile.ZipFile, changed: Mapping[str, bytes]) -> bytes:
    parts = {info.filename: info for info in archive.infolist()}  # of two with one name the last counts
    check_bytes(name, sum(info.file_size for info in parts.values()), UNPACKED * limits().file_bytes)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.comment = archive.comment
        for part, info in parts.items():
            if part not in changed:
                with archive.open(info) as content, packed.open(copy.copy(info), "w") as place:
                    shutil.copyfileobj(content, place)  # without ever holding it whole
            else:
                packed.writestr(copy.copy(info), changed[part])
        for part in changed.keys() - parts.keys():
            packed.writestr(zipfile.ZipInfo(part), changed[part], zipfile.ZIP_DEFLATED)
    return target.getvalue()


# The comments part and its place in the package


@dataclass(slots=True)
class _Part:
    """An XML part that is to change."""

    name: str
    root: Element
    children: int  # of the root, as it was
    is_strict: bool  # the reader took its names for the usual ones

    def written(self) -> bytes:
        xml: bytes = etree.tostring(self.root, encoding="UTF-8", xml_declaration=True, standalone=True)
        return xml.replace(TRANSITIONAL, STRICT) if self.is_strict else xml


def _opened_part(name: str, archive: zipfile.ZipFile, part: str, empty: str = "") -> _Part:
    """A part as it is; an absent one begins with a root named `empty`, if that is given."""
    root = parse_part(name, archive, part)
    if root is not None:
        return _Part(part, root, len(root), is_strict=STRICT in archive.read(part))
    if not empty:
        advice = "用 Word 或 WPS 打开后另存一份再试"
        raise InputError(name, found=f"Word 文件缺少 {part}", expected="完整的 .docx", advice=advice)
    prefix = "w" if empty.startswith(W) else None
    return _Part(part, etree.Element(empty, nsmap={prefix: etree.QName(empty).namespace}), 0, is_strict=False)


def _comments_place(archive: zipfile.ZipFile, folder: str, relations: _Part, uri: str) -> str:
    """The name of the comments part; where there is none, a new one is related to the document."""
    for relation in relations.root:
        if relation.get("Type") in (RELATIONS + "/comments", STRICT_RELATIONS + "/comments"):
            return posixpath.normpath(posixpath.join("/" + folder, relation.get("Target", ""))).lstrip("/")
    taken, ids = set(archive.namelist()), {relation.get("Id") for relation in relations.root}
    names = (f"comments{number or ''}.xml" for number in count())
    file = next(name for name in names if f"{folder}/{name}" not in taken)
    key = next(key for key in map("rIdTagger{}".format, count(1)) if key not in ids)
    etree.SubElement(relations.root, RELATION_NAMES + "Relationship", Id=key, Type=f"{uri}/comments", Target=file)
    return f"{folder}/{file}"


def _declare_type(types: _Part, part: str) -> None:
    if not any(each.get("PartName", "").lower() == part.lower() for each in types.root):
        etree.SubElement(types.root, TYPE_NAMES + "Override", PartName=part, ContentType=COMMENTS_TYPE)


def _free_id(text: Element, comments: Element) -> int:
    """The first number above those of all comments, and of what is left in the text of comments that are gone."""
    kinds = ("comment", "commentRangeStart", "commentRangeEnd", "commentReference")
    found = (each for root in (text, comments) for each in root.iter(*(W + kind for kind in kinds)))
    ids = (whole_number(each.get(ID)) for each in found)
    return max((number for number in ids if number is not None), default=-1) + 1


def _comment(row: Row, number: int) -> Element:
    probability = row.probability or 0.0
    lines = [f"主题：{row.theme}（概率{'超过 99%' if probability >= NEARLY_SURE else f' {probability:.0%}'}）"]
    if row.uncertain:
        lines.append("不确定，请人工核对")
    if row.also:
        lines.append("次要主题：" + "、".join(row.also))
    if row.reasons:
        lines.append("判定词：" + "、".join(reason.text for reason in row.reasons))
    if row.place:
        lines.append(f"{row.place}：{row.text[:FIRST_WORDS]}" + "…" * (len(row.text) > FIRST_WORDS))
    comment = etree.Element(W + "comment", {ID: str(number), W + "author": AUTHOR, W + "initials": AUTHOR})
    comment.extend(map(_comment_line, lines))
    return comment


def _comment_line(line: str) -> Element:
    """A paragraph of a comment, without the indent and the large letters that the text of the document may have."""
    paragraph = etree.Element(PARAGRAPH)
    layout = etree.SubElement(paragraph, W + "pPr")
    etree.SubElement(layout, W + "spacing", _named(before="0", after="0", line="240", lineRule="auto"))
    etree.SubElement(layout, W + "ind", _named(firstLineChars="0", firstLine="0"))
    run = etree.SubElement(paragraph, RUN)
    letters = etree.SubElement(run, W + "rPr")
    for size in ("sz", "szCs"):
        etree.SubElement(letters, W + size, _named(val="18"))
    etree.SubElement(run, TEXT, {BLANKS: "preserve"}).text = UNWRITABLE.sub("?", line)
    return paragraph


def _named(**attributes: str) -> dict[str, str]:
    return {W + name: value for name, value in attributes.items()}


# What is put into the text


def _leaves_within(leaves: Sequence[Leaf], row: Row) -> list[Leaf]:
    """The pieces of text in which a paragraph stands."""
    first = max(bisect_right(leaves, row.start, key=attrgetter("start")) - 1, 0)
    after = bisect_left(leaves, row.end, key=attrgetter("start"))
    return [leaf for leaf in leaves[first:after] if leaf.start + len(leaf.text) > row.start]


def _cut_out(row: Row, leaves: list[Leaf]) -> None:
    """Cut the runs in which a paragraph begins and ends, where they hold text of others too."""
    _cut(leaves[-1], row.end - leaves[-1].start)
    leaves[0] = replace(leaves[0], element=_cut(leaves[0], row.start - leaves[0].start))


def _cut(leaf: Leaf, at: int) -> Element:
    """Let a run of its own begin at a character of a leaf, if there is text before and after it in the run.

    The element with which the later part begins is returned; if nothing was cut, that of the leaf.
    """
    element = leaf.element
    run, text = element.getparent(), element.text or "" if element.tag == TEXT else leaf.text
    if run.tag != RUN or not (
        _has_text(element, text[:at], before=True) and _has_text(element, text[at:], before=False)
    ):
        return element
    following = run.makeelement(RUN, run.attrib, run.nsmap)
    following.extend(map(copy.deepcopy, run.iterchildren(W + "rPr")))
    if len(etree.tostring(following, with_tail=False)) > MAX_COPIED_BYTES:
        return element
    later = list(element.itersiblings())
    if not text[:at].strip():
        later.insert(0, element)
    elif text[at:].strip():
        later.insert(0, _second_part(element, at))
    run.addnext(following)
    following.extend(later)
    return later[0]


def _has_text(element: Element, own: str, *, before: bool) -> bool:
    """Whether there is text in a part of the element, or in its run before or behind it."""
    return bool(own.strip()) or any((each.text or "").strip() for each in element.itersiblings(TEXT, preceding=before))


def _second_part(element: Element, at: int) -> Element:
    part = element.makeelement(element.tag, element.attrib, element.nsmap)
    element.text, part.text = element.text[:at], element.text[at:]
    for half in (element, part):
        half.set(BLANKS, "preserve")
    return part


def _colour(leaves: Sequence[Leaf], fill: str) -> None:
    """Lay a colour under the runs of some text, but for those that have one of their own."""
    for run in dict.fromkeys(run for leaf in leaves for run in islice(leaf.element.iterancestors(RUN), 1)):
        properties = run.find(W + "rPr")
        if properties is None:
            properties = run.makeelement(W + "rPr")
            run.insert(0, properties)
        if all(properties.find(colour) is None for colour in OWN_COLOURS):
            places = (place for place, each in enumerate(properties) if _comes_after_shading(each))
            shading = properties.makeelement(W + "shd", _named(val="clear", color="auto", fill=fill))
            properties.insert(next(places, len(properties)), shading)


def _comes_after_shading(property_: Element) -> bool:
    return property_.tag in AFTER_SHADING or not property_.tag.startswith(W)


def _anchor(leaves: Sequence[Leaf], number: int) -> None:
    """Anchor a comment where some text begins; to a text box or note, beside it, where alone Word allows comments.

    The range of the comment is empty: Word and LibreOffice would shade it, and the colour of the theme be lost.
    """
    start, end = (etree.Element(W + kind, {ID: str(number)}) for kind in ("commentRangeStart", "commentRangeEnd"))
    mark = etree.Element(RUN)
    etree.SubElement(mark, W + "commentReference", {ID: str(number)})
    for each in (start, end, mark):
        if leaves[0].host is None:
            leaves[0].path[0].addprevious(each)
        else:
            leaves[0].host.append(each)
