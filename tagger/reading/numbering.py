"""The numbers that Word generates (一、（一）1. …): not in a paragraph's text, but part of what a reader sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

DIGITS = "〇一二三四五六七八九"
STEMS = "甲乙丙丁戊己庚辛壬癸"
BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
ROMAN = {
    1000: "m",
    900: "cm",
    500: "d",
    400: "cd",
    100: "c",
    90: "xc",
    50: "l",
    40: "xl",
    10: "x",
    9: "ix",
    5: "v",
    4: "iv",
}
MAX_LEVELS = 9
MAX_NUMBER = 9999  # beyond it, only digits: nobody numbers so far in words


def chinese(number: int) -> str:
    """1 → 一, 10 → 十, 21 → 二十一, 105 → 一百〇五; up to 9999."""
    parts = []
    for power, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // power % 10
        if digit:
            parts.append(DIGITS[digit] + unit)
        elif parts and number % power:
            parts.append(DIGITS[0])
    text = re.sub("〇+", "〇", "".join(parts))
    return text[1:] if 10 <= number < 20 else text or DIGITS[0]


def chinese_digits(number: int) -> str:
    """12 → 一二."""
    return "".join(DIGITS[int(digit)] for digit in str(number))


def letters(number: int) -> str:
    """1 → a, 26 → z, 27 → aa, 28 → bb, as Word counts."""
    return chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def roman(number: int) -> str:
    """4 → iv."""
    text = ""
    for value, sign in (*ROMAN.items(), (1, "i")):
        text += sign * (number // value)
        number %= value
    return text


def circled(number: int) -> str:
    """1 → ①, up to 20."""
    return chr(ord("①") + number - 1) if 1 <= number <= 20 else str(number)


def zodiac(number: int) -> str:
    """1 → 子."""
    return BRANCHES[(number - 1) % 12]


def stem(number: int) -> str:
    """1 → 甲."""
    return STEMS[(number - 1) % 10]


FORMATS: Mapping[str, Callable[[int], str]] = {
    "chineseCounting": chinese,
    "chineseCountingThousand": chinese,
    "chineseLegalSimplified": lambda number: chinese(number).translate(
        str.maketrans("一二三四五六七八九十百千", "壹贰叁肆伍陆柒捌玖拾佰仟")
    ),
    "japaneseCounting": chinese,
    "taiwaneseCounting": chinese,
    "taiwaneseCountingThousand": chinese,
    "ideographDigital": chinese_digits,
    "taiwaneseDigital": chinese_digits,
    "ideographTraditional": stem,
    "ideographZodiac": zodiac,
    "decimal": str,
    "decimalZero": lambda number: f"{number:02d}",
    "decimalFullWidth": lambda number: str(number).translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    "decimalEnclosedCircle": circled,
    "decimalEnclosedCircleChinese": circled,
    "upperRoman": lambda number: roman(number).upper(),
    "lowerRoman": roman,
    "upperLetter": lambda number: letters(number).upper(),
    "lowerLetter": letters,
}
SILENT_FORMATS = frozenset({"bullet", "none"})


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a numbering: its format, the first number and the pattern in which `%1` is the number of level 1."""

    number_format: str
    start: int
    pattern: str


class Counter:
    """Counts the paragraphs of one numbering and spells their numbers."""

    def __init__(self, levels: Mapping[int, Level]) -> None:
        self._levels = levels
        self._numbers: dict[int, int] = {}

    def next(self, depth: int) -> str:
        """The number of the next paragraph at this depth (0 is the outermost), spelled; empty for bullets."""
        level = self._levels.get(depth)
        if level is None:
            return ""
        self._numbers[depth] = self._numbers.get(depth, level.start - 1) + 1
        for deeper in range(depth + 1, MAX_LEVELS):
            self._numbers.pop(deeper, None)
        if level.number_format in SILENT_FORMATS:
            return ""
        return re.sub(r"%([1-9])", lambda mark: self._spell(int(mark[1]) - 1), level.pattern)

    def _spell(self, depth: int) -> str:
        level = self._levels.get(depth)
        if level is None:
            return ""
        number = self._numbers.get(depth, level.start)
        spell = FORMATS.get(level.number_format, str) if 0 <= number <= MAX_NUMBER else str
        return spell(number)
