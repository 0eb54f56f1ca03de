"""YAML becomes plain values with places, whichever parser PyYAML has."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from batchsim.scenario import InvalidScenario, yaml_file
from batchsim.scenario.problems import Place
from batchsim.scenario.tree import nearest_node, plain
from batchsim.scenario.yaml_file import parse_yaml

TEXT = """\
name: a name
list:
- {x: 1, y: [2.5, ~, true]}
- &anchor
  deep: "1"
alias: *anchor
"""


def read(text: str) -> object:
    root = parse_yaml(text, "s.yaml").root
    return None if root is None else plain(root)


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "_LOADER", getattr(yaml, request.param))


@pytest.mark.usefixtures("_parser")
def test_values_and_their_places() -> None:
    root = parse_yaml(TEXT, "s.yaml").root
    assert root is not None
    assert plain(root) == {
        "name": "a name",
        "list": [{"x": 1, "y": [2.5, None, True]}, {"deep": "1"}],
        "alias": {"deep": "1"},
    }
    third = nearest_node(root, ("list", 0, "y", 2))
    assert third.place == Place("s.yaml", 3, 22)
    assert nearest_node(root, ("list", 0, "y")).key_place == Place("s.yaml", 3, 10)
    assert nearest_node(root, ("alias",)).place == Place("s.yaml", 6, 8)
    assert nearest_node(root, ("alias", "deep")).place == Place("s.yaml", 5, 9)


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("[" * 5_000, "s.yaml:1:65"),
        ("a: b: c", "s.yaml:1:5"),
        ("a: !x 1\n---", "s.yaml:2:1"),
        ("*a", "s.yaml:1:1"),
    ],
)
def test_both_parsers_refuse_the_same_at_the_same_place(text: str, position: str) -> None:
    with pytest.raises(InvalidScenario) as caught:
        parse_yaml(text, "s.yaml")
    (problem,) = caught.value.problems
    assert problem.position == position


@pytest.mark.parametrize(
    "text",
    [
        "1:30",
        "190:20:30",
        "0777",
        "0o17",
        "0x1F",
        "1_000",
        "yes",
        "no",
        "On",
        "y",
        "2026-04-23",
        ".inf",
        ".nan",
        "=",
        "<<",
        "1e3",
        "9" * 200,
        "01.5",
        "1.5.0",
    ],
)
def test_what_readers_of_yaml_disagree_about_stays_text(text: str) -> None:
    assert read(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("1.5", 1.5),
        ("", None),
        ("null", None),
        ("False", False),
    ],
)
def test_what_they_agree_about_has_its_type(text: str, value: object) -> None:
    assert read(f"a: {text}") == {"a": value}
    assert type(read(f"a: {text}")) is dict
    assert read(f"a: '{text}'") == {"a": text}


scalars = st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.text(max_size=20)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(trees)
def test_what_was_dumped_is_read_again(tree: object) -> None:
    assert read(yaml.safe_dump({"tree": tree})) == {"tree": tree}


def test_a_large_file_takes_a_second_or_two() -> None:
    text = "items:\n  overrides:\n" + "".join(f"    - {{index: {n}, upload: 200 ms}}\n" for n in range(25_000))
    began = time.process_time()
    parse_yaml(text, "s.yaml")
    assert time.process_time() - began < 5
