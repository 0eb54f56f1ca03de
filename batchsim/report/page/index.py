"""The index of the pages: scenarios by what one wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batchsim.report.questions import FIRST, ORDER

SCHEMA = 1


def index_page(
    pages: Sequence[tuple[str, dict[str, Any]]], tour: Sequence[dict[str, str]] = (), findings: str | None = None
) -> dict[str, Any]:
    """The index; `pages`: each with the name of its file. `tour`: steps of a guided tour, if there is one.

    `findings`: the page of findings, where there is one beside it.
    """
    listed = [
        {
            "file": file,
            "scenario": page["scenario"],
            "summary": page["summary"],
            "sentence": page["sentence"],
            "question": page["question"],
            "claims": [
                {name: claim[name] for name in ("policy", "verdicts", "words", "is_of_run")}
                for claim in page["claims"]
            ],
        }
        for file, page in pages
    ]
    listed.sort(key=lambda each: (ORDER.index(each["question"]), each["scenario"] != FIRST))
    failing = sum(bool(page["headline"]["failing"]) for _, page in pages)
    return {
        "schema": SCHEMA,
        "page": "index",
        "title": "Which orders of events fail, and under which policies",
        "sentence": f"{failing} of {len(listed)} scenarios can fail under some policy. A page steps through each.",
        "pages": listed,
        "tour": list(tour),
        "findings": findings,
    }
