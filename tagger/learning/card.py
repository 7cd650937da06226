"""The model card (Mitchell et al. 2019, "Model Cards for Model Reporting"): what a model is good for, and what not.

All of it comes from the manifest of the model, so that the card of any model can be written again, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.artifact import load_artifact
from tagger.atomic import written_whole
from tagger.learning.evaluation import SETS

PROMISE = 0.95
WEAK_F1 = 0.8  # a theme below is named among the limits
MIN_SUPPORT = 30  # labelled paragraphs below which the figures of a theme say little

USE = """\
- **用来做什么**：给中文公文的正文段落标一个主要主题和可能的次要主题，供查找、汇编、统计和初步分类。
- **给谁用**：熟悉这些文件的人。标“不确定”的段落要人看；次要主题只是线索。
- **不要用来**：评价写作的人或单位，替代审阅和定密，对人作出决定。模型只看用词，不懂对错。
- **不适合**：不是公文的文字、别的语言、扫描件识别错字多的文字，以及与训练材料很不同的文件（用 `tagger drift` 看）。"""
PRIVACY = """\
- 模型里没有原文，但词表（`terms.txt`、`words.npz`）来自训练材料：里面的人名、地名和说法会留下来。
  用涉密或敏感材料训练的模型，按材料的密级管理。"""


def write_card(model: str | Path, path: str | Path) -> None:
    """Write the card of a model folder as Markdown, beside the folder, which may hold nothing else.

    Raises `ArtifactError` if the model cannot be loaded, `OutputError` if the card cannot be written.
    """
    content = card(load_artifact(model).manifest)
    with written_whole(path) as beside:
        beside.write_bytes(content.encode())


def card(manifest: Mapping[str, Any]) -> str:
    """The card of a model, from its manifest."""
    parts = [
        f"# 模型说明：{manifest['model_id']}",
        "由 `tagger train` 写出；数字都来自模型的清单 `manifest.json`，可以用 `tagger verify` 核对。",
        "## 它是什么",
        "词频 → TF-IDF → 每个主题一个逻辑回归 → 校准成概率 → 定界线。只用 NumPy，不联网，不含可执行的内容。",
        _themes(manifest),
        "## 用途",
        USE,
        "## 训练材料",
        _data(manifest),
        "## 准不准",
        _figures(manifest["figures"]),
        _by_theme(manifest["figures"]),
        f"概率到 {manifest['certain_from']:.2f} 才算确定，低于它标“不确定”。"
        if manifest["certain_from"] <= 1
        else "标注太少，定不出可靠的界线：这个模型的每个标签都是“不确定”。",
        "## 局限",
        "\n".join([*_limits(manifest), PRIVACY]),
        "## 怎样再现",
        _versions(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _themes(manifest: Mapping[str, Any]) -> str:
    labels = manifest["labels"]
    rows = [[each["name"], each["definition"], str(labels.get(each["name"], 0))] for each in manifest["themes"]]
    return _table(["主题", "意思", "训练的段数"], rows)


def _data(manifest: Mapping[str, Any]) -> str:
    rows = [[f"`{name}`", f"`{digest}`"] for name, digest in manifest["data"].items()]
    return _table(["文件", "SHA-256"], rows) + f"\n\n一共 {sum(manifest['labels'].values())} 段标注，锁定的文件不在内。"


def _figures(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            SETS[name],
            str(each["paragraphs"]),
            *(f"{each[key]:.3f}" for key in ("macro_f1", "accuracy", "relaxed_accuracy", "calibration_error")),
            f"{each['certain_share']:.1%}",
            f"{each['certain_accuracy']:.1%}" if each["certain_share"] else "—",
        ]
        for name, each in figures.items()
    ]
    header = ["量的地方", "段数", "宏平均 F1", "正确率", "放宽（含次要）", "校准误差", "确定的占比", "其中正确"]
    return _table(header, rows)


def _by_theme(figures: Mapping[str, Any]) -> str:
    name, main = next(iter(figures.items()))
    rows = [
        [theme, *(f"{each[key]:.3f}" for key in ("precision", "recall", "f1")), str(each["support"])]
        for theme, each in main["themes"].items()
    ]
    return f"{SETS[name]}，各主题：\n\n" + _table(["主题", "准确率", "召回率", "F1", "段数"], rows)


def _limits(manifest: Mapping[str, Any]) -> Iterable[str]:
    main = next(iter(manifest["figures"].values()))
    weak = [theme for theme, each in main["themes"].items() if each["f1"] < WEAK_F1]
    few = [theme for theme, each in main["themes"].items() if each["support"] < MIN_SUPPORT]
    if weak:
        yield f"- {'、'.join(weak)}的 F1 不到 {WEAK_F1}，这些主题的标签要多看一眼。"
    if few:
        yield f"- {'、'.join(few)}的标注不到 {MIN_SUPPORT} 段，它们的数字说明不了什么。"
    if main["certain_share"] and main["certain_accuracy"] < PROMISE:
        yield f"- 标“确定”的里面只有 {main['certain_accuracy']:.1%} 正确，没有做到承诺的 {PROMISE:.0%}：标注还太少。"
    if "locked" not in manifest["figures"]:
        yield "- 没有锁定的文件，换新模型时比不出好坏。"
    yield "- 数字是在与训练材料同类的文件上量的；别处的文件会差一些。标注本身也有错，人与人之间也不完全一致。"


def _versions(manifest: Mapping[str, Any]) -> str:
    packages = "，".join(f"{name} {version}" for name, version in manifest["versions"].items())
    settings = "，".join(f"{name}={value}" for name, value in manifest["settings"].items())
    parts = _table(["部分", "SHA-256"], [[f"`{name}`", f"`{digest}`"] for name, digest in manifest["sha256"].items()])
    return (
        f"同样的标注、设置和软件版本得到逐字节相同的模型。\n\n- 软件：{packages}\n- 设置：{settings}\n"
        f"- 模型格式：{manifest['format']}\n\n{parts}"
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
