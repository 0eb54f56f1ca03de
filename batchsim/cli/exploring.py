"""What `batchsim explore` does, whichever engine it asks: read, explore under each policy, tell, judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from batchsim.analysis.headings import headings_of
from batchsim.analysis.judging import Given
from batchsim.analysis.witnesses import Witness, WitnessStep, within
from batchsim.cli.again import command_line, how_again
from batchsim.cli.exit_codes import INTERRUPTED
from batchsim.cli.inputs import by_their_names, expected_by, load, policies_of, properties_of, verdict_names
from batchsim.cli.judging import code_of, doubts_of, limits_of
from batchsim.cli.outputs import (
    check_outputs,
    check_witnesses,
    deliver,
    printing,
    witness_texts,
    write_csv,
    write_files,
    write_json,
)
from batchsim.cli.report import commands_of, page_text_of, write_page
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn, warn_if_unjudged
from batchsim.report.progress import Progress
from batchsim.report.search_progress import SearchProgress
from batchsim.report.shell import join

if TYPE_CHECKING:
    from rich.console import Console

    from batchsim.analysis.study import Explored
    from batchsim.engines.exhaustive import Bounds
    from batchsim.engines.recorded_draws import Draw
    from batchsim.model.properties import Property
    from batchsim.report.page.answers import Answer
    from batchsim.scenario import Scenario

Facts = dict[str, Any]
"""Some fields of `Given`."""
E = TypeVar("E")
"""An exploration: what an engine found under a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the command is asked, whichever engine answers."""

    file: Path
    policies: tuple[str, ...]
    verdicts: tuple[str, ...]
    forbidden: tuple[str, ...]
    overrides: tuple[str, ...]
    bounds: Bounds
    json_file: str | None
    witness_directory: Path | None
    html_file: Path | None
    csv_file: Path | None
    quiet: bool


class Asked(NamedTuple):
    """A policy that is asked about."""

    name: str
    policy: Any
    properties: Sequence[Property]
    """Verdicts of the user's own."""


class Explorer(Generic[E]):
    """An engine, as the command asks it, and how what it found is told."""

    flag: tuple[str, ...] = ()
    """The option that asks for it."""
    question: str = ""
    """What is asked, in words, where a page is about this alone; empty: the page of the scenario has it all."""
    further: ClassVar[tuple[str, ...]] = ()
    """What such a page says of each outcome beside what every one has."""
    size_means: ClassVar[str] = ""
    """What such a page says of the words that it counts by; empty: nothing."""
    unit: ClassVar[str] = "states"
    """What its bound counts."""
    takes_rates: ClassVar[bool] = False
    """Whether it knows how probable a verdict is."""
    is_of_all_latencies: ClassVar[bool] = False
    """Whether it claims something of all latencies within their intervals, however rare they are."""

    def check(self, scenario: Scenario) -> None:
        """Whether it can explore the scenario; raises `InvalidScenario`."""
        raise NotImplementedError

    def explore(
        self,
        scenario: Scenario,
        policy: Any,
        properties: Sequence[Property],
        bounds: Bounds,
        progress: SearchProgress,
    ) -> E:
        """Explore a scenario under a policy."""
        raise NotImplementedError

    def witness_of(self, outcome: Any) -> tuple[tuple[WitnessStep, ...], tuple[Draw, ...] | None]:
        """The steps of the witness of an outcome, and its latencies, if it has any of its own."""
        raise NotImplementedError

    def facts(self, exploration: E) -> Facts:
        """What there is to judge beside what every exploration knows."""
        raise NotImplementedError

    def show(
        self, console: Console, scenario: Scenario, found: Sequence[E], commands: Sequence[Sequence[str]]
    ) -> None:
        """Print what was found; `commands`: for each exploration and each of its outcomes, what replays it."""
        raise NotImplementedError

    def answer(self, scenario: Scenario, asked: Asked, exploration: E, commands: Sequence[str]) -> Answer:
        """What was found under a policy, for a page; `commands`: for each outcome what replays it."""
        raise NotImplementedError

    def explored(self, chosen: Sequence[tuple[str, Any]], found: Sequence[E]) -> list[Explored]:
        """What was found under each policy, for the page of the scenario, where there is no `question`."""
        raise NotImplementedError

    def document(self, scenario: str, found: Sequence[E], judged: Sequence[Given]) -> dict[str, Any]:
        """What was found, as JSON."""
        raise NotImplementedError


