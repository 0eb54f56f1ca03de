"""A guided tour of the incident: eight links into pages, each with the sentence that the page has for it.

Nothing of it is written by hand but how sentences are joined: the steps are those of the race and of the answers
in the run, and the sentences those of its explanation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

BUG, FIRST_FIX, SECOND_FIX, LATEST = "pre3427", "pr3427", "pr3766", "pr4397"
DELIVER = "http.deliver"


def tour_of(pages: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, str]]:
    """The tour: of the incident, and of a page on which the latest design fails; none without the incident."""
    found = next(((file, page) for file, page in pages if page["scenario"] == "incident"), None)
    if found is None:
        return []
    file, page = found
    walks = {walk["id"]: walk for walk in page["walks"]}
    if not {BUG, FIRST_FIX, SECOND_FIX} <= walks.keys() or walks[BUG]["race"] is None:
        return []
    return [*_bug(file, page, walks[BUG]), *_fixes(file, walks), *_left(pages)][:8]


def _bug(file: str, page: Mapping[str, Any], walk: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    race, told = walk["race"], walk["explanation"]
    endpoint, rival = race["sides"]
    begins = f"Since {race['since']} two chains race: to {endpoint['operation']}, and to {rival['operation']}."
    if race["since_step"] is not None:
        yield _stop(begins, file, race["since_step"], BUG)
    yield _stop(f"{rival['operation']} by {rival['actor']} comes first.", file, rival["step"], BUG)
    yield _stop(f"{told[0][0].upper()}{told[0][1:]}", file, endpoint["step"], BUG)
    delivered = [row[0] for row in walk["walk"]["steps"] if _operation(page, row) == DELIVER]
    for sentence, step in zip(told[1:], delivered[1:2] + delivered[-1:], strict=False):
        yield _stop(f"{sentence[0].upper()}{sentence[1:]}", file, step, BUG)


def _operation(page: Mapping[str, Any], row: Sequence[Any]) -> str | None:
    return None if row[2] is None else page["tables"]["texts"][row[2]]


def _fixes(file: str, walks: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    first = walks[FIRST_FIX]
    alike = "goes alike, step for step" if first["like"] == BUG else "goes otherwise"
    verdicts = ", ".join(first["verdicts"]).replace("_", " ")
    sentence = f"Under {FIRST_FIX} (first fix) the same seed {alike}: {verdicts}."
    yield _stop(sentence, file, walks[BUG]["race"]["sides"][0]["step"], BUG, FIRST_FIX)
    verdicts = ", ".join(walks[SECOND_FIX]["verdicts"]).replace("_", " ")
    sentence = f"Under {SECOND_FIX} (second fix) the race is lost as well, and the answer is another: {verdicts}."
    yield _stop(sentence, file, walks[BUG]["race"]["sides"][0]["step"], SECOND_FIX, BUG)


def _left(pages: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[dict[str, str]]:
    """Where the latest design fails, without any fault, and the second fix does not."""
    for file, page in pages:
        verdicts = {run["policy"]["name"]: run["verdicts"] for run in page["runs"]}
        has_faults = any(name.startswith("fault ") for name, _ in page["setting"])
        if not has_faults and verdicts.get(SECOND_FIX) == ["ok"] != verdicts.get(LATEST, ["ok"]):
            link = f"{file}#policy={LATEST}&with={SECOND_FIX}"
            yield {"text": f"What is left: {page['summary']}", "link": link, "where": page["scenario"]}
            return


def _stop(text: str, file: str, step: int, policy: str, beside: str = "") -> dict[str, str]:
    link = f"{file}#step={step}&policy={policy}" + (f"&with={beside}" if beside else "")
    return {"text": text, "link": link, "where": f"step {step}" + (", side by side" if beside else "")}
