"""Retraining, safely: train → judge on locked documents → put in use, or keep aside and say why."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.artifact import load_artifact
from tagger.errors import ArtifactError
from tagger.learning.card import write_card
from tagger.learning.checks import Finding, check_answers
from tagger.learning.data import TrainingData
from tagger.learning.evaluation import Figures
from tagger.learning.gate import Comparison, compare
from tagger.learning.models import next_place, use, versions
from tagger.learning.report import Training, write_report
from tagger.learning.search import Search, Size
from tagger.learning.settings import Settings
from tagger.learning.training import Progress, train_model
from tagger.tagging import Tagger
from tagger.themes import OUR_THEMES

REPORTS = "报告"  # folder of a store
BY_DEFAULT = Search((), Settings())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a training: the new version, how it compares with the model in use before, and the report of it.

    `comparison` is None if there was none to compare with, or the same.
    """

    version: str
    figures: Mapping[str, Figures]
    comparison: Comparison | None
    in_use: bool
    report: Path


def retrain(
    data: TrainingData,
    store: str | Path,
    *,
    search: Search = BY_DEFAULT,
    curve: Sequence[Size] = (),
    findings: Sequence[Finding] = (),
    progress: Progress,
) -> Outcome:
    """Train a new version in a store of models; it is put in use only if it is not worse than the one before.

    `search` has the settings, `curve` and `findings` go into the report. Raises `LabelError` for bad labels,
    `OutputError` if the store cannot be written.
    """
    store = Path(store)
    beside = store / f".training-{os.getpid()}"
    trained = train_model(data, beside, settings=search.settings, progress=progress)
    version = _add(store, beside)
    new, old = Tagger.load(store / version), _in_use(store, data, progress)
    comparison = None
    if old is not None and old.model_id != new.model_id:
        progress("在锁定的文件上与正在用的模型比较")
        comparison = compare(old, new, data.locked) if data.locked else None
    doubts = [*findings, *check_answers(trained.judged, trained.tags)]
    training = Training(version, data, trained, doubts, search, curve, comparison)
    stem = store / REPORTS / version
    report, _ = write_report(training, stem)
    write_card(store / version, stem.with_name(f"{version}.模型说明.md"))
    in_use = comparison.accepted if comparison else old is None or old.model_id == new.model_id
    if in_use:
        use(store, version)
    return Outcome(version, trained.figures(data.locked), comparison, in_use, report)


def _add(store: Path, folder: Path) -> str:
    """Give a trained model its place among the versions; its name. One that is there already is not doubled."""
    model_id = load_artifact(folder).model_id
    for version in versions(store):
        if version.manifest["model_id"] == model_id:
            shutil.rmtree(folder)
            return version.name
    place = next_place(store, model_id)
    folder.rename(place)
    return place.name


def _in_use(store: Path, data: TrainingData, progress: Progress) -> Tagger | None:
    """The model to beat: the one in use or, at the beginning, the one that comes with the package."""
    in_use = [version for version in versions(store) if version.in_use]
    if not in_use and data.themes != OUR_THEMES:
        return None
    try:
        old = Tagger.load(in_use[0].folder if in_use else None)
    except ArtifactError as error:
        progress(f"没有可比的模型：{error}")
        return None
    return old if old.themes == data.themes else None


def verify(model: str | Path, data: TrainingData, *, progress: Progress) -> list[str]:
    """Train again on the same labels with the same settings; what differs from the model, in words. Nothing: proven.

    Raises `ArtifactError` if the model cannot be loaded.
    """
    manifest = load_artifact(model).manifest
    try:
        settings = Settings(**manifest["settings"])
    except TypeError as error:
        advice = "用训练它的那个版本核对，或重新训练"
        raise ArtifactError(model, found=f"设置不认识（{error}）", expected="本版本的设置", advice=advice) from error
    differences = [
        f"{name}：{'没有给出' if name not in data.files else '与训练时不同'}"
        for name, digest in manifest["data"].items()
        if data.files.get(name) != digest
    ]
    with tempfile.TemporaryDirectory() as folder:
        train_model(data, Path(folder, "again"), settings=settings, progress=progress)
        again = load_artifact(Path(folder, "again")).manifest
    differences += [
        f"{name} 的版本：模型用 {version}，这里是 {again['versions'].get(name)}"
        for name, version in manifest["versions"].items()
        if again["versions"].get(name) != version
    ]
    for name, figures in manifest["figures"].items():
        before, now = figures["macro_f1"], again["figures"].get(name, {}).get("macro_f1")
        if before != now:
            differences.append(f"{name} 的宏平均 F1：清单里是 {before}，重新算出 {now}")
    if manifest["model_id"] != again["model_id"]:
        differences.append(f"模型编号：清单里是 {manifest['model_id']}，重新训练得到 {again['model_id']}")
    return differences
