"""The index of the pages: scenarios by what one wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SCHEMA = 1
INCIDENT = "The incident, and orders like it"
FAULTS = "When something fails: crashes, lost answers, redeliveries"
PASSES = "Where no order is known that fails"
OWN = "Other systems"


def question_of(page: dict[str, Any]) -> str:
    """What one wants to know who opens the page of a scenario."""
    names = {name for name, _ in page["setting"]}
    if "system" in names:
        return OWN
    if any(name.startswith("fault ") for name in names):
        return FAULTS
    return INCIDENT if page["headline"]["failing"] else PASSES


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
            "question": question_of(page),
            "claims": [
                {name: claim[name] for name in ("policy", "verdicts", "words", "is_of_run")}
                for claim in page["claims"]
            ],
        }
        for file, page in pages
    ]
    order = (INCIDENT, FAULTS, PASSES, OWN)
    listed.sort(key=lambda each: order.index(each["question"]))
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
