"""Archives (.zip) and mails (.eml): the documents in them, one by one, also of archives in archives.

Nothing is unpacked to the disk, so that no name in an archive can do harm; one member at a time is in memory.
"""

from __future__ import annotations

import codecs
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from operator import itemgetter
from pathlib import PurePosixPath
from typing import BinaryIO

from tagger.errors import FormatError, InputError
from tagger.reading import DOCUMENT_SUFFIXES, content_of, documents, is_hidden, shown_name
from tagger.reading.html import DECLARED
from tagger.reading.limits import MB, check_file, limits, too_large
from tagger.reading.message import MESSAGE_DAMAGE, message_of, payload_of
from tagger.records import Source

MAX_DEPTH = 3  # archives in one another: a mail with a .zip that holds a .zip; more is a riddle or an attack
MAX_RATIO = 200  # how many times smaller a large member may be packed: Word's XML comes to 30, a bomb to 1000
MIN_SUSPICIOUS = 16 * MB  # small members may be packed as they like
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # what Windows, WPS, 7-Zip and macOS write
ENCRYPTED, NAME_IN_UTF8 = 0x1, 0x800  # flags of a member
RESOURCE_FORKS = "__MACOSX"
MAIL = "message/rfc822"
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError)


def read_archive(name: str, kind: str, file: BinaryIO, outer: Opened | None) -> Iterator[Source | InputError]:
    """The documents in an archive or mail that stands in the archives `outer`, if in any.

    What cannot be read comes as an error, and the rest goes on; when there is too much in all, this is the last error.
    """
    if outer is not None:
        yield from outer.documents(name, kind, file)
        return
    found = False
    try:
        for each in Opened().documents(name, kind, file):
            found = True
            yield each
    except InputError as error:
        yield error
    else:
        if not found:
            expected = "装着 " + "、".join(sorted(DOCUMENT_SUFFIXES)) + " 的压缩包或邮件"
            yield FormatError(name, found="里面没有文档", expected=expected, advice="换一个文件")


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive."""

    name: str
    content: bytes


@dataclass(slots=True)
class Opened:
    """An archive, those in it, and what was taken out of all of them so far."""

    depth: int = 0
    members: int = 0
    unpacked_bytes: int = 0

    def documents(self, name: str, kind: str, file: BinaryIO) -> Iterator[Source | InputError]:
        """The documents in one archive. Raises `InputError` if there are too many in all."""
        if self.depth == MAX_DEPTH:
            yield InputError(
                name, found=f"压缩包套了 {MAX_DEPTH} 层以上", expected=f"不超过 {MAX_DEPTH} 层", advice="先解压再试"
            )
            return
        self.depth += 1
        for member in self._in_zip(name, file) if kind == "zip" else self._in_mail(name, file):
            if isinstance(member, InputError):
                yield member
            else:
                yield from documents(member.name, io.BytesIO(member.content), self)
        self.depth -= 1

    def _take(self, name: str, size: int) -> None:
        most = limits()
        self.members += 1
        self.unpacked_bytes += size
        if self.members > most.members:
            raise too_large(name, f"里面有 {most.members} 个以上的文档", f"不超过 {most.members} 个")
        if self.unpacked_bytes > most.members_bytes:
            expected = f"不超过 {most.members_bytes // MB} MB"
            raise too_large(name, f"里面的文档展开后共有 {most.members_bytes // MB} MB 以上", expected)

    # Archives

    def _in_zip(self, name: str, file: BinaryIO) -> Iterator[_Member | InputError]:
        """The members that are documents by their names, in order of these."""
        try:
            archive = zipfile.ZipFile(file)
        except DAMAGE as error:
            yield _damaged(name, "压缩包", error)
            return
        with archive:
            members = [(_name_in_zip(member), member) for member in archive.infolist()]
            for inner, member in sorted(members, key=itemgetter(0)):
                if _is_document(inner):
                    self._take(name, member.file_size)
                    yield _unpacked(shown_name(f"{name}/{inner}"), archive, member)

    # Mails

    def _in_mail(self, name: str, file: BinaryIO) -> Iterator[_Member | InputError]:
        """The body, and the attachments that are documents by their names."""
        try:
            parts = list(_parts(message_of(name, content_of(name, file))))
            members = [*_body(parts), *map(_attachment, filter(_is_attachment, parts))]
        except InputError as error:
            yield error
            return
        except MESSAGE_DAMAGE as error:
            yield _damaged(name, "邮件", error)
            return
        for inner, content in members:
            if _is_document(inner):
                self._take(name, len(content))
                yield _Member(shown_name(f"{name}/{inner}"), content)


def _is_document(inner: str) -> bool:
    """Whether a member is one of the user's documents by its name."""
    parts = PurePosixPath(inner).parts
    hidden = any(is_hidden(part) for part in parts if part != "..") or RESOURCE_FORKS in parts
    return not hidden and not inner.endswith("/") and PurePosixPath(inner).suffix.lower() in DOCUMENT_SUFFIXES


