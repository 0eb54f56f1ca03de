"""Pages of the documentation that are made from the program: commands from their help, fields from the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from batchsim.cli.commands import commands
from batchsim.scenario import json_schema


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for name, text in (("reference/commands.md", commands_page()), ("reference/fields.md", fields_page())):
        files.append(File.generated(config, name, content=text))
    return files


def commands_page() -> str:
    """Every command with its `--help`."""
    lines = ["# Commands", "", "What each command says of itself with `--help`.", ""]
    top = click.Context(commands, info_name="batchsim", max_content_width=100, terminal_width=100)
    lines += ["## batchsim", "", "```text", commands.get_help(top), "```", ""]
    for name in commands.list_commands(top):
        command = commands.get_command(top, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=top, max_content_width=100, terminal_width=100)
        lines += [f"## {name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def fields_page() -> str:
    """Every field of a scenario of the batch, with what it is and its default."""
    schema = json_schema()
    lines = [
        "# Scenario fields",
        "",
        "From the JSON Schema that `batchsim schema` prints, for editors too. What a default comes to in one of",
        "your scenarios, `batchsim explain FILE` says.",
        "",
        "| field | what it is | default |",
        "|---|---|---|",
    ]
    lines += _rows(schema, schema, "")
    return "\n".join(lines) + "\n"


def _rows(schema: dict[str, Any], root: dict[str, Any], above: str) -> Iterator[str]:
    for name, field in schema["properties"].items():
        required = name in schema.get("required", ())
        default = (
            "required" if required else f"`{field['default']}`" if field.get("default") not in (None, {}) else ""
        )
        yield f"| `{above}{name}` | {field.get('description', '').replace('|', ',')} | {default} |"
        model = _model(field, root)
        if model is not None and "properties" in model and above.count(".") < 1 and name not in ("expect_rate",):
            yield from _rows(model, root, f"{above}{name}.")


def _model(field: dict[str, Any], root: dict[str, Any]) -> dict[str, Any] | None:
    reference = field.get("$ref") or next(
        (each["$ref"] for each in field.get("allOf", ()) if "$ref" in each), None
    )
    if reference is None:
        return None
    found: dict[str, Any] = root["$defs"][reference.rpartition("/")[2]]
    return found


_LINK = re.compile(r"\[(?P<text>[^\]\[]*)\]\((?P<target>[^)#:\s]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Files of the repository that are no pages are named, not linked to."""
    folder = (Path(config.docs_dir) / page.file.src_uri).parent

    def named(match: re.Match[str]) -> str:
        target = (folder / match["target"]).resolve()
        if target.is_relative_to(Path(config.docs_dir).resolve()) or not target.exists():
            return match[0]
        where = target.relative_to(Path(config.config_file_path).resolve().parent).as_posix()
        same = match["text"].strip("`").rstrip("/") == where
        return f"`{where}`" if same else f"{match['text']} (`{where}`)"

    return _LINK.sub(named, markdown)
