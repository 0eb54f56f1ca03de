"""Runs in the formats of other tools, read by those tools or by their published schemas."""

from __future__ import annotations

import csv
import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from batchsim.analysis.chains import cause_of
from batchsim.analysis.lanes import lanes_of
from batchsim.analysis.runs import ScenarioRun, run_scenario
from batchsim.batch.policies import POLICIES
from batchsim.report.formats.csv_table import csv_text
from batchsim.report.formats.mermaid import mermaid_text
from batchsim.report.formats.perfetto import NS_PER_US, perfetto_trace
from batchsim.scenario import load_scenario
from tests.pages.conftest import ROOT


def runs_of(*policies: str, file: str = "incident") -> ScenarioRun:
    scenario = load_scenario(ROOT / f"scenarios/{file}.yaml")
    return run_scenario(scenario, [(name, POLICIES[name]) for name in policies])


def test_a_trace_of_perfetto_has_all_legs_effects_and_causes() -> None:
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace  # type: ignore[import-untyped]

    result = runs_of("pre3427", "pr4397")
    trace: Any = Trace()
    trace.ParseFromString(perfetto_trace([result]))
    tracks = {p.track_descriptor.uuid: p.track_descriptor for p in trace.packet if p.HasField("track_descriptor")}
    processes = [each.process.process_name for each in tracks.values() if each.HasField("process")]
    assert processes == ["incident, pre3427 (bug): false_failure", "incident, pr4397 (latest): ok"]
    (process,) = (uuid for uuid, each in tracks.items() if each.process.process_name == processes[0])
    mine = {uuid: each.name for uuid, each in tracks.items() if each.parent_uuid == process}
    run = result.runs[0]
    events = [(p.timestamp, p.track_event) for p in trace.packet if p.track_event.track_uuid in mine]
    assert [at for at, _ in events] == sorted(at for at, _ in events)
    open_on: dict[int, tuple[int, str]] = {}
    slices = []
    for at, event in events:
        if event.type == event.TYPE_SLICE_BEGIN:
            assert event.track_uuid not in open_on
            open_on[event.track_uuid] = at, event.name
        if event.type == event.TYPE_SLICE_END:
            begun, name = open_on.pop(event.track_uuid)
            slices.append((mine[event.track_uuid].partition(" (")[0], name, begun, at))
    assert open_on == {}
    assert sorted(slices) == sorted(
        (lane.actor, leg.operation, leg.from_us * NS_PER_US, leg.to_us * NS_PER_US)
        for lane in lanes_of(run.trace)
        for leg in lane.legs
    )
    effects = [(at, event) for at, event in events if event.type == event.TYPE_INSTANT]
    assert [(at, event.name) for at, event in effects] == [(s.at_us * NS_PER_US, s.name) for s in run.trace.steps]
    decisive = [n for n, (_, each) in enumerate(effects) if each.debug_annotations[2].bool_value]
    assert decisive == sorted(run.decisive)
    begins = {flow: number for number, (_, each) in enumerate(effects) for flow in each.flow_ids}
    arrows = {
        n: begins[each.terminating_flow_ids[0]] for n, (_, each) in enumerate(effects) if each.terminating_flow_ids
    }
    steps = run.trace.steps
    assert arrows == {
        step.number: cause
        for step in steps
        if (cause := cause_of(step)) is not None and steps[cause].actor != step.actor
    }


@pytest.mark.parametrize("name", ["semi;colon", "a#b%%c", "end", "x-->>y: z", "`<b>`{}[]|"])
def test_no_name_is_syntax_in_mermaid(name: str, tmp_path: Path) -> None:
    text = named(name, tmp_path, mermaid_text)
    head, body = text.split("sequenceDiagram\n")
    assert json.loads(head.splitlines()[1].removeprefix("title: ")).startswith(name)
    allowed = ("  actor ", "  participant ", "  Note over ", "  a")
    assert all(line.startswith(allowed) for line in body.splitlines())


def named(name: str, folder: Path, write: Any) -> str:
    (folder / "mine.yaml").write_text(f"name: {json.dumps(name)}\nbatch: {{items: 1}}\npolicies: [pre3427]\n")
    scenario = load_scenario(folder / "mine.yaml")
    return str(write([run_scenario(scenario, [("pre3427", POLICIES["pre3427"])])]))


def test_a_table_has_a_row_for_each_step_and_no_formulas(tmp_path: Path) -> None:
    result = runs_of("pre3427", "pr3766")
    rows = list(csv.DictReader(StringIO(csv_text([result]))))
    steps = [(run.policy.name, step) for run in result.runs for step in run.trace.steps]
    assert [(r["policy"], int(r["at_us"]), r["actor"], r["operation"], r["answer"]) for r in rows] == [
        (policy, step.at_us, step.actor, step.name, step.description) for policy, step in steps
    ]
    told = next(csv.DictReader(StringIO(named("=1+1", tmp_path, csv_text))))
    assert told["scenario"] == "'=1+1"


def test_results_are_a_table_without_formulas(tmp_path: Path) -> None:
    from batchsim.cli import main

    (tmp_path / "mine.yaml").write_text('name: "=1+1"\nbatch: {items: 1}\npolicies: [pre3427]\n')
    for words in (["explore"], ["sweep", "--runs", "20", "--workers", "1"]):
        with pytest.raises(SystemExit):
            main([*words, str(tmp_path / "mine.yaml"), "--csv", str(tmp_path / "t.csv"), "--quiet"])
        rows = list(csv.DictReader(StringIO((tmp_path / "t.csv").read_text())))
        assert {(row["scenario"], row["policy"]) for row in rows} == {("'=1+1", "pre3427")}


def test_files_are_written_beside_each_other_and_not_over_one_another(tmp_path: Path) -> None:
    from batchsim.cli import main

    names = {option: tmp_path / option for option in ("perfetto", "mermaid", "csv")}
    options = [word for option, file in names.items() for word in (f"--{option}", str(file))]
    run = ["run", str(ROOT / "scenarios/race-won.yaml"), "--policy", "pre3427", "--quiet"]
    with pytest.raises(SystemExit) as ended:
        main([*run, *options])
    assert ended.value.code == 0
    assert all(file.stat().st_size for file in names.values())
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    with pytest.raises(SystemExit) as ended:
        main([*run, "--csv", str(tmp_path / "a"), "--mermaid", str(tmp_path / "a")])
    assert ended.value.code == 2
    assert list(tmp_path.iterdir()) == []
