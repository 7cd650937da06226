"""The numbers that Word generates (一、（一）1. …): not in a paragraph's text, but part of what a reader sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

DIGITS = "〇一二三四五六七八九"
STEMS = "甲乙丙丁戊己庚辛壬癸"
BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
ENCLOSED = "㊀㊁㊂㊃㊄㊅㊆㊇㊈㊉"
LEGAL_SIMPLIFIED = str.maketrans("〇一二三四五六七八九十百千", "零壹贰叁肆伍陆柒捌玖拾佰仟")
LEGAL_TRADITIONAL = str.maketrans("〇一二三四五六七八九十百千", "零壹貳參肆伍陸柒捌玖拾佰仟")
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
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


def legal(number: int) -> str:
    """12 → 壹拾贰: as on cheques."""
    return ("一" * (10 <= number < 20) + chinese(number)).translate(LEGAL_SIMPLIFIED)


def legal_traditional(number: int) -> str:
    """12 → 壹拾貳."""
    return ("一" * (10 <= number < 20) + chinese(number)).translate(LEGAL_TRADITIONAL)


def ordinal(number: int) -> str:
    """1 → 1st."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number // 10 % 10 == 1 else endings.get(number % 10, 'th')}"


def one_of(signs: str) -> Callable[[int], str]:
    """Spells a number as the sign at its place; digits when the signs have run out, as Word does."""
    return lambda number: signs[number - 1] if 1 <= number <= len(signs) else str(number)


def from_sign(first: str, count: int) -> Callable[[int], str]:
    """The same for `count` signs that follow one another in Unicode."""
    return one_of("".join(chr(ord(first) + number) for number in range(count)))


def stem_and_branch(number: int) -> str:
    """1 → 甲子, 60 → 癸亥, then again 甲子."""
    return STEMS[(number - 1) % 10] + BRANCHES[(number - 1) % 12]


FORMATS: Mapping[str, Callable[[int], str]] = {
    "chineseCounting": chinese,
    "chineseCountingThousand": chinese,
    "chineseLegalSimplified": legal,
    "japaneseCounting": chinese,  # what Chinese Word writes for 一、二、三
    "taiwaneseCounting": chinese,
    "taiwaneseCountingThousand": chinese,
    "ideographDigital": chinese_digits,
    "japaneseDigitalTenThousand": chinese_digits,
    "taiwaneseDigital": chinese_digits,
    "ideographTraditional": one_of(STEMS),
    "ideographZodiac": one_of(BRANCHES),
    "ideographZodiacTraditional": stem_and_branch,
    "ideographLegalTraditional": legal_traditional,
    "ideographEnclosedCircle": one_of(ENCLOSED),
    "decimal": str,
    "decimalHalfWidth": str,
    "decimalZero": lambda number: f"{number:02d}",
    "001": "{:03d}".format,  # the three "custom" formats that Word offers
    "0001": "{:04d}".format,
    "00001": "{:05d}".format,
    "decimalFullWidth": lambda number: str(number).translate(FULL_WIDTH),
    "decimalFullWidth2": lambda number: str(number).translate(FULL_WIDTH),
    "decimalEnclosedCircle": from_sign("①", 20),
    "decimalEnclosedCircleChinese": from_sign("①", 20),
    "decimalEnclosedFullstop": from_sign("⒈", 20),
    "decimalEnclosedParen": from_sign("⑴", 20),
    "numberInDash": "- {} -".format,
    "upperRoman": lambda number: roman(number).upper(),
    "lowerRoman": roman,
    "upperLetter": lambda number: letters(number).upper(),
    "lowerLetter": letters,
    "ordinal": ordinal,
    "hex": "{:X}".format,
    "none": lambda _number: "",
    "bullet": lambda _number: "",
}
SILENT_FORMATS = frozenset({"bullet", "none"})


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a numbering: its format, the first number and the pattern in which `%1` is the number of level 1.

    `is_legal` levels show the numbers of all levels in digits. A level begins anew after a paragraph of any level
    further out, or only of the outermost `restart` levels. `gap` stands between the text and a number that ends in a
    letter or digit.
    """

    number_format: str
    start: int
    pattern: str
    is_legal: bool = False
    restart: int | None = None
    gap: str = ""


class Counter:
    """Counts the paragraphs of one numbering and spells their numbers.

    Counters with the same `numbers` go on where the other stopped, but for the depths in `restarts`, at which this one
    begins anew with its first paragraph.
    """

    def __init__(
        self, levels: Mapping[int, Level], numbers: dict[int, int] | None = None, restarts: Collection[int] = ()
    ) -> None:
        self._levels = levels
        self._numbers = {} if numbers is None else numbers
        self._restarts = restarts

    def next(self, depth: int) -> str:
        """The number of the next paragraph at this depth (0 is the outermost), spelled; empty for bullets."""
        level = self._levels.get(depth)
        if level is None:
            return ""
        for restarted in self._restarts:
            self._numbers.pop(restarted, None)
        self._restarts = ()
        self._numbers[depth] = self._numbers.get(depth, level.start - 1) + 1
        for deeper, other in self._levels.items():
            if deeper > depth and (other.restart is None or depth < other.restart):
                self._numbers.pop(deeper, None)
        return self._shown(level)

    def _shown(self, level: Level) -> str:
        if level.number_format == "bullet":
            return ""
        text = re.sub(r"%([1-9])", lambda mark: self._spell(int(mark[1]) - 1, is_legal=level.is_legal), level.pattern)
        if level.number_format == "none" and not any(map(str.isalnum, text)):
            return ""
        return text + level.gap if text[-1:].isalpha() or text[-1:].isdecimal() else text

    def _spell(self, depth: int, *, is_legal: bool) -> str:
        level = self._levels.get(depth)
        if level is None:
            return ""
        number = self._numbers.get(depth, level.start)
        is_spelled = 0 <= number <= MAX_NUMBER and not (is_legal and level.number_format not in SILENT_FORMATS)
        return FORMATS.get(level.number_format, str)(number) if is_spelled else str(number)
