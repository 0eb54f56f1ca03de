"""Exit codes, and the lines on standard error that say why: the same for every command, quiet or not.

1 before 3 before 0: what failed has failed, however much is not known. Where nothing was expected or forbidden, 0
says nothing, and a line says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from batchsim.analysis.judging import ANY, Given, Judgement, Limit, judge
from batchsim.bad_input import BadInputError
from batchsim.cli.exit_codes import EXPECTED, INCONCLUSIVE, UNEXPECTED
from batchsim.cli.inputs import percentage
from batchsim.cli.telling import tell

if TYPE_CHECKING:
    from batchsim.analysis.expectations import Field
    from batchsim.analysis.runs import PolicyRun
    from batchsim.report.occurrences import Explored
    from batchsim.scenario import Scenario

LINES_MAX = 20
_NAMES_MAX = 8
_RATE = re.compile(r"(?P<verdict>.*)>(?P<rate>[^>]*)", re.DOTALL)


def limits_of(options: Sequence[str], verdicts: Iterable[str], *, takes_rates: bool = False) -> tuple[Limit, ...]:
    """What options of `--fail-on` forbid; raises `BadInputError`.

    `verdicts`: the names of those that can be given. `takes_rates`: whether how probable one is can be asked.
    """
    known = dict.fromkeys((ANY, *verdicts))
    texts = [part for option in options for part in ([option] if option in known else option.split(","))]
    return tuple(dict.fromkeys(_limit(text.strip(), known, takes_rates=takes_rates) for text in texts))


def _limit(text: str, known: Iterable[str], *, takes_rates: bool) -> Limit:
    if text in known:
        return Limit(text, None, text)
    match = _RATE.fullmatch(text)
    verdict = match["verdict"].strip() if match else text
    if verdict not in known:
        from batchsim.scenario.spelling import did_you_mean

        found = repr(verdict) if verdict else "no verdict"
        parts = (f"--fail-on: found {found}", f"allowed: {', '.join(known)}", did_you_mean(verdict, known))
        raise BadInputError("; ".join(filter(None, parts)))
    assert match is not None
    if not takes_rates:
        raise BadInputError(
            f"--fail-on: found the rate {text!r}; allowed: {verdict}, as a rate is for sweep and explore --exact"
        )
    rate = percentage(match["rate"])
    if rate is None:
        raise BadInputError(
            f"--fail-on: found {text!r}; allowed: a percentage below 100 % after >, such as {verdict}>0.5%"
        )
    return Limit(verdict, rate, text)


def given_by_run(
    scenario: Scenario,
    run: PolicyRun,
    heading: str,
    expected: frozenset[str] | None,
    field: Field | None = None,
) -> Given:
    """What a single run gives, to be judged.

    `heading`: what its policy is called. `field`: of the scenario, which says what is expected; `None`: a witness
    does. Of a run among many not all that is expected has to be given.
    """
    return Given(
        scenario=scenario.name,
        policy=heading,
        verdicts=frozenset(run.verdicts),
        expected=expected,
        expected_in=field,
        known=frozenset(scenario.known_verdicts([run.policy])),
        needs_all=field != "expect_explore",
    )


def doubts_of(exploration: Explored) -> tuple[str, ...]:
    """Why an exploration does not answer what was asked, whatever it found."""
    from batchsim.report.occurrences import missing_in_words

    missing = missing_in_words(exploration)
    return () if missing is None else (missing,)


def code_of(
    judged: Sequence[Given],
    limits: Sequence[Limit],
    doubts: Sequence[str] = (),
    *,
    shows_expectations: bool = False,
) -> int:
    """The exit code, of which standard error is told the reasons.

    `doubts`: further reasons by which the answer is not known. `shows_expectations`: what was not expected was
    said already.
    """
    judgements = [(each, judge(each, limits)) for each in judged]
    missed = list(_together((each, judgement.missed) for each, judgement in judgements))
    broken = list(_together((each, judgement.broken) for each, judgement in judgements))
    if missed or broken:
        _tell([*([] if shows_expectations else missed), *broken])
        return UNEXPECTED
    unsure = [*_together((each, judgement.doubts) for each, judgement in judgements), *doubts]
    if unsure:
        _tell([f"inconclusive: {line}" for line in unsure])
        return INCONCLUSIVE
    _tell_of_unasked(judgements)
    return EXPECTED


def _together(told: Iterable[tuple[Given, Sequence[str]]]) -> Iterator[str]:
    """A line for each thing that is to be said, with all policies of a scenario that it is said of."""
    policies: dict[tuple[str, str], list[str]] = {}
    for given, sentences in told:
        for sentence in sentences:
            policies.setdefault((given.scenario, sentence), []).append(given.policy)
    for (scenario, sentence), those in policies.items():
        yield f"{scenario}, {', '.join(those)}: {sentence}"


def _tell(lines: Sequence[str]) -> None:
    for line in lines[:LINES_MAX]:
        tell(line)
    if len(lines) > LINES_MAX:
        tell(f"… and {len(lines) - LINES_MAX} more")


def _tell_of_unasked(judgements: Sequence[tuple[Given, Judgement]]) -> None:
    """That nothing was asked of some policies, in a line, where that is so."""
    unasked = [given for given, judgement in judgements if not judgement.is_asked]
    if not unasked:
        return
    of_which = ""
    if len(unasked) < len(judgements):
        scenarios = {given.scenario for given, _ in judgements}
        names = [each.policy if len(scenarios) == 1 else f"{each.policy} in {each.scenario}" for each in unasked]
        more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
        of_which = f" of {', '.join(names[:_NAMES_MAX])}{more}"
    tell(f"nothing was expected{of_which}: exit code 0 says only that it came to its end")
