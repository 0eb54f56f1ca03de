"""The picture of a run: heading, the whole run, the race under a lens, and a legend."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.analysis.contest import contest_of
from batchsim.analysis.runs import PolicyRun
from batchsim.report import phrases, words
from batchsim.report.outcomes import is_of_batch, outcome_in_words
from batchsim.report.timeline import panel
from batchsim.report.timeline.labels import shortened, text_width
from batchsim.report.timeline.look import ROOT, coloured
from batchsim.report.timeline.race import Race, race
from batchsim.report.timeline.style import EDGE, LEFT, MARGIN, RIGHT, SMALL, TITLE, WIDTH, definitions
from batchsim.report.timeline.svg import bar, element, group, number, path, text, text_node
from batchsim.report.timeline.whole_run import WholeRun, whole_run
from batchsim.rounding import rounded

_LENS = 26.0
_HEIGHT = 880.0
"""About as high a picture may become."""
_RACE_MIN = 340.0
_LEGEND = (
    ("req", "request leg"),
    ("rsp", "response leg"),
    ("wait", "wait"),
    ("work", "legs too short to tell apart"),
)


def timeline(scenario: str, run: PolicyRun) -> str:
    """The picture of one run of the scenario of that name, as the text of an SVG file."""
    upper = whole_run(run, 70)
    contest = contest_of(run)
    top = upper.bottom + _LENS + 12
    lower = None if contest is None else race(contest, run.trace, top, max(_HEIGHT - top, _RACE_MIN))
    legend_y = (upper.bottom if lower is None else lower.bottom) + 20
    height = legend_y + 18
    has_breaks = bool(upper.axis.breaks or (lower is not None and lower.axis.breaks))
    children = [
        *_description(scenario, run),
        definitions(),
        element("rect", class_="paper", x=0.5, y=0.5, width=WIDTH - 1, height=height - 1, rx=6),
        *_heading(scenario, run),
        *(() if lower is None else (_lens(upper, lower),)),
        *upper.elements,
        *(() if lower is None else lower.elements),
        group("sdk", _legend(legend_y, has_breaks=has_breaks)),
    ]
    root = element(
        "svg",
        "\n",
        "\n".join(children),
        "\n",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(WIDTH)} {number(height)}",
        width=WIDTH,
        height=height,
        role="img",
        aria_labelledby="title desc",
        **ROOT,
    )
    return coloured(root) + "\n"


def _title(scenario: str, run: PolicyRun) -> str:
    return f"{scenario} under {run.policy.name}: {', '.join(run.verdicts)}"


def _short_title(scenario: str, run: PolicyRun, room: float) -> str:
    """As much of the title as there is room for; it is the scenario's name that is cut first."""
    rest = _title("", run)
    name = shortened(scenario, max(room - text_width(rest, TITLE), TITLE), TITLE)
    return shortened(name + rest, room, TITLE)


def _summary(run: PolicyRun) -> str:
    if not is_of_batch(run):
        return f"Ended after {rounded(run.trace.ended_us)}: {outcome_in_words(run.trace.outcome)}."
    row = words.batch_row(run.trace.outcome.batch)
    return f"{phrases.call_sentence(run)} Batch {row}; child runs: {words.runs_created(run.trace)}."


def _description(scenario: str, run: PolicyRun) -> Iterator[str]:
    yield element("title", text_node(_title(scenario, run)), id="title")
    yield element("desc", text_node(" ".join((_summary(run), *run.explanation))), id="desc")


def _heading(scenario: str, run: PolicyRun) -> Iterator[str]:
    sign, class_ = ("✓", "title good") if run.is_ok else ("✗", "title alert")
    yield text(MARGIN, 30, sign, class_)
    yield text(MARGIN + 22, 30, _short_title(scenario, run, EDGE - MARGIN - 22), "title")
    yield text(MARGIN + 22, 52, _summary(run), "quiet")


def _lens(upper: WholeRun, lower: Race) -> str:
    left, right = upper.axis.x(lower.axis.from_us), upper.axis.x(lower.axis.to_us)
    right = max(right, left + 1.5)
    floor = upper.bottom + _LENS
    points = [
        (left, upper.top),
        (right, upper.top),
        (right, upper.bottom),
        (RIGHT, floor),
        (LEFT, floor),
        (left, upper.bottom),
    ]
    return path(points, "lens", closed=True)


def _legend(y: float, *, has_breaks: bool) -> Iterator[str]:
    x = MARGIN
    for class_, words_ in _LEGEND:
        yield bar(class_, x, y - 9, 22, 10)
        yield text(x + 28, y, words_, "small quiet")
        x += 40 + text_width(words_, SMALL)
    yield path([(x + 4, y - 12), (x + 4, y + 3)], "tick")
    yield text(x + 12, y, "effect", "small quiet")
    yield panel.diamond(x + 66, y - 4)
    yield text(x + 78, y, "decisive effect", "small quiet")
    if has_breaks:
        yield text(EDGE, y, "torn strip: that much time is left out", "small quiet", "end")
