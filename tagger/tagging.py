"""Tagging: texts, documents and files in, tags out. The story of the house in one class."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path

from tagger.artifact import load_artifact, load_words
from tagger.decision import decide
from tagger.errors import ArtifactError
from tagger.records import Explanation, Source, Tag, TaggedDocument, TaggedParagraph
from tagger.terms import TermScan

PACKAGE = Path(__file__).parent
DEFAULT_MODEL_PLACES = (PACKAGE / "default_model", PACKAGE.parent / "models" / "default")  # installed; in the checkout


class Tagger:
    """A loaded model that tags texts. Make one with `Tagger.load`; it is read-only and safe to share among threads."""

    def __init__(self, folder: str | Path) -> None:
        artifact = load_artifact(folder)
        self.folder = Path(folder)
        self.model = artifact.model
        self.rule = artifact.rule
        self.model_id = artifact.model_id

    @classmethod
    def load(cls, folder: str | Path | None = None) -> Tagger:
        """Load a model folder; without a folder, the model that comes with the package.

        Raises `ArtifactError` if the folder is missing, damaged, of another version or unsafe.
        """
        return cls(_default_folder() if folder is None else folder)

    def tag(self, text: str) -> Tag:
        """Tag one paragraph. Raises `TypeError` if it is no `str`."""
        return self._tag([_checked(text)])[0]

    def tag_batch(self, texts: Iterable[str]) -> list[Tag]:
        """Tag many paragraphs, in their order; the same tags as one by one. Raises `TypeError` if one is no `str`."""
        if isinstance(texts, str | bytes):
            raise TypeError("tag_batch 要的是一组文本；只有一段时请用 tag(text)")
        return self._tag([_checked(text) for text in texts])

    def tag_document(self, text: str, *, name: str = "") -> TaggedDocument:
        """Tag the body paragraphs of a whole document given as text. Raises `TypeError` if it is no `str`."""
        from tagger.reading.text import lines_of  # noqa: PLC0415 - readers are loaded when a document comes

        return self.tag_source(Source(name, _checked(text), lines_of(text)))

    def tag_file(self, path: str | Path) -> TaggedDocument:
        """Read a file and tag its body paragraphs. Raises `InputError` or `FormatError` if it cannot be read."""
        from tagger.reading import read  # noqa: PLC0415 - readers are loaded when a file comes

        return self.tag_source(read(path))

    def tag_source(self, source: Source) -> TaggedDocument:
        """Tag the body paragraphs of a document that was read."""
        from tagger.outline import outline  # noqa: PLC0415 - its patterns take time to compile

        paragraphs = outline(source)
        tags = iter(self._tag([paragraph.text for paragraph in paragraphs if paragraph.role == "body"]))
        tagged = (TaggedParagraph(each, next(tags) if each.role == "body" else None) for each in paragraphs)
        return TaggedDocument(source, self.model_id, tuple(tagged))

    def explain(self, text: str) -> tuple[Explanation, ...]:
        """For each theme, the words of the text and what each adds to the log-odds. Raises `TypeError` if no `str`."""
        return self.model.explain(_checked(text), self._words)

    def explain_theme(self, text: str, theme: str) -> Explanation:
        """The same for one theme, and faster. Raises `ValueError` if there is no such theme."""
        return self.model.explain(_checked(text), self._words, [theme])[0]

    @cached_property
    def _words(self) -> TermScan:
        return load_words(self.folder)

    def _tag(self, texts: list[str]) -> list[Tag]:
        log_odds = self.model.log_odds(texts)
        return decide(self.model.themes, log_odds, self.model.probabilities(log_odds), self.rule)


def _checked(text: object) -> str:
    if isinstance(text, str):
        return text
    if isinstance(text, bytes):
        raise TypeError(
            "要的是文本（str），来的是字节（bytes）；请先解码，例如 content.decode('gb18030')，或用 tag_file(路径)"
        )
    raise TypeError(f"要的是文本（str），来的是 {type(text).__name__}；请传入一段文字")


def _default_folder() -> Path:
    for folder in DEFAULT_MODEL_PLACES:
        if folder.is_dir():
            return folder
    raise ArtifactError(
        "自带模型",
        found="没有找到",
        expected="安装包内的模型",
        advice="重新安装 gongwen-tagger，或运行 python scripts/retrain.py",
    )


@cache
def default_tagger() -> Tagger:
    """The one tagger of the package's own model, loaded on first use."""
    return Tagger.load()
