"""What that means: for each policy whether it is worth anything, where, and what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from batchsim.analysis.sweep import Difference, Point
from batchsim.analysis.sweep.results import Share
from batchsim.analysis.worth.deciding import Otherwise, needs_completed
from batchsim.analysis.worth.results import Worth, excess_us, is_told_apart, share, told_apart
from batchsim.batch.policy import CHECKS
from batchsim.batch.stores import Status


class EffectOfFix(Enum):
    """What a policy does to the false failures that the scenario has with its own latencies."""

    NOTHING = "no run came out otherwise"
    ALL = "none was seen any more"
    SOME = "there are fewer"
    MORE = "there are more"
    UNSURE = "too few runs to say"


@dataclass(frozen=True, slots=True)
class Judged:
    """Policies that came to the same shares everywhere."""

    policies: tuple[str, ...]
    effect: EffectOfFix
    share: Share
    """Of false failures, with the scenario's own latencies."""
    gain: Difference | None
    """Against the first policy, likewise; `None`: none failed in any run."""
    compared: tuple[str, ...]
    """Those of which it was explored where they decide otherwise than the first policy."""
    is_proved_alike: bool
    """Whether no latencies within the intervals of the scenario let any of them decide otherwise."""
    is_proved_alike_throughout: bool
    """Likewise with each of the executions."""
    otherwise: tuple[Otherwise, ...]
    """The rows on which those that were compared decide otherwise, at some delay; by check."""
    apart_over_delay: tuple[Point, ...]
    """Where they are told apart from the first policy."""
    apart_over_execution: tuple[Point, ...]
    apart_over_both: tuple[Point, ...]
    excess_us: float | None
    """Of these pairs: by how much the delay is longer than the execution, at least."""

    @property
    def needs_completed(self) -> bool:
        """Whether they decide otherwise, and only on rows that are COMPLETED."""
        return self.compared == self.policies and needs_completed(self.otherwise)


def judge(worth: Worth) -> tuple[Judged, ...]:
    """All policies but the first."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for policy in worth.policies[1:]:
        groups.setdefault(_counts(worth, policy), []).append(policy)
    return tuple(_judged(worth, tuple(group)) for group in groups.values())


def _counts(worth: Worth, policy: str) -> tuple[int, ...]:
    return tuple(share(each, policy, point).count for each in worth.sweeps for point in each.points)


def _judged(worth: Worth, policies: tuple[str, ...]) -> Judged:
    own, difference = worth.own_share(policies[0]), worth.own_gain(policies[0])
    decided = [{each: (row.decided or {}).get(each) for each in policies} for row in worth.rows]
    alike = [all(found == () for found in each.values()) for each in decided]
    over_delay, over_execution, over_both = (
        tuple(told_apart(each, policies[0])) for each in (worth.over_delay, worth.over_execution, worth.over_both)
    )
    return Judged(
        policies=policies,
        effect=_effect(own, difference),
        share=own,
        gain=difference,
        compared=tuple(each for each in policies if decided and decided[0][each] is not None),
        is_proved_alike=any(alike[:1]),
        is_proved_alike_throughout=any(alike) and all(alike),
        otherwise=_otherwise(worth, policies),
        apart_over_delay=over_delay,
        apart_over_execution=over_execution,
        apart_over_both=over_both,
        excess_us=min(map(excess_us, over_both), default=None),
    )


def _effect(own: Share, difference: Difference | None) -> EffectOfFix:
    if difference is None or difference.only_policy == difference.only_other == 0:
        return EffectOfFix.NOTHING
    if not is_told_apart(difference):
        return EffectOfFix.UNSURE
    if difference.difference > 0:
        return EffectOfFix.MORE
    return EffectOfFix.SOME if own.count else EffectOfFix.ALL


def _otherwise(worth: Worth, policies: tuple[str, ...]) -> tuple[Otherwise, ...]:
    found: set[Otherwise] = set()
    for row in worth.rows:
        for policy in policies:
            found.update((row.decided or {}).get(policy, ()))
        found.update(each for border in row.borders if border.policy in policies for each in border.otherwise)
    statuses = list(Status)
    return tuple(
        sorted(
            found, key=lambda each: (list(CHECKS).index(each.check), statuses.index(each.row.status), repr(each))
        )
    )
