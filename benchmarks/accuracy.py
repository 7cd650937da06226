"""How right the tags are, on documents that the model never saw: one command for every figure of the documentation.

    python benchmarks/accuracy.py [--quick] [--only TABLE …] [--write]

Measured: our own documents (left out by document), pooled real paragraphs (left out by whole source) and, where
../shared is there, real labelled paragraphs that are never trained on (dev.jsonl). Compared: the shipped settings with
their alternatives, rivals trained on the same text, more and fewer labels, larger and smaller vocabularies. `--quick`
leaves the comparisons out, `--only` makes some tables; `--write` puts the tables into README.md, README.en.md and
docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import learners
import numpy as np
import numpy.typing as npt
import rival
from joblib import Parallel
from learners import Learner, Scorer
from learners import shipped as shipped_way
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from tables import table, write

from tagger import THEMES, Tag, Tagger
from tagger.learning.calibration import Calibration, LeftOut, calibrate
from tagger.learning.counts import LONGEST_GRAM
from tagger.learning.data import TrainingData, gather_data
from tagger.learning.evaluation import accuracy_by, confusions, evaluate
from tagger.learning.examples import choose_terms, count_examples
from tagger.learning.labels import document_hash
from tagger.learning.settings import Settings
from tagger.learning.training import Trained, fit, prepare, train
from tagger.learning.vocabulary import all_variants
from tagger.model import Model
from tagger.records import Label
from tagger.terms import TermScan, compile_terms

ROOT = Path(__file__).parent.parent
DATA = ROOT / "training_data"
DEV = ROOT.parent / "shared" / "eval" / "dev.jsonl"
COLUMNS = ["做法", "自写文件", "公开材料", "dev.jsonl", "词表"]
LENGTHS = (40, 60, 120, 250)
RESAMPLES = 500
Themes = npt.NDArray[np.str_]
Keep = Callable[[str, bool], bool]  # whether to keep a term, given whether it is a word


@dataclass(frozen=True, slots=True)
class Dev:
    """Real labelled paragraphs, never trained on; empty where they are not there."""

    texts: list[str]
    themes: Themes
    alternatives: list[str | None]
    kinds: list[str]
    also: list[tuple[str, ...]]
    headings: list[tuple[str, ...]]

    def labels(self, tags: Sequence[Tag]) -> list[Label]:
        """The right answers as labels."""
        gold = self.gold(np.array([tag.theme for tag in tags])).tolist()
        return [Label(text, theme, also) for text, theme, also in zip(self.texts, gold, self.also, strict=True)]

    def gold(self, given: Themes) -> Themes:
        """The right themes; where careful readers differ, the one that was given if it is one of theirs."""
        pairs = zip(self.themes, self.alternatives, given, strict=True)
        return np.array([alt if alt == theme else gold for gold, alt, theme in pairs])


def read_dev() -> Dev:
    """The paragraphs of dev.jsonl, if it stands beside the project."""
    rows = [json.loads(line) for line in DEV.read_text("utf-8").splitlines()] if DEV.exists() else []
    return Dev(
        texts=[row["text"] for row in rows],
        themes=np.array([row["theme"] for row in rows]),
        alternatives=[row["alt"] for row in rows],
        kinds=[row["kind"] for row in rows],
        also=[tuple(row["also"]) for row in rows],
        headings=[tuple(row["headings"]) for row in rows],
    )


def macro_f1(gold: Themes, given: Themes) -> float:
    """Mean F1 over the themes."""
    scores = [2 * ((gold == t) & (given == t)).sum() / max(1, (gold == t).sum() + (given == t).sum()) for t in THEMES]
    return float(np.mean(scores))


def interval(gold: Themes, given: Themes, groups: Sequence[str]) -> str:
    """Macro-F1 with its 95 % bootstrap interval; whole groups (documents) are drawn."""
    random = np.random.default_rng(0)
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    parts = list(members.values())
    drawn = [
        np.concatenate([parts[index] for index in random.integers(0, len(parts), len(parts))]) for _ in range(RESAMPLES)
    ]
    low, high = np.percentile([macro_f1(gold[rows], given[rows]) for rows in drawn], [2.5, 97.5])
    return f"{macro_f1(gold, given):.3f} ({low:.3f}–{high:.3f})"


def shipped(data: TrainingData, trained: Trained, dev: Dev) -> str:
    """The figures of the shipped model."""
    model = Tagger.load(ROOT / "models" / "default")
    with_text = [label.counts is None for label in trained.judged]
    pooled = [not each for each in with_text]
    locked = [label.text for label in data.locked], [label.path for label in data.locked]
    sets = [
        ("自写文件，按文件留出", *_chosen(trained.judged, trained.tags, with_text)),
        ("同上，不看标题", *_chosen(trained.judged, trained.bare_tags, with_text)),
        ("公开材料，按来源整体留出", *_chosen(trained.judged, trained.tags, pooled)),
        ("锁定的自写文件，从不用于训练", list(data.locked), model.tag_batch(*locked)),
    ]
    if dev.texts:
        sets += [
            (f"真实段落 dev.jsonl{how}，从不用于训练", dev.labels(tags), tags)
            for how, tags in (
                ("", model.tag_batch(dev.texts)),
                ("，看标题", model.tag_batch(dev.texts, dev.headings)),
            )
        ]
    header = ["测试材料", "段数", "宏平均 F1（95% 区间）", "正确率", "放宽", "校准误差", "确定的占比", "其中正确"]
    header += ["次要主题准确率/召回率"]
    return table(header, itertools.starmap(_figures_row, sets))


def _chosen(labels: Sequence[Label], tags: Sequence[Tag], chosen: Sequence[bool]) -> tuple[list[Label], list[Tag]]:
    return list(itertools.compress(labels, chosen)), list(itertools.compress(tags, chosen))


def _figures_row(name: str, labels: Sequence[Label], tags: Sequence[Tag]) -> list[str]:
    each = evaluate([(label.theme, label.also) for label in labels], tags)
    gold, given = np.array([label.theme for label in labels]), np.array([tag.theme for tag in tags])
    span = interval(gold, given, [label.document or label.text for label in labels])
    shares = [f"{each.accuracy:.3f}", f"{each.relaxed_accuracy:.3f}", f"{each.calibration_error:.3f}"]
    shares += [f"{each.certain_share:.1%}", f"{each.certain_accuracy:.1%}"]
    return [name, str(each.paragraphs), span, *shares, f"{each.also_precision:.2f}/{each.also_recall:.2f}"]


def by_theme(trained: Trained) -> str:
    """Precision, recall and F1 of each theme."""
    rows = []
    for theme in THEMES:
        cells = [theme]
        figures = trained.figures()
        for each in (figures["text"].themes[theme], figures["counts"].themes[theme]):
            cells += [f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}", str(each.support)]
        rows.append(cells)
    header = ["主题", *(f"{part}{name}" for part in ("自写 ", "公开 ") for name in ("准确率", "召回率", "F1", "段数"))]
    return table(header, rows)


def errors(trained: Trained) -> str:
    """Which theme is taken for which, and how accuracy goes with length and kind."""
    labels, tags = list(trained.judged), list(trained.tags)
    pairs = confusions(labels, tags).most_common(12)
    text = table(["标注", "模型", "段数"], [[gold, given, str(count)] for (gold, given), count in pairs])
    with_text = [(label, tag) for label, tag in zip(labels, tags, strict=True) if label.text]
    own, own_tags = [label for label, _ in with_text], [tag for _, tag in with_text]
    text += "\n" + _accuracy_table("长度（字，自写文件）", own, own_tags, lambda label: _length(label.text))
    text += "\n" + _accuracy_table("文种（二十段以上中最低的十五种）", labels, tags, lambda label: label.kind, worst=15)
    return text


def _length(text: str) -> str:
    limits = [0, *LENGTHS, 10_000]
    low, high = next(pair for pair in itertools.pairwise(limits) if len(text) < pair[1])
    return f"{low}–{high - 1}" if high < 10_000 else f"{low} 以上"


def _accuracy_table(
    title: str, labels: list[Label], tags: list[Tag], key: Callable[[Label], str], *, worst: int | None = None
) -> str:
    groups = [(str(name), count, share) for name, (count, share) in accuracy_by(labels, tags, key).items()]
    if worst:
        groups = sorted((group for group in groups if group[1] >= 20), key=lambda group: group[2])[:worst]
    else:
        groups.sort(key=lambda group: int(re.findall(r"\d+", group[0])[0]))
    return table([title, "段数", "正确率"], [[name, str(count), f"{share:.3f}"] for name, count, share in groups])


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that a comparison needs."""

    labels: list[Label]
    lexicon: dict[str, str]
    dev: Dev
    workers: Parallel

    def measure(
        self,
        settings: Settings | None = None,
        *,
        labels: list[Label] | None = None,
        keep: Keep | None = None,
        learner: Learner | None = None,
        longest_gram: int = LONGEST_GRAM,
    ) -> list[str]:
        """Own, pooled and dev macro-F1 and the number of terms, with other settings, labels, terms or learners."""
        settings, labels = settings or Settings(), self.labels if labels is None else labels
        terms, words = choose_terms(labels, self.lexicon, settings, longest_gram=longest_gram)
        if keep is not None:
            known = set(words)
            terms = [term for term in terms if keep(term, term in known)]
        scan = TermScan(compile_terms(terms, all_variants()))
        learn = learner or shipped_way(scan, settings, self.workers)
        examples = prepare(labels, scan, terms, THEMES, settings)
        log_odds = np.zeros((len(examples.folds), len(THEMES)))
        for fold in range(settings.folds):
            inside = examples.folds == fold
            log_odds[inside] = learn(examples.where(~inside))(examples.where(inside))
        judged = np.array([not label.weak for label in labels] + [False] * (len(examples.folds) - len(labels)))
        gold = examples.where(judged)
        left_out = without_headings(log_odds[judged])
        calibration = calibrate(left_out, gold)
        given = np.array(THEMES)[calibration.probabilities(left_out).argmax(axis=1)]
        documents = np.array([label.document for label in labels if not label.weak])
        cells = [
            interval(gold.themes[group], given[group], documents[group].tolist()) if group.any() else "–"
            for group in (~gold.pooled, gold.pooled)
        ]
        return [*cells, self._dev(scan, terms, learn(examples), calibration), str(len(terms))]

    def _dev(self, scan: TermScan, terms: list[str], score: Scorer, calibration: Calibration) -> str:
        if not self.dev.texts:
            return "–"
        unlabelled = [Label(text, theme) for text, theme in zip(self.dev.texts, self.dev.themes, strict=True)]
        counted = count_examples(scan, terms, unlabelled, [1.0] * len(unlabelled), names=THEMES, folds=2)
        given = np.array(THEMES)[calibration.probabilities(without_headings(score(counted))).argmax(axis=1)]
        return interval(self.dev.gold(given), given, list(map(str, range(len(given)))))


