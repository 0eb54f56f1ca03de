"""Tables as HTML, for objects that show themselves in a notebook (`_repr_html_`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from batchsim.visible import visible

ROWS_MAX = 60


def html_table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; of many rows the first, and how many more there are."""
    listed = list(rows)
    head = "".join(f'<th scope="col">{_text(each)}</th>' for each in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in islice(listed, ROWS_MAX))
    more = f"<p>and {len(listed) - ROWS_MAX:,} more rows</p>" if len(listed) > ROWS_MAX else ""
    return (
        f'<table><caption style="text-align: left">{_text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
    )


def _cell(value: object) -> str:
    return f'<td style="text-align: left">{_text(value)}</td>'


def _text(value: object) -> str:
    from html import escape  # noqa: PLC0415 - few are in a notebook, and all import this

    return escape(visible(str(value)))
