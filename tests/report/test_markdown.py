from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from batchsim.analysis.runs import ScenarioRun, run_scenario
from batchsim.batch.policy import Policy
from batchsim.report.file_names import FileNames
from batchsim.report.folder import reports
from batchsim.report.latencies import by_item, in_words
from batchsim.report.markdown import report_of
from batchsim.report.markdown_text import code, plain, table
from batchsim.report.phrases import items_in_words
from batchsim.rounding import rounded
from batchsim.scenario import (
    Backoff,
    Constant,
    Empirical,
    Exponential,
    Latency,
    Legs,
    Lognormal,
    Normal,
    RoundTrip,
    Scenario,
    Uniform,
)
from tests.report.golden_files import check_golden
from tests.report.samples import LATE_COUNT, incident, run_under, steady, thousand, two_hours
from tests.strategies import policies, scenarios
from tests.trying import examples

LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=40)
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _report(scenario_run: ScenarioRun) -> str:
    return next(text for name, text in reports([scenario_run]).items() if name.endswith(".md"))


def _named(name: str, summary: str = "") -> ScenarioRun:
    scenario_run = run_under(steady("plain", batch={"items": 1}), ["pr3766"])
    return replace(scenario_run, scenario=replace(scenario_run.scenario, name=name, summary=summary))


# -- the report ----------------------------------------------------------------------------------


def test_incident_is_that_of_the_golden_file() -> None:
    texts = reports([incident()])
    assert list(texts) == ["incident-pre3427.svg", "incident-pr3766.svg", "incident.md", "README.md"]
    check_golden("incident.md", texts["incident.md"])
    check_golden("README.md", texts["README.md"])


def test_two_hours_are_those_of_the_golden_file() -> None:
    check_golden("two-hours.md", _report(two_hours()))


def test_decisive_steps_are_bold_and_all_others_are_not() -> None:
    scenario_run = incident()
    rows = [line for line in _report(scenario_run).splitlines() if re.match(r"\| (\*\*)?[0-9.]+ u?m?s", line)]
    steps = [line for line in rows if line.count("|") == 5 and "`" in line]
    run = scenario_run.runs[0]
    bold = {place for place, row in enumerate(steps) if row.startswith("| **")}
    assert len(steps) == len(run.trace.steps)
    assert bold == run.decisive


def test_the_same_run_is_told_once() -> None:
    report = _report(incident())
    assert "Step for step the same run as under `pre3427`." in report
    assert report.count("### Answers the SDK got") == 1


def test_backoffs_stand_between_the_answers() -> None:
    report = _report(incident())
    assert "| 1 | 9.191700 s | 200 not sealed | 5 s |" in report
    assert re.search(r"^\| 4 \| [0-9.]+ s \| 422 \|  \|$", report, re.MULTILINE)


def test_margin_table_adds_up() -> None:
    (margin,) = {run.race for run in incident().runs if run.race is not None and run.policy.name == "pre3427"}
    report = _report(incident())
    assert "### The race: lost by 69.6 ms" in report
    together = [sum(leg.duration_us for leg in legs) for legs in (margin.endpoint_legs, margin.rival_legs)]
    assert together[1] - together[0] == margin.margin_us
    assert "| **`redis.enqueued_count` request** | 80 ms | **80.3 ms** |" in report
    assert "| **`redis.cleanup` request** | 300 us | **10.7 ms** |" in report


def test_a_long_run_is_shortened_and_says_so() -> None:
    run = thousand()
    scenario_run = ScenarioRun(steady("thousand", batch={"items": 1000}), (run,))
    report = report_of(scenario_run, {0: "thousand.svg"})
    assert len(report.splitlines()) < 300
    elided = [int(each) for each in re.findall(r"… ([0-9]+) steps? left out …", report)]
    shown = int(re.findall(r"<summary>([0-9]+) of", report)[0])
    assert shown + sum(elided) == len(run.trace.steps)


