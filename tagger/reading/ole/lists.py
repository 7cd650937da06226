"""The numberings of a Word file ([MS-DOC] 2.9, LSTF, LFO and LVL): lists of levels, and overrides that paragraphs name.

A table that makes no sense numbers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tagger.reading.numbering import Counter, Level
from tagger.reading.ole.properties import LIST, LIST_DEPTH, Properties, value
from tagger.reading.ole.streams import DAMAGE, LIST_OVERRIDES, LISTS, Streams, number

NUMBER_FORMATS: Mapping[int, str] = {  # [MSONFC], by the names of .docx; all others are "decimal"
    1: "upperRoman",
    2: "lowerRoman",
    3: "upperLetter",
    4: "lowerLetter",
    10: "ideographDigital",
    11: "japaneseCounting",
    14: "decimalFullWidth",
    16: "chineseLegalSimplified",
    18: "decimalEnclosedCircle",
    19: "decimalFullWidth",
    22: "decimalZero",
    23: "bullet",
    28: "decimalEnclosedCircleChinese",
    30: "ideographTraditional",
    31: "ideographZodiac",
    33: "taiwaneseCounting",
    34: "chineseLegalSimplified",
    35: "taiwaneseCountingThousand",
    36: "taiwaneseDigital",
    37: "chineseCounting",
    38: "chineseLegalSimplified",
    39: "chineseCountingThousand",
    255: "none",
}
LIST_BYTES, LEVEL_BYTES, OVERRIDE_BYTES, LEVELS = 28, 28, 16, 9
IS_SIMPLE = 1  # flag of a list: it has but one level
OWN_START, OWN_LEVEL = 0x10, 0x20  # flags of an override, beside the depth
MAX_NUMBER = 32767  # Word's own limit
MAX_PATTERN = 32  # characters around the numbers of all nine levels


class Numbers:
    """Counts the paragraphs that have numbers."""

    def __init__(self, streams: Streams) -> None:
        self._counters: Sequence[Counter] = ()  # of the overrides, which paragraphs name by number, from 1 on
        try:
            self._counters = list(_counters(streams))
        except DAMAGE:
            return

    def next(self, properties: Properties) -> str:
        """The number of the next paragraph, which has these properties; empty if it has none."""
        key = value(properties, LIST)
        if not 1 <= key <= len(self._counters):
            return ""
        return self._counters[key - 1].next(value(properties, LIST_DEPTH))


def _counters(streams: Streams) -> Iterator[Counter]:
    lists = _lists(streams.from_part(LISTS)) if streams.part(LISTS) else {}
    shared = {key: Counter(levels) for key, levels in lists.items()}
    table = streams.from_part(LIST_OVERRIDES) if streams.part(LIST_OVERRIDES) else bytes(4)
    count = number("I", table, 0)
    place = 4 + OVERRIDE_BYTES * count
    for index in range(count):
        head = 4 + OVERRIDE_BYTES * index
        key, changes = number("i", table, head), table[head + 12]
        levels = dict(lists.get(key, {}))
        place += 4
        for _ in range(changes):
            start, flags = number("i", table, place), number("I", table, place + 4)
            place += 8
            depth = flags & 0xF
            if flags & OWN_LEVEL:
                levels[depth], place = _level(table, place)
            elif flags & OWN_START and depth in levels:
                levels[depth] = replace(levels[depth], start=_start(start))
        if changes or key not in shared:
            yield Counter(levels)
        else:  # overrides that change nothing continue one another's numbers
            yield shared[key]


def _lists(table: bytes) -> dict[int, dict[int, Level]]:
    """The levels of each list, by its key."""
    count = number("h", table, 0)
    place = 2 + LIST_BYTES * count
    lists: dict[int, dict[int, Level]] = {}
    for index in range(count):
        head = 2 + LIST_BYTES * index
        levels: dict[int, Level] = {}
        for depth in range(1 if table[head + 26] & IS_SIMPLE else LEVELS):
            levels[depth], place = _level(table, place)
        lists[number("i", table, head)] = levels
    return lists


def _level(table: bytes, place: int) -> tuple[Level, int]:
    """The level at a place, and where the next one stands."""
    start, number_format = number("i", table, place), table[place + 4]
    text = place + LEVEL_BYTES + table[place + 24] + table[place + 25] + 2  # after its properties
    end = text + 2 * number("H", table, text - 2)
    shown = table[text:end].decode("utf-16-le", "surrogatepass")
    pattern = "".join(f"%{ord(each) + 1}" if ord(each) < LEVELS else each for each in shown[:MAX_PATTERN])
    return Level(NUMBER_FORMATS.get(number_format, "decimal"), _start(start), pattern), end


def _start(first: int) -> int:
    """The first number, 1 if it is none that Word would count from."""
    return first if 0 <= first <= MAX_NUMBER else 1
