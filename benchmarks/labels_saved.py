"""How many labels the queue saves against choosing paragraphs by lot: learning curves from a simulated labeller.

    python benchmarks/labels_saved.py [--seeds 10] [--tune] [--write]

The body paragraphs of training_data/documents.jsonl are split by document, three parts to test on in ten. A labeller
starts with 60 paragraphs chosen by lot and labels 60 more at a time; in between, a model is trained on these labels
alone, vocabulary included, and says through `tagger.learning.queue.choose` what to label next. No label of a paragraph
is looked at before it is chosen. The starting point is the same for all ways of choosing. `--tune` compares ways on
other seeds (100 and on): the constants of queue.py were chosen there. `--write` puts the tables into docs/improving.md.
(This file is not called queue.py: that would hide Python's own `queue` from all other benchmarks.)
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy.sparse import csr_matrix
from tables import table, write

from tagger.decision import Rule, decide
from tagger.learning import queue
from tagger.learning.examples import Examples
from tagger.learning.labels import read_labels
from tagger.learning.queue import Candidate, choose
from tagger.learning.settings import Settings
from tagger.learning.training import fit
from tagger.learning.vocabulary import all_variants, gram_frequencies, read_lexicon, word_frequencies
from tagger.model import Model
from tagger.records import Label
from tagger.terms import TermScan, compile_terms
from tagger.themes import THEMES

ROOT = Path(__file__).parent.parent
DATA = ROOT / "training_data"
START = BATCH = 60  # labels
MOST = 1200  # by lot
ENOUGH = 840  # by the other ways
SMALL = Settings(min_word_labels=2, min_gram_labels=3, left_out_terms=0.0)
TEST_SHARE = 0.3
TUNING_SEED = 100

Rows: TypeAlias = npt.NDArray[np.int64]
Curve: TypeAlias = dict[int, float]  # labels → macro-F1


@dataclass(frozen=True, slots=True)
class Material:
    """All paragraphs, and how often each possible term stands in each."""

    labels: list[Label]
    terms: list[str]
    is_word: npt.NDArray[np.bool_]
    counts: csr_matrix

    def themes(self, rows: Rows) -> npt.NDArray[np.str_]:
        """The right themes of some paragraphs."""
        return np.array([self.labels[row].theme for row in rows.tolist()])

    def texts(self, rows: Rows) -> list[str]:
        """The texts of some paragraphs."""
        return [self.labels[row].text for row in rows.tolist()]


Way: TypeAlias = Callable[[Material, Model, Rows, Rows, np.random.Generator], Rows]  # labelled, unlabelled → chosen


def read_material() -> Material:
    """Our own paragraphs, with all terms that could ever be chosen in a round."""
    labels = read_labels([DATA / "documents.jsonl"])
    texts = [label.text for label in labels]
    words, grams = word_frequencies(texts, read_lexicon(DATA / "lexicon.tsv")), gram_frequencies(texts, 2)
    frequencies = words | grams
    terms = sorted(term for term, texts_with_it in frequencies.items() if texts_with_it > 2)
    found = TermScan(compile_terms(terms, all_variants())).count(texts)
    counts = csr_matrix((found.counts.astype(float), found.terms, found.starts), shape=(len(texts), len(terms)))
    return Material(labels, terms, np.array([term in words for term in terms]), counts)


def train_on(material: Material, rows: Rows) -> Model:
    """A small model of some labels alone, with the vocabulary that these give."""
    counts = material.counts[rows]
    texts_with_it = np.bincount(counts.indices, minlength=counts.shape[1])
    wanted = np.where(material.is_word, SMALL.min_word_labels, SMALL.min_gram_labels)
    chosen = np.flatnonzero(texts_with_it >= wanted)
    labels = [material.labels[row] for row in rows.tolist()]
    examples = Examples(
        names=THEMES,
        counts=counts[:, chosen],
        themes=material.themes(rows),
        secondary=np.array([[theme in label.also for theme in THEMES] for label in labels]),
        pooled=np.zeros(len(rows), bool),
        weights=np.ones(len(rows)),
        folds=np.zeros(len(rows), int),
    )
    terms = [material.terms[term] for term in chosen.tolist()]
    return Model(TermScan(compile_terms(terms, all_variants())), fit(examples, SMALL, Parallel(n_jobs=1)))


def by_lot(_: Material, __: Model, ___: Rows, unlabelled: Rows, random: np.random.Generator) -> Rows:
    """The next batch by lot."""
    return random.permutation(unlabelled)[:BATCH]


def _candidates(material: Material, model: Model, rows: Rows) -> list[Candidate]:
    texts = material.texts(rows)
    log_odds = model.log_odds(texts)
    tags = decide(THEMES, log_odds, model.probabilities(log_odds), Rule(1.0, (1e9,) * len(THEMES)))
    documents = [material.labels[row].document for row in rows.tolist()]
    return [Candidate(*each[:2], "", (), "", each[2]) for each in zip(texts, documents, tags, strict=True)]


def _known(material: Material, model: Model, labelled: Rows) -> tuple[TermScan, TermScan]:
    """What an artifact would know: the terms of the model, and the words of all labels."""
    seen = np.flatnonzero(
        np.bincount(material.counts[labelled].indices, minlength=len(material.terms)) * material.is_word
    )
    return model.scan, TermScan(compile_terms([material.terms[term] for term in seen.tolist()], all_variants()))


def by_queue(material: Material, model: Model, labelled: Rows, unlabelled: Rows, _: np.random.Generator) -> Rows:
    """The next batch as `tagger queue` chooses it."""
    candidates = _candidates(material, model, unlabelled)
    done = material.texts(labelled)
    choices = choose(candidates, model, _known(material, model, labelled), number=BATCH, labelled=done)
    row_of = {id(candidate): row for candidate, row in zip(candidates, unlabelled.tolist(), strict=True)}
    return np.array([row_of[id(choice.candidate)] for choice in choices])


def by_margin(material: Material, model: Model, _: Rows, unlabelled: Rows, __: np.random.Generator) -> Rows:
    """The next batch by margin alone."""
    tags = [candidate.tag for candidate in _candidates(material, model, unlabelled)]
    return unlabelled[np.argsort([tag.margin for tag in tags], kind="stable")[:BATCH]]


CONSTANTS = {name: getattr(queue, name) for name in ("DENSITY", "NOVELTY", "SAME_DOCUMENT")}


def changed(**constants: float) -> Way:
    """The queue with some constants changed; all are set, for a worker may have changed others before."""

    def choose_otherwise(
        material: Material, model: Model, labelled: Rows, unlabelled: Rows, random: np.random.Generator
    ) -> Rows:
        for name, value in {**CONSTANTS, **constants}.items():
            setattr(queue, name, value)
        return by_queue(material, model, labelled, unlabelled, random)

    return choose_otherwise


WAYS: dict[str, Way] = {"抽签": by_lot, "只看拿不准": by_margin, "队列": by_queue}
ALTERNATIVES: dict[str, Way] = {
    "抽签": by_lot,
    "队列": changed(),
    "不看代表性": changed(DENSITY=0.0),
    "代表性一次方": changed(DENSITY=1.0),
    "不看生词": changed(NOVELTY=0.0),
    "生词两倍": changed(NOVELTY=2 * queue.NOVELTY),
    "不分散到各文件": changed(SAME_DOCUMENT=1.0),
}


def macro_f1(gold: npt.NDArray[np.str_], given: npt.NDArray[np.str_]) -> float:
    """Mean F1 over the themes."""
    scores = [2 * ((gold == t) & (given == t)).sum() / max(1, (gold == t).sum() + (given == t).sum()) for t in THEMES]
    return float(np.mean(scores))


def simulate(material: Material, way: Way, seed: int) -> Curve:
    """The learning curve of one labeller."""
    random = np.random.default_rng(seed)
    documents = random.permutation(sorted({label.document for label in material.labels}))
    to_test = set(documents[: int(len(documents) * TEST_SHARE)].tolist())
    tested = np.array([label.document in to_test for label in material.labels])
    test, pool = np.flatnonzero(tested), np.flatnonzero(~tested)
    labelled = random.permutation(pool)[:START]
    curve: Curve = {}
    while True:
        model = train_on(material, labelled)
        given = np.array(THEMES)[model.log_odds(material.texts(test)).argmax(axis=1)]
        curve[len(labelled)] = macro_f1(material.themes(test), given)
        if len(labelled) >= (MOST if way is by_lot else ENOUGH):
            return curve
        chosen = way(material, model, labelled, np.setdiff1d(pool, labelled), random)
        labelled = np.concatenate([labelled, chosen])


def span(values: Sequence[float]) -> str:
    """Mean and 95 % interval of the mean over seeds (Student's t, 10 seeds: 2.262)."""
    half = 2.262 * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{np.mean(values):.3f} ± {half:.3f}"


def curves(results: dict[str, list[Curve]]) -> str:
    """The learning curves as a table, with what the queue is ahead at the same number of labels."""
    rows = []
    for labels in range(START, MOST + 1, BATCH):
        at = {name: [curve[labels] for curve in some if labels in curve] for name, some in results.items()}
        ahead = [one - other for one, other in zip(at["队列"], at["抽签"], strict=False)]
        rows.append([str(labels), *(span(each) if each else "–" for each in (*at.values(), ahead))])
    return table(["已标段数", *results, "队列比抽签高（同一种子相减）"], rows)


def savings(results: dict[str, list[Curve]]) -> str:
    """How many labels the queue needs for what lots reach."""
    rows = []
    for labels in (240, 480, 720, 960, 1200):
        reached = [curve[labels] for curve in results["抽签"]]
        half = [curve[labels // 2] for curve in results["队列"]]
        gained = [one - other for one, other in zip(half, reached, strict=True)]
        mean = {n: np.mean([curve[n] for curve in results["队列"]]) for n in results["队列"][0]}
        needed = next((n for n, f1 in mean.items() if f1 >= np.mean(reached)), None)
        share = f"{needed}（{needed / labels:.0%}）" if needed else "没有达到"
        wins = f"{sum(each >= 0 for each in gained)}/{len(gained)}"
        rows.append([str(labels), span(reached), str(labels // 2), span(half), span(gained), wins, share])
    header = ["抽签标", "宏平均 F1", "队列标一半", "宏平均 F1", "相差（同一种子相减）", "不低于抽签的种子"]
    return table([*header, "队列平均要标多少段才赶上"], rows)


def main() -> None:
    """Simulate, print and, if asked, write the tables into the documentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="at least 2")
    parser.add_argument("--tune", action="store_true", help="compare other constants, on other seeds")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/improving.md")
    options = parser.parse_args()
    material = read_material()
    ways = ALTERNATIVES if options.tune else WAYS
    first = TUNING_SEED if options.tune else 0
    jobs = [(name, first + seed) for name in ways for seed in range(options.seeds)]
    found = Parallel(n_jobs=2)(delayed(simulate)(material, ways[name], seed) for name, seed in jobs)
    results: dict[str, list[Curve]] = {name: [] for name in ways}
    for (name, _), curve in zip(jobs, found, strict=True):
        results[name].append(curve)
    for name, text in {"curves": curves(results), "savings": savings(results)}.items():
        print(f"\n{name}\n\n{text}", flush=True)
        if options.write:
            write(ROOT / "docs" / "improving.md", name, text)


if __name__ == "__main__":
    main()
