"""What a run writes: each output grows beside its place, and is put there when it is whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from tagger.errors import OutputError

OF_FILES = ".parquet"  # outputs of this kind are folders of numbered files, each whole in itself
PART = re.compile(r"part-\d{5,}\.parquet")  # one of them
HIDDEN = ".run/"  # outputs under this serve the run only, and have no other place


class Outputs:
    """The outputs of a run in a folder, and where each ends: in bytes, or in files if it is a folder of files.

    Nothing is held open: a run over ten thousand tables has as many outputs.
    """

    def __init__(self, folder: Path, ends: Mapping[str, int]) -> None:
        self.folder = folder
        self.ends = dict(ends)
        self._unsafe: set[Path] = set()  # written, and perhaps not yet on the disk

    def beside(self, name: str) -> Path:
        """Where an output grows."""
        return self.folder / name if name.startswith(HIDDEN) else self.folder / f".{name}.part"

    def append(self, name: str, content: bytes) -> None:
        """Append to an output. Raises `OSError`, or `OutputError` if it is not as we left it."""
        append = self._append_file if name.endswith(OF_FILES) else self._append_bytes
        append(self.beside(name), self.ends.setdefault(name, 0), content, name)

    def _append_bytes(self, beside: Path, end: int, content: bytes, name: str) -> None:
        with beside.open("ab" if end else "wb") as target:
            if target.tell() != end:
                raise OutputError(
                    beside, found="被别的程序改动了", expected="只有一次运行在写", advice="等另一次运行结束后再试"
                )
            target.write(content)
        self.ends[name] = end + len(content)
        self._unsafe.add(beside)

    def _append_file(self, beside: Path, end: int, content: bytes, name: str) -> None:
        if end == 0:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
        if content:
            path = beside / f"part-{end:05}{OF_FILES}"
            path.write_bytes(content)
            self.ends[name] = end + 1
            self._unsafe.add(path)

    def secure(self) -> None:
        """Have all that was appended on the disk."""
        while self._unsafe:
            path = self._unsafe.pop()
            with path.open("rb+") as written:
                os.fsync(written.fileno())

    def cut_back(self) -> None:
        """Remove what was written behind the ends. Raises `OutputError` if there is less than that."""
        for name, end in self.ends.items():
            beside = self.beside(name)
            files = sorted(beside.iterdir()) if beside.is_dir() else []
            there = len(files) if name.endswith(OF_FILES) else beside.stat().st_size if beside.exists() else 0
            if there < end:
                raise OutputError(
                    beside, found="写了一半的结果被改动或删除了", expected="原样", advice="去掉 --resume 重新标注"
                )
            for path in files[end:]:
                path.unlink()
            if there > end and not files:
                os.truncate(beside, end)

    def put_in_place(self) -> None:
        """Put each output where it belongs, in place of an old one; what is there already stays."""
        for name in self.ends:
            beside, place = self.beside(name), self.folder / name
            if beside != place and beside.exists():
                check_places(self.folder, [name])
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                elif beside.is_dir():
                    place.unlink(missing_ok=True)
                beside.replace(place)

    def discard(self) -> None:
        """Remove what is not in its place yet."""
        for name in self.ends:
            beside = self.beside(name)
            if beside.is_dir():
                shutil.rmtree(beside)
            else:
                beside.unlink(missing_ok=True)


def check_places(folder: Path, names: Iterable[str]) -> None:
    """Raise `OutputError` if a folder stands where an output is to go and is none itself: it is not ours."""
    for name in names:
        place = folder / name
        if place.is_dir() and not place.is_symlink() and not (name.endswith(OF_FILES) and _is_output(place)):
            found, expected = "已有同名的文件夹", "空着的位置或旧的结果"
            raise OutputError(place, found=found, expected=expected, advice="把它移走或改名，或换一个 --out")


def _is_output(place: Path) -> bool:
    return all(PART.fullmatch(each.name) and each.is_file() for each in place.iterdir())
