"""How much one file may ask of us. What asks for more is a mistake or an attack, and is refused with a sentence.

With these limits the memory for any one file stays below 1 GiB (`tests/test_reading_hostile.py` measures it). The
environment variable `TAGGER_LIMITS` makes all of them as many times as large as it says, the memory likewise.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields

from tagger.errors import InputError, UsageError

VARIABLE = "TAGGER_LIMITS"
MB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits, each some ten times what the largest sound document of an office comes to."""

    file_bytes: int = 256 * MB  # as it lies on the disk, or in an archive; scans have the largest files
    part_bytes: int = 64 * MB  # of one part unpacked; the text of a thousand pages in .docx has some 20 MB
    parts_bytes: int = 128 * MB  # of all parts unpacked, one after the other
    elements: int = 2_000_000  # in one part; as a tree each takes 100 to 320 bytes (ElementTree, lxml, pypdf: measured)
    characters: int = 10_000_000  # fifty of the longest reports
    lines: int = 500_000  # a table of a hundred thousand rows; each costs a kilobyte until it is tagged
    pages: int = 2_000  # of .pdf and .ofd
    seconds: int = 120  # for a .pdf (some twenty pages a second), or LibreOffice with a .doc (a long report takes 5)
    members: int = 10_000  # of an archive and the archives in it
    members_bytes: int = 4096 * MB  # of all of them, one after the other


DEFAULT = Limits()


def limits() -> Limits:
    """The limits that hold now. Raises `UsageError` if the environment variable is no number above 0."""
    spelled = os.environ.get(VARIABLE)
    if not spelled:
        return DEFAULT
    try:
        times = float(spelled)
    except ValueError:
        times = 0
    if not 0 < times < math.inf:
        raise UsageError(
            f"环境变量 {VARIABLE}", found=f"是“{spelled}”", expected="大于 0 的数，例如 2", advice="改正它，或者删除它"
        )
    return Limits(**{field.name: math.ceil(times * getattr(DEFAULT, field.name)) for field in fields(DEFAULT)})


def too_large(name: str, found: str, expected: str) -> InputError:
    """The error for a file that asks for too much."""
    advice = f"把文件分成几份，或设环境变量 {VARIABLE}=2 把限制放宽一倍（内存也要多一倍）再试"
    return InputError(name, found=found, expected=expected, advice=advice)


def check_bytes(name: str, size: int, most: int) -> None:
    """Raise `InputError` if what is to be unpacked is too large."""
    if size > most:
        raise too_large(name, f"展开后有 {_megabytes(size)}", f"不超过 {_megabytes(most)}")


def check_file(name: str, size: int) -> None:
    """Raise `InputError` if the file itself is too large."""
    most = limits().file_bytes
    if size > most:
        raise too_large(name, f"有 {_megabytes(size)}", f"不超过 {_megabytes(most)}")


def check_elements(name: str, markup: bytes, most: int | None = None) -> None:
    """Raise `InputError` if XML or HTML holds more elements and attributes than a tree should have."""
    most = limits().elements if most is None else most
    if markup.count(b"<") + 2 * markup.count(b"=") > 2 * most:  # an element has two tags, mostly
        raise too_large(name, "结构过于庞大", f"不超过 {most // 10_000} 万个元素")


def check_text(name: str, characters: int, lines: int = 0) -> None:
    """Raise `InputError` if the text of a document is too long."""
    most = limits()
    if characters > most.characters:
        raise too_large(name, "文字太多", f"不超过 {_ten_thousands(most.characters)}字")
    if lines > most.lines:
        raise too_large(name, "段落太多", f"不超过 {_ten_thousands(most.lines)}段")


def _megabytes(size: int) -> str:
    return f"{size / MB:.0f} MB" if size >= MB else f"{size} 字节"


def _ten_thousands(number: int) -> str:
    return f"{number // 10_000} 万" if number >= 10_000 else f"{number} "
