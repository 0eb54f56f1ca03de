"""The stepper in a real browser: at every step it shows what the run had, by whatever way one came there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from batchsim.analysis.sweep import Point, run_of
from batchsim.batch.policies import POLICIES
from batchsim.engines.frames import frames_of
from batchsim.engines.timed import simulate
from batchsim.model.cells import freeze
from batchsim.model.parts import PARTS
from batchsim.report.page.tables import shown
from batchsim.scenario import Scenario, load_scenario
from tests.pages.conftest import ROOT, Opened

Open = Callable[..., Opened]

READ = """() => {
    const panel = document.querySelector('[data-panel="one"]');
    const text = (element) => {
        const copy = element.cloneNode(true);
        for (const gone of copy.querySelectorAll('dd > del, .list > del')) gone.remove();
        return copy.querySelector('dd').textContent;
    };
    const cells = {}, changed = [], next = [], lines = {};
    for (const each of panel.querySelectorAll('[data-cell]')) {
        const name = each.dataset.cell;
        cells[name] = 'absent' in each.dataset ? 'absent' : text(each);
        if (each.classList.contains('changed')) changed.push(name);
        if (each.classList.contains('next')) next.push(name);
    }
    for (const each of panel.querySelectorAll('[data-actor]')) {
        const where = each.closest('.actor')?.querySelectorAll('.where') ?? [];
        lines[each.dataset.actor] = [...where].map((one) => one.textContent);
    }
    return {cells, changed, next, lines};
}"""


def squeezed(text: str) -> str:
    """Without what only sets parts apart."""
    return re.sub(r"[\s,\[\]]", "", text)


def in_text(cell: str, value: Any) -> str:
    """A value as its cell shows it."""

    def plain(value: Any) -> str:
        match value:
            case list():
                return "".join(map(plain, value))
            case dict():
                return "".join(f"{key}{plain(each)}" for key, each in value.items())
            case None | bool():
                return json.dumps(value)
            case _:
                return str(value)

    return squeezed(plain(shown(cell, value))) or "empty"


class Traced:
    """What a run had after each step: the cells, and in which line each actor was."""

    def __init__(self, scenario: Scenario, policy: Any) -> None:
        self.programs: dict[str, Any] = {}
        self.cells: list[dict[str, str]] = []
        self.lines: list[dict[str, list[str]]] = []
        system = scenario.system(policy)

        class Watched:
            """The scenario, whose programs are noted when they begin."""

            def __getattr__(self, name: str) -> Any:
                return getattr(scenario, name)

            def system(self, _: Any) -> Any:
                from dataclasses import replace

                return replace(system, actors=tuple(each._replace(program=noted(each)) for each in system.actors))

        def noted(actor: Any) -> Any:
            def begin() -> Any:
                program = self.programs[actor.name] = actor.program()
                return program

            return begin

        def observe(world: Any, *_: Any) -> None:
            # Whoever took the step before has gone on meanwhile: its place is the one after that step.
            self.lines.append({name: lines_of(each) for name, each in self.programs.items()})
            self.cells.append({k: in_text(k, freeze(v)) for k, v in world.cells.items() if k != PARTS})

        watched: Any = Watched()
        self.steps = simulate(watched, policy, observer=observe).steps


def lines_of(program: Any) -> list[str]:
    frames = [each for each in frames_of(program) if "/model/operation.py" not in each.f_code.co_filename]
    return [f"{Path(frames[-1].f_code.co_filename).name}:{frames[-1].f_lineno}"] if frames else []


def all_steps(opened: Opened) -> Iterator[tuple[int, dict[str, Any]]]:
    """What the panel shows at each step, one after the other."""
    opened.press("Home")
    while True:
        number = int(opened.link["step"])
        yield number, opened.page.evaluate(READ)
        opened.press("ArrowRight")
        if int(opened.link["step"]) == number:
            return


@pytest.mark.parametrize(
    ("page", "file", "policy"),
    [
        ("incident", "scenarios/incident.yaml", "pr3766"),
        ("chord", "examples/chord.yaml", "as_published"),
    ],
)
def test_at_every_step_the_panel_is_what_the_run_had(
    page: str, file: str, policy: str, open_page: Open, request: pytest.FixtureRequest
) -> None:
    scenario = load_scenario(ROOT / file)
    found = POLICIES.get(policy) or scenario.find_policy(policy, scenario.directory)
    traced = Traced(scenario, found)
    opened = open_page(request.getfixturevalue(page), f"#policy={policy}")
    seen = list(all_steps(opened))
    assert [number for number, _ in seen] == list(range(len(traced.steps) + 1))
    for number, panel in seen[1:]:
        there = {name: squeezed(text) for name, text in panel["cells"].items() if text != "absent"}
        # What a request returned is put into its cell after its last step, which the observer saw before.
        answers = {name for name in there if name.startswith("http:answer")}
        expected = traced.cells[number - 1]
        assert {k: v for k, v in there.items() if k not in answers} == {
            k: v for k, v in expected.items() if k not in answers
        }, number
    for number, panel in seen[:-1]:
        # The observer sees the world at the next step, before that goes on.
        for actor, lines in traced.lines[number].items():
            # Two operations that are issued together are awaited in one line.
            assert not lines or {*panel["lines"].get(actor, lines)} == {*lines}, (number, actor)
    assert sum(bool(panel["lines"].get("sdk") or panel["lines"].get("publisher")) for _, panel in seen) > 5
    for (_, before), (number, after) in pairwise(seen):
        changed = {k for k in before["cells"] | after["cells"] if before["cells"].get(k) != after["cells"].get(k)}
        assert changed <= set(after["changed"]), number
        assert set(after["changed"]) == set(before["next"]), number


def test_keys_work_once_the_page_is_open_and_after_a_click_into_the_lanes(incident: Path, open_page: Open) -> None:
    opened = open_page(incident, "#policy=pr3427&step=41")
    press = opened.page.keyboard.press
    press("ArrowRight")
    assert opened.link["step"] == "42"
    press("End")  # scrolls, as anywhere
    assert opened.link["step"] == "42"
    opened.page.locator("svg.timeline").first.click()
    press("Home")
    assert opened.link["step"] == "0"
    press("ArrowRight")
    assert opened.link["step"] == "1"


def test_every_key_goes_where_it_says(incident: Path, open_page: Open) -> None:
    opened = open_page(incident, "#policy=pre3427&step=41&with=pr3766")
    assert opened.link["step"] == "41"
    went = {}
    for key in (
        "ArrowRight",
        "ArrowDown",
        "ArrowLeft",
        "Shift+ArrowRight",
        "PageUp",
        "Home",
        "n",
        "p",
        "End",
        "d",
    ):
        opened.press(key)
        went[key] = int(opened.link["step"])
    decisive = went.pop("n")
    assert went == {
        "ArrowRight": 42,
        "ArrowDown": 43,
        "ArrowLeft": 42,
        "Shift+ArrowRight": 52,
        "PageUp": 42,
        "Home": 0,
        "p": decisive,
        "End": 70,
        "d": 33,
    }
    assert "decisive" in opened.told or opened.link["step"] == "33"


def test_a_link_opens_the_step_that_it_names_and_a_click_moves_there(incident: Path, open_page: Open) -> None:
    opened = open_page(incident, "#step=31&policy=pr3766")
    assert opened.told.startswith("step 31 of 52")
    opened.page.locator(".step", has_text="redis.cleanup").first.click()
    assert opened.link == {"step": "30", "policy": "pr3766", "by": "time"}
    opened.page.locator("svg.timeline").scroll_into_view_if_needed()
    box = opened.page.locator("svg.timeline").bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] - 30, box["y"] + 60)
    opened.page.mouse.down()
    assert int(opened.link["step"]) > 45
    opened.page.mouse.move(box["x"] + 140, box["y"] + 60, steps=4)
    opened.page.mouse.up()
    assert int(opened.link["step"]) < 3
    opened.page.evaluate("location.hash = '#step=7&policy=pre3427'")
    opened.page.wait_for_function("document.querySelector('.told').textContent.startsWith('step 7 of 70')")


ABOVE = """svg => [...svg.querySelectorAll('.axis text, .difference text')]
    .map((text) => text.getBoundingClientRect()).map(({left, right}) => [left, right])"""
"""Where what is told above the lanes begins and ends."""


def test_two_policies_move_together_and_the_first_difference_is_marked(incident: Path, open_page: Open) -> None:
    opened = open_page(incident, "#policy=pre3427&with=pr3766&step=12")
    scenario = load_scenario(ROOT / "scenarios/incident.yaml")
    one, other = (simulate(scenario, POLICIES[name]).steps for name in ("pre3427", "pr3766"))
    first = next(n for n, (a, b) in enumerate(zip(one, other, strict=False), 1) if a.description != b.description)

    def beside() -> int:
        return int(re.sub(r"\D", "", opened.page.locator('[data-panel="two"] h3 .note').inner_text()))

    assert beside() == 12
    opened.press("d")
    assert int(opened.link["step"]) == first == beside()
    assert opened.page.locator(".step.apart").count() == 2
    assert opened.page.locator("svg .difference").count() == 2
    for picture in opened.page.locator("svg.timeline").all():
        spans = picture.evaluate(ABOVE)
        assert all(right <= left for (_, right), (left, _) in pairwise(sorted(spans)))
    for key in ("PageDown", "PageDown", "End"):
        opened.press(key)
        step = one[int(opened.link["step"]) - 1]
        assert beside() == sum(each.at_us <= step.at_us for each in other)


def test_a_run_of_the_sweep_with_another_verdict_can_be_stepped_through(incident: Path, open_page: Open) -> None:
    opened = open_page(incident)
    link = opened.page.locator("#likely a").first
    number = int(link.inner_text().removeprefix("step through run "))
    link.click()
    opened.page.wait_for_function("location.hash.includes('%40') || location.hash.includes('@')")
    scenario = load_scenario(ROOT / "scenarios/incident.yaml")
    drawn = simulate(run_of(scenario, Point(), number), POLICIES["pre3427"])
    opened.press("End")
    assert opened.told.startswith(f"step {len(drawn.steps)} of {len(drawn.steps)}, ")
    assert drawn.steps[-1].name in opened.told
    assert drawn.outcome.call_succeeded
