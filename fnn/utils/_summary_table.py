"""How a `fnn.utils.summary.Summary` prints."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnn.utils.summary import Row, Summary

_HEAD = ("Layer", "Output shape", "Parameters", "Trainable", "FLOPs", "Activations")


def text(summary: Summary) -> str:
    """A table in monospaced text."""
    table = [_HEAD, *(_cells(row, "  " * row.depth) for row in _shown(summary))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for cells in table:
        first, *rest = (c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        lines.append("  ".join([first, *rest]).rstrip())
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:], rule, *_totals(summary)])


def html(summary: Summary) -> str:
    """An HTML table."""
    rows = ["".join(f'<th style="text-align:{_side(i)}">{title}</th>' for i, title in enumerate(_HEAD))]
    for row in _shown(summary):
        first, *rest = map(escape, _cells(row, ""))
        cells = [f'<td style="text-align:left;padding-left:{0.5 + 1.2 * row.depth:g}em">{first}</td>']
        cells += [f'<td style="text-align:{_side(i)}">{cell}</td>' for i, cell in enumerate(rest, 1)]
        rows.append("".join(cells))
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table>\n{body}\n</table>\n<p>{'<br>'.join(map(escape, _totals(summary)))}</p>"


def _shown(summary: Summary) -> list[Row]:
    return [row for row in summary.rows if summary.depth is None or row.depth <= summary.depth]


def _totals(summary: Summary) -> list[str]:
    lines = [
        f"Parameters: {summary.total_params:,} ({summary.trainable_params:,} trainable), {_bytes(summary.param_bytes)}"
    ]
    if summary.total_buffers:
        lines.append(f"Buffers: {summary.total_buffers:,}, {_bytes(summary.buffer_bytes)}")
    if summary.total_mult_adds is not None:
        operations = f"{_engineering(summary.total_flops)} = {_engineering(summary.total_mult_adds)} multiply-adds"
        lines.append(f"FLOPs: {operations} (2 per multiply-add of matrix products and convolutions)")
        lines.append(f"Activations: {_bytes(summary.total_activation_bytes)} (outputs of the leaf layers)")
    return lines


def _cells(row: Row, indent: str) -> tuple[str, ...]:
    label = f"{indent}({row.name}) {row.kind}" if row.name else row.kind
    if row.shared_with is not None:
        return (f"{label}, shared: {row.shared_with}", "", "", "", "", "")
    label += f" ×{row.calls}" if row.calls > 1 else ""
    shapes = ", ".join(map(str, row.output_shapes)) or "–"
    return (
        label,
        shapes,
        f"{row.params:,}",
        f"{row.trainable_params:,}",
        _engineering(row.flops),
        _bytes(row.activation_bytes),
    )


def _side(column: int) -> str:
    return "left" if column == 0 else "right"


def _engineering(n: int | None) -> str:
    if n is None:
        return "–"
    for power, unit in ((12, " T"), (9, " G"), (6, " M"), (3, " k")):
        if n >= 10**power:
            return f"{n / 10**power:.2f}{unit}"
    return str(n)


def _bytes(n: int | None) -> str:
    if n is None:
        return "–"
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if n >= 1024**power:
            return f"{n / 1024**power:.1f} {unit}"
    return f"{n} B"
