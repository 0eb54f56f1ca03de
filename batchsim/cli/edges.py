"""The edges of windows, for the pictures of a sweep; where there is none, one line that says why."""

from __future__ import annotations

from collections.abc import Sequence

from batchsim.analysis.sweep import Sweep
from batchsim.analysis.window import Edge, NoEdge, edges_of
from batchsim.batch.policy import Policy
from batchsim.cli.telling import tell
from batchsim.model.properties import Property
from batchsim.report.progress import Progress


def edges_for(
    result: Sweep,
    policies: Sequence[Policy],
    properties: Sequence[Property],
    option: str,
    states_max: int | None = None,
    *,
    quiet: bool,
) -> list[Edge]:
    """The edges of a sweep's windows; `policies`: in its order. `option`: the one that asks for them."""
    if result.scenario.own is not None:
        return []  # they are told in the words of the batch
    named = list(zip(result.policies, policies, strict=True))
    with Progress(len(named), quiet=quiet) as progress:
        try:
            edges, reasons = edges_of(
                result,
                named,
                properties,
                lambda name: progress.begin(f"deriving the window of {name}"),
                states_max,
            )
        except NoEdge as error:
            edges, reasons = [], {"any policy": str(error)}
    if reasons and not quiet:
        tell(f"{option}: {_told(reasons)}")
    return edges


def _told(reasons: dict[str, str]) -> str:
    """Each reason once, with all whom it concerns."""
    return "; ".join(
        f"no edge of a window for {', '.join(name for name in reasons if reasons[name] == why)}: {why}"
        for why in dict.fromkeys(reasons.values())
    )
