"""The whole loop as an office goes through it: tag, see what is doubtful, label, retrain, accept or refuse, go back."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pty", reason="Windows 没有伪终端")
from test_cli_label import Terminal

from tagger import THEMES, Tagger
from tagger.cli import main
from tagger.learning.labels import is_locked, read_labels
from tagger.learning.models import versions
from tagger.records import Label

ANSWERS = 60
KEYS = dict(zip(THEMES, "123450", strict=True))


def write_labels(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


@pytest.fixture
def office(tmp_path: Path, documents: list[dict[str, Any]], small_labels: list[Label]) -> Path:
    """A folder of documents that nobody has labelled yet, and labels of others to begin with."""
    names = sorted({label.document for label in small_labels})
    mine = set([name for name in names if not is_locked(Label("x", "其他", document=name))][:12])
    (tmp_path / "材料").mkdir()
    for name in mine:
        lines = [record["text"] for record in documents if record["document"] == name]
        (tmp_path / "材料" / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    locked = {record["document"] for record in documents if is_locked(Label("x", "其他", document=record["document"]))}
    begun = (set(names) - mine) | locked
    write_labels(tmp_path / "起步.jsonl", [record for record in documents if record["document"] in begun])
    return tmp_path


def test_tag_label_retrain_accept_refuse_and_roll_back(
    office: Path,
    documents: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(office)
    monkeypatch.setenv("TAGGER_ROOT", str(root))
    # a model of their own to begin with; the shipped one knows more, so it has to be put in use by hand
    assert main(["train", "--data", "起步.jsonl", "--models", "我的模型"]) == 2
    assert "没有启用" in capsys.readouterr().out
    first = versions("我的模型")[0].name
    assert main(["models", "我的模型", "--use", first]) == 0
    assert main(["tag", "材料", "--out", "结果", "--model", "我的模型", "--xlsx"]) == 0
    assert (office / "结果" / "paragraphs.xlsx").exists()

    # sixty answers at the terminal, doubtful paragraphs first
    right = {record["text"]: record["theme"] for record in documents if record["role"] == "body"}
    assert main(["queue", "材料", "--model", "我的模型", "--number", "200", "--out", "全部.jsonl"]) == 0
    asked = [json.loads(line) for line in (office / "全部.jsonl").read_text("utf-8").splitlines()]
    asked = [record for record in asked if record["text"] in right][:ANSWERS]
    assert len(asked) == ANSWERS
    write_labels(office / "队列.jsonl", asked)
    command = ["label", "--queue", "队列.jsonl", "--out", "标注.jsonl", "--labeller", "甲", "--model", "我的模型"]
    at = Terminal([sys.executable, "-m", "tagger", *command], office)
    try:
        at.wait_for(f"1/{ANSWERS}")
        for number, record in enumerate(asked, start=1):
            at.type(KEYS[right[record["text"]]], f"已标 {number}")
        assert at.leave() == 0
    finally:
        at.close()
    labels = read_labels([office / "标注.jsonl"])
    assert [(label.text, label.theme) for label in labels] == [(each["text"], right[each["text"]]) for each in asked]

    # retrained with them, the model is not worse and is put in use
    assert main(["train", "--data", "起步.jsonl", "标注.jsonl", "--models", "我的模型"]) == 0
    assert "已启用 0002-" in capsys.readouterr().out
    second = Tagger.load("我的模型").model_id

    # half of the labels shuffled: refused, with reasons, and nothing changes
    records = [json.loads(line) for line in (office / "起步.jsonl").read_text("utf-8").splitlines()]
    body = [
        record
        for record in records
        if record["role"] == "body" and not is_locked(Label("x", "其他", document=record["document"]))
    ]
    chance = random.Random(1)
    half = chance.sample(body, len(body) // 2)
    themes = [record["theme"] for record in half]
    chance.shuffle(themes)
    for record, theme in zip(half, themes, strict=True):
        record |= {"theme": theme, "also": []}
    write_labels(office / "起步.jsonl", records)
    assert main(["train", "--data", "起步.jsonl", "标注.jsonl", "--models", "我的模型"]) == 2
    said = capsys.readouterr().out
    assert "不接受：宏平均 F1 从" in said
    assert "0003-" in said
    assert Tagger.load("我的模型").model_id == second
    assert main(["rollback", "我的模型"]) == 0
    assert Tagger.load("我的模型").folder.name == first
