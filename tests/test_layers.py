"""The house keeps its order: imports point up the page, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LAYERS = (  # from the top of the page; a module may import from its own line and those above
    {"errors", "records", "themes"},
    {"atomic", "reading", "outline", "terms"},
    {"model"},
    {"reasons"},
    {"decision"},
    {"artifact"},
    {"tagging"},
    {"writing"},
    {"tables"},
    {"batch"},
    {"learning"},
    {"cli"},
    {"__init__", "__main__"},
)
ONLY_IN = {"jieba": {"learning/vocabulary.py"}, "sklearn": {"learning/classifier.py", "learning/training.py"}}
HEAVY = {"dask", "distributed", "duckdb", "grpc", "pandas", "pyspark", "ray"}
HEAVY |= {"jieba", "joblib", "lxml", "olefile", "opencc", "openpyxl", "orjson", "pyarrow", "pypdf", "scipy", "sklearn"}


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" if node.module == "tagger" else node.module for alias in node.names}
    return names


def test_imports_point_up_the_page(root: Path) -> None:
    package = root / "tagger"
    line_of = {name: number for number, names in enumerate(LAYERS) for name in names}
    for path in package.rglob("*.py"):
        own = path.relative_to(package).parts[0].removesuffix(".py")
        for name in imports(path):
            if name.startswith("tagger.") and name.split(".")[1] in line_of:
                assert line_of[name.split(".")[1]] <= line_of[own], f"{path} imports {name}"
            for package_name, places in ONLY_IN.items():
                if name.split(".")[0] == package_name:
                    assert path.relative_to(package).as_posix() in places, f"{path} imports {name}"


@pytest.mark.parametrize("code", ["import tagger", "import tagger; tagger.tag('开展普法宣传'); tagger.explain('党员')"])
def test_tagging_a_string_loads_numpy_and_nothing_else_heavy(root: Path, code: str) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(root)!r}); {code}; print(*{{name.split('.')[0] for name in sys.modules}})"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in found
    assert not (HEAVY | {"rich", "defusedxml", "xlsxwriter", "xml", "argparse"}) & set(found)


def test_only_the_commands_print(root: Path) -> None:
    package = root / "tagger"
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] == "cli":
            continue
        calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"], path
