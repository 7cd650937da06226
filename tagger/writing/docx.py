"""The user's own Word file with the answers in it: a colour for each theme, and a comment that says why.

Nothing is written anew: marks are put into the bytes of the parts that need them, all else stays as it was.
"""

from __future__ import annotations

import copy
import html
import io
import posixpath
import re
import sys
import zipfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from operator import attrgetter, itemgetter
from xml.etree.ElementTree import Element
from xml.parsers import expat  # safe here: the reader has refused entities before

from defusedxml.ElementTree import fromstring

from tagger.errors import InputError
from tagger.reading.docx import (
    BREAKS,
    DAMAGE,
    DELETED,
    FALLBACK,
    STRICT,
    TRANSITIONAL,
    W,
    _Counters,
    _number,
    _Page,
    _part,
    _Styles,
    read_docx,
    refuse_large,
)
from tagger.records import Explanation, TaggedDocument
from tagger.writing.colours import FILLS, PLAIN_FILL
from tagger.writing.rows import NEARLY_SURE, Row, rows_of

AUTHOR = "tagger"
MAX_ARCHIVE_BYTES = 2**30  # unpacked: every part is packed anew, so a ZIP bomb among the pictures would count too
MAX_COPIED_BYTES = 2**16  # tags and properties of a run that may be cut: each piece gets them; real ones are short
BOX_WORDS = 24  # of a text box, so that its comment, which stands beside the box, says what it speaks of

DOCUMENT, RELATIONS, TYPES = "word/document.xml", "word/_rels/document.xml.rels", "[Content_Types].xml"
RELATION_URI = "http://schemas.openxmlformats.org/package/2006/relationships"
RELATIONS_URI = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_RELATIONS = "http://purl.oclc.org/ooxml/officeDocument/relationships"
COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.comments+xml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

