"""Near-duplicates: which of many texts say nearly the same, whatever their figures and punctuation. NumPy only.

Texts are taken as sets of their runs of three characters. MinHash finds pairs that may be alike without comparing all;
what it finds is compared exactly.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.6  # of all runs of both texts this share stands in both: a sentence in three may differ
RUN = 3  # characters
BANDS, IN_BAND = 12, 2  # hashes: pairs at 0.6 are missed once in 200 times, pairs at 0.2 compared in vain twice in five
MOST_COMPARED = 50  # texts that share a band, so that a set phrase of thousands does not slow all down
CHUNK_TEXTS = 2000  # at once, some MB
LITTER = re.compile(r"[\W_]+")
FIGURE = re.compile(r"\d+")
LARGEST = np.uint32(0xFFFFFFFF)


def firsts(texts: Sequence[str]) -> list[int]:
    """For each text the place of the first one that it is alike, which is its own place if it is like none before."""
    bare = [FIGURE.sub("0", LITTER.sub("", text)) for text in texts]
    seen: dict[str, int] = {}  # to the letter, which is quick to find
    buckets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)  # by band, texts that are like none before
    runs = cache(lambda place: _runs(bare[place]))
    found = []
    for place, (text, bands) in enumerate(zip(bare, _bands(bare), strict=True)):
        if text not in seen:
            near = dict.fromkeys(each for band in bands for each in buckets.get(band, ()))
            first = next((each for each in near if _is_alike(runs(each), runs(place))), place)
            seen[text] = first
            if first == place:
                for band in bands:
                    if len(buckets[band]) < MOST_COMPARED:
                        buckets[band].append(place)
        found.append(seen[text])
    return found


def _runs(text: str) -> frozenset[str]:
    return frozenset(text[start : start + RUN] for start in range(max(1, len(text) - RUN + 1)))


def _is_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    shared = len(one & other)
    return shared >= ALIKE * (len(one) + len(other) - shared)


def _bands(texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
    """For each text its bands: texts that are alike have one in common, most likely."""
    for start in range(0, len(texts), CHUNK_TEXTS):
        for hashes in _signatures(texts[start : start + CHUNK_TEXTS]):
            joined = (hashes[0::IN_BAND].astype(np.uint64) << np.uint64(32)) | hashes[1::IN_BAND]
            yield list(enumerate(joined.tolist()))


def _signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """MinHash: for each text the least value of each of some hash functions over its runs; shape (texts, hashes)."""
    padded = [text.ljust(RUN, "\0") for text in texts]
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum([len(text) for text in padded])
    starts = np.concatenate(([0], ends[:-1]))
    runs = np.zeros(len(letters), np.uint32)
    for offset in range(RUN):
        runs[: len(letters) - offset] = runs[: len(letters) - offset] * np.uint32(0x01000193) + letters[offset:]
    across = (ends[:, None] - np.arange(1, RUN)).ravel()  # runs that begin so late that they reach into the next text
    factors = np.random.default_rng(0).integers(1, 2**32, BANDS * IN_BAND, np.uint32) | np.uint32(1)
    signatures = np.empty((len(texts), len(factors)), np.uint32)
    for place, factor in enumerate(factors):
        hashes = (runs ^ (runs >> np.uint32(15))) * factor
        hashes ^= hashes >> np.uint32(13)
        hashes *= np.uint32(0x9E3779B1)
        hashes[across] = LARGEST
        signatures[:, place] = np.minimum.reduceat(hashes, starts)
    return signatures