def _name_in_zip(member: zipfile.ZipInfo) -> str:
    """The name as its writer meant it: UTF-8 where it says so or can only be, else that of Chinese Windows."""
    name = member.orig_filename
    if not member.flag_bits & NAME_IN_UTF8:  # the standard library has taken it for the code page of DOS
        name = _decoded(name.encode("cp437"), fallback=name)
    return name.replace("\\", "/")


def _decoded(raw: bytes, *, fallback: str) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return fallback


def _unpacked(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Member | InputError:
    size, packed = member.file_size, member.compress_size
    try:
        check_file(name, size)
        if size > MIN_SUSPICIOUS and size > MAX_RATIO * packed:
            return too_large(name, f"压缩到了原来的 {size // max(1, packed)} 分之一", "普通的文档")
        if member.flag_bits & ENCRYPTED:
            return InputError(name, found="加了密码", expected="没有加密的压缩包", advice="用密码解压后再试")
        if member.compress_type not in METHODS:
            return InputError(name, found="压缩方式不常见", expected="普通的 .zip", advice="解压后再试")
        return _Member(name, archive.read(member))
    except InputError as error:
        return error
    except DAMAGE as error:
        return _damaged(name, "压缩包里的这个文件", error)


def _damaged(name: str, what: str, cause: Exception) -> InputError:
    error = InputError(name, found=f"{what}已损坏或不完整", expected="完整的文件", advice="重新下载或导出后再试")
    error.__cause__ = cause
    return error


def _parts(message: Message) -> Iterator[Message]:
    """The parts of a mail; a mail in it is one."""
    parts = message.get_payload() if message.get_content_maintype() == "multipart" else None
    if isinstance(parts, list):
        for part in parts:
            if isinstance(part, Message):
                yield from _parts(part)
    else:
        yield message


def _is_attachment(part: Message) -> bool:
    named = part.get_filename() is not None or part.get_content_disposition() == "attachment"
    return named or part.get_content_type() == MAIL


def _body(parts: Sequence[Message]) -> Iterator[tuple[str, bytes]]:
    """What the mail itself says, as a page if it has one: the same as plain text is often cut into lines."""
    for kind, inner in (("text/html", "正文.html"), ("text/plain", "正文.txt")):
        for part in parts:
            if part.get_content_type() == kind and not _is_attachment(part):
                content = _in_utf8(payload_of(part) or b"", part.get_content_charset(""))
                if content.strip():
                    yield inner, content
                    return


def _in_utf8(content: bytes, charset: str) -> bytes:
    """Text with a mark that it is UTF-8, where the mail says what it is and is right; the readers find out the rest."""
    try:
        return codecs.BOM_UTF8 + content.decode(DECLARED[charset]).encode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return content


def _attachment(part: Message) -> tuple[str, bytes]:
    name = _spelled(part.get_filename() or "")
    inner = part.get_payload()
    if part.get_content_type() == MAIL and isinstance(inner, list) and isinstance(inner[0], Message):
        return name if name.lower().endswith(".eml") else f"{name or '转发的邮件'}.eml", inner[0].as_bytes()
    return name, payload_of(part) or b""


def _spelled(name: str) -> str:
    """The name of an attachment, also in the words of RFC 2047 (which it should not use) or in bare bytes."""
    try:
        words = decode_header(name)
    except HeaderParseError:
        return name
    return "".join(
        word if isinstance(word, str) else _decoded(word, fallback=word.decode("latin-1")) for word, _ in words
    )
