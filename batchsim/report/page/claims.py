"""What the page of a scenario claims of each policy: of all orders of its steps where they were looked at.

One run is not what is claimed, unless nothing else is known: then the claim says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from batchsim.analysis.runs import PolicyRun
from batchsim.analysis.study import STATES_MAX, Explored, Study
from batchsim.report.exploration import claim_of
from batchsim.report.page.policies import policy_names
from batchsim.report.tables import BAD, GOOD
from batchsim.visible import visible

KINDS = {GOOD: "good", BAD: "bad"}
UNSURE = "unsure"
_BOUND = f"stopped at {STATES_MAX:,} states"


def claims_of(study: Study) -> list[dict[str, Any]]:
    """One for each policy, in their order."""
    return [_claim(each, run) for each, run in zip_longest(study.explored, study.runs)]


def headline_of(claims: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which verdicts are possible, under which policies; and whether something is claimed of each for sure."""
    failing = [each for each in claims if each["verdicts"] != ["ok"]]
    verdicts = dict.fromkeys(verdict for each in failing for verdict in each["verdicts"])
    return {
        "verdicts": list(verdicts),
        "failing": [each["policy"] for each in failing],
        "is_sure": all(each["kind"] != UNSURE for each in claims),
    }


def _claim(explored: Explored, run: PolicyRun | None) -> dict[str, Any]:
    given = () if run is None else run.verdicts
    told = "" if run is None else f"one run: {', '.join(given).replace('_', ' ')}"
    fails = run is not None and not run.is_ok
    found = explored.known
    if found is None:
        parts = (told, f"no other order was looked at: {explored.why_none}")
        words, kind, size, verdicts = "; ".join(filter(None, parts)), UNSURE, "", set(given)
    else:
        claim = claim_of(found)
        words, kind, size = claim.words, KINDS.get(claim.style, UNSURE), claim.size
        verdicts = set(found.verdicts) if kind != "good" else {"ok"}
        if fails and kind != "bad":
            words += f"; {told}"
            verdicts |= set(given)
    return {
        "policy": policy_names(explored.policy),
        "words": visible(_of_page(words)),
        "kind": "bad" if fails else kind,
        "size": visible(_of_page(size)),
        "verdicts": sorted(verdicts - {"ok"}) or ["ok"],
        "is_of_run": found is None,
    }


def _of_page(text: str) -> str:
    """The bound of pages is no option of who writes them."""
    return text.replace(f"{_BOUND} (--max-states)", f"{_BOUND}, as for any page; `batchsim explore` goes on")