SKIPPED = DELETED | {FALLBACK, W + "pPr", W + "txbxContent"}  # what the reader leaves out of a paragraph's own text
OWN_COLOURS = (W + "shd", W + "highlight")
AFTER_SHADING = frozenset(  # Word wants the properties of a run in the order of the schema
    {W + "fitText", W + "vertAlign", W + "rtl", W + "cs", W + "em", W + "lang", W + "eastAsianLayout"}
    | {W + "specVanish", W + "oMath", W + "rPrChange"}
)
START_TAG = re.compile(rb"<([^\s/>]+)(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>")
ENCODING = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*[\"']([\w.-]+)")
UTF16 = {b"\xff\xfe": "utf-16-le", b"<\0": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\0<": "utf-16-be"}
KEEPS_BLANKS = re.compile(rb"\sxml:space\s*=")


def annotate_docx(content: bytes, document: TaggedDocument, explain: Callable[[str, str], Explanation]) -> bytes:
    """Colour the tagged paragraphs of a Word file and give each a comment.

    `document` is what was read from `content` and tagged; `explain(text, theme)` gives the reasons.

    Runs that have a colour of their own keep it. Raises `InputError` if `content` is damaged, or is not the file that
    `document` came from.
    """
    name = document.source.name
    if read_docx(name, content) != document.source:
        raise InputError(
            name, found="文件和标注结果对不上", expected="标注时读的那一份 .docx", advice="用现在的文件重新标注"
        )
    rows = list(rows_of(document, explain))
    if not rows:
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _repacked(name, archive, _changed_parts(name, archive, rows))
    except DAMAGE as error:
        raise InputError(
            name, found="Word 文件已损坏或加密", expected="完整的 .docx", advice="用 Word 或 WPS 打开后另存一份再试"
        ) from error


def _changed_parts(name: str, archive: zipfile.ZipFile, rows: Sequence[Row]) -> dict[str, bytes]:
    """The parts that are new or have changed."""
    walk = _Walk(
        _Styles(_part(name, archive, "word/styles.xml")), _Counters(_part(name, archive, "word/numbering.xml"))
    )
    document = _Xml(name, archive, DOCUMENT)
    for body in document.root.findall(W + "body"):
        walk.add_blocks(body, place="")
    strict = STRICT in document.xml
    namespace = (STRICT if strict else TRANSITIONAL).decode()
    relations = _Xml(name, archive, RELATIONS, empty=f'<Relationships xmlns="{RELATION_URI}"></Relationships>')
    types = _Xml(name, archive, TYPES)
    place = _comments_place(archive, relations, STRICT_RELATIONS if strict else RELATIONS_URI)
    comments = _Xml(name, archive, place, empty=f'<w:comments xmlns:w="{namespace}"></w:comments>')

    marking = _Marking(document, walk.leaves, namespace)
    written: list[str] = []
    for number, row in enumerate(rows, start=_next_id(document.root, comments.root)):
        leaves = walk.leaves_of(row)
        if leaves:  # none if the reader gave a part of the file twice: it has its comment
            marking.mark(row, leaves, number)
            written.append(_comment(row, number, namespace, in_box=leaves[0].host is not None))
    marking.finish()
    comments.append("".join(written))
    _declare_type(types, "/" + place)
    parts = (document, comments, relations, types)
    return {part.name: part.written() for part in parts if part.edits or part.is_new}


def _repacked(name: str, archive: zipfile.ZipFile, changed: dict[str, bytes]) -> bytes:
    parts = {info.filename: info for info in archive.infolist()}  # of two with one name the last counts
    refuse_large(name, sum(info.file_size for info in parts.values()), MAX_ARCHIVE_BYTES)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.comment = archive.comment
        for part, info in parts.items():
            packed.writestr(copy.copy(info), changed[part] if part in changed else archive.read(info))
        for part in changed.keys() - parts.keys():
            packed.writestr(zipfile.ZipInfo(part), changed[part], zipfile.ZIP_DEFLATED)
    return target.getvalue()


# The comments part and its place in the package


def _comments_place(archive: zipfile.ZipFile, relations: _Xml, uri: str) -> str:
    """The name of the comments part; where there is none, a new one is related to the document."""
    for relation in relations.root:
        if relation.get("Type") in (RELATIONS_URI + "/comments", STRICT_RELATIONS + "/comments"):
            return posixpath.normpath(posixpath.join("/word", relation.get("Target", ""))).lstrip("/")
    taken, ids = set(archive.namelist()), {relation.get("Id") for relation in relations.root}
    names = (f"comments{number or ''}.xml" for number in count())
    file = next(name for name in names if f"word/{name}" not in taken)
    key = next(key for key in map("rIdTagger{}".format, count(1)) if key not in ids)
    relations.append(f'<{relations.prefix}Relationship Id="{key}" Type="{uri}/comments" Target="{file}"/>')
    return f"word/{file}"


def _declare_type(types: _Xml, part: str) -> None:
    if not any(each.get("PartName", "").lower() == part.lower() for each in types.root):
        types.append(f'<{types.prefix}Override PartName="{part}" ContentType="{COMMENTS_TYPE}"/>')


def _next_id(document: Element, comments: Element) -> int:
    """The first number above those of all comments, and of what is left in the text of comments that are gone."""
    marks = (element for element in document.iter() if element.tag.startswith(W + "comment"))
    ids = (_number(element.get(W + "id")) for element in (*comments.iter(W + "comment"), *marks))
    return max((number for number in ids if number is not None), default=-1) + 1


def _comment(row: Row, number: int, namespace: str, *, in_box: bool) -> str:
    sure = row.probability >= NEARLY_SURE
    lines = [f"主题：{row.theme}（概率{'超过 99%' if sure else f' {row.probability:.0%}'}）"]
    if row.uncertain:
        lines.append("不确定，请人工核对")
    if row.also:
        lines.append("次要主题：" + "、".join(row.also))
    if row.reasons:
        lines.append("判定词：" + "、".join(reason.text for reason in row.reasons))
    if in_box:
        lines.append(f"文本框内：{row.text[:BOX_WORDS]}" + "…" * (len(row.text) > BOX_WORDS))
    start = f'<w:comment xmlns:w="{namespace}" w:id="{number}" w:author="{AUTHOR}" w:initials="{AUTHOR}">'
    return start + "".join(map(_comment_line, lines)) + "</w:comment>"


def _comment_line(line: str) -> str:
    """A paragraph of a comment, without the indent and the large letters that the text of the document may have."""
    layout = '<w:pPr><w:spacing w:before="0" w:after="0" w:line="240" w:lineRule="auto"/>'
    layout += '<w:ind w:firstLineChars="0" w:firstLine="0"/></w:pPr>'
    letters = '<w:rPr><w:sz w:val="18"/><w:szCs w:val="18"/></w:rPr>'
    return f'<w:p>{layout}<w:r>{letters}<w:t xml:space="preserve">{html.escape(line, quote=False)}</w:t></w:r></w:p>'


# Where the text of the source stands in the XML


@dataclass(frozen=True, slots=True)
class _Leaf:
    """An element that holds text, which begins at `start` in the text of the source."""

    start: int
    text: str
    first: int  # where its text without the blanks around it begins and ends
    last: int
    path: tuple[Element, ...]  # from the child of the paragraph down to the element
    host: Element | None  # the paragraph beside which the text box stands that the text is in

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def element(self) -> Element:
        return self.path[-1]

    @property
    def run(self) -> Element | None:
        return next((element for element in reversed(self.path) if element.tag == W + "r"), None)


@dataclass
class _Walk(_Page):
    """Reads the document once more, just as its reader does, and notes where each piece of text came from."""

    leaves: list[_Leaf] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)
    _seen: set[Element] = field(default_factory=set)

    def add_paragraph(self, paragraph: Element, *, place: str) -> None:
        self._open.append(paragraph)
        super().add_paragraph(paragraph, place=place)
        self._open.pop()

    def _add_line(self, text: str, *, level: int | None, place: str) -> None:
        paragraph = self._open[-1]
        if paragraph not in self._seen:
            self._seen.add(paragraph)
            paths = list(_paths(paragraph))
            texts = [BREAKS.get(path[-1].tag, path[-1].text or "") for path in paths]
            start = self.length + len(text) - sum(map(len, texts))  # the number of the paragraph stands in no element
            host = self._open[0] if len(self._open) > 1 else None
            for path, piece in zip(paths, texts, strict=True):
                first, last = start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
                self.leaves.append(_Leaf(start, piece, first, last, path, host))
                start += len(piece)
        super()._add_line(text, level=level, place=place)

    def leaves_of(self, row: Row) -> list[_Leaf]:
        """The leaves in which a paragraph stands."""
        first = max(bisect_right(self.leaves, row.start, key=attrgetter("start")) - 1, 0)
        after = bisect_left(self.leaves, row.end, key=attrgetter("start"))
        return [leaf for leaf in self.leaves[first:after] if leaf.end > row.start]


