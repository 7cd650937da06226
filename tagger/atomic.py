"""Files that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tagger.errors import OutputError, reason_of


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a place beside `path` to write to; what stands there in the end takes the place of `path`.

    If the work fails, `path` stays as it was and nothing is left beside it. Folders above it are made. Raises
    `OutputError` if it cannot be written.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except OSError as error:
        raise not_writable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def not_writable(path: str | Path, error: OSError) -> OutputError:
    """The error to raise when the system refuses to write."""
    advice = "检查权限和磁盘空间；如果别的程序正开着它，先关掉"
    return OutputError(path, found=f"写不进去（{reason_of(error)}）", expected="可以写入的位置", advice=advice)
