"""What the page of a scenario claims of each policy: of all orders of its steps where they were looked at.

One run is not what is claimed, unless nothing else is known: then the claim says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from batchsim.analysis.runs import PolicyRun
from batchsim.analysis.study import STATES_MAX, Explored, Study
from batchsim.report.exploration import claim_of
from batchsim.report.page.policies import policy_names
from batchsim.report.tables import BAD, GOOD
from batchsim.report.words import share
from batchsim.visible import visible

KINDS = {GOOD: "good", BAD: "bad"}
UNSURE = "unsure"
MANY = 10**12
"""From here on a number is told by its first digits, as in the rest of the page."""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
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


def _share_of_many(found: re.Match[str]) -> str:
    failing, total = (int(each.replace(",", "")) for each in found.groups())
    return found[0] if total < MANY else f"fails in {share(failing / total)} of {total:,} schedules"


def _short(number: str) -> str:
    """A long number by its first digits: `1.09 · 10³⁰`."""
    digits, power = f"{Decimal(number.replace(',', '')):.2e}".split("e+")
    return f"{digits} · 10{power.translate(_RAISED)}"


def _of_page(text: str) -> str:
    """As a page says it: the bound of pages is no option of who writes them, and long numbers are not read."""
    of_page = f"{_BOUND}, as for any page; `batchsim explore` goes on"
    text = re.sub(r"fails in (\d[\d,]*) of (\d[\d,]*) schedules", _share_of_many, text)
    text = re.sub(r"\d{1,3}(,\d{3}){4,}", lambda found: _short(found[0]), text)
    return text.replace(f"{_BOUND} (--max-states)", of_page)
