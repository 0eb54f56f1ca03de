from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim.analysis.runs import PolicyRun, run_scenario
from batchsim.batch.policy import Policy
from batchsim.report.palette import DARK, LIGHT
from batchsim.report.timeline import timeline
from batchsim.report.timeline.axis import Breaking, axis_of, clock
from batchsim.report.timeline.labels import Room, flags, shortened, text_width
from batchsim.report.timeline.race import race
from batchsim.report.timeline.style import LEFT, RIGHT, WIDTH
from batchsim.report.timeline.whole_run import whole_run
from batchsim.scenario import Scenario, load_scenario
from tests.report.golden_files import check_golden
from tests.report.samples import LATE_COUNT, incident, run_one, run_under, steady, thousand, two_hours
from tests.strategies import policies, scenarios

HEIGHT_MAX = 960
SVG = "{http://www.w3.org/2000/svg}"
ODD_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60) | st.sampled_from(
    ["a | b", "<script>", "`x`", "&amp;", "]]>", "\ufffe", '"quoted"', "日本語の名前" * 20]
)


# -- reading a picture ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    words: str
    left: float
    right: float
    top: float
    bottom: float

    def covers(self, other: Box) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


class Picture:
    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)
        self.width, self.height = (float(each) for each in self.root.attrib["viewBox"].split()[2:])

    def of_class(self, name: str) -> list[ElementTree.Element]:
        return [each for each in self.root.iter() if name in each.get("class", "").split()]

    def texts(self) -> list[str]:
        return ["".join(each.itertext()) for each in self.root.iter(f"{SVG}text")]

    def boxes(self) -> list[Box]:
        return [_box(each) for each in self.root.iter(f"{SVG}text")]

    def heading(self) -> str:
        (heading,) = (each for each in self.of_class("title")[1:] if each.text)
        return heading.text or ""


def _box(text: ElementTree.Element) -> Box:
    classes = text.get("class", "").split()
    size = 18.5 if "title" in classes else 14.5 if "panel" in classes else 11 if "small" in classes else 12
    bold = 1.1 if "strong" in classes or "result" in classes else 1.0
    notes = [note.text or "" for note in text.iter(f"{SVG}tspan")]
    width = text_width(text.text or "", size) * bold + sum(6 + text_width(note, size) for note in notes)
    x, y = float(text.attrib["x"]), float(text.attrib["y"])
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
    return Box("".join(text.itertext()), left, left + width, y - 0.8 * size, y + 0.15 * size)


def _points(path: ElementTree.Element) -> list[tuple[float, float]]:
    numbers = [float(each) for each in re.findall(r"-?[0-9.]+", path.attrib["d"])]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _box_of_path(path: ElementTree.Element) -> Box:
    xs, ys = zip(*_points(path), strict=True)
    return Box("", min(xs), max(xs), min(ys), max(ys))


def _check(run: PolicyRun, name: str = "sample") -> Picture:
    """Everything that holds for every picture."""
    svg = timeline(name, run)
    picture = Picture(svg)
    assert picture.width == WIDTH
    assert picture.height <= HEIGHT_MAX
    for mark in (*picture.of_class("tick"), *picture.of_class("decisive")):
        xs, ys = zip(*_points(mark), strict=True)
        is_in_legend = min(ys) > picture.height - 40
        assert is_in_legend or LEFT <= (min(xs) + max(xs)) / 2 <= RIGHT
        assert min(ys) >= 0
        assert max(ys) <= picture.height
    boxes = picture.boxes()
    for box in boxes:
        assert box.left >= 0, box
        assert box.right <= WIDTH, box
        assert box.bottom <= picture.height, box
    assert [(one.words, other.words) for one, other in combinations(boxes, 2) if one.covers(other)] == []
    strips = [_box_of_path(each) for each in picture.of_class("cover")]
    assert [(box.words, strip) for box in boxes for strip in strips if box.covers(strip)] == []
    assert timeline(name, run) == svg
    return picture