def without_headings(log_odds: npt.NDArray[np.float64]) -> LeftOut:
    """Log-odds of texts alone."""
    return LeftOut(log_odds, np.zeros_like(log_odds))


def alternatives(bench: Bench) -> str:
    """The shipped way against what else could be done, one change at a time."""
    base, measure = Settings(), bench.measure
    squared = learners.tfidf()
    rest = learners.one_against_the_rest
    measured: dict[str, Callable[[], list[str]]] = {
        "采用的做法": measure,
        "只用词（重叠计数）": lambda: measure(keep=lambda _, is_word: is_word),
        "只用单字和双字串": lambda: measure(keep=lambda term, _: len(term) <= 2),
        "词和双字串，不用单字": lambda: measure(keep=lambda term, _: len(term) > 1),
        "词表大一些（词≥3 段，字串≥8 段）": lambda: measure(replace(base, min_word_labels=3, min_gram_labels=8)),
        "词表小一些（词≥8 段，字串≥40 段）": lambda: measure(replace(base, min_word_labels=8, min_gram_labels=40)),
        "不剪去弱词": lambda: measure(replace(base, left_out_terms=0.0)),
        "普通 TF-IDF（idf 一次方）": lambda: measure(replace(base, idf_power=1.0)),
        "不用朴素贝叶斯比值": lambda: measure(replace(base, ratio_power=0.0)),
        "完整的 NBSVM 比值": lambda: measure(replace(base, ratio_power=1.0)),
        "正则化弱一些（C=10）": lambda: measure(replace(base, inverse_regularisation=10.0)),
        "正则化强一些（C=1）": lambda: measure(replace(base, inverse_regularisation=1.0)),
        "各主题不平衡加权": lambda: measure(replace(base, balance=0.0)),
        "各主题完全平衡加权": lambda: measure(replace(base, balance=1.0)),
        "不学次要主题": lambda: measure(replace(base, also_weight=1e-6)),
        "次要主题与主要主题同权": lambda: measure(replace(base, also_weight=1.0)),
        "存疑的标注不减权": lambda: measure(replace(base, unsure_weight=1.0)),
        "不学单句": lambda: measure(replace(base, sentence_weight=1e-6)),
        "自写文件与公开材料同权": lambda: measure(replace(base, text_weight=1.0)),
        "普通逻辑回归": lambda: measure(learner=rest(squared, learners.logistic)),
        "线性支持向量机": lambda: measure(learner=rest(squared, learners.support_vectors)),
        "多项逻辑回归": lambda: measure(learner=learners.multinomial(squared)),
        "逻辑回归，BM25 加权": lambda: measure(learner=rest(learners.bm25, learners.logistic)),
        "逻辑回归，长度只除 0.8 次方": lambda: measure(learner=rest(learners.tfidf(pivot=0.8), learners.logistic)),
        "逻辑回归，卡方选一万五千词": lambda: measure(learner=learners.chosen_by_chi2(squared, 15_000)),
    }
    return table(COLUMNS, ([name, *run()] for name, run in measured.items()))


