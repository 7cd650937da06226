"""Small plots as SVG that stand in a page by themselves: no script, and classes that the page gives its colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tagger.writing.page import safe

Point: TypeAlias = tuple[float, float]

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 28, 48  # room for ticks and titles
LARGEST_DOT, SMALLEST_DOT = 9.0, 2.5


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis says, and the values with their labels that are written beside it; the ends among them."""

    title: str
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Where a value lies between the ends, from 0 to 1."""
        low, high = self.ticks[0][0], self.ticks[-1][0]
        return min(1.0, max(0.0, (value - low) / (high - low)))


def percents(title: str, low: float = 0.0) -> Axis:
    """An axis of shares up to 100 %."""
    steps = 5
    return Axis(
        title, [(each, f"{each:.0%}") for each in (low + (1 - low) * step / steps for step in range(steps + 1))]
    )


def numbers(title: str, values: Sequence[float]) -> Axis:
    """An axis from 0 on that names some values."""
    return Axis(title, [(0, "0"), *((each, f"{each:.0f}") for each in sorted(set(values)))])


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: two axes, and marks between them."""

    name: str  # what it shows, for who cannot see it
    x: Axis
    y: Axis

    def drawn(self, *marks: str) -> str:
        """The whole as SVG."""
        return (
            f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{safe(self.name)}">'
            f"{''.join(self._axes())}{''.join(marks)}</svg>"
        )

    def line(self, points: Iterable[Point], kind: str = "line") -> str:
        """A line through points; `kind` is its class: line or guide."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self._place, points))
        return f'<polyline class="{kind}" points="{path}"/>'

    def dots(self, points: Iterable[Point], sizes: Sequence[float] | None = None) -> str:
        """Dots, each with its share of the largest area."""
        places = list(map(self._place, points))
        radii = [max(SMALLEST_DOT, LARGEST_DOT * each**0.5) for each in sizes or [0.15] * len(places)]
        return "".join(
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
            for (x, y), radius in zip(places, radii, strict=True)
        )

    def _place(self, point: Point) -> Point:
        x = LEFT + self.x.share(point[0]) * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - self.y.share(point[1]) * (HEIGHT - TOP - BOTTOM)

    def _axes(self) -> Iterable[str]:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        for value, label in self.x.ticks:
            x = self._place((value, self.y.ticks[0][0]))[0]
            yield f'<line class="tick" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}"/>'
            yield f'<text class="middle" x="{x:.1f}" y="{bottom + 18}">{safe(label)}</text>'
        for value, label in self.y.ticks:
            y = self._place((self.x.ticks[0][0], value))[1]
            yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
            yield f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{safe(label)}</text>'
        yield f'<text class="middle" x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 8}">{safe(self.x.title)}</text>'
        yield f'<text x="{LEFT}" y="{TOP - 14}">{safe(self.y.title)}</text>'


def reliability(bins: Sequence[tuple[float, float, int]]) -> str:
    """A reliability diagram: (mean probability, share that is right, tags) a bin; on the dashed line they agree."""
    plot = Plot("概率与实际正确的比例", percents("模型说的概率"), percents("实际正确"))
    most = max(count for _, _, count in bins)
    dots = plot.dots([(said, right) for said, right, _ in bins], [count / most for _, _, count in bins])
    return plot.drawn(plot.line([(0, 0), (1, 1)], "guide"), dots)


def coverage(points: Sequence[Point], certain_share: float) -> str:
    """Accuracy of the surest tags against their share; the dashed line is where the certain ones end."""
    low = max(0.0, min(0.8, int(min(right for _, right in points) * 10) / 10))
    plot = Plot("只看把握最大的一部分时的正确率", percents("占全部段落的比例"), percents("其中正确", low))
    return plot.drawn(plot.line([(certain_share, low), (certain_share, 1)], "guide"), plot.line(points))


def learning(points: Sequence[Point]) -> str:
    """Macro-F1 against the number of labels."""
    low = max(0.0, min(0.8, int(min(f1 for _, f1 in points) * 10) / 10))
    plot = Plot("标注越多标得越准吗", numbers("标注段数", [labels for labels, _ in points]), percents("宏平均 F1", low))
    return plot.drawn(plot.line(points), plot.dots(points))
