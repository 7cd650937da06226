"""The year of a document: from its date, its number, its title or its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tagger.records import Role

EARLIEST, LATEST = 1949, 2099
DIGITS = {digit: str(value) for value, digits in enumerate(("〇○零0", *"一二三四五六七八九")) for digit in digits}
CHINESE = re.compile(rf"(?<![{''.join(DIGITS)}])[{''.join(DIGITS)}]{{4}}(?=年)")
IN_TEXT = re.compile(r"(?<!\d)(\d{4})(?=年|[-./]\d|[\]〕）)])")  # 2023年, 2023.12, 〔2023〕: not 2000亩
IN_NAME = re.compile(r"(?<!\d)(\d{4})(?:(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])?)?(?!\d)")  # also 2023, 202312, 20231205
PLACES: tuple[Role, ...] = ("date", "number", "title")  # what says it best comes first


def year_of(file: str, lines: Iterable[tuple[Role, str]]) -> int | None:
    """The year of a document with this name and these lines, each with its role; None if nothing says it."""
    lines = list(lines)
    for place in PLACES:
        for role, text in lines:
            if role == place:
                for year in _years(text, IN_TEXT):
                    return year
    for part in reversed(re.split(r"[/\\]", file)):  # the name itself, then the folders, from the innermost
        for year in _years(part, IN_NAME):
            return year
    return None


def _years(text: str, pattern: re.Pattern[str]) -> Iterator[int]:
    """The years in a text, in its order."""
    text = CHINESE.sub(lambda found: "".join(DIGITS[digit] for digit in found[0]), text)
    return (year for year in map(int, pattern.findall(text)) if EARLIEST <= year <= LATEST)
