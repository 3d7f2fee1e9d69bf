"""Draws lines through points on two logarithmic axes, as SVG that needs nothing but a browser."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 20, 60
COLOURS = ("#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce")
Points = Sequence[tuple[float, float]]


def svg(series: Mapping[str, Points], x_label: str, y_label: str) -> str:
    """A picture of all series with at least one point above zero on both axes."""
    shown = {name: [(x, y) for x, y in points if x > 0 and y > 0] for name, points in series.items()}
    shown = {name: sorted(points) for name, points in shown.items() if points}
    across = _Axis([x for points in shown.values() for x, _ in points], LEFT, WIDTH - RIGHT)
    up = _Axis([y for points in shown.values() for _, y in points], HEIGHT - BOTTOM, TOP)
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_grid(across, up),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 15}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>',
    ]
    for number, (name, points) in enumerate(shown.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(across.place(x), up.place(y)) for x, y in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
        parts.append(f'<text x="{LEFT + 12}" y="{TOP + 18 + 16 * number}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Axis:
    """Whole decades between two places of the picture."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self.low = math.floor(math.log10(min(values, default=1)))
        self.high = max(math.ceil(math.log10(max(values, default=10))), self.low + 1)
        self._first, self._last = first, last

    def place(self, value: float) -> float:
        return self._first + (math.log10(value) - self.low) / (self.high - self.low) * (self._last - self._first)

    def ticks(self) -> Iterator[tuple[float, bool]]:
        """Values with a line of the grid; true where it has a label as well."""
        for decade in range(self.low, self.high + 1):
            for step in (1, 2, 5) if decade < self.high else (1,):
                yield step * 10.0**decade, step == 1


def _grid(across: _Axis, up: _Axis) -> Iterator[str]:
    top, bottom, left, right = TOP, HEIGHT - BOTTOM, LEFT, WIDTH - RIGHT
    for value, labelled in across.ticks():
        x = f"{across.place(value):.1f}"
        yield f'<path d="M{x} {top}V{bottom}" stroke="{"#aaa" if labelled else "#e5e5e5"}"/>'
        if labelled:
            yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{value:,.9g}</text>'
    for value, labelled in up.ticks():
        y = up.place(value)
        yield f'<path d="M{left} {y:.1f}H{right}" stroke="{"#aaa" if labelled else "#e5e5e5"}"/>'
        if labelled:
            yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.9g}</text>'
