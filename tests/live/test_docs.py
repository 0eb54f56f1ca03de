"""What the pages on real servers and on latencies show is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from batchsim import load_scenario
from batchsim.analysis.spans import ASSUMED, read_mapping
from batchsim.cli.commands import commands
from batchsim.scenario.yaml_file import parse_yaml

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "live.md", ROOT / "docs" / "latencies.md")
YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?batchsim (\S+)(.*)$", re.MULTILINE)


def test_every_command_and_option_of_the_pages_exists() -> None:
    shown = [match for page in PAGES for match in COMMAND.finditer(page.read_text())]
    assert len(shown) == 6
    for match in shown:
        known: Any = commands.every()[match[1]]
        options = {name for each in known.params for name in each.opts}
        assert set(re.findall(r"--[a-z]+", match[2])) <= options


def test_the_scenario_of_the_page_is_one(tmp_path: Path) -> None:
    (block,) = YAML.findall(PAGES[0].read_text())
    file = tmp_path / "three.yaml"
    file.write_text(block)
    assert load_scenario(file).setting.run_count == 3


def test_the_latencies_of_the_page_are_read(tmp_path: Path) -> None:
    files, quantiles, mapping = YAML.findall(PAGES[1].read_text())
    samples = {"redis.csv": "latency_us\n5\n", "pgbench_log.1234": "0 1 5 0 1175850568 1\n"}
    samples["k6.csv"] = "metric_name,timestamp,metric_value,method\nhttp_req_duration,1,5.0,GET\n"
    for name, text in samples.items():
        (tmp_path / name).write_text(text)
    for block in (files, quantiles):
        file = tmp_path / "scenario.yaml"
        file.write_text(f"name: x\nbatch: {{items: 1}}\n{block}")
        assert load_scenario(file).latencies.of_operation
    (tmp_path / "mapping.yaml").write_text(mapping)
    assert read_mapping(tmp_path / "mapping.yaml").operations["save run"] == ("postgres.create_run",)
    assert parse_yaml(files, "x").root is not None


def test_what_is_assumed_of_spans_is_on_the_page() -> None:
    assert len(ASSUMED) == PAGES[1].read_text().count("\n- ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)?", page.read_text()):
        if not target.startswith("https://") and not target.endswith("reality.md"):
            assert (page.parent / target).exists()
