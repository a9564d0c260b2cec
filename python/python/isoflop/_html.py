"""Tables for notebooks."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any


def shown(value: Any) -> str:
    """A value as a cell shows it: six digits, and what is missing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 200 else text[:197] + "..."


def table(
    header: Sequence[str], rows: Iterable[Sequence[Any]], notes: Iterable[str] = ()
) -> str:
    """An HTML table, and sentences below it. Every text is literal."""

    def cells(kind: str, values: Iterable[str]) -> str:
        style = "style='text-align:left'"
        return "".join(f"<{kind} {style}>{html.escape(v)}</{kind}>" for v in values)

    body = "".join(f"<tr>{cells('td', map(shown, row))}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', header)}</tr></thead>" if header else ""
    below = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    return f"<table>{head}<tbody>{body}</tbody></table>{below}"