def own_text_only(bench: Bench) -> str:
    """What needs the text and so can only be tried on our own documents: longer n-grams."""
    own = [label for label in bench.labels if label.counts is None]
    measured: dict[str, Callable[[], list[str]]] = {
        "采用的做法，只用自写文件": lambda: bench.measure(labels=own),
        "字串长到三字": lambda: bench.measure(labels=own, longest_gram=3),
        "字串长到四字": lambda: bench.measure(replace(Settings(), min_gram_labels=15), labels=own, longest_gram=4),
    }
    return table(COLUMNS, ([name, *measure()] for name, measure in measured.items()))


def headings(bench: Bench) -> str:
    """What title and nearest heading bring: on documents and sources left out, by the weight learned on ours alone."""
    settings = Settings()
    terms, _ = choose_terms(bench.labels, bench.lexicon, settings)
    scan = TermScan(compile_terms(terms, all_variants()))
    examples = prepare(bench.labels, scan, terms, THEMES, settings)
    real = [label for label in read_real() if label.headings]
    own = [label for label in bench.labels if label.counts is None]
    asked = [*own, *real]
    folds = np.array([document_hash(label) % settings.folds for label in asked])
    shape = len(asked), len(THEMES)
    text, nearest, title = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for fold in range(settings.folds):
        model = Model(scan, fit(examples.where(examples.folds != fold), settings, bench.workers))
        rows = np.flatnonzero(folds == fold)
        here = [asked[row] for row in rows.tolist()]
        text[rows] = model.log_odds([label.text for label in here])
        nearest[rows] = model.context_log_odds([label.headings[-1:] for label in here])
        title[rows] = model.context_log_odds([(label.title,) if label.title else () for label in here])
    gold = np.array([label.theme for label in asked])
    known = np.arange(len(asked)) < len(own)
    judged = count_examples(scan, terms, own, [1.0] * len(own), names=THEMES, folds=settings.folds)
    groups = [label.document or label.source for label in asked]
    lines = []
    for name, context in {
        "只看段落": np.zeros(shape),
        "加最近的标题": nearest,
        "加文件标题": title,
        "两者都加（采用的做法）": nearest + title,
    }.items():
        left_out = LeftOut(text, context)
        calibration = calibrate(left_out.where(known), judged)
        given = np.array(THEMES)[calibration.probabilities(left_out).argmax(axis=1)]
        cells = [
            interval(gold[some], given[some], list(itertools.compress(groups, some))) if some.any() else "–"
            for some in (known, ~known)
        ]
        lines.append([name, *cells, f"{calibration.context:.2f}"])
    return table(["做法", f"自写文件 {len(own)} 段", f"带标题的真实段落 {len(real)} 段，按来源留出", "权重"], lines)


