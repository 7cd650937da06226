"""Two runs must not write into one folder: each holds a lock there, which the system takes from it when it dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tagger.batch.outputs import HIDDEN
from tagger.errors import OutputError

NAME = "lock"
TAKEN = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})  # others: this disk knows no locks, and we go without


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. Raises `OutputError` if another run holds it, `OSError` if nothing can be written."""
    path = folder / HIDDEN / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with _held(path, folder) as lock:
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # whatever is left does no harm
                if sys.platform == "win32":
                    lock.close()  # Windows removes no open file
                path.unlink()
                path.parent.rmdir()  # an unfinished run has its journal here, and the folder stays


def _held(path: Path, folder: Path) -> IO[bytes]:
    """The file, open and locked."""
    while True:
        lock = path.open("ab")
        try:
            _lock(lock)
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        except FileNotFoundError:
            pass  # the run that held it has just ended and removed it
        except OSError as error:
            if error.errno not in TAKEN:
                return lock
            lock.close()
            found, advice = "另一次运行正在往这个文件夹里写", "等它结束，或换一个 --out 文件夹"
            raise OutputError(folder, found=found, expected="同时只有一次运行在写", advice=advice) from error
        lock.close()


def _lock(file: IO[bytes]) -> None:
    """Lock a file, at once or not at all."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only on Windows

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - everywhere else

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