def test_a_run_without_failures_shows_its_margins() -> None:
    report = _report(run_under(steady("fine"), ["pre3427", "pr3766"]))
    assert "## Passing: `pre3427`, `pr3766`" in report
    assert report.count("### The race: won by") == 1
    assert "fine-pre3427.svg" in report
    assert "fine-pr3766.svg" not in report


def test_an_unexpected_verdict_stands_out() -> None:
    scenario = steady("surprise", expect={"pre3427": "false_failure"}, policies=["pre3427"])
    texts = reports([run_under(scenario, ["pre3427"])])
    assert "**expected false\\_failure**" in texts["surprise.md"]
    assert "1 of 1 verdicts were not expected." in texts["README.md"]


def test_nothing_of_the_machine_is_told() -> None:
    scenario_run = incident()
    scenario = replace(scenario_run.scenario, file="/home/somebody/scenarios/incident.yaml")
    report = _report(replace(scenario_run, scenario=scenario))
    assert "somebody" not in report
    assert report.endswith("Made by `batchsim run scenarios/incident.yaml --report reports`\n")


@settings(max_examples=examples(15, searched=30))
@given(scenarios(), policies(), LINES, st.lists(LINES, max_size=3).map("\n".join))
def test_any_report_is_sound_markdown(scenario: Scenario, policy: Policy, name: str, summary: str) -> None:
    scenario = replace(scenario, name=name, summary=summary)
    report = _report(run_scenario(scenario, [(policy.name, policy)]))
    html = GITHUB.render(report)
    assert (
        re.findall(
            r"<(?!/?(?:h[123]|p|table|thead|tbody|t[rhd]|code|strong|ul|li|img|hr|details|summary)\b)", html
        )
        == []
    )
    for block in re.split(r"\n\n", report):
        if block.startswith("| "):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


@pytest.mark.parametrize(
    "odd",
    [
        "a | b",
        "`x`",
        "<script>alert(1)</script>",
        "*bold*",
        "[a](b)",
        "# not",
        "1. no",
        "a &amp; b",
        "~~x~~",
        "![i](u)",
        "- x",
        "\\",
    ],
)
def test_odd_names_show_as_they_are(odd: str) -> None:
    html = GITHUB.render(_report(_named(odd, odd)))
    shown = odd.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    assert f"<h1>{shown}</h1>" in html
    assert f"<p>{shown}</p>" in html
    index = GITHUB.render(reports([_named(odd, odd)])["README.md"])
    assert f">{shown}</a>" in index
    assert f"<td>{shown}</td>" in index


@given(LINES)
def test_any_text_shows_as_it_is_in_a_cell(text: str) -> None:
    html = GITHUB.renderInline(plain(text))
    shown = re.sub(r"\s+", " ", text).strip()
    assert re.sub("<.*?>", "", html) == html
    assert html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&") == shown


def test_table_and_code() -> None:
    assert table(("a", "b"), [("1", "2")], right=(1,)) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
    assert code("redis.cleanup") == "`redis.cleanup`"
    assert code("a`b") == "a\\`b"
    assert code("a|b") == "a\\|b"


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latency", "words"),
    [
        (RoundTrip(Constant(850)), "850 us round trip"),
        (RoundTrip(Uniform(200, 1_000)), "200 us … 1 ms round trip"),
        (Legs(Constant(80_000), Constant(300)), "80 ms request, 300 us response"),
        (Legs(Constant(3_000_000), Constant(0)), "3 s"),
        (Legs(Constant(0), Uniform(0, 50_000)), "0 us … 50 ms response"),
        (RoundTrip(Normal(2_000, 500, 100, None)), "normal, 2 ms ± 500 us, at least 100 us round trip"),
        (RoundTrip(Exponential(2_000, 0, 9_000)), "exponential, mean 2 ms, at most 9 ms round trip"),
        (RoundTrip(Lognormal(2_000, 12_000)), "lognormal, median 2 ms, 99 % below 12 ms round trip"),
        (RoundTrip(Empirical((5, 1, 3))), "3 measured values, 1 us … 5 us round trip"),
        (Legs(Backoff(2), Constant(0)), "exponential backoff after attempt 2"),
        (Legs(Constant(0), Constant(0)), "0"),
    ],
)
def test_latencies_in_words(latency: Latency, words: str) -> None:
    assert in_words(latency) == words


