"""The scan: finds every term of a vocabulary in thousands of texts at once, with NumPy alone.

A term is one or more characters; terms may overlap, and every occurrence counts. The same scan counts for training and
for tagging, so the two can never disagree. The idea, in the order of the code:

1. A text becomes an array of code points, and one table turns code points into small *character ids*. The table also
   folds case, full-width and traditional forms, at no cost. Id 0 is a character that no term contains.
2. Every prefix of a term is a *state* of a trie. States 1…V are the V terms; higher states are prefixes that are no
   terms themselves; state 0 means that nothing starts here.
3. States of one character are looked up by id, states of two in a dense table, for all positions in one step.
4. Longer terms walk a double-array trie (Aoe 1989, IEEE Trans. Software Eng. 15(9)): character c leads from state s to
   slot `base[s] + c`, and only if `owner[slot] == s`. All positions that are still inside a term step together; there
   are few, and fewer at each length.
5. An occurrence becomes one number, `text number << 16 | state`. Sorted, equal numbers stand together, and the lengths
   of their runs are the term frequencies.

Texts are scanned in chunks that fit the processor's cache.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

CHUNK_CHARACTERS = 48_000  # arrays of this length stay in a 1 MB cache; chosen with benchmarks/speed.py
CHUNK_TEXTS = 0xFFFF  # a text number takes the upper 16 bits of an occurrence,
MAX_STATES = 0xFFFF  # a state of one or two characters, and each term, the lower 16
SEPARATOR = "\0"
UNICODE_SIZE = 0x110000

Flags: TypeAlias = npt.NDArray[np.bool_]
Ids: TypeAlias = npt.NDArray[np.uint16]
Integers: TypeAlias = npt.NDArray[np.int32]
Positions: TypeAlias = npt.NDArray[np.int64]


@functools.cache
def width_and_case() -> dict[str, str]:
    """Which character counts as which other one: upper case as lower, full width as half width."""
    variants = {}
    for code in range(0x10000):
        character = chr(code)
        folded = (unicodedata.normalize("NFKC", character) if 0xFF01 <= code <= 0xFF5E else character).lower()
        if len(folded) == 1 and folded != character:
            variants[character] = folded
    return variants


def fold(text: str, variants: Mapping[str, str]) -> str:
    """Replace each character by the one that it counts as; the length stays."""
    return "".join(variants.get(character, character) for character in text)


@dataclass(frozen=True, slots=True)
class TermCounts:
    """How often each term occurs in each text: the arrays of a SciPy CSR matrix, without SciPy.

    The terms of text i are `terms[starts[i]:starts[i + 1]]`, ascending from 0; `counts` says how often each occurs.
    `starts` has shape (texts + 1,), the two others (entries,). `width` is the number of terms in the vocabulary.
    """

    starts: Positions
    terms: Integers
    counts: Integers
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Trie:
    """A compiled vocabulary of V terms, as an artifact stores it. `compile_terms` builds one."""

    size: int  # V
    longest: int  # characters of the longest term
    code_points: npt.NDArray[np.uint32]  # the characters of all terms, and those that fold to one of them
    character_ids: Ids  # their ids, in step with code_points
    singles: Ids  # character id -> state
    pairs: Integers  # first id * number of ids + second id, ascending
    pair_states: Ids  # in step with pairs
    base: Integers  # state -> first slot of its row; 0 if no term goes on from here
    owner: Integers  # slot -> the state whose row it belongs to
    target: Integers  # slot -> the state that it leads to


class TermScan:
    """Counts and finds the terms of a compiled vocabulary."""

    def __init__(self, trie: Trie) -> None:
        self.trie = trie
        self._alphabet = len(trie.singles)
        self._ids = np.zeros(UNICODE_SIZE, np.uint16)
        self._ids[trie.code_points] = trie.character_ids
        self._pairs = np.zeros(self._alphabet**2, np.uint16)
        self._pairs[trie.pairs] = trie.pair_states
        self._goes_on = np.zeros(MAX_STATES + 1, np.bool_)
        self._goes_on[: len(trie.base)] = trie.base[: MAX_STATES + 1] != 0

    def count(self, texts: Sequence[str]) -> TermCounts:
        """Count every term in every text."""
        starts, terms, counts = [np.zeros(1, np.int64)], [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for chunk in chunks(texts):
            part = self.count_chunk(chunk)
            starts.append(part.starts[1:] + starts[-1][-1])
            terms.append(part.terms)
            counts.append(part.counts)
        return TermCounts(np.concatenate(starts), np.concatenate(terms), np.concatenate(counts), self.trie.size)

    def count_chunk(self, texts: Sequence[str]) -> TermCounts:
        """Count every term in at most `CHUNK_TEXTS` texts, which together should fit the cache."""
        characters = self._character_ids(SEPARATOR.join(texts))
        lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + len(SEPARATOR)
        lengths[-1] -= len(SEPARATOR)
        shifted = np.arange(len(texts), dtype=np.uint32) << np.uint32(16)
        text_of = np.repeat(shifted, lengths)
        keys = [text_of.take(where) + states for where, states in self._occurrences(characters)]
        key = np.concatenate(keys)
        key.sort()
        edges = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1], [True]))) if len(key) else np.zeros(1, int)
        distinct = key.take(edges[:-1])
        starts = np.append(np.searchsorted(distinct, shifted), len(distinct))
        terms = (distinct & np.uint32(0xFFFF)).view(np.int32) - np.int32(1)
        return TermCounts(starts, terms, np.diff(edges).astype(np.int32), self.trie.size)

    def find(self, text: str) -> tuple[Positions, Positions, Integers]:
        """Where each term stands in `text`: starts and ends (half-open code points) and terms, in order of length."""
        characters = self._character_ids(text)
        starts, lengths, terms = [], [], []
        for length, (where, states) in enumerate(self._occurrences(characters), start=1):
            starts.append(where)
            lengths.append(np.full(len(where), length))
            terms.append(states.astype(np.int32) - np.int32(1))
        start = np.concatenate(starts)
        return start, start + np.concatenate(lengths), np.concatenate(terms)

    def _character_ids(self, text: str) -> Ids:
        """The ids of the characters of a text, and of separators after it, so that no step can leave the array."""
        padded = text + SEPARATOR * self.trie.longest
        return self._ids.take(np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), np.uint32))

    def _occurrences(self, characters: Ids) -> Iterator[tuple[Positions, Ids]]:
        """Yield positions and states of the terms of one character, then of two, then of three and so on."""
        trie = self.trie
        yield self._terms_among(trie.singles.take(characters))
        pairs = characters[:-1] * np.int32(self._alphabet)
        pairs += characters[1:]
        states = self._pairs.take(pairs)
        yield self._terms_among(states)
        where = np.flatnonzero(self._goes_on.take(states))
        inner = states.take(where).astype(np.int32)
        for length in range(2, trie.longest):
            slots = trie.base.take(inner) + characters.take(where + length)
            steps = np.flatnonzero(trie.owner.take(slots) == inner)
            where, inner = where.take(steps), trie.target.take(slots.take(steps))
            ends = np.flatnonzero(inner <= trie.size)
            yield where.take(ends), inner.take(ends).astype(np.uint16)
            longer = np.flatnonzero(trie.base.take(inner))
            if not len(longer):
                return
            where, inner = where.take(longer), inner.take(longer)

    def _terms_among(self, states: Ids) -> tuple[Positions, Ids]:
        where = np.flatnonzero(states - np.uint16(1) < self.trie.size)  # state 0 wraps round to the highest number
        return where, states.take(where)


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a sequence of texts into runs of about `CHUNK_CHARACTERS` characters."""
    first = characters = 0
    for end, text in enumerate(texts, start=1):
        characters += len(text) + 1
        if characters >= CHUNK_CHARACTERS or end - first >= CHUNK_TEXTS:
            yield texts[first:end]
            first, characters = end, 0
    if first < len(texts):
        yield texts[first:]


