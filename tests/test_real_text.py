"""Real text that nobody here wrote. It stands beside the project, not in it; without it these tests are skipped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tagger import Tagger

SEED_THEMES = ["党建", "法治", "党建", "乡村振兴", "治理", "作风"]


def test_the_seed_report(shared: Path, tagger: Tagger) -> None:
    document = tagger.tag_file(next((shared / "seeds").glob("*.txt")))
    roles = [each.paragraph.role for each in document.paragraphs]
    assert roles[:2] == ["title", "salutation"]
    assert all(each.tag is None for each in document.paragraphs if each.paragraph.role != "body")
    body = [(each.paragraph, each.tag) for each in document.paragraphs if each.tag is not None]
    duties = [tag.theme for paragraph, tag in body if paragraph.headings[:1] == ("一、履职情况",)]
    assert duties == SEED_THEMES
    opening, closing = body[0], body[-1]
    assert opening[0].text.startswith("根据会议安排")
    assert closing[0].text.startswith("以上述职")
    assert opening[1].theme == closing[1].theme == "其他"
    assert not [paragraph for paragraph, _ in body if "##" in paragraph.text or "paidbegin" in paragraph.text]
    assert "把基层党组织建成为" in "".join(paragraph.text for paragraph, _ in body)


def test_real_labelled_paragraphs(shared: Path, root: Path) -> None:
    command = [sys.executable, str(shared / "eval" / "score.py"), "--json"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=root, env={"PYTHONPATH": str(root)})
    figures = json.loads(done.stdout)
    assert figures["macro_f1"] >= 0.89
    assert figures["relaxed_accuracy"] >= 0.93
    assert figures["auto_share"] >= 0.7
    assert figures["auto_accuracy"] >= 0.95


@pytest.mark.parametrize("name", ["public", "weak"])
def test_no_real_paragraph_makes_the_tagger_stumble(shared: Path, tagger: Tagger, name: str) -> None:
    lines = (shared / "labelled" / f"{name}.jsonl").read_text("utf-8").splitlines()[::10]
    texts = [json.loads(line)["text"] for line in lines]
    assert len(tagger.tag_batch(texts)) == len(texts)