def test_latencies_by_item() -> None:
    items = {"upload": "3 s", "overrides": [{"index": 2, "upload": "200 ms"}]}
    assert by_item(steady("items", items=items), "store.upload") == "3 s; 200 ms (item 2)"


def test_setting_lists_what_the_scenario_sets_apart() -> None:
    report = _report(run_under(steady("apart", LATE_COUNT), ["pr3766"]))
    assert "| `redis` | 600 us round trip |" in report
    assert "| `redis.enqueued_count` | 80 ms request, 300 us response |" in report
    assert "`redis.cleanup` | 600 us" not in report


def test_kinds_and_failed_attempts_of_items() -> None:
    overrides = [{"index": 1, "kind": "rejected"}, {"index": 2, "failed_attempts": 2}]
    report = _report(run_under(steady("kinds", items={"overrides": overrides}), ["pr3766"]))
    assert "| items | 3: 2 `ok` (items 0, 2); 1 `rejected` (item 1); item 2 fails twice first |" in report


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([1], "item 1"),
        ([0, 1, 2, 5], "items 0 to 2, 5"),
        (list(range(0, 20, 2)), "items 0, 2, 4, 6, 8, 10, …"),
    ],
)
def test_items_in_words(items: list[int], words: str) -> None:
    assert items_in_words(items) == words


@pytest.mark.parametrize(
    ("duration_us", "words"),
    [
        (0, "0 us"),
        (999, "999 us"),
        (69_876, "69.9 ms"),
        (9_995, "10 ms"),
        (1_056_000, "1.06 s"),
        (89_000_000, "89 s"),
        (90_000_000, "1.5 min"),
        (1_795_123_456, "29.9 min"),
        (7_200_000_000, "2 h"),
        (-11_000, "-11 ms"),
    ],
)
def test_rounded(duration_us: int, words: str) -> None:
    assert rounded(duration_us) == words


# -- names of files -------------------------------------------------------------------------------


def test_names_that_meet_get_numbers() -> None:
    files = list(reports([_named("a/b"), _named("a b"), _named("README"), _named("A-B"), _named("..")]))
    assert [name for name in files if name.endswith(".md")] == [
        "a-b.md",
        "a-b-2.md",
        "README-2.md",
        "A-B-3.md",
        "scenario.md",
        "README.md",
    ]


@given(st.lists(st.tuples(st.text(max_size=120), st.sampled_from([".md", ".svg"])), max_size=12))
def test_file_names_are_safe_and_differ(names: list[tuple[str, str]]) -> None:
    files = FileNames("README.md")
    given_names = [files.give(name, suffix) for name, suffix in names]
    assert len({name.casefold() for name in given_names} | {"readme.md"}) == len(names) + 1
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) and len(name) < 100 for name in given_names)


# -- the index -----------------------------------------------------------------------------------


def test_index_has_a_row_for_each_scenario_by_what_one_wants_to_know() -> None:
    index = reports([incident(), two_hours()])["README.md"]
    assert "Policies: `pre3427` (bug), `pr3427` (first fix), `pr3766` (second fix), `pr4397` (latest).\n" in index
    assert (
        "## The incident, and orders like it\n\n| scenario | what it shows | what policies make of it |\n" in index
    )
    assert "| [incident](incident.md) |" in index
    assert "| **`false_failure`**: `pre3427`, `pr3427`<br>`ok`: `pr3766` |" in index
    assert "| [two hours](two-hours.md) |  | **`silent_abort`**: `pr4397` |" in index
    assert "All 3 verdicts are as the scenarios expect." in index
