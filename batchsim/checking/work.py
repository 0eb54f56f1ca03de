"""One question is answered and judged, in any process: a question in, a row out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from batchsim.analysis.judging import Given, Judgement, judge
from batchsim.bad_input import BadInputError
from batchsim.checking.answers import Answer, Way, ask
from batchsim.checking.questions import FIELDS, Question
from batchsim.engines.exhaustive.search import Bounds
from batchsim.model.properties import Property
from batchsim.report.shares import share as share_in_words
from batchsim.report.shell import join
from batchsim.scenario import Scenario, find_verdict, load_scenario
from batchsim.scenario.shipped import as_written


class Status(Enum):
    """What a question came to."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "not known"
    INVALID = "cannot be checked"


@dataclass(frozen=True, slots=True)
class Row:
    """A question, and what it came to."""

    question: Question
    status: Status
    got: str
    """Which verdicts were given, for people."""
    why: str = ""
    """What is wrong, in a sentence; empty where it passed."""
    again: str = ""
    """The command that shows it."""
    note: str = ""
    """What it says less than it may seem to: a fault of the scenario did not happen."""
    is_cached: bool = False


def check(question: Question) -> Row:
    """Answer a question."""
    try:
        scenario = load_scenario(question.file, question.overrides)
        policy = scenario.find_policy(question.policy, scenario.directory)
        answer = ask(
            scenario,
            question.policy,
            policy,
            question.way,
            properties=properties_in(scenario),
            bounds=Bounds(question.states_max, question.memory_max),
            runs=question.runs,
        )
        known = frozenset(scenario.known_verdicts([policy]))
    except BadInputError as error:
        return Row(question, Status.INVALID, "", str(error))
    except MemoryError:
        return Row(question, Status.UNKNOWN, "", "out of memory")
    row = Row(
        question,
        Status.PASSED,
        _told(answer, question),
        again=_command(question),
        note="; ".join(answer.absent),
    )
    if question.way is Way.RATE:
        return _judged_by_rates(row, answer)
    given = Given(
        scenario=question.scenario,
        policy=question.heading,
        verdicts=answer.verdicts,
        expected=question.verdicts,
        expected_in=FIELDS[question.way],
        known=known,
        needs_all=True,
        is_complete=answer.is_complete,
        stopped_by=answer.stopped_by,
        doubts=answer.doubts,
        unreached=answer.unreached,
    )
    return _judged(row, judge(given, ()))


def properties_in(scenario: Scenario) -> list[Property]:
    """The verdicts of the user's own that a scenario names."""
    return [find_verdict(each, scenario.directory) for each in scenario.verdicts]


def _judged(row: Row, judgement: Judgement) -> Row:
    wrong = (*judgement.missed, *judgement.broken)
    if wrong:
        return replace(row, status=Status.FAILED, why="; ".join(wrong))
    if judgement.doubts:
        return replace(row, status=Status.UNKNOWN, why="; ".join(judgement.doubts))
    return row


def _judged_by_rates(row: Row, answer: Answer) -> Row:
    """Failed where a 95 % interval lies outside of what is expected; not known where it lies on both sides."""
    wrong, doubts = [], []
    for verdict, limit in row.question.rates:
        share = answer.shares[verdict]
        low, high = share.interval
        told = (
            f"{verdict}: {share.count:,} of {share.runs:,} runs ({_percent(share.share)}), 95 % interval "
            f"{_percent(low)} … {_percent(high)}, expected {limit}"
        )
        if high < limit.at_least or low > limit.at_most:
            wrong.append(told)
        elif low < limit.at_least or high > limit.at_most:
            doubts.append(f"{told}: not decided by {share.runs:,} runs, more may do (--runs)")
    if wrong:
        return replace(row, status=Status.FAILED, why="; ".join(wrong))
    if doubts:
        return replace(row, status=Status.UNKNOWN, why="; ".join(doubts))
    return row


def _told(answer: Answer, question: Question) -> str:
    if answer.way is Way.RATE:
        # What is limited comes first, and though it was never met: how often it can be all the same is the answer.
        limited = [verdict for verdict, _ in question.rates]
        met = sorted(
            (name for name, each in answer.shares.items() if each.count and name not in limited),
            key=lambda name: (name == "ok", -answer.shares[name].count, name),
        )
        return ", ".join(f"{name} {share_in_words(answer.shares[name])}" for name in (*limited, *met))
    return ", ".join(sorted(answer.verdicts, key=lambda each: (each == "ok", each)))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share < 1 else "100 %"


def _command(question: Question) -> str:
    options = [word for each in question.overrides for word in ("--set", each)]
    policy = question.policy
    if ".py:" in policy:
        policy = str(question.file.parent / policy)
    file = as_written(question.file)
    words = {
        Way.RUN: ["run", file],
        Way.RATE: ["sweep", file, "--runs", str(question.runs)],
        Way.INTERVALS: ["explore", file, "--timed"],
        Way.ORDERS: ["explore", file],
    }[question.way]
    return join(["batchsim", *words, *options, "--policy", policy])


def position(question: Question) -> str:
    """`file:line`, as editors jump to."""
    file = str(Path(question.file))
    return file if question.line is None else f"{file}:{question.line}"
