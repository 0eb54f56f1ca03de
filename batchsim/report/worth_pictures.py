"""The pictures of what each fix is worth: sweeps, with the borders that are proved drawn over them."""

from __future__ import annotations

from batchsim.analysis.worth import EXECUTION, Worth, judge
from batchsim.analysis.worth.results import VERDICT
from batchsim.report.sweep_plot import Boundary, plot_bytes
from batchsim.report.sweep_plot.likeness import alike
from batchsim.report.worth_words import border, own_delay, own_execution, request_of
from batchsim.scenario import Constant

PICTURES = ("delay", "execution", "both")
"""By what is varied."""


def pictures(worth: Worth) -> dict[str, str]:
    """The SVG of each sweep, by what is varied."""
    drawn = (
        (worth.over_delay, _on_the_delay(worth)),
        (worth.over_execution, _on_the_execution(worth)),
        (worth.over_both, on_both(worth)),
    )
    return {
        what: plot_bytes(sweep, "svg", boundaries=lines).decode()
        for what, (sweep, lines) in zip(PICTURES, drawn, strict=True)
    }


def _on_the_delay(worth: Worth) -> list[Boundary]:
    """The ends of the scenario's own delay, and where policies begin that wait for COMPLETED."""
    ends_us = request_of(worth.scenario, "redis.enqueued_count").support_us
    own = tuple((float(end),) for end in dict.fromkeys(ends_us) if end is not None)
    lines = [Boundary(f"the scenario: {own_delay(worth.scenario)}", own)]
    for judged in judge(worth):
        found = worth.border(judged.policies[0], worth.rows[0]) if judged.needs_completed else None
        if found is not None and found.least_us is not None:
            since = border(worth, judged, worth.rows[0])
            label = f"{since}: {', '.join(judged.policies)} can decide otherwise than {worth.first}"
            lines.append(Boundary(label, ((float(found.least_us),),)))
    return lines


def _on_the_execution(worth: Worth) -> list[Boundary]:
    """The scenario's own execution, where it is one."""
    own = request_of(worth.scenario, "run.finish", item=0)
    if not isinstance(own, Constant):
        return []
    return [Boundary(f"the scenario: {own_execution(worth.scenario)}", ((float(own.us),),))]


def on_both(worth: Worth) -> list[Boundary]:
    """For each policy that can be compared with the first one, from which delay on it can decide otherwise."""
    label = f"to the right of the line the policies named above the map\ncan decide otherwise than {worth.first}"
    lines = []
    for group in alike(worth.over_both, VERDICT):
        points = [
            (float(found.least_us), dict(row.point.values)[EXECUTION].number)
            for row in worth.rows
            if row.point.values
            and (found := worth.border(group[0], row)) is not None
            and found.least_us is not None
        ]
        if len(points) > 1:
            lines.append(Boundary(label, tuple(points), frozenset(group)))
    return lines
