"""Tagging: texts, documents and files in, tags out. The story of the house in one class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path

from tagger import reasons
from tagger.artifact import load_artifact, load_words, model_folder
from tagger.decision import decide
from tagger.errors import ArtifactError
from tagger.records import Explanation, Paragraph, Reason, Source, Tag, TaggedDocument, TaggedParagraph
from tagger.terms import TermScan

PACKAGE = Path(__file__).parent
DEFAULT_MODEL_PLACES = (PACKAGE / "default_model", PACKAGE.parent / "models" / "default")  # installed; in the checkout


class Tagger:
    """A loaded model that tags texts. Make one with `Tagger.load`; it is read-only and safe to share among threads."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = model_folder(folder)
        artifact = load_artifact(self.folder)
        self.model = artifact.model
        self.rule = artifact.rule
        self.themes = artifact.themes
        self.model_id = artifact.model_id

    @classmethod
    def load(cls, folder: str | Path | None = None) -> Tagger:
        """Load a model folder, or the version in use of a store; without one, the model that comes with the package.

        Raises `ArtifactError` if the folder is missing, damaged, of another version or unsafe.
        """
        return cls(_default_folder() if folder is None else folder)

    def tag(self, text: str, headings: Sequence[str] = ()) -> Tag:
        """Tag one paragraph. Raises `TypeError` if it is no `str`.

        `headings` is the path above it, where it is known: the title of the document or the outermost heading first.
        """
        return self._tag([_checked(text)], [_path(headings)])[0]

    def tag_batch(self, texts: Iterable[str], headings: Iterable[Sequence[str]] | None = None) -> list[Tag]:
        """Tag many paragraphs, in their order; the same tags as one by one. `headings` has one path a text.

        Raises `TypeError` if a text is no `str`, `ValueError` if there are not as many paths as texts.
        """
        if isinstance(texts, str | bytes):
            raise TypeError("tag_batch 要的是一组文本；只有一段时请用 tag(text)")
        checked = [_checked(text) for text in texts]
        paths = None if headings is None else list(map(_path, headings))
        if paths is not None and len(paths) != len(checked):
            raise ValueError(f"有 {len(checked)} 段文字、{len(paths)} 条标题路径；每段应有一条，没有标题的给 ()")
        return self._tag(checked, paths)

    def tag_document(self, text: str, *, name: str = "") -> TaggedDocument:
        """Tag the body paragraphs of a whole document given as text. Raises `TypeError` if it is no `str`."""
        from tagger.reading.text import lines_of  # noqa: PLC0415 - readers are loaded when a document comes

        return self.tag_source(Source(name, _checked(text), lines_of(text)))

    def tag_file(self, path: str | Path, *, items: bool = False) -> TaggedDocument:
        """Read a file and tag its body paragraphs. Raises `InputError` or `FormatError` if it cannot be read.

        With `items`, each item of a paragraph that counts them up (一是…；二是…) is tagged by itself.
        """
        from tagger.reading import read  # noqa: PLC0415 - readers are loaded when a file comes

        return self.tag_source(read(path), items=items)

    def tag_source(self, source: Source, *, items: bool = False) -> TaggedDocument:
        """Tag the body paragraphs of a document that was read; `items` as in `tag_file`."""
        from tagger.outline import outline  # noqa: PLC0415 - its patterns take time to compile

        return self.tag_outlines([(source, outline(source, items=items))])[0]

    def tag_outlines(self, outlines: Sequence[tuple[Source, Sequence[Paragraph]]]) -> list[TaggedDocument]:
        """Tag documents whose outlines are known, all at once: faster than one by one where they are small."""
        texts = [each.text for _, paragraphs in outlines for each in paragraphs if each.role == "body"]
        headings = [path for _, paragraphs in outlines for path in _paths(paragraphs)]
        tags = iter(self._tag(texts, headings))
        return [
            TaggedDocument(
                source,
                self.model_id,
                tuple(TaggedParagraph(each, next(tags) if each.role == "body" else None) for each in paragraphs),
            )
            for source, paragraphs in outlines
        ]

    def explain(self, text: str, headings: Sequence[str] = ()) -> tuple[Explanation, ...]:
        """For each theme, the words of the text and what each adds to the log-odds. Raises `TypeError` if no `str`."""
        return reasons.explain(self.model, self._words, _checked(text), headings=_path(headings))

    def strongest_reasons(self, texts: Sequence[str], themes: Sequence[str]) -> list[tuple[Reason, ...]]:
        """For each text, the few words that speak most for the theme beside it, strongest first; fast for many.

        Raises `ValueError` if there is no such theme.
        """
        return reasons.strongest_reasons(self.model, self._words, texts, themes)

    @cached_property
    def _words(self) -> TermScan:
        return load_words(self.folder)

    def _tag(self, texts: list[str], headings: Sequence[Sequence[str]] | None = None) -> list[Tag]:
        log_odds = self.model.log_odds(texts, headings)
        return decide(self.model.themes, log_odds, self.model.probabilities(log_odds), self.rule)


def _paths(paragraphs: Sequence[Paragraph]) -> list[tuple[str, ...]]:
    """For each body paragraph, the title above it, which may have several lines, and its headings."""
    titled = zip(titles_of(paragraphs), paragraphs, strict=True)
    return [(title, *each.headings) if title else each.headings for title, each in titled if each.role == "body"]


def titles_of(paragraphs: Iterable[Paragraph]) -> Iterator[str]:
    """For each paragraph of a document, the title above it, which may have several lines; empty if there is none."""
    title, previous = "", ""
    for each in paragraphs:
        if each.role == "title":
            title = title + each.text if previous == "title" else each.text
        previous = each.role
        yield title


def _checked(text: object) -> str:
    if isinstance(text, str):
        return text
    if isinstance(text, bytes):
        raise TypeError(
            "要的是文本（str），来的是字节（bytes）；请先解码，例如 content.decode('gb18030')，或用 tag_file(路径)"
        )
    raise TypeError(f"要的是文本（str），来的是 {type(text).__name__}；请传入一段文字")


def _path(headings: object) -> Sequence[str]:
    if isinstance(headings, Sequence) and not isinstance(headings, str | bytes):
        return headings
    raise TypeError(f"标题路径要的是一组文本，如 ('某县工作总结', '一、党建')，来的是 {type(headings).__name__}")


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