# -- whole pictures ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 2], ids=["failing", "passing"])
def test_incident_is_that_of_the_golden_file(place: int) -> None:
    run = incident().runs[place]
    check_golden(f"incident-{run.policy.name}.svg", timeline("incident", run))


def test_two_hours_are_those_of_the_golden_file() -> None:
    (run,) = two_hours().runs
    check_golden(f"two-hours-{run.policy.name}.svg", timeline("two hours", run))


@settings(max_examples=60)
@given(scenarios(), policies(), ODD_TEXTS)
def test_any_picture_is_well_formed_and_has_every_mark_and_text_in_its_place(
    scenario: Scenario, policy: Policy, name: str
) -> None:
    (run,) = run_scenario(scenario, [(policy.name, policy)]).runs
    _check(run, name)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_incident_is_in_its_place(place: int) -> None:
    _check(incident().runs[place])


@pytest.mark.parametrize("policy", ["pre3427", "pr3766", "pr4397"])
def test_a_thousand_items_stay_readable(policy: str) -> None:
    picture = _check(thousand(policy))
    texts = picture.texts()
    assert "1000 child runs" in texts
    assert any(re.fullmatch("[0-9]+ more consumers", words) for words in texts)
    assert len(timeline("thousand", thousand(policy))) < 100_000


