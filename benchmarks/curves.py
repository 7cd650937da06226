"""Curves over sizes that grow tenfold, as an SVG that is read on light and dark ground. No library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from typing import TypeAlias

Points: TypeAlias = Sequence[tuple[float, float]]

WIDTH, HEIGHT, GAP = 300, 200, 80  # of a panel; room around it for what is written there
STYLE = """
text { font: 12px sans-serif; fill: #333 } .title { font-weight: bold } .axis { stroke: #888 }
.grid { stroke: #888; stroke-opacity: .25 }
.s0 { stroke: #c0392b; fill: #c0392b } .s1 { stroke: #2471a3; fill: #2471a3 }
polyline { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .s0 { stroke: #ff8a75; fill: #ff8a75 }
.s1 { stroke: #7fc0f0; fill: #7fc0f0 } }
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """Some curves over the same sizes; the scale of `up` is one of powers of ten, too, or begins at nought."""

    title: str
    across: str
    curves: Mapping[str, Points]
    is_logarithmic: bool = False


def svg(panels: Sequence[Panel]) -> str:
    """The panels side by side."""
    width, height = (WIDTH + GAP) * len(panels) + GAP // 2, HEIGHT + GAP + 30
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">', f"<style>{STYLE}</style>"]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({GAP * 3 // 4 + number * (WIDTH + GAP)} 40)">')
        parts += _panel(panel)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel) -> Iterator[str]:
    every = [point for points in panel.curves.values() for point in points]
    sizes = _powers([size for size, _ in every])
    values = _powers([value for _, value in every]) if panel.is_logarithmic else _round_steps(max(v for _, v in every))

    def x(size: float) -> float:
        return _share(log10(size), log10(sizes[0]), log10(sizes[-1])) * WIDTH

    def y(value: float) -> float:
        low, high = values[0], values[-1]
        if panel.is_logarithmic:
            value, low, high = log10(value), log10(low), log10(high)
        return HEIGHT - _share(value, low, high) * HEIGHT

    yield f'<text class="title" x="0" y="-20">{escape(panel.title)}</text>'
    for value in values:
        yield f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield f'<text x="-6" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
    for size in sizes:
        yield f'<line class="grid" y1="0" y2="{HEIGHT}" x1="{x(size):.1f}" x2="{x(size):.1f}"/>'
        yield f'<text x="{x(size):.1f}" y="{HEIGHT + 18}" text-anchor="middle">{size:,.0f}</text>'
    yield f'<line class="axis" x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}"/>'
    yield f'<text x="{WIDTH / 2}" y="{HEIGHT + 38}" text-anchor="middle">{escape(panel.across)}</text>'
    for number, (name, points) in enumerate(panel.curves.items()):
        line = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in points)
        yield f'<polyline class="s{number}" points="{line}"/>'
        yield from (f'<circle class="s{number}" cx="{x(a):.1f}" cy="{y(b):.1f}" r="3"/>' for a, b in points)
        yield f'<rect class="s{number}" x="{number * 90}" y="{HEIGHT + 50}" width="14" height="4"/>'
        yield f'<text x="{number * 90 + 20}" y="{HEIGHT + 56}">{escape(name)}</text>'


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low)


def _powers(values: Sequence[float]) -> list[float]:
    """The powers of ten around some values, at least two."""
    low = int(log10(min(values)) // 1)
    high = max(low + 1, -int(-log10(max(values)) // 1))
    return [10.0**power for power in range(low, high + 1)]


def _round_steps(highest: float) -> list[float]:
    """Five round numbers from nought to above the highest."""
    unit = 10.0 ** (log10(highest / 4) // 1)
    step = next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times * 4 >= highest)
    return [step * number for number in range(5)]