def read_real() -> list[Label]:
    """The real labelled paragraphs whose counts we train on, with their text and headings, where they are at hand."""
    path = ROOT.parent / "shared" / "labelled" / "public.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return [
        Label(
            row["text"],
            row["theme"],
            tuple(row["also"]),
            source=row["source"].partition("@")[0],
            headings=tuple(row["headings"]),
        )
        for row in rows
    ]


def learning_curve(bench: Bench) -> str:
    """What more labels bring: our own text alone, counts alone, both."""
    own = [label for label in bench.labels if label.counts is None]
    pooled = [label for label in bench.labels if label.counts is not None]
    order = np.random.default_rng(0).permutation(sorted({label.document for label in own}))
    rows = []
    for share in (0.125, 0.25, 0.5, 1.0):
        chosen = set(order[: int(len(order) * share)].tolist())
        some = [label for label in own if label.document in chosen]
        rows.append([f"自写 {len(some)} 段", *bench.measure(labels=some)])
    rows.append([f"公开 {len(pooled)} 段词频", *bench.measure(labels=pooled)])
    rows.append([f"两者 {len(bench.labels)} 段", *bench.measure()])
    return table(["标注", *COLUMNS[1:]], rows)


def rivals(bench: Bench) -> str:
    """Others trained on the same text (our own documents), tested on documents left out and on dev.jsonl."""
    own = [label for label in bench.labels if label.counts is None]
    texts, themes = [label.text for label in own], np.array([label.theme for label in own])
    folds = count_examples(
        TermScan(compile_terms(["的"], {})), ["的"], own, [1.0] * len(own), names=THEMES, folds=5
    ).folds
    learners: dict[str, Callable[[list[str], list[str]], Callable[[list[str]], list[str]]]] = {
        "关键词规则（术语表投票）": lambda _texts, _themes: _keyword_rule(bench.lexicon),
        "jieba + TF-IDF + LinearSVC": lambda a, b: rival.train(a, b).predict,
        "字符 1–3 元 TF-IDF + LinearSVC": _characters,
    }
    try:
        import fasttext  # noqa: F401, PLC0415 - a rival that need not be there
    except ModuleNotFoundError:
        print("fastText is not installed; pip install fasttext-wheel to compare with it")
    else:
        learners["fastText（字符，wordNgrams 3）"] = _fasttext
    rows = [["tagger（同样只用自写文件）", *bench.measure(labels=own)[0:3:2]]]
    for name, learn in learners.items():
        given = np.empty(len(own), object)
        for fold in range(5):
            inside = folds == fold
            predict = learn([t for t, i in zip(texts, inside, strict=True) if not i], themes[~inside].tolist())
            given[inside] = predict([t for t, i in zip(texts, inside, strict=True) if i])
        cells = [interval(themes, given.astype(str), [label.document for label in own])]
        if bench.dev.texts:
            on_dev = np.array(learn(texts, themes.tolist())(bench.dev.texts))
            cells.append(interval(bench.dev.gold(on_dev), on_dev, list(map(str, range(len(on_dev))))))
        rows.append([name, *cells])
    return table(["方法", "自写文件", "dev.jsonl"], rows)


