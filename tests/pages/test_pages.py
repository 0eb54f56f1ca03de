"""Pages in a real browser: they ask for nothing, everybody can use them, and no name acts in them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from batchsim.analysis.pool import InThisProcess
from batchsim.analysis.sweep import Interval, Share, sweep
from batchsim.analysis.window import find_window
from batchsim.analysis.window.assignments import Values, fixed
from batchsim.batch.policies import POLICIES
from batchsim.engines.timed import simulate
from batchsim.report.page.html import html_page
from batchsim.report.page.sweeps import sweep_page
from batchsim.report.shell import join
from batchsim.scenario import load_scenario
from tests.pages.conftest import ROOT, Opened, batchsim, written
from tests.short import short_pages
from tests.test_json_schemas import document_in

Open = Callable[..., Opened]
SIZE_MAX = 1_500_000
ASSETS = ROOT / "batchsim/report/page/assets"
FRONTEND = ROOT / "frontend"

QUICK = ("--policy", "pre3427")
PAGES: dict[str, tuple[str, ...]] = {
    "crash-and-redelivery": ("run", "scenarios/crash-and-redelivery.yaml", *QUICK),
    "and-wait-quick": ("run", "scenarios/and-wait-quick.yaml", *QUICK),
    "outbox": ("explore", "examples/outbox.yaml"),
    "timed": ("explore", "scenarios/seal-lost.yaml", "--set", "batch.items=1", "--timed"),
    "exact": ("explore", "scenarios/memoryless.yaml", "--set", "batch.items=1", "--exact"),
    "reduced": ("explore", "examples/lease.yaml", "--policy", "looks_before", "--reduce"),
    "part of a graph": ("explore", "examples/lease.yaml", "--policy", "looks_before"),
    "findings": (
        *("findings", "--policy", "pre3427", "--items", "1", "--consumers", "1", "--consumers", "2"),
        *("--fault", "cut,redeliver", "--max-states", "3000", "--walks", "20"),
    ),
    "sweep": (
        *("sweep", "scenarios/incident.yaml", "--runs", "20", *QUICK, "--policy", "pr3766", "--policy", "pr4397"),
        *("--vary", "items.execution=1 s..9 s:3"),
    ),
    "heat": (
        *("sweep", "scenarios/incident.yaml", "--runs", "5", *QUICK),
        *("--vary", "latency.operations.redis.enqueued_count.request=10 ms..90 ms:2"),
        *("--vary", "latency.operations.queue.take.response=0 ms..50 ms:2"),
    ),
}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory, incident: Path, chord: Path) -> Callable[[str], Path]:
    made = {"incident": incident, "chord": chord}

    def page(name: str) -> Path:
        if name not in made:
            with pytest.MonkeyPatch.context() as patch:
                short_pages(patch)
                if name == "part of a graph":
                    # As of a large exploration, which takes long.
                    patch.setattr("batchsim.report.page.document.GRAPHS_WHOLE_MAX", 10)
                made[name] = written(tmp_path_factory.mktemp(name.replace(" ", "-")), *PAGES[name])
        return made[name]

    return page


CUT = """() => {
    const room = 1, cut = [];
    for (const each of document.querySelectorAll('.scroll:has(> table.likely)'))
        if (each.scrollWidth > each.clientWidth + room) cut.push(each.ariaLabel);
    for (const text of document.querySelectorAll('svg text')) {
        const inner = text.getBoundingClientRect(), outer = text.closest('svg').getBoundingClientRect();
        if (inner.left < outer.left - room || inner.right > outer.right + room) cut.push(text.textContent);
    }
    return cut;
}"""
"""Tables of which one has to scroll to see all columns, and labels that reach beyond their picture."""


@pytest.mark.parametrize("name", ["incident", "chord", *PAGES])
def test_a_page_asks_for_nothing_and_complains_of_nothing_and_everybody_can_use_it(
    name: str, pages: Callable[[str], Path], open_page: Open
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    file = pages(name)
    assert file.stat().st_size < SIZE_MAX
    for width, scheme in ((1280, "light"), (360, "dark")):
        opened = open_page(file, width=width, scheme=scheme)
        opened.page.wait_for_timeout(100)
        found = Axe().run(opened.page)
        assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") == width
        assert opened.page.evaluate(CUT) == []
        assert opened.complaints == []
        assert opened.requests == [file.as_uri()]


def test_it_begins_with_the_verdict_and_says_it_without_a_script(incident: Path, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(incident.as_uri())
    assert page.locator("h1").inner_text() == "False failure under pre3427 (bug), one of 2 policies"
    assert page.locator(".sentence").inner_text().startswith("Under pre3427 (bug) the call raised ApiError(422)")
    # Nobody reads a number of thirty digits.
    assert "any order: fails in 99.999 % of 1.09 · 10³⁰ schedules" in page.locator(".cards").inner_text()
    assert page.locator(".card code").first.inner_text() == "sealed"
    context.close()


def test_on_paper_a_page_is_light_and_has_every_step(incident: Path, open_page: Open) -> None:
    opened = open_page(incident, "#policy=pre3427", scheme="dark")
    assert opened.page.locator(".step").count() < 71
    opened.page.emulate_media(media="print", color_scheme="dark")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator(".step").count() == 71
    light = "rgb(255, 255, 255)", "rgb(27, 31, 36)"
    style = "(getComputedStyle(document.body)"
    assert tuple(opened.page.evaluate(f"{style}.{each})") for each in ("backgroundColor", "color")) == light


LUCKY = ("examples/lease.yaml", "--policy", "looks_before")
"""Its run goes well, and some of its orders do not."""


@pytest.mark.usefixtures("pages_in_short")
def test_a_page_about_all_orders_begins_with_what_they_come_to_and_not_with_its_run(tmp_path: Path) -> None:
    text = written(tmp_path, "explore", *LUCKY).read_text()
    assert '<h1><span class="bad">Lost write</span> possible under looks_before</h1>' in text
    assert "fails in " in text.split("</header>")[0]
    told = document_in(tmp_path / "page.html")
    assert [run["verdicts"] for run in told["runs"]] == [["ok"]]
    assert told["again"] == "batchsim explore examples/lease.yaml --policy looks_before"
    opened = next(walk for walk in told["walks"] if walk["id"] == told["opens"])
    assert opened["verdicts"] == ["lost_write"]
    decisive = [opened["walk"]["steps"][number - 1] for number in opened["walk"]["decisive"]]
    assert [told["tables"]["texts"][row[2]] for row in decisive] == ["redis.get"]
    # Of two things that can come neither is certain.
    assert all(sum(share == 1 for share in fate[2::2]) < 2 for fate in told["graphs"][0]["fates"])
    assert {fate[2] for fate in told["graphs"][0]["fates"] if fate[1] and fate[3]} >= {0.0002}
    # Where it gave up nothing is proved, and the bound is said.
    text = written(tmp_path, "explore", *LUCKY, "--max-states", "5").read_text().split("</header>")[0]
    assert "<h1>No failure found under looks_before, and nothing proved</h1>" in text
    assert "stopped at 5 states (--max-states)" in text
    # What is written of several scenarios is about their orders, too.
    batchsim("report", *LUCKY, "-o", str(tmp_path), "--quiet")
    assert "Lost write</span> possible" in (tmp_path / "lease.html").read_text()
    (card,) = document_in(tmp_path / "index.html")["pages"]
    assert [(each["verdicts"], each["is_of_run"]) for each in card["claims"]] == [(["lost_write"], False)]
    text = written(tmp_path, "run", *LUCKY).read_text().split("</header>")[0]
    assert '<h1><span class="good">OK</span> under looks_before</h1>' in text


def test_walking_to_a_failing_leaf_gives_the_verdict_of_the_explorer(incident: Path, open_page: Open) -> None:
    opened = open_page(incident)
    outcomes = document_in(incident)["explorations"][0]["outcomes"]
    walked = opened.page.locator("#walk")
    walked.locator('[data-action="failure"]').click()
    assert walked.locator(".ended .verdict").inner_text() == "✗ false failure"
    steps = int(re.findall(r"after (\d+) steps", walked.locator(".told").inner_text())[0])
    assert (
        steps
        == min(each["steps"] for each in outcomes if each["verdicts"] != ["ok"])
        == walked.locator(".trail li").count()
    )
    assert "decides false failure" in walked.locator(".trail").inner_text()
    assert "can no longer be avoided" in walked.locator(".told").inner_text()
    for _ in range(3):
        walked.get_by_role("button", name="back").click()
    assert f"after {steps - 3} steps" in walked.locator(".told").inner_text()
    assert "Percent: how probable" in walked.inner_text()
    assert "consumer a, consumer b" in walked.locator(".actors").inner_text()
    while walked.locator(".option").count():
        # Whoever comes last: as far from the beginning as one choice after the other leads.
        walked.locator(".option").last.click()
    assert walked.locator(".ended .verdict").count() == 1
    assert walked.locator(".fates li").count() == 1
    assert "100 %" in walked.locator(".fates").inner_text()
    world = {each: walked.locator(f'[data-view="{each}"] dd').inner_text() for each in ("items without a run",)}
    assert world == {"items without a run": "empty"}


def test_sliders_say_what_runs_with_such_latencies_come_to(incident: Path, open_page: Open) -> None:
    scenario, policy = load_scenario(ROOT / "scenarios/incident.yaml"), POLICIES["pre3427"]
    window = find_window(scenario, policy, "false_failure")
    opened = open_page(incident)
    article = opened.page.locator("article.window")
    article.get_by_text(re.compile("^all .* latencies$")).click()
    values: dict[Any, int] = dict(window.values)
    by_name = {str(latency): latency for latency in values}
    assert int(article.get_attribute("data-slack")) == window.slack_us(values)
    # The parts of a bar come as those of the formula.
    parts = article.locator(".chain").nth(1).locator(".parts li").all_inner_texts()
    assert [each.split(":")[0] for each in (*parts[:2], parts[-1])] == [
        "queue.take.response",
        "redis.get_meta.request",
        "redis.cleanup.request",
    ]
    said = set()
    for name, us in (
        ("redis.enqueued_count.request", 20_000),
        ("queue.take.response", 4_000),
        ("redis.enqueued_count.request", 9_000),
        ("postgres.create_run.request", 0),
    ):
        slider = article.locator(".slider", has_text=name).locator("input")
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", us)
        values[by_name[name]] = int(slider.input_value())
        shown = article.locator(".says").get_attribute("data-says")
        assert int(article.get_attribute("data-slack")) == window.slack_us(values)
        assert (shown == "open") == is_given(scenario, policy, values), name
        said.add(shown)
    assert said == {"open", "closed"}


def is_given(scenario: Any, policy: Any, values: Values) -> bool:
    trace = simulate(fixed(scenario, values), policy, keep=frozenset())
    return "false_failure" in scenario.system(policy).verdicts_of(trace.outcome)


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`&amp;${alert(3)}"
LONG = "ten thousand " * 770
SYSTEM = """
from batchsim import Property
from batchsim.model.model import Model
from batchsim.model.system import Actor, System
from batchsim.model.views import View
from batchsim.stores import redis