def test_another_hash_seed_gives_the_same_bytes() -> None:
    program = (
        "from tests.report.samples import incident\n"
        "from batchsim.report.timeline import timeline\n"
        "import sys; sys.stdout.buffer.write(timeline('incident', incident().runs[0]).encode())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert made == {timeline("incident", incident().runs[0]).encode()}


# -- what is said --------------------------------------------------------------------------------


def test_heading_tells_scenario_policy_and_verdict() -> None:
    picture = Picture(timeline("incident", incident().runs[0]))
    assert picture.heading() == "incident under pre3427: false_failure"
    assert picture.root.findtext(f"{SVG}title") == "incident under pre3427: false_failure"
    assert "The call raised ApiError" in (picture.root.findtext(f"{SVG}desc") or "")


def test_a_long_name_is_cut_and_not_the_verdict() -> None:
    heading = Picture(timeline("x" * 200, incident().runs[0])).heading()
    assert heading.endswith("x… under pre3427: false_failure")


def test_bracket_tells_who_came_first_and_by_how_much() -> None:
    texts = Picture(timeline("incident", incident().runs[0])).texts()
    margin = incident().runs[0].race
    assert margin is not None
    assert margin.margin_us == -69_600
    assert "lost: redis.cleanup 69.6 ms before redis.enqueued_count" in texts
    quick = run_one(steady("quick", {"queue.take": {"response": "40 ms"}}), "pre3427")
    (won,) = (words for words in _check(quick).texts() if words.startswith("won: "))
    assert won.startswith("won: redis.enqueued_count ")


def test_every_effect_of_the_race_has_its_name() -> None:
    texts = [words.partition("+")[0].strip() for words in Picture(timeline("i", incident().runs[0])).texts()]
    for name in ("queue.take", "redis.get_meta", "postgres.create_run", "redis.record"):
        assert name in texts
    for name in ("redis.cleanup: 5 keys deleted", "redis.enqueued_count: 0"):
        assert name in texts


def test_each_attempt_shows_its_answer() -> None:
    texts = Picture(timeline("incident", incident().runs[0])).texts()
    assert "count 0 → 200 not sealed" in texts
    assert texts.count("no meta → 500") == 2
    assert any(words.endswith("→ ApiError(422)") for words in texts)


def test_a_seal_that_was_lost_is_the_race_shown() -> None:
    slow_seal = {"postgres.seal": {"request": "2 s"}}
    run = run_one(steady("seal", slow_seal, items={"execution": "1 ms"}), "pre3427")
    texts = _check(run).texts()
    assert any(words.startswith("lost: postgres.set_completed") for words in texts)
    assert "seal lost → 422" in texts


def test_without_a_contest_there_is_no_lower_panel() -> None:
    run = run_one(steady("refused", batch={"items": 1}, items={"kind": "rejected"}), "pre3427")
    assert Picture(timeline("refused", run)).of_class("panel")
    assert not Picture(timeline("refused", replace(run, race=None, seal=None))).of_class("panel")


def test_two_hours_of_nothing_are_torn_out() -> None:
    (run,) = two_hours().runs
    texts = _check(run).texts()
    assert {"29.9 min", "1.5 h"} <= set(texts)
    assert "torn strip: that much time is left out" in texts
    assert any(words.endswith("→ ok") for words in texts)  # the wait of the call, past the reaper's abort
    assert "ABORTED" in texts
    assert "torn strip: that much time is left out" not in Picture(timeline("i", incident().runs[0])).texts()


@pytest.mark.parametrize("name", ["and-wait-two-hours", "crash-before-seal", "crash-before-complete", "tombstone"])
def test_no_torn_strip_runs_through_words(name: str) -> None:
    scenario = load_scenario(f"scenarios/{name}.yaml")
    for run in run_under(scenario, scenario.policies).runs:
        _check(run, name)


def test_items_handled_at_once_are_lanes_or_folded() -> None:
    few = steady("few", LATE_COUNT, items={"upload": "3 s"}, ingest_concurrency=3)
    assert {"handler-1.0", "handler-1.1", "handler-1.2"} <= set(_check(run_one(few, "pre3427")).texts())
    many = steady("many", LATE_COUNT, batch={"items": 12}, items={"upload": "3 s"}, ingest_concurrency=5)
    texts = _check(run_one(many, "pre3427")).texts()
    assert any(re.fullmatch("[0-9]+ (more )?items", words) for words in texts)
    assert "up to 5 at once" in texts


def test_a_crowd_of_actors_is_folded_to_twenty_lanes() -> None:
    items = {"upload": "3 s", "execution": "20 s"}
    crowd = steady("crowd", LATE_COUNT, batch={"items": 4}, items=items, consumers=4, ingest_concurrency=4)
    run = run_one(crowd, "pre3427")
    assert len({step.actor for step in run.trace.steps}) > 20
    upper = whole_run(run, 0)
    assert len(_lane_names(upper.elements)) <= 20
    assert "4 child runs" in _lane_names(upper.elements)


def _lane_names(elements: tuple[str, ...]) -> list[str]:
    texts = [ElementTree.fromstring(each) for each in elements if each.startswith("<text")]
    return [each.text or "" for each in texts if each.get("text-anchor") == "end"]


def test_where_room_is_short_fewer_effects_are_named() -> None:
    run = run_one(steady("long", batch={"items": 12}), "pre3427")
    assert run.race is not None
    tall, low = (race(run.race, run.trace, 0, height) for height in (900, 200))
    assert low.bottom < tall.bottom
    assert low.bottom <= 240
    assert any("effects not named" in each for each in low.elements)


def test_both_colour_schemes_name_the_same_colours() -> None:
    svg = timeline("incident", incident().runs[0])
    sheet = re.search(r"(?s)<style>\n@media \(prefers-color-scheme:dark\)\{\n(.*)\n\}\n</style>", svg)
    assert sheet is not None
    assert LIGHT.keys() == DARK.keys()
    assert set(re.findall(r"(--[a-z-]+):#", sheet[1])) == {f"--{name}" for name in DARK}
    assert set(re.findall(r"var\((--[a-z-]+)\)", sheet[1])) <= set(re.findall(r"(--[a-z-]+):", sheet[1]))


def test_whatever_is_drawn_says_its_colours_by_itself() -> None:
    for run in incident().runs:
        picture = Picture(timeline("incident", run))
        for each in picture.root.iter():
            if each.tag in (f"{SVG}rect", f"{SVG}path", f"{SVG}text"):
                colours = {each.get(name) for name in ("fill", "stroke")} - {None, "none", "url(#hatch)"}
                assert colours, each.attrib
                assert colours <= set(LIGHT.values())


# -- axes ----------------------------------------------------------------------------------------

INSTANTS = st.lists(st.integers(0, 10**10), min_size=1, max_size=40)
BREAKINGS = st.builds(Breaking, st.integers(0, 6), st.integers(2, 12))


@given(INSTANTS, BREAKINGS)
def test_an_axis_keeps_order_and_bounds(instants: list[int], breaking: Breaking) -> None:
    axis = axis_of(instants, 100, 900, breaking)
    xs = [axis.x(instant) for instant in sorted(instants)]
    assert all(100 <= x <= 900.001 for x in xs)
    assert all(before <= after + 1e-6 for before, after in pairwise(xs))
    assert len(axis.breaks) <= breaking.breaks_max
    assert all(100 <= x <= 900.001 for x, _ in axis.ticks())


@given(INSTANTS, BREAKINGS)
def test_nothing_happens_in_a_break(instants: list[int], breaking: Breaking) -> None:
    axis = axis_of(instants, 100, 900, breaking)
    for brk in axis.breaks:
        assert not any(brk.from_us < instant < brk.to_us for instant in instants)


def test_an_axis_is_linear_unless_nothing_happens_for_long() -> None:
    steady_axis = axis_of([0, 10, 20, 40], 0, 400, Breaking(3, 6))
    assert [steady_axis.x(instant) for instant in (0, 10, 20, 40)] == [0, 100, 200, 400]
    torn = axis_of([0, 500, 1_000, 1_000_000, 1_000_500], 0, 418, Breaking(3, 6))
    (brk,) = torn.breaks
    assert brk.right - brk.left == 18
    assert brk.from_us > 1_000
    assert brk.to_us < 1_000_000


@pytest.mark.parametrize(
    ("instant_us", "words"),
    [
        (0, "0"),
        (850, "850 us"),
        (60_000_000, "1 min"),
        (80_500_000, "1 min 20.5 s"),
        (7_205_000_000, "2 h 5 s"),
        (-1_000, "-1 ms"),
    ],
)
def test_clock(instant_us: int, words: str) -> None:
    assert clock(instant_us) == words


# -- labels --------------------------------------------------------------------------------------

MARKS = st.lists(st.tuples(st.floats(200, 1000), st.floats(20, 250)), max_size=12).map(sorted)


@given(MARKS)
def test_flags_never_cover_each_other(marks: list[tuple[float, float]]) -> None:
    room = Room(16, 1184, 10)
    placed = [flag for flag in flags(marks, room) if flag is not None]
    for one, other in combinations(placed, 2):
        low, high = sorted((one, other), key=lambda flag: flag.row)
        is_beside = one.right <= other.left or other.right <= one.left
        assert is_beside if low.row == high.row else not low.left < high.x < low.right
    assert all(room.has(flag) and 0 <= flag.row < room.rows for flag in placed)


def test_a_crowd_has_a_row_for_each() -> None:
    marks = [(300.0 + 2 * place, 150.0) for place in range(10)]
    placed = flags(marks, Room(16, 1184, 10))
    assert None not in placed


def test_marks_apart_share_a_row() -> None:
    placed = flags([(200.0, 100.0), (400.0, 100.0), (600.0, 100.0)], Room(16, 1184, 10))
    assert [flag.row for flag in placed if flag is not None] == [0, 0, 0]


@given(st.text(max_size=80), st.floats(20, 400))
def test_a_shortened_text_fits(words: str, width: float) -> None:
    assert text_width(shortened(words, width, 12), 12) <= max(width, text_width("…", 12))