def _paths(parent: Element, path: tuple[Element, ...] = ()) -> Iterator[tuple[Element, ...]]:
    """The way down to each element whose text the reader takes for that of the paragraph, in its order."""
    for child in parent:
        if child.tag == W + "t" or child.tag in BREAKS:
            yield (*path, child)
        elif child.tag not in SKIPPED:
            yield from _paths(child, (*path, child))


# What is put into the document


@dataclass(frozen=True, slots=True)
class _Split:
    """A run is cut in two before position `at` of the source; `marker` goes between the halves."""

    at: int
    place: int  # in the bytes
    leaf: _Leaf | None  # the text that is itself cut, if the cut is not between two elements
    marker: bytes


class _Marking:
    """Puts colours and the anchors of comments into the document."""

    def __init__(self, document: _Xml, leaves: Sequence[_Leaf], namespace: str) -> None:
        self._xml = document
        declaration = f' xmlns:w="{namespace}"'
        self._namespace = "" if declaration.encode() in document.start_tag(document.root) else declaration
        self._fills: dict[Element, list[tuple[int, int, str]]] = defaultdict(list)
        self._splits: dict[Element, list[_Split]] = defaultdict(list)
        self._extents: dict[Element, tuple[int, int]] = {}  # where the text of a run, without blanks, begins and ends
        for leaf in leaves:
            if leaf.run is not None and leaf.first < leaf.last:
                first, _ = self._extents.get(leaf.run, (leaf.first, leaf.last))
                self._extents[leaf.run] = first, leaf.last

    def mark(self, row: Row, leaves: Sequence[_Leaf], number: int) -> None:
        """Colour a paragraph, and anchor comment `number` to it."""
        start = f'<w:commentRangeStart{self._namespace} w:id="{number}"/>'.encode()
        end = f'<w:commentRangeEnd{self._namespace} w:id="{number}"/>'
        end += f'<w:r{self._namespace}><w:commentReference w:id="{number}"/></w:r>'
        host = leaves[0].host
        if host is not None:  # Word has no comments in text boxes
            self._xml.insert(self._xml.span(host).close, start + end.encode())
        self._begin(leaves[0], row.start, b"" if host is not None else start)
        self._end(leaves[-1], row.end, b"" if host is not None else end.encode())
        for leaf in leaves:
            if leaf.run is not None:
                self._fills[leaf.run].append((row.start, row.end, FILLS.get(row.theme, PLAIN_FILL)))

    def _begin(self, leaf: _Leaf, at: int, marker: bytes) -> None:
        if at <= leaf.first:
            at = leaf.start
        has_text_before = leaf.run in self._extents and self._extents[leaf.run][0] < at
        if not (has_text_before and self._split(leaf, at, marker)):
            self._xml.insert(self._xml.span(leaf.path[0]).start, marker)

    def _end(self, leaf: _Leaf, at: int, marker: bytes) -> None:
        if at >= leaf.last:
            at = leaf.end
        has_text_after = leaf.run in self._extents and self._extents[leaf.run][1] > at
        if not (has_text_after and self._split(leaf, at, marker)):
            self._xml.insert(self._xml.end(leaf.path[0]), marker)

    def _split(self, leaf: _Leaf, at: int, marker: bytes) -> bool:
        """Cut the run of a leaf; false if `marker` has to go beside what the run stands in, or the run stays whole."""
        run = leaf.run
        if run is None or leaf.path[-2:-1] != (run,):
            return False
        copied = self._xml.start_tag(run), self._xml.start_tag(leaf.element), self._properties(run)
        place = self._place(leaf, at)
        if place is None or sum(map(len, copied)) > MAX_COPIED_BYTES:
            return False
        is_alone = leaf.path[0] is run  # else the run stands in a link, a tracked change or the like
        cut_leaf = leaf if leaf.start < at < leaf.end else None
        self._splits[run].append(_Split(at, place, cut_leaf, marker if is_alone else b""))
        return is_alone

    def _place(self, leaf: _Leaf, at: int) -> int | None:
        """The position in the bytes; None if it lies where a text cannot be cut."""
        if at == leaf.start:
            return self._xml.span(leaf.element).start
        if at == leaf.end:
            return self._xml.end(leaf.element)
        return self._xml.place_in_text(leaf.element, at - leaf.start)

    def finish(self) -> None:
        """Put in what changes the runs themselves."""
        for run in self._fills:
            splits = self._splits[run]
            bounds = [-1, *(split.at for split in splits), sys.maxsize]
            fills = [self._fill(run, *piece) for piece in pairwise(bounds)]
            self._colour(run, fills[0])
            self._cut(run, splits, fills[1:])

    def _fill(self, run: Element, start: int, end: int) -> str | None:
        """The colour of a piece of a run."""
        fills = self._fills[run]
        index = bisect_right(fills, start, key=itemgetter(1))
        return fills[index][2] if index < len(fills) and fills[index][0] < end else None

    def _colour(self, run: Element, fill: str | None) -> None:
        properties = run.find(W + "rPr")
        coloured = self._properties(run, fill)
        if properties is not None:
            self._xml.edits.append((self._xml.span(properties).start, self._xml.end(properties), coloured))
        elif coloured:
            self._xml.insert(self._xml.span(run).start + len(self._xml.start_tag(run)), coloured)

    def _cut(self, run: Element, splits: Sequence[_Split], fills: Sequence[str | None]) -> None:
        xml = self._xml
        name, tag = xml.tag_name(run), xml.start_tag(run)
        cut_before: Element | None = None
        for split, fill in zip(splits, fills, strict=True):
            ending, beginning = b"</" + name + b">", tag + self._properties(run, fill)
            if split.leaf is not None:
                text = split.leaf.element
                keeping = _keeping_blanks(xml.start_tag(text))
                ending, beginning = b"</" + xml.tag_name(text) + b">" + ending, beginning + keeping
                if text is not cut_before and split.leaf.text[split.at - split.leaf.start - 1].isspace():
                    start = xml.span(text).start
                    xml.edits.append((start, start + len(xml.start_tag(text)), keeping))
                cut_before = text
            xml.insert(split.place, ending + split.marker + beginning)

    def _properties(self, run: Element, fill: str | None = None) -> bytes:
        """The properties of a run as they stand in the file, with a colour if they have none of their own."""
        properties = run.find(W + "rPr")
        shading = f'<w:shd{self._namespace} w:val="clear" w:color="auto" w:fill="{fill}"/>'.encode()
        if properties is None:
            return b"" if fill is None else f"<w:rPr{self._namespace}>".encode() + shading + b"</w:rPr>"
        if fill is None or any(properties.find(colour) is not None for colour in OWN_COLOURS):
            return self._xml.source(properties)
        after = (each for each in properties if each.tag in AFTER_SHADING or not each.tag.startswith(W))
        follower = next(after, None)
        span = self._xml.span(properties)
        position = span.close if follower is None else self._xml.span(follower).start
        return self._xml.with_content(properties, position, shading)