HOSTILE = {hostile!r}

async def act():
    await redis.set(HOSTILE, HOSTILE)
    await redis.rpush({long!r}, {long!r})
    await redis.set("\\u202eabc", "\\u202e")

MINE = System(
    HOSTILE, (Actor(HOSTILE, None, act), Actor("other", 0, act)), cells=(HOSTILE, {long!r}, "\\u202eabc"),
    properties=(Property("<b>bad</b>", HOSTILE, lambda end: True),),
    views=(View(HOSTILE, lambda world: HOSTILE),),
)
"""


def test_names_and_values_are_text_whatever_stands_in_them(tmp_path: Path, open_page: Open) -> None:
    (tmp_path / "mine.py").write_text(SYSTEM.format(hostile=HOSTILE, long=LONG))
    name = json.dumps(HOSTILE + "\u202e")
    (tmp_path / "mine.yaml").write_text(f"name: {name}\nsummary: {name}\nsystem: mine.py:MINE\n")
    file = written(tmp_path, "run", str(tmp_path / "mine.yaml"))
    opened = open_page(file, "#step=3")
    page = opened.page
    page.wait_for_selector(".told")
    assert opened.complaints == []
    assert opened.requests == [file.as_uri()]
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    assert page.locator("h1 b, .card b").count() == 0
    assert page.locator(".kicker b").inner_text() == f"{HOSTILE}\\u202e"
    assert HOSTILE in page.locator(".world").first.inner_text()
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    # A name that goes on and on ends after some lines.
    names = "[...document.querySelectorAll('.cell dt, .quiet .gone')]"
    assert page.evaluate(f"Math.max(...{names}.map((each) => each.clientHeight))") < 200
    for key in ("End", "Home", "ArrowRight"):
        opened.press(key)
    assert opened.complaints == []


def test_a_thousand_items_fit_and_what_is_left_out_is_said(
    tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchsim.analysis.study.STEPS_MAX", 0)  # it is not about many runs
    file = written(tmp_path, "run", "scenarios/thousand-items.yaml", *QUICK)
    assert file.stat().st_size < SIZE_MAX
    opened = open_page(file)
    opened.press("Home")
    walk = document_in(file)["walks"][0]["walk"]
    left = [row for row in walk["steps"] if row[-1]]
    assert sum(row[-1] or 1 for row in walk["steps"]) == walk["steps_total"] > 5000
    opened.page.evaluate(f"location.hash = '#policy=pre3427&step={left[0][0]}'")
    opened.page.wait_for_selector(".step.left")
    assert f"{left[0][-1]:,} steps are left out here" in opened.page.locator(".step.left").first.inner_text()
    opened.press("End")
    scenario = load_scenario(ROOT / "scenarios/thousand-items.yaml")
    world: Any = None

    def observe(seen: Any, *_: Any) -> None:
        nonlocal world
        world = seen

    simulate(scenario, POLICIES["pre3427"], observer=observe)
    row = opened.page.locator('[data-cell="postgres:batch"]').inner_text()
    assert f"status {world.cells['postgres:batch'].status}" in row.replace("\n", " ")
    assert opened.complaints == []


def test_the_index_leads_to_every_page_and_its_tour_to_every_step(
    tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is about links: with few runs, and without orders, pages are made sooner.
    for name in ("window.finding.TRIES_MAX", "window.finding.TRIES_BEYOND", "study.RUNS_MAX", "study.STATES_MAX"):
        monkeypatch.setattr(f"batchsim.analysis.{name}", 20)
    few = [word for name in ("pre3427", "pr3427", "pr3766", "pr4397") for word in ("--policy", name)]
    files = ("scenarios/incident.yaml", "scenarios/and-wait-two-hours.yaml")
    batchsim("report", *files, *few, "-o", str(tmp_path), "--quiet")
    opened = open_page(tmp_path / "index.html")
    tour = opened.page.locator(".tour a")
    assert tour.count() == 8
    for number in (0, 7):
        where = tour.nth(number).inner_text()
        tour.nth(number).click()
        opened.page.wait_for_selector("#step .told")
        step = re.match(r"step \d+", where)
        assert opened.told.startswith(step[0] if step else "step ")
        opened.page.get_by_role("link", name="all scenarios").click()
        opened.page.wait_for_selector(".pages")
    opened.page.get_by_role("link", name="and-wait-two-hours").last.click()
    opened.page.wait_for_selector("#step .told")
    assert opened.complaints == []


def test_a_page_says_which_part_of_a_graph_it_has(pages: Callable[[str], Path], open_page: Open) -> None:
    opened = open_page(pages("part of a graph"))
    walked = opened.page.locator("#walk")
    total = document_in(pages("part of a graph"))["graphs"][0]
    told = f"{len(total['states'])} of {total['states_total']} states are here: those on a shortest way"
    assert told in walked.inner_text()
    walked.locator('[data-action="failure"]').click()
    assert walked.locator(".ended .verdict").inner_text().startswith("✗")
    assert opened.complaints == []


def test_curves_that_lie_on_one_another_are_all_seen(pages: Callable[[str], Path], open_page: Open) -> None:
    page = open_page(pages("sweep")).page
    keys = page.locator(".curves figcaption .legend").all_inner_texts()
    assert keys[1:3] == [
        "pr3766 (second fix), equal to pr4397 (latest)",
        "pr4397 (latest), equal to pr3766 (second fix)",
    ]
    alone, one, other = (page.locator(f".curves .hue-{hue}") for hue in range(3))
    drawn = [each.locator(".curve").get_attribute("d") for each in (one, other)]
    assert drawn[0] == drawn[1]
    offsets = {each.locator(".curve").evaluate("curve => curve.style.strokeDashoffset") for each in (one, other)}
    assert len(offsets) == 2  # they take turns
    assert alone.locator(".curve").evaluate("curve => curve.style.strokeDasharray") == ""
    rings = [float(each.locator("circle").first.get_attribute("r")) for each in (one, other)]
    assert rings[0] > rings[1]


def test_a_rate_that_was_never_met_has_its_interval_and_without_runs_there_is_none(
    open_page: Open, tmp_path: Path
) -> None:
    scenario, policies = load_scenario("scenarios/incident.yaml"), ["pre3427", "pr3766"]
    vary = ["items.execution=1 s..9 s:3"]
    made = sweep(scenario, policies, runs=20, vary=vary, executor=InThisProcess(), workers=1)
    nothing = {name: Share(0, 0, Interval(0.0, 1.0)) for name in made.cells[0].verdicts}
    cells = (*made.cells[:-2], *(replace(each, runs=0, verdicts=nothing) for each in made.cells[-2:]))
    told = sweep_page(replace(made, cells=cells, is_complete=False), {}, ["again"], ["run"])
    (tmp_path / "part.html").write_text(html_page(told))
    opened = open_page(tmp_path / "part.html")
    never = opened.page.locator(".curves .hue-1")
    assert never.locator("circle").count() == 2  # of three places
    band = re.findall(r"[0-9.]+ ([0-9.]+)", never.locator(".band").get_attribute("d") or "")
    assert (len(band), len(set(band))) == (4, 2)
    never.locator("circle").first.hover()
    assert "0 % of these runs; between 0 % and 16.8 %" in opened.page.locator(".curves figcaption").inner_text()
    assert opened.complaints == []


def test_the_page_of_a_sweep_ends_with_the_commands_that_repeat_it(pages: Callable[[str], Path]) -> None:
    told = document_in(pages("sweep"))
    assert told["command"] == join(["batchsim", *PAGES["sweep"]])
    at = "--at items.execution=VALUE --run N --policy NAME"
    assert told["run_command"] == f"batchsim run scenarios/incident.yaml {at}"
    assert re.match(r"[0-9.]+ % of the runs come to false failure under pre3427 \(bug\) at ", told["sentence"])


CELLS = (".cell >> nth=2", ".cell >> nth=3")


def test_a_map_has_the_edge_of_the_window_between_what_fails_and_what_does_not(
    pages: Callable[[str], Path], open_page: Open
) -> None:
    page = open_page(pages("heat")).page
    texts = page.locator(".heat text.in").all_text_contents()
    assert texts[2:] == ["0", "100"]  # a long delay of the dispatch loop: the upper row
    edge, wins, fails = (page.locator(f".heat {each}").bounding_box() for each in ("path.edge", *CELLS))
    middle = edge["x"] + edge["width"]
    assert wins["x"] + wins["width"] / 2 < middle < fails["x"] + fails["width"] / 2


FOLLOW = """link => new Promise(done => {
    addEventListener("hashchange", done, {once: true})
    link.click()
})"""
"""A browser tells the page that a link was followed, later than a key can be pressed."""


def test_the_page_of_a_timed_exploration_steps_through_a_run_of_each_outcome(
    pages: Callable[[str], Path], open_page: Open
) -> None:
    opened, told = open_page(pages("timed")), document_in(pages("timed"))
    for answer in told["answers"]:
        for outcome in answer["outcomes"]:
            opened.page.locator(f'a[href="#policy={outcome["walk"]}"]').evaluate(FOLLOW)
            opened.press("End")
            steps, *_ = outcome["further"]
            assert f"step {steps} of {steps}" in opened.told
            assert unquote(opened.link["policy"]) == outcome["walk"]
    assert opened.page.locator("h1").inner_text().startswith("False failure possible under 2 of 6")
    assert opened.complaints == []


def test_findings_are_filtered_and_a_verdict_opens_its_witness(
    pages: Callable[[str], Path], open_page: Open
) -> None:
    opened, found = open_page(pages("findings")), document_in(pages("findings"))
    page, budgets = opened.page, found["budgets"]
    cells = opened.page.locator(".matrix td.fails")

    def failing(answers: Any, verdict: str = "", policy: str = "") -> int:
        return sum(
            any(verdict in ("", each) for each, _, _ in given)
            and policy in ("", found["policies"][number]["name"])
            for number, base, budget, _, _, given in answers["cells"]
            if given and not base and len(budgets[budget]) < 2
        )

    # The policy that was asked for is what the page is about, and stands first.
    told = r"pre3427 \(bug\): .*false failure.* without a fault; \d+ verdicts? under faults, "
    assert re.match(told, page.locator("h1").inner_text())
    assert page.locator(".matrix thead th b").all_inner_texts() == ["pre3427", "pr4397"]
    assert cells.count() == failing(found["answers"][0]) > 0
    page.locator("select[name=policy]").select_option("pre3427 (bug)")
    page.locator("select[name=verdict]").select_option("lost_item")
    assert cells.count() == failing(found["answers"][0], "lost_item", "pre3427") > 0
    page.get_by_role("button", name="lost item").first.click()
    page.wait_for_selector("#step .told")
    witness = found["witnesses"][int(opened.link["policy"].removeprefix("w")) - 1]
    assert "lost_item" in witness["verdicts"]
    assert found["policies"][witness["policy"]]["name"] == "pre3427"
    opened.press("End")
    assert f"step {len(witness['steps'])} of {len(witness['steps'])}" in opened.told
    again = open_page(pages("findings"), page.evaluate("location.hash"))
    assert again.told == opened.told
    assert again.page.locator(".matrix thead th").count() == 2
    assert again.page.locator('.found[aria-pressed="true"]').count() >= 1
    page.locator("select[name=verdict]").select_option("")
    page.locator("select[name=size]").select_option("1 item, 1 consumer")
    size = next(place for place, (_, told) in enumerate(found["sizes"]) if told == "1 item, 1 consumer")
    of_size = next(each for each in found["answers"] if each["size"] == size)
    assert cells.count() == failing(of_size, policy="pre3427") > 0
    given = [
        verdict.replace("_", " ") + "¹" * of_one
        for number, base, budget, _, _, verdicts in of_size["cells"]
        for verdict, _, of_one in verdicts
        if found["policies"][number]["name"] == "pre3427" and not base and len(budgets[budget]) < 2
    ]
    assert page.locator(".found").all_inner_texts() == given
    assert opened.complaints == again.complaints == []


def test_a_page_is_the_same_in_every_process(tmp_path: Path) -> None:
    made = []
    for seed in ("1", "2"):
        file = tmp_path / f"{seed}.html"
        command = ("batchsim", "explore", "examples/outbox.yaml", "--html", str(file), "--quiet")
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}
        subprocess.run(
            [shutil.which("batchsim") or command[0], *command[1:]], cwd=ROOT, env=environment, check=False
        )
        made.append(file.read_bytes())
    assert made[0] == made[1]


def test_the_script_is_what_its_sources_make(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (FRONTEND / "node_modules/esbuild").exists():
        pytest.skip("Node, or what `npm ci` installs in frontend/, is not there")
    subprocess.run(["node_modules/.bin/tsc", "--project", "tsconfig.json"], cwd=FRONTEND, check=True)
    subprocess.run(["node", "build.mjs"], cwd=FRONTEND, check=True, env={**os.environ, "ASSETS": str(tmp_path)})
    for name in ("page.js", "page.css"):
        assert (tmp_path / name).read_bytes() == (ASSETS / name).read_bytes(), f"run `make pages`: {name}"


def test_the_script_ends_no_element_of_the_page() -> None:
    script = (ASSETS / "page.js").read_text()
    assert "</script" not in script
    assert "<!--" not in script
    assert html_page.__module__ == "batchsim.report.page.html"
