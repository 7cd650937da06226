"""The fonts of an RTF document: they say in which encoding the text is that is set in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SYMBOL_CHARSET = 2
# `\fcharset` of a font → its encoding; 0 and 1 (Western, default) stand before Chinese text too and say nothing
CHARSETS: Mapping[int, str] = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
CODE_PAGES: Mapping[int, str] = {
    437: "cp437",
    850: "cp850",
    874: "cp874",
    932: "cp932",
    936: "gb18030",
    949: "cp949",
    950: "cp950",
    10008: "gb18030",  # simplified Chinese on old Macs
    54936: "gb18030",
    65001: "utf-8",
    **{page: f"cp{page}" for page in range(1250, 1259)},
}
WESTERN = "cp1252"
DOCUMENT_ENCODINGS: Mapping[str, str] = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
MAX_STRAY_BYTES = 2  # bytes of Western letters or signs that may stand in a Chinese run; more is damage


@dataclass(slots=True)
class Fonts:
    """What the document and its font table say, word by word."""

    encoding: str = WESTERN  # of the document
    default: int | None = None
    _described: int | None = None
    _encodings: dict[int | None, str] = field(default_factory=dict)
    _symbols: set[int | None] = field(default_factory=set)

    def set_document(self, word: str, number: int | None) -> None:
        """Take what a control word says of the whole document."""
        if word == "deff":
            self.default = number
        elif word == "ansicpg":
            self.encoding = CODE_PAGES.get(number or 0, self.encoding)
        else:
            self.encoding = DOCUMENT_ENCODINGS.get(word, self.encoding)

    def describe(self, word: str, number: int | None) -> None:
        """Take a control word of the font table."""
        if word == "f":
            self._described = number
        elif word == "fcharset" and number == SYMBOL_CHARSET:
            self._symbols.add(self._described)
        elif word in {"fcharset", "cpg"}:
            encoding = (CHARSETS if word == "fcharset" else CODE_PAGES).get(number or 0)
            if encoding is not None:
                self._encodings[self._described] = encoding

    def is_symbol(self, font: int | None) -> bool:
        """Whether text in this font (None: the default) is signs, not letters."""
        return (self.default if font is None else font) in self._symbols

    def decoded(self, content: bytes, font: int | None) -> str | None:
        """Text in this font; None if it is in none of the encodings that it may be in."""
        own = self._encodings.get(self.default if font is None else font, self.encoding)
        is_stray = sum(byte > 0x7F for byte in content) <= MAX_STRAY_BYTES
        for encoding in (own, self.encoding, *([WESTERN] if is_stray else [])):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        return None
