"""The contest of a run: the one race that is to be looked at closely, and who took part in it."""

from __future__ import annotations

from batchsim.analysis.margins import Margin
from batchsim.analysis.runs import PolicyRun


def contest_of(run: PolicyRun) -> Margin | None:
    """The first race that the endpoint lost, of the count and the seal; else the first that took place."""
    margins = [margin for margin in (run.race, run.seal) if margin is not None]
    lost = [margin for margin in margins if not margin.is_won]
    return next(iter(lost or margins), None)


def involved_in(run: PolicyRun) -> frozenset[str]:
    """The actors that the explanation of a run needs: those of its decisive steps and of its contest."""
    actors = {run.trace.steps[number].actor for number in run.decisive}
    contest = contest_of(run)
    if contest is not None:
        actors |= {leg.actor for leg in (*contest.endpoint_legs, *contest.rival_legs)}
        actors |= {contest.endpoint.actor, contest.rival.actor}
    return frozenset(actors)