def explore_with(explorer: Explorer[Any], question: Question) -> int:
    """Explore a scenario under its policies, and show what was found; the exit code."""
    file = question.file
    (scenario,) = load([file], question.overrides, None, explorer.check, question.policies)
    asked = by_their_names([scenario], question.policies)
    chosen, properties = policies_of(scenario, asked), properties_of(scenario, question.verdicts)
    names = [name for name, _ in chosen]
    json_file, directory = question.json_file, question.witness_directory
    check_outputs(json_file, None, directory, more={"--html": question.html_file, "--csv": question.csv_file})
    if directory is not None:
        check_witnesses(directory, names)
    expected = expected_by(scenario, "expect_explore", asked, chosen)
    # What is expected of all latencies is about this very question, and has to be given in full.
    exactly = expected_by(scenario, "expect_timed", asked, chosen) if explorer.is_of_all_latencies else {}
    can_be_given = verdict_names(scenario, chosen, properties)
    limits = limits_of(question.forbidden, can_be_given, takes_rates=explorer.takes_rates)
    warnings = warn(scenario, chosen, quiet=question.quiet, of_all_latencies=explorer.is_of_all_latencies)
    headings = headings_of(chosen)
    found: list[Any] = []
    with SearchProgress(len(chosen), quiet=question.quiet, unit=explorer.unit) as progress, progress.keeping():
        for name, policy in chosen:
            if progress.begin(headings[name]):
                one = explorer.explore(scenario, policy, properties, question.bounds, progress)
                # One's own policy may have the name of a shipped one.
                found.append(replace(one, policy=headings[name]))
    warnings += warn_if_unjudged(scenario, chosen, properties, quiet=question.quiet)
    named = names if asked else [within(scenario.directory, name) for name in names]
    texts, commands = _replays(explorer, question, list(zip(named, found, strict=False)))
    page: str | None = None
    if question.html_file is not None and not progress.was_interrupted:
        with Progress(quiet=question.quiet) as drawing:
            if explorer.question:
                page = _page(explorer, question, scenario, chosen, properties, found, commands, warnings)
            else:
                options = how_again(overrides=question.overrides)
                again = commands_of("explore", file, options, asked, question.verdicts)
                explored = explorer.explored(chosen, found)
                page = page_text_of(scenario, chosen, properties, again, warnings, drawing, asked, explored)
    known = scenario.known_verdicts(policy for _, policy in chosen)
    judged = [
        _given(
            scenario,
            known,
            headings[name],
            each,
            {"expected": expected[name], "expected_in": "expect_explore", **explorer.facts(each)}
            | _exactly(exactly.get(name)),
        )
        for name, each in zip(names, found, strict=False)
    ]

    def show() -> None:
        with printing(policy for _, policy in chosen) as console:
            explorer.show(console, scenario, found, commands)

    def document() -> dict[str, Any]:
        return {**explorer.document(scenario.name, found, judged), "warnings": warnings}

    deliver(
        None if question.quiet or json_file == "-" else show,
        None if directory is None else lambda: write_files("--witness", directory, texts),
        None if page is None else lambda: write_page(question.html_file, page),
        None if json_file is None else lambda: write_json(json_file, document()),
        None if question.csv_file is None else lambda: write_csv("explore", question.csv_file, document()),
    )
    if progress.was_interrupted:
        tell(f"interrupted: {len(found)} of {len(chosen)} policies were begun")
        return INTERRUPTED
    return code_of(judged, limits)


def _page(
    explorer: Explorer[Any],
    question: Question,
    scenario: Scenario,
    chosen: Sequence[tuple[str, Any]],
    properties: Sequence[Property],
    found: Sequence[Any],
    commands: Sequence[Sequence[str]],
    warnings: Sequence[str],
) -> str:
    """The page that says what was asked and what is answered."""
    from batchsim.report.page import html_page
    from batchsim.report.page.answers import Words, answer_page

    options = [*explorer.flag, *(word for name in question.policies for word in ("--policy", name))]
    options += how_again(overrides=question.overrides)
    again = command_line("explore", [question.file], options, question.verdicts)
    answers = [
        explorer.answer(scenario, Asked(name, policy, properties), each, lines)
        for (name, policy), each, lines in zip(chosen, found, commands, strict=True)
    ]
    words = Words(explorer.question, explorer.further, explorer.size_means)
    return html_page(answer_page(scenario, words, answers, again, warnings))


def _replays(
    explorer: Explorer[Any], question: Question, found: Sequence[tuple[str, Any]]
) -> tuple[dict[str, str], list[list[str]]]:
    """The files of witnesses, and for each exploration and each of its outcomes the command that replays it."""
    if question.witness_directory is None:
        options = [*explorer.flag, *how_again(overrides=question.overrides)]
        look = command_line("explore", [question.file], options, question.verdicts)
        again = {name: join([*look, "--policy", name, "--witness", "DIR"]) for name, _ in found}
        return {}, [[f"{again[name]}, then batchsim replay DIR/..."] * len(each.outcomes) for name, each in found]

    def witness(policy: str, outcome: Any) -> Witness:
        what = question.file, question.overrides, policy, question.verdicts
        return Witness(*what, outcome.verdicts, *explorer.witness_of(outcome))

    witnesses = [[witness(name, outcome) for outcome in each.outcomes] for name, each in found]
    return witness_texts(question.witness_directory, witnesses)


def _exactly(expected: frozenset[str] | None) -> Facts:
    return {} if expected is None else {"expected": expected, "expected_in": "expect_timed", "needs_all": True}


def _given(scenario: Scenario, known: Sequence[str], heading: str, exploration: Any, facts: Facts) -> Given:
    return Given(
        scenario=scenario.name,
        policy=heading,
        verdicts=exploration.verdicts,
        known=frozenset(known),
        is_complete=exploration.is_complete,
        stopped_by=exploration.stopped_by,
        doubts=doubts_of(exploration),
        unreached=exploration.unreached,
        **facts,
    )
