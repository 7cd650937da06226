"""Acceptance cases as data: a reader of Chinese adds one to tests/cases/*.json without Python.

A case with "known_failure" is one that the model gets wrong today; the suite shouts when that is cured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tagger import THEMES, Tagger

FOLDER = Path(__file__).parent / "cases"
FILES = [path for path in sorted(FOLDER.glob("*.json")) if path.name != "outline.json"]
CASES = [case for path in FILES for case in json.loads(path.read_text("utf-8"))]


def parameters() -> list[Any]:
    marks = {True: [pytest.mark.xfail(reason="the model is wrong here", strict=True)], False: []}
    return [pytest.param(case, id=case["label"], marks=marks["known_failure" in case]) for case in CASES]


@pytest.mark.parametrize("case", parameters())
def test_case(case: dict[str, Any], tagger: Tagger) -> None:
    assert tagger.tag(case["text"]).theme == case["expect"]


def test_there_are_enough_cases_and_they_are_well_formed() -> None:
    assert len(CASES) >= 300
    assert sum(case["expect"] == "其他" for case in CASES) >= 100
    assert len({case["label"] for case in CASES}) == len({case["text"] for case in CASES}) == len(CASES)
    for case in CASES:
        assert case["comment"]
        assert case["expect"] in THEMES
