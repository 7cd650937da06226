"""What can go wrong, as a small tree of errors. Each says what came, what was expected and what to do next."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial

REASONS = {  # what the system says in English
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "只读的磁盘",
    errno.ENOENT: "没有这个文件或文件夹",
    errno.ENOTDIR: "路径中间有不是文件夹的",
    errno.EISDIR: "是文件夹",
    errno.EEXIST: "已有同名的",
    errno.ENOSPC: "磁盘满了",
    errno.EDQUOT: "超出了磁盘配额",
    errno.EFBIG: "文件太大",
    errno.ELOOP: "链接绕成了圈",
    errno.ENAMETOOLONG: "名字太长",
    errno.EIO: "磁盘出错",
    errno.EBUSY: "别的程序正在用",
}


def reason_of(error: OSError) -> str:
    """Why the system refused, in Chinese where it is a common reason."""
    return REASONS.get(error.errno or 0) or error.strerror or str(error)


class TaggerError(Exception):
    """Anything that a user can put right. `str(error)` is one Chinese sentence for a tired person.

    `subject` is what the trouble is with (a path, a line of a file), `found` what came, `expected` what was expected,
    `advice` what to do next.
    """

    def __init__(self, subject: object, *, found: str, expected: str, advice: str) -> None:
        super().__init__(subject, found, expected, advice)
        self.subject = str(subject)
        self.found = found
        self.expected = expected
        self.advice = advice

    def __reduce__(self) -> tuple[Callable[[object], TaggerError], tuple[str]]:
        """What pickle needs to bring the error back from another process."""
        return partial(type(self), found=self.found, expected=self.expected, advice=self.advice), (self.subject,)

    def __str__(self) -> str:
        return f"{self.subject}：{self.found}。应为：{self.expected}。请{self.advice}。"


class InputError(TaggerError):
    """A file or folder that cannot be read: missing, no rights, damaged."""


class FormatError(InputError):
    """A file of a kind that is not supported."""


class UsageError(TaggerError):
    """An option whose value makes no sense."""


class OutputError(TaggerError):
    """Results cannot be written where they were asked for."""


class ArtifactError(TaggerError):
    """A model folder that is missing, damaged, of another version or unsafe."""


class LabelError(TaggerError):
    """A label that is malformed, names an unknown theme or contradicts another."""


class MissingPackageError(TaggerError):
    """A part of the product needs a package that is not installed."""
