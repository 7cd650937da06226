"""Which terms are worth having: words that jieba finds, terms of art, and frequent short character n-grams.

jieba teaches here and is not needed for tagging. Its new-word guessing (HMM) stays off, so that the words are those of
the dictionary and of our lexicon, on every machine the same.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jieba
import opencc

from tagger.errors import LabelError
from tagger.terms import fold, width_and_case

HAN_OR_LETTER = re.compile("[\u4e00-\u9fffa-z]+")
MAX_WORD = 12  # characters; longer dictionary entries are titles and slogans
LEXICON_FREQUENCY = 1_000_000  # jieba keeps a term of art whole


def read_lexicon(path: str | Path) -> dict[str, str]:
    """Read terms of art, `term<TAB>theme` a line, folded. Raises `LabelError` if it cannot be read."""
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(
            path, found=f"读不了（{error}）", expected="UTF-8 的术语表", advice="检查路径和编码"
        ) from error
    lexicon = {}
    for number, line in enumerate(lines, start=1):
        term, _, theme = line.partition("\t")
        if not term or not theme:
            raise LabelError(f"{path}:{number}", found=repr(line), expected="词语<TAB>主题", advice="改正这一行再试")
        lexicon[fold(term, all_variants())] = theme
    return lexicon


@cache
def all_variants() -> dict[str, str]:
    """Which character counts as which other one: case, width, and traditional forms as simplified ones."""
    simplify = opencc.OpenCC("t2s").convert
    variants = width_and_case()
    for code in range(0x4E00, 0xA000):
        simple = simplify(chr(code))
        if len(simple) == 1 and simple != chr(code):
            variants[chr(code)] = simple
    return variants


class Cutter:
    """Cuts texts into words with a private jieba that knows our terms of art."""

    def __init__(self, lexicon: Iterable[str]) -> None:
        self._jieba: Any = jieba.Tokenizer()
        with tempfile.TemporaryDirectory() as folder:  # its cache is not left where other users could write to it
            self._jieba.tmp_dir = folder
            jieba.setLogLevel("ERROR")
            self._jieba.initialize()
        for term in lexicon:
            self._jieba.add_word(term, LEXICON_FREQUENCY)

    def words(self, text: str) -> list[str]:
        """The words of a text, in order."""
        words: list[str] = self._jieba.lcut(text, HMM=False)
        return words


def word_frequencies(texts: Iterable[str], lexicon: Mapping[str, str]) -> Counter[str]:
    """In how many texts each word of two or more characters stands; texts are folded first."""
    cutter, variants = Cutter(lexicon), all_variants()
    frequencies: Counter[str] = Counter()
    for text in texts:
        frequencies.update({word for word in cutter.words(fold(text, variants)) if _is_term(word)})
    return frequencies


def _is_term(word: str) -> bool:
    return 2 <= len(word) <= MAX_WORD and HAN_OR_LETTER.fullmatch(word) is not None


def gram_frequencies(texts: Iterable[str], longest: int) -> Counter[str]:
    """In how many texts each run of 1 to `longest` Chinese characters or letters stands; texts are folded first."""
    variants = all_variants()
    frequencies: Counter[str] = Counter()
    for text in texts:
        runs = HAN_OR_LETTER.findall(fold(text, variants))
        frequencies.update(
            {
                run[start : start + length]
                for run, length in itertools.product(runs, range(1, longest + 1))
                for start in range(len(run) - length + 1)
            }
        )
    return frequencies
