"""The skeleton of a Chinese official document (GB/T 9704): which line is title, heading, body, signature.

`outline(source)` turns lines into paragraphs. It looks at nothing but numbers, punctuation, length and place in the
document and, where the file format knows them, heading levels. No character is lost: every paragraph says which slice
of the source it covers; only its `text` is cleaned of litter, page numbers, doubled blanks and hard line breaks.

Which line gets which role:

    number      份号, 密级, 紧急程度, 发文字号, 期号
    title       发文机关标志 (“某县人民政府文件”, “工作简报”), every line of the 标题 with its subtitle (——……), and
                the same again at the head of an 附件 or of a document that follows another
    date        成文日期, 题注 (“（2023年1月5日在……会议上）”), “时间：……” at the head of a record
    salutation  主送机关, 称呼, “各位代表！” between paragraphs, “此致 敬礼”
    heading     numbered lines with text of their own below; the heading sentence before its text on one line; short
                bare lines between paragraphs
    body        all other text; “一是……二是……” and “第一条……” stay in it
    attachment  附件说明, and the mark “附件1” above an 附件
    signature   the author under the title, 落款, 签发人, who was present, chaired and wrote the record; 签名：, 供稿：
    copy        附注 (“（此件公开发布）”, “（联系人：……）”), 抄送, 印发机关和印发日期
    cell        目录, rows of a table, lists of names (“组长：……”)
"""

from __future__ import annotations

from collections.abc import Iterator

from tagger.outline.items import items_of
from tagger.outline.litter import clean
from tagger.outline.pieces import pieces_of
from tagger.outline.skeleton import Skeleton
from tagger.records import Paragraph, Source

__all__ = ["clean", "outline"]


def outline(source: Source, *, items: bool = False) -> tuple[Paragraph, ...]:
    """Give every line of a document its role and its path of headings. Paragraphs are ordered and disjoint.

    With `items`, each item of a body paragraph such as “一是……；二是……”, “（1）……；（2）……” or “首先……其次……” is a
    paragraph of its own. What leads up to the first item goes with it, except whole sentences: these stand alone.
    """
    return tuple(_paragraphs(source, items=items))


def _paragraphs(source: Source, *, items: bool) -> Iterator[Paragraph]:
    for piece, role, headings in Skeleton(source.text, list(pieces_of(source))).parts():
        for part in items_of(source.text, piece) if items and role == "body" else (piece,):
            yield Paragraph(part.text, part.start, part.end, role, headings, part.place)