def _keyword_rule(lexicon: dict[str, str]) -> Callable[[list[str]], list[str]]:
    def vote(text: str) -> str:
        votes = [theme for term, theme in lexicon.items() if term in text and theme != "其他"]
        return max(THEMES, key=votes.count) if votes else "其他"

    return lambda texts: list(map(vote, texts))


def _characters(texts: list[str], themes: list[str]) -> Callable[[list[str]], list[str]]:
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2)
    predict: Callable[[list[str]], list[str]] = make_pipeline(vectorizer, LinearSVC()).fit(texts, themes).predict
    return predict


def _fasttext(texts: list[str], themes: list[str]) -> Callable[[list[str]], list[str]]:
    import tempfile  # noqa: PLC0415

    import fasttext  # noqa: PLC0415

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"__label__{theme} {' '.join(text)}\n" for text, theme in zip(texts, themes, strict=True))
        file.flush()
        settings = {"epoch": 25, "lr": 0.5, "wordNgrams": 3, "dim": 50, "thread": 1, "verbose": 0, "seed": 0}
        model = fasttext.train_supervised(file.name, **settings)
    return lambda texts: [
        labels[0].removeprefix("__label__") for labels in model.predict(list(map(" ".join, texts)))[0]
    ]


def pruning(bench: Bench) -> str:
    """What is lost when more of the weakest terms are left out."""
    rows = []
    for share in (0.0, 0.25, 0.5, 0.75, 0.9):
        *cells, terms = bench.measure(replace(Settings(), left_out_terms=share))
        rows.append([f"{share:.0%}", str(round(int(terms) * (1 - share))), *cells])
    return table(["不用的词", "留下的词", "自写文件", "公开材料", "dev.jsonl"], rows)


def main() -> None:
    """Measure, print and, if asked, write the tables into the documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the shipped settings")
    parser.add_argument("--only", metavar="TABLE", nargs="+", help="only these tables, by the names in the documents")
    parser.add_argument("--write", action="store_true", help="put the tables into the documents")
    options = parser.parse_args()
    data, dev = gather_data([DATA]), read_dev()
    labels, lexicon = list(data.labels), dict(data.lexicon)
    trained = train(labels, lexicon, settings=Settings(), progress=lambda _: None)
    parts: dict[str, Callable[[], str]] = {
        "figures": lambda: shipped(data, trained, dev),
        "themes": lambda: by_theme(trained),
        "errors": lambda: errors(trained),
    }
    with Parallel(n_jobs=-1) as workers:
        bench = Bench(labels, lexicon, dev, workers)
        if not options.quick:
            parts |= {
                "alternatives": lambda: alternatives(bench),
                "headings": lambda: headings(bench),
                "own": lambda: own_text_only(bench),
                "curve": lambda: learning_curve(bench),
                "rivals": lambda: rivals(bench),
                "pruning": lambda: pruning(bench),
            }
        for name in options.only or parts:
            text = parts[name]()
            print(f"\n{name}\n\n{text}", flush=True)
            if options.write:
                for document in ("README.md", "README.en.md", "docs/accuracy.md"):
                    write(ROOT / document, name, text)


if __name__ == "__main__":
    main()
