"""Names: lines that name an office or a person, as under a title or at the end of a document."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tagger.outline.endings import is_bare
from tagger.outline.forms import DATE, form_of
from tagger.outline.pieces import Piece

OFFICE = re.compile(
    r"[（(]?.+(?:[局委办部厅处科室组会院站所队社校馆联协团班]|政府|中心|公司|集团|[大中小]学|幼儿园|街道|银行|法庭)[）)]?"
)
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊"
    "金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
POST = "书记|主任|[省市县区乡镇局厅处科部院校会所站社]长|主席|教授|经理|董事长"
PERSON = re.compile(
    rf".{{2,24}}[ ].{{1,3}}(?:[ ].)?|[（(]?.{{0,12}}某[）)]?|.{{0,26}}(?:{POST})"
    rf"|[（(]?.{{2,24}}(?:编|编印|供稿)[）)]?|(?!方案|文件|任务)[{SURNAMES}] ?[\u4e00-\u9fff]{{1,2}}"
)
SPREAD = re.compile(r"\S(?: \S){3,}")  # letters of a title that stand apart
MAX_NAME = 30
MAX_NAMES = 4  # names, one under another, before a date


def is_name(text: str) -> bool:
    """Whether a text is the name of an office or a person."""
    if len(text) > MAX_NAME or "的" in text or "由" in text or SPREAD.fullmatch(text):
        return False
    return bool(OFFICE.fullmatch(text) or PERSON.fullmatch(text))


def signs(pieces: Sequence[Piece], index: int) -> bool:
    """Whether a piece is a name under a document: only names follow up to a date or the end."""
    if stands_on_date(pieces, index):
        return True
    if not is_name(pieces[index].text):
        return False
    for below in range(index + 1, min(index + 1 + MAX_NAMES, len(pieces))):
        text = pieces[below].text
        if form_of(text) in ("date", "copy"):
            break
        if not is_name(text) and not stands_on_date(pieces, below):
            return False
    return True


def stands_on_date(pieces: Sequence[Piece], index: int) -> bool:
    """Whether a piece is short and bare, and a date follows."""
    piece, below = pieces[index], pieces[index + 1 : index + 2]
    if not below or len(piece.text) > MAX_NAME or not is_bare(piece.text):
        return False
    return DATE.fullmatch(below[0].text) is not None
