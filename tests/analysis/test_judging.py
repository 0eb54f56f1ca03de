"""The one judge of all commands: failed before in doubt before passed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchsim.analysis.judging import Given, Limit, Rate
from batchsim.cli.judging import code_of

NAMES = ["ok", "stuck", "lost_item", "false_failure"]
SOME = st.frozensets(st.sampled_from(NAMES), min_size=1)
CERTAIN = st.builds(Limit, st.sampled_from([*NAMES, "any"]))
GIVEN = st.builds(
    Given,
    scenario=st.just("s"),
    policy=st.just("p"),
    verdicts=SOME,
    expected=st.none() | SOME,
    needs_all=st.booleans(),
    is_complete=st.booleans(),
    stopped_by=st.just("stopped at 9 states (--max-states)"),
    needs_end=st.booleans(),
    doubts=st.sampled_from([(), ("fault 0 occurs in no schedule",)]),
)


@given(GIVEN, st.lists(CERTAIN, max_size=2))
def test_a_code_is_what_it_is_by_definition(each: Given, limits: list[Limit]) -> None:
    forbidden = any(
        each.verdicts - {"ok"} if limit.verdict == "any" else limit.verdict in each.verdicts for limit in limits
    )
    excess = each.expected is not None and not each.verdicts <= each.expected
    lack = each.expected is not None and each.needs_all and each.is_complete and each.verdicts != each.expected
    asked = each.expected is not None or bool(limits)
    doubt = bool(each.doubts) or (not each.is_complete and (asked or each.needs_end))
    assert code_of([each], limits) == (1 if forbidden or excess or lack else 3 if doubt else 0)


@given(st.lists(GIVEN, min_size=1, max_size=3), st.lists(CERTAIN, max_size=2))
def test_several_are_as_bad_as_the_worst(several: list[Given], limits: list[Limit]) -> None:
    codes = {code_of([each], limits) for each in several}
    assert code_of(several, limits) == (1 if 1 in codes else 3 if 3 in codes else 0)


SHARES = st.floats(0, 1)


@given(SHARES, SHARES, SHARES)
def test_a_rate_is_judged_by_its_whole_interval(first: float, second: float, limit: float) -> None:
    low, high = sorted([first, second])
    each = Given(
        scenario="s",
        policy="p",
        verdicts=frozenset({"stuck"}),
        expected=None,
        rates=lambda verdict: [Rate(low, high, "told")] if verdict == "stuck" else [Rate(0.0, 0.0, "none")],
    )
    code = code_of([each], [Limit("stuck", limit), Limit("lost_item", 0.0)])
    assert code == (1 if low > limit else 0 if high <= limit else 3)


def test_a_rate_may_be_known_before_all_is() -> None:
    each = Given(
        scenario="s",
        policy="p",
        verdicts=frozenset({"ok"}),
        expected=None,
        is_complete=False,
        stopped_by="stopped at 9 states (--max-states)",
        needs_end=True,
        rates=lambda _: [Rate(0.0, 0.2, "told")],
    )
    assert code_of([each], [Limit("stuck", 0.25)]) == 0
    assert code_of([each], []) == 3


def test_an_interval_that_ends_at_the_limit_is_under_it() -> None:
    each = Given(
        scenario="s", policy="p", verdicts=frozenset(), expected=None, rates=lambda _: [Rate(0.1, 0.25, "told")]
    )
    assert code_of([each], [Limit("stuck", 0.25)]) == 0
    assert code_of([each], [Limit("stuck", 0.1)]) == 3
