"""The batches that are looked at: those of scenarios, in the sizes that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from batchsim.analysis.findings.scope import Base, SizedBatch
from batchsim.analysis.witnesses import within
from batchsim.batch.setting import Call
from batchsim.scenario import Scenario

NO_ENTRIES = "[]"
USUAL_SIZES = (1, 2)
"""So many items, and so many consumers, where no scenario says how many."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a batch comes from."""

    file: Path
    """That of its scenario."""
    overrides: tuple[str, ...]
    """How the batch differs from it, as options of `--set`."""
    has_faults: bool
    """Whether the scenario lists faults, which are left out."""
    verdicts: tuple[str, ...] = ()
    """Those of the user's own that the scenario lists, relative to the current directory."""

    def under(self, entries: str) -> tuple[str, ...]:
        """The options of `--set` by which the file becomes the batch under some faults (`[]`: none)."""
        if entries == NO_ENTRIES and not self.has_faults:
            return self.overrides
        return (*self.overrides, f"faults={entries}")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large batches are to be; empty: as the scenario says."""

    items: tuple[int, ...] = ()
    consumers: tuple[int, ...] = ()
    calls: tuple[Call, ...] = ()


USUAL = Sizes(USUAL_SIZES, USUAL_SIZES, tuple(Call))


def batches_of(
    scenarios: Sequence[Scenario],
    overrides: Sequence[str],
    sizes: Sizes,
    load: Callable[[Path, Sequence[str]], Scenario],
) -> dict[SizedBatch, tuple[Scenario, Source]]:
    """The batches of scenarios, each without the scenario's faults, and where it comes from.

    `overrides`: those that the scenarios were loaded with. `load`: how a file is loaded with other ones.
    """
    names = [scenario.name for scenario in scenarios]
    batches = {}
    for scenario in scenarios:
        name = scenario.name if names.count(scenario.name) == 1 else scenario.file
        verdicts = tuple(within(scenario.directory, each) for each in scenario.verdicts)
        for own in _overrides_of(sizes):
            source = Source(Path(scenario.file), (*overrides, *own), bool(scenario.faults), verdicts)
            found = load(source.file, source.under(NO_ENTRIES))
            setting = found.setting
            call = setting.call if found.own is None else None
            batches[SizedBatch(Base(name, call), setting.run_count, setting.consumers)] = (found, source)
    return batches


def _overrides_of(sizes: Sizes) -> Iterator[tuple[str, ...]]:
    """For each size how it differs from the scenario."""
    calls = [f"batch.call={call.value}" for call in sizes.calls]
    items = [f"batch.items={count}" for count in sizes.items]
    consumers = [f"consumers={count}" for count in sizes.consumers]
    for each in product(calls or [""], items or [""], consumers or [""]):
        yield tuple(filter(None, each))