def compile_terms(terms: Sequence[str], variants: Mapping[str, str]) -> Trie:
    """Compile distinct, folded, non-empty terms; term i gets number i.

    The scan is fastest if frequent terms come first: what is looked up often then stands together in the cache.
    Raises `ValueError` if the terms and the two-character prefixes of longer ones are more than `MAX_STATES`.
    """
    alphabet = [character for character, _ in Counter("".join(sorted(terms))).most_common()]  # frequent ones first
    id_of = {character: number for number, character in enumerate(alphabet, start=1)}
    spelling = {v: id_of[c] for v, c in variants.items() if c in id_of} | id_of
    state_of = {term: number for number, term in enumerate(terms, start=1)}
    children: dict[str, set[str]] = {}
    for term in terms:
        for end in range(2, len(term)):
            children.setdefault(term[:end], set()).add(term[end])
    for prefix in sorted(children, key=lambda prefix: (len(prefix), prefix)):
        state_of.setdefault(prefix, len(state_of) + 1)
    if len(terms) + sum(len(prefix) == 2 for prefix in children.keys() - set(terms)) > MAX_STATES:
        raise ValueError(f"{len(terms)} terms need more than {MAX_STATES} states")
    singles = np.zeros(len(alphabet) + 1, np.uint16)
    pairs = {}
    for prefix, state in state_of.items():
        if len(prefix) == 1:
            singles[id_of[prefix]] = state
        elif len(prefix) == 2:
            pairs[id_of[prefix[0]] * len(singles) + id_of[prefix[1]]] = state
    rows = {state_of[prefix]: {id_of[c]: state_of[prefix + c] for c in after} for prefix, after in children.items()}
    base, owner, target = _pack(rows, states=len(state_of), alphabet=len(singles))
    return Trie(
        size=len(terms),
        longest=max(map(len, terms), default=0),
        code_points=np.array([ord(c) for c in sorted(spelling)], np.uint32),
        character_ids=np.array([spelling[c] for c in sorted(spelling)], np.uint16),
        singles=singles,
        pairs=np.array(sorted(pairs), np.int32),
        pair_states=np.array([pairs[key] for key in sorted(pairs)], np.uint16),
        base=base,
        owner=owner,
        target=target,
    )


def _pack(rows: Mapping[int, Mapping[int, int]], *, states: int, alphabet: int) -> tuple[Integers, Integers, Integers]:
    """Lay the sparse rows {state: {character id: next state}} into one another, the fullest first, at its first fit."""
    free = np.ones(alphabet * 2 + sum(map(len, rows.values())) * 2, np.bool_)
    free[0] = False
    base = np.zeros(states + 1, np.int32)
    owner = np.zeros(len(free), np.int32)
    target = np.zeros(len(free), np.int32)
    lowest = 1
    for state in sorted(rows, key=lambda state: (-len(rows[state]), state)):
        ids = np.array(sorted(rows[state]))
        while not free[lowest]:
            lowest += 1
        window = max(lowest, ids[0] + 1)
        while True:
            candidates = window + np.flatnonzero(free[window : window + 4096]) - ids[0]
            fits = np.flatnonzero(free.take(candidates[:, None] + ids, mode="clip").all(axis=1))
            if len(fits):
                break
            window += 4096
        first = int(candidates[fits[0]])
        base[state] = first
        free[first + ids] = False
        owner[first + ids] = state
        target[first + ids] = [rows[state][int(i)] for i in ids]
    used = int(base.max(initial=0)) + alphabet + 1
    return base, np.resize(owner, used), np.resize(target, used)
