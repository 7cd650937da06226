"""docs/performance.md: its tables are there, the commands that made them exist, its curves are a picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

WRITERS = {
    "scale": "scale.py",
    "growth": "scale.py",
    "folder": "scale.py",
    "documents": "documents.py",
    "speed": "speed.py",
    "retraining": "retraining.py",
}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "performance.md").read_text("utf-8")


@pytest.mark.parametrize("name", WRITERS)
def test_each_table_stands_between_its_marks(page: str, root: Path, name: str) -> None:
    between = re.findall(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page, re.DOTALL)
    assert len(between) == 1
    assert between[0].strip()
    assert f'"{name}"' in (root / "benchmarks" / WRITERS[name]).read_text("utf-8")
    assert f"`python benchmarks/{WRITERS[name]} " in page


def test_what_the_page_points_at_is_there(page: str, root: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert (root / "docs" / target).exists(), target
    for script in re.findall(r"python (benchmarks/\w+\.py)", page):
        assert (root / script).exists(), script


def test_the_curves_are_a_picture_that_holds_nothing_else(root: Path) -> None:
    picture = fromstring((root / "docs" / "pictures" / "scale.svg").read_text("utf-8"))
    kinds = {element.tag.rpartition("}")[2] for element in picture.iter()}
    assert kinds <= {"svg", "style", "g", "text", "line", "polyline", "circle", "rect"}
    assert "polyline" in kinds
