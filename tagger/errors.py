"""What can go wrong, as a small tree of errors. Each says what came, what was expected and what to do next."""

from __future__ import annotations


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
