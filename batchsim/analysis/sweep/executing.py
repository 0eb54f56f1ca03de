"""Keeps an executor busy with pieces until all is known that the plan asks for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, TypeAlias

from batchsim.analysis.pool import SizedExecutor
from batchsim.analysis.sweep.pieces import Piece, PieceDone, run_piece
from batchsim.analysis.sweep.plan import Competitor, Enough, Plan, pieces
from batchsim.analysis.sweep.records import Records, RunEnd, RunsRecord, SweepCell, Verdicts
from batchsim.analysis.sweep.storing import Store
from batchsim.analysis.sweep.varying import Point
from batchsim.model.system import System
from batchsim.scenario import compare_decisions

PIECE_S = 0.25
"""How long a piece should take: long against what it costs to send it, short against one's patience."""
GIVEN_OUT_S = 0.025
"""More than it takes to give out a piece and to take in what it came to, on a cluster: with many workers a piece
takes so much longer that all of them can be kept busy."""
_PIECE_FIRST, _PIECE_LONGEST = 4, 10_000
_PIECE_SHORTEST = 20
"""Of those that are short because the end is near."""
_LOOK_S = 0.2
"""How often the watcher is asked even though nothing has happened."""
_AHEAD = 3
"""Pieces under way for each worker, so that none waits for the next one."""

Watch: TypeAlias = Callable[[int, int], bool]
"""Told how many runs are known, of how many at most; whether to go on."""
_Underway: TypeAlias = dict["Future[PieceDone]", tuple[Point, Sequence[Competitor], Piece]]


class _Pace:
    """How many runs make a piece of the right size, as far as known."""

    def __init__(self) -> None:
        self.size = _PIECE_FIRST
        self.seconds = PIECE_S

    def learn(self, piece: Piece, done: PieceDone) -> None:
        runs = int(piece.count * self.seconds / max(done.took_s, 1e-6))
        self.size = max(1, min(runs, self.size * 4, _PIECE_LONGEST))


class Execution:
    """One execution of a plan: what it does next, and what it has come to know."""

    def __init__(self, plan: Plan, records: Records, enough: Enough, store: Store) -> None:
        self._plan = plan
        self._records = records
        self._enough = enough
        self._store = store
        self._judged: dict[tuple[str, str], dict[Hashable, Verdicts]] = {}
        self._systems: dict[tuple[str, str], System[Any]] = {}
        self._pace = _Pace()
        self._known = sum(
            min(len(covered), plan.runs - covered.start)
            for point, _ in plan.places
            for cell in plan.cells(point)
            for covered in records.covered(cell)
            if covered.start < plan.runs
        )
        self._total = plan.runs * len(plan.places) * len(plan.competitors)

    def run(self, sized: SizedExecutor, watch: Watch) -> bool:
        """Run all that is missing; whether nobody stopped it."""
        executor, workers = sized
        self._pace.seconds = max(PIECE_S, workers * GIVEN_OUT_S)
        ahead = workers * _AHEAD if workers > 1 else 1
        underway: _Underway = {}
        missing = pieces(self._plan, self._records, self._enough, lambda: self._size(underway, workers))
        goes_on = watch(self._known, self._total)
        try:
            while goes_on:
                while len(underway) < ahead and (piece := next(missing, None)) is not None:
                    underway[executor.submit(run_piece, piece[2])] = piece
                if not underway:
                    return True
                ended, _ = wait(underway, _LOOK_S, FIRST_COMPLETED)
                self._take_in([(*underway.pop(future), future.result()) for future in ended])
                goes_on = watch(self._known, self._total)
            return False
        finally:
            for future in underway:
                future.cancel()

    def _size(self, underway: _Underway, workers: int) -> int:
        """How many runs the next piece may have: few near the end, so that all workers end at about one time."""
        if workers == 1:
            return self._pace.size
        planned = self._known + sum(piece.count * len(competitors) for _, competitors, piece in underway.values())
        missing = (self._total - planned) // len(self._plan.competitors)
        return min(self._pace.size, max(_PIECE_SHORTEST, missing // (2 * workers)))

    def _take_in(self, ended: Iterable[tuple[Point, Sequence[Competitor], Piece, PieceDone]]) -> None:
        """What has ended at the same time is one transaction."""
        records = [record for each in ended for record in self._records_of(*each)]
        if records:
            # Known first: what cannot be kept can still be shown.
            self._records.add(records)
            self._store.add(records)
            self._known += sum(len(record.ends) for record in records)

    def _records_of(
        self, point: Point, competitors: Sequence[Competitor], piece: Piece, done: PieceDone
    ) -> Iterable[RunsRecord]:
        for competitor, decided in zip(competitors, done.decided, strict=True):
            compare_decisions(competitor.policy, decided)
        self._pace.learn(piece, done)
        for competitor, codes in zip(competitors, done.codes, strict=True):
            ends = [RunEnd(self._judge(competitor, point, piece, each.outcome), each.faults) for each in done.ends]
            yield RunsRecord(
                SweepCell(competitor.key, point.key), piece.first, tuple(ends[code] for code in codes)
            )

    def _judge(self, competitor: Competitor, point: Point, piece: Piece, outcome: Hashable) -> Verdicts:
        # The verdicts of a system of the user's own may differ by policy, and by the parameters at a point.
        where = ("", "") if self._plan.scenario.own is None else (competitor.key, point.key)
        judged = self._judged.setdefault(where, {})
        if outcome not in judged:
            system = self._systems.get(where)
            if system is None:
                system = self._systems[where] = piece.scenario.system(competitor.policy)
            judged[outcome] = system.verdicts_of(outcome, self._plan.properties)
        return judged[outcome]
