"""Whatever a name holds, nothing in what is shown acts on what shows it."""

from __future__ import annotations

import json
import re
import subprocess
import unicodedata
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchsim.report.markdown_text import code, plain
from batchsim.report.screen import Screen, Text, print_line, without_blanks_at_ends
from batchsim.report.shell import join
from batchsim.report.tables import plain_table, print_table
from batchsim.report.timeline.svg import text_node
from batchsim.user_code import UserCodeError
from batchsim.visible import in_one_line, visible, visible_json

ANY = st.text(st.characters(), max_size=30)
ODD = "\x1b]0;title\x07 \u202e.abc\u2066 \ud800 \x9b31m [red]red[/red] :bomb: \u2028 \U000e0041 \t é ☃ 漢"


def acts(text: str) -> bool:
    return any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in text if each not in "\t\n")


def test_escapes_are_those_of_python() -> None:
    assert visible("a\x1b[31m\u202e\ud800\U000e0041\n") == "a\\x1b[31m\\u202e\\ud800\\U000e0041\n"
    assert visible("naïve — ☃ 漢字 \xa0 👍🏽") == "naïve — ☃ 漢字 \xa0 👍🏽"


def test_what_a_users_code_says_is_shown_in_the_same_way_and_in_one_line() -> None:
    assert in_one_line("a\tb\nc\x1b\u2028 \xa0é") == "a\\tb\\nc\\x1b\\u2028 \xa0é"
    assert str(UserCodeError("own.py: \x85\n\u202e")) == r"own.py: \x85\n\u202e"


def test_lines_end_where_their_text_ends_and_colors_where_they_did() -> None:
    assert (
        without_blanks_at_ends("\x1b[1ma b  \x1b[0m  \n  \x1b[2m  \x1b[0m\nc")
        == "\x1b[1ma b\x1b[0m\n\x1b[2m\x1b[0m\nc"
    )


@given(ANY)
@example(ODD)
def test_nothing_acts_wherever_it_is_shown(text: str) -> None:
    for show in (visible, plain, code, text_node):
        assert not acts(show(text))
        show(text).encode()


@given(st.recursive(ANY, lambda each: st.lists(each) | st.dictionaries(ANY, each), max_leaves=5))
@example(ODD)
def test_json_is_the_same_document(document: object) -> None:
    text = visible_json(json.dumps(document, ensure_ascii=False, indent=1))
    assert not acts(text)
    assert json.loads(text) == document


@pytest.mark.parametrize("is_terminal", [True, False])
@given(st.text(st.characters(exclude_characters="\n"), max_size=30))
@example(ODD)
def test_on_the_terminal_a_name_is_text_and_nothing_else(is_terminal: bool, name: str) -> None:
    def shown(name: str) -> str:
        out = StringIO()
        console = Screen(file=out, width=400, force_terminal=is_terminal, color_system=None, _environ={})
        console.print(name)
        console.print(Text(name))
        print_line(console, Text.assemble((name, "bold"), name), indent=2)
        table = plain_table([name, "next"])
        table.add_row(name, Text(name))
        print_table(console, table)
        return out.getvalue()

    assert not acts(shown(name))
    assert shown(name) == shown(visible(name))
    if name == ODD:
        assert shown(name).count("[red]red[/red] :bomb:") == 7


def test_lines_go_on_below_where_the_terminal_is_narrow() -> None:
    out = StringIO()
    console = Screen(file=out, width=20, force_terminal=True, color_system=None, _environ={})
    print_line(console, Text("three words and more"), indent=2)
    assert out.getvalue() == "  three words\n      and more\n"


@pytest.mark.parametrize("word", ["plain", "two words", "it's", "a\x1b[31m'\\\n\t\u202e", "\udcff.yaml", "$'x'"])
def test_a_command_is_read_by_a_shell_as_it_was_meant(word: str) -> None:
    line = join(["printf", "%s", word])
    assert not acts(line)
    assert "\n" not in line
    ended = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    )
    assert ended.stdout.decode("utf-8", "surrogateescape") == word


def test_there_is_one_way_to_each_stream() -> None:
    """So no name comes past `visible`: rich's own text and console, and `click.echo` for errors, are used once."""
    ways = {
        r"from rich\.text|rich\.console import .*Console\n(?s:.*)\bConsole\((?!stderr)": {"report/screen.py"},
        r"echo\(.*err=True|file=sys\.stderr": {"cli/telling.py"},
    }
    root = Path(__file__).parent.parent.parent / "batchsim"
    for way, allowed in ways.items():
        found = {str(file.relative_to(root)) for file in root.rglob("*.py") if re.search(way, file.read_text())}
        assert found == allowed
