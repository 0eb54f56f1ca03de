"""What came out, held against what is expected and what must not be: the one judge of all commands.

Three answers, the first that applies: *failed* (a verdict was not expected, or is forbidden), *in doubt* (the
answer is not known: a bound was hit, an interval lies on both sides of a limit), *passed*. Where nothing was
asked, that something passed says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

OK = "ok"
ANY = "any"
"""Stands for every verdict but `ok`."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A verdict that must not be given, or not as often."""

    verdict: str
    """`any`: all but `ok`."""
    rate: float | None = None
    """Above which share of the runs it is forbidden; `None`: it must not be given at all."""
    text: str = ""
    """As it was asked for: `false_failure>0.5%`."""

    def broken_by(self, verdicts: Collection[str]) -> set[str]:
        """Those of some verdicts that are forbidden."""
        return set(verdicts) - {OK} if self.verdict == ANY else {self.verdict} & set(verdicts)


class Rate(NamedTuple):
    """How probable a verdict is, as far as known: from `low` to `high`."""

    low: float
    high: float
    told: str
    """For people."""


def _no_rates(verdict: str) -> Iterable[Rate]:
    raise NotImplementedError("no rates here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What came out under a policy."""

    scenario: str
    policy: str
    verdicts: frozenset[str]
    """Every verdict that was given: by the run, by some run, by some schedule."""
    expected: frozenset[str] | None
    """`None`: nothing is."""
    expected_in: str | None = None
    """The field of the scenario that says so; `None`: none does."""
    known: frozenset[str] | None = None
    """The verdicts that the scenario can be given without any of the user's; `None`: those of the batch."""
    needs_all: bool = False
    """Whether every verdict that is expected has to be given, once all is known."""
    is_complete: bool = True
    """Whether no further verdict can come."""
    stopped_by: str | None = None
    """Why it is not complete."""
    needs_end: bool = False
    """Whether an incomplete one is in doubt even if nothing was asked of it: that it fails is not found yet."""
    doubts: tuple[str, ...] = ()
    """Reasons by which the answer is not known, whatever was given."""
    unreached: tuple[str, ...] = ()
    """What some run was to come to (`sometimes`), and none does."""
    rates: Callable[[str], Iterable[Rate]] = _no_rates
    """How probable a verdict (or `any`) is: where a field is varied, at each point."""

    @property
    def as_expected(self) -> bool | None:
        """Whether the verdicts are those that are expected; `None`: nothing is, or it is not known."""
        if self.expected is None:
            return None
        if not self.verdicts <= self.expected:
            return False
        if not self.is_complete:
            return None
        return not self.needs_all or self.verdicts == self.expected


class Judgement(NamedTuple):
    """What is to be said of what came out under a policy."""

    missed: tuple[str, ...]
    """What was not expected."""
    broken: tuple[str, ...]
    """What is forbidden."""
    doubts: tuple[str, ...]
    """Why the answer is not known."""
    is_asked: bool
    """Whether anything was expected or forbidden."""


def judge(given: Given, limits: Sequence[Limit]) -> Judgement:
    """Hold it against what is expected, and against limits."""
    missed, broken, doubts = [], [], list(given.doubts)
    if given.expected is not None and given.as_expected is False:
        missed.append(missed_in_words(given.expected, given.verdicts, given.expected_in, given.known))
    absolute = [limit for limit in limits if limit.rate is None]
    forbidden = {verdict for limit in absolute for verdict in limit.broken_by(given.verdicts)}
    if forbidden:
        broken.append(f"got {_listed(forbidden)}, which --fail-on forbids")
    broken += [f"no schedule comes to {name}, which some run is to (sometimes)" for name in given.unreached]
    if not given.is_complete:
        asked = given.expected is not None or bool(absolute)
        if asked or (given.needs_end and not limits):
            doubts.append(given.stopped_by or "not complete")
    for limit in limits:
        if limit.rate is not None:
            for rate in given.rates(limit.verdict):
                told = f"{limit.text}: {rate.told}, limit {100 * limit.rate:.6g} %"
                if rate.low > limit.rate:
                    broken.append(f"{told}: over")
                elif rate.high > limit.rate:
                    doubts.append(f"{told}: undecided")
    is_asked = given.expected is not None or bool(limits) or bool(given.unreached)
    return Judgement(tuple(missed), tuple(broken), tuple(doubts), is_asked)


def missed_in_words(
    expected: Collection[str], verdicts: Collection[str], field: str | None, known: Collection[str] | None = None
) -> str:
    """That other verdicts were given than are expected in a field of the scenario.

    `known`: those that the scenario can be given without any of the user's; `None`: those of the batch.

    Whoever adds a verdict of their own to a scenario that expects something would else look for a fault in the
    policy: what is expected was written before there was such a verdict.
    """
    from batchsim.scenario.names import known_verdicts  # noqa: PLC0415 - not needed to start

    said = f"expected {_listed(expected)}, got {_listed(verdicts)}"
    own = set(verdicts) - set(expected) - set(known_verdicts() if known is None else known)
    if field is None or not own:
        return said
    is_one = len(own) == 1
    which = f"{_listed(own)} {'is a verdict' if is_one else 'are verdicts'} of your own"
    it = "it" if is_one else "them"
    return (
        f"{said}; {which} that {field} does not name: to expect {it}, list {it} under verdicts of the scenario, "
        f"and name {it} under {field}"
    )


def _listed(verdicts: Iterable[str]) -> str:
    return ", ".join(sorted(verdicts))
