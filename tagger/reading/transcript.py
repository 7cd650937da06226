"""The text of a document while it is read: line after line, each with its level and its place."""

from __future__ import annotations

from dataclasses import dataclass, field

from tagger.records import Line, Source


@dataclass(slots=True)
class Transcript:
    """Collects the lines of a source."""

    texts: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    length: int = 0

    def add(self, text: str, level: int | None = None, place: str = "") -> None:
        r"""Add a paragraph, each `\n` a line end. Blank lines stand in the text, but are no lines of the source."""
        for line in text.split("\n"):
            if line.strip():
                self.lines.append(Line(self.length, self.length + len(line), level, place))
            self.texts.append(line)
            self.length += len(line) + 1

    def source(self, name: str) -> Source:
        """What was collected."""
        return Source(name, "\n".join(self.texts), tuple(self.lines))


def cell_place(table: int, row: int, column: int) -> str:
    """How the place of a cell is called."""
    return f"表{table}第{row}行第{column}列"


@dataclass(slots=True)
class TableCursor:
    """Where reading has come to in the tables, for formats that only say where a cell and a row end."""

    table: int = 0
    row: int = 0  # 0: outside of tables
    column: int = 0

    @property
    def place(self) -> str:
        """The place of the cell; empty outside of tables."""
        return cell_place(self.table, self.row, self.column) if self.row else ""

    def enter(self) -> None:
        """What comes stands in a table: in a new one, if what came before did not."""
        if not self.row:
            self.table += 1
            self.row = self.column = 1

    def leave(self) -> None:
        """What comes stands in no table."""
        self.row = 0

    def end_cell(self) -> None:
        """Go on to the next cell of the row."""
        self.column += 1

    def end_row(self) -> None:
        """Go on to the first cell of the next row, if this is a table."""
        if self.row:
            self.row, self.column = self.row + 1, 1