def _keeping_blanks(tag: bytes) -> bytes:
    """The start tag of a text that may begin or end with a blank."""
    return tag if KEEPS_BLANKS.search(tag) else tag[:-1] + b' xml:space="preserve">'


# Where the elements stand in the bytes


@dataclass(slots=True)
class _Span:
    """Where an element stands: its start tag begins at `start`, its end tag at `close` (an empty tag ends there)."""

    start: int
    close: int = 0
    chunks: list[tuple[int, int, str]] = field(default_factory=list)  # its text: from which character, position, text
    has_cdata: bool = False


class _Xml:
    """An XML part, and what is put into its bytes. An absent part starts as `empty`, if that is given."""

    def __init__(self, name: str, archive: zipfile.ZipFile, part: str, *, empty: str = "") -> None:
        self.name = part
        root = _part(name, archive, part)
        self.is_new = root is None
        if root is None and not empty:
            raise InputError(
                name,
                found=f"Word 文件缺少 {part}",
                expected="完整的 .docx",
                advice="用 Word 或 WPS 打开后另存一份再试",
            )
        raw = (DECLARATION + empty).encode() if root is None else archive.read(part)
        self._codec = _codec(raw)
        self.xml = raw.decode(self._codec).encode()
        self.root: Element = fromstring(self.xml) if root is None else root
        self._spans = dict(zip(self.root.iter(), _spans(self.xml), strict=True))
        self.edits: list[tuple[int, int, bytes]] = []  # from, to, what stands there instead

    @property
    def prefix(self) -> str:
        """The prefix of the name of the root, with its colon."""
        prefix, colon, _ = self.tag_name(self.root).rpartition(b":")
        return (prefix + colon).decode()

    def span(self, element: Element) -> _Span:
        return self._spans[element]

    def start_tag(self, element: Element) -> bytes:
        return self._start_tag(element)[0]

    def tag_name(self, element: Element) -> bytes:
        return self._start_tag(element)[1]

    def _start_tag(self, element: Element) -> re.Match[bytes]:
        found = START_TAG.match(self.xml, self._spans[element].start)
        if found is None:
            raise ValueError(self.name)
        return found

    def end(self, element: Element) -> int:
        """The position after an element."""
        close = self._spans[element].close
        return close if self.start_tag(element).endswith(b"/>") else self.xml.index(b">", close) + 1

    def source(self, element: Element) -> bytes:
        return self.xml[self._spans[element].start : self.end(element)]

    def insert(self, position: int, inserted: bytes) -> None:
        self.edits.append((position, position, inserted))

    def with_content(self, element: Element, position: int, inserted: bytes) -> bytes:
        """The element, with something put in at a position of its content."""
        source, tag = self.source(element), self.start_tag(element)
        if tag.endswith(b"/>"):
            return tag[:-2] + b">" + inserted + b"</" + self.tag_name(element) + b">"
        position -= self._spans[element].start
        return source[:position] + inserted + source[position:]

    def place_in_text(self, element: Element, index: int) -> int | None:
        """The position of a character of an element's text; None if the text cannot be cut there."""
        span = self._spans[element]
        if span.has_cdata or len(element):
            return None
        start, position, chunk = span.chunks[bisect_right(span.chunks, index, key=itemgetter(0)) - 1]
        return position + len(chunk[: index - start].encode())

    def append(self, inserted: str) -> None:
        """Put something in at the end of the root."""
        close, tag = self._spans[self.root].close, self.start_tag(self.root)
        if tag.endswith(b"/>"):
            name = self.tag_name(self.root)
            self.edits.append((close - 2, close, b">" + inserted.encode() + b"</" + name + b">"))
        else:
            self.insert(close, inserted.encode())

    def written(self) -> bytes:
        """The bytes of the part with all edits made; of several at one position the earlier made stands first."""
        pieces, position = [], 0
        for start, end, inserted in sorted(self.edits, key=lambda edit: edit[0]):
            pieces += [self.xml[position:start], inserted]
            position = end
        return b"".join((*pieces, self.xml[position:])).decode().encode(self._codec)


def _codec(xml: bytes) -> str:
    declared = ENCODING.match(xml)
    return UTF16.get(xml[:2]) or (declared[1].decode() if declared else "utf-8")


def _spans(xml: bytes) -> list[_Span]:
    """The spans of all elements, in the order of their start tags."""
    spans: list[_Span] = []
    open_spans: list[_Span] = []
    parser = expat.ParserCreate("utf-8")

    def start(_name: str, _attributes: dict[str, str]) -> None:
        open_spans.append(_Span(parser.CurrentByteIndex))
        spans.append(open_spans[-1])

    def end(_name: str) -> None:
        open_spans.pop().close = parser.CurrentByteIndex

    def text(data: str) -> None:
        chunks = open_spans[-1].chunks
        start = chunks[-1][0] + len(chunks[-1][2]) if chunks else 0
        chunks.append((start, parser.CurrentByteIndex, data))

    def cdata() -> None:
        open_spans[-1].has_cdata = True

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartCdataSectionHandler = text, cdata
    parser.Parse(xml, True)  # noqa: FBT003 - expat's own signature
    return spans
