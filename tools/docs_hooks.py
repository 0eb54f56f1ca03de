"""Pages of the documentation that are made from the program: from the help of commands, and from schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from batchsim.cli.commands import commands
from batchsim.report.json_schemas import DOCUMENTS, schema_of
from batchsim.scenario import json_schema


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    pages = {"commands": commands_page(), "fields": fields_page(), "documents": documents_page()}
    for name, text in ((f"reference/{page}.md", text) for page, text in pages.items()):
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


def documents_page() -> str:
    """Every field of every JSON document, with its type."""
    lines = [
        "# JSON documents",
        "",
        "From the JSON Schemas that `batchsim schema --of DOCUMENT` prints. `a.b` is a field of an object, `a[]`",
        "each member of a list, `a.*` each value of an object whose names are data.",
    ]
    for document in DOCUMENTS:
        schema = schema_of(document)
        lines += ["", f"## {document}", "", f"{schema.get('title', '')} (`batchsim schema --of {document}`).", ""]
        lines += ["| field | type |", "|---|---|"]
        fields = dict(fields_of(schema, schema))
        # Of several at once, a list of the same.
        alone = {
            path: told for path, told in fields.items() if path.removeprefix("[].") not in fields.keys() - {path}
        }
        lines += [f"| `{path}` | {told} |" for path, told in alone.items()]
    return "\n".join(lines) + "\n"


def fields_of(
    schema: dict[str, Any], root: dict[str, Any], above: str = "", seen: tuple[str, ...] = ()
) -> Iterator[tuple[str, str]]:
    """The path of each field below a schema, and its type in words; of what is within itself once."""
    reference = schema.get("$ref")
    if reference is not None:
        if reference not in seen:
            yield from fields_of(_resolved(schema, root), root, above, (*seen, reference))
        return
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from fields_of(each, root, above, seen)
    for name, field in schema.get("properties", {}).items():
        path = f"{above}.{name}" if above else name
        absent = "" if name in schema.get("required", ()) else " (may be absent)"
        yield path, f"{_type(field, root)}{absent}"
        yield from fields_of(field, root, path, seen)
    if isinstance(schema.get("items"), dict):
        yield from fields_of(schema["items"], root, f"{above}[]", seen)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from fields_of(schema["additionalProperties"], root, f"{above}.*", seen)


def _type(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """`integer or null`, `list of string`, `"ok" or "stuck"`."""
    schema = _resolved(schema, root)
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(each)}`" for each in schema["enum"])
    ways = schema.get("anyOf") or schema.get("oneOf")
    if ways:
        return " or ".join(dict.fromkeys(_type(each, root) for each in ways))
    types = schema.get("type", "anything")
    if types == "array":
        return f"list of {_type(schema['items'], root)}" if isinstance(schema.get("items"), dict) else "list"
    return " or ".join(types) if isinstance(types, list) else str(types)


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found = root
        for part in schema["$ref"].removeprefix("#/").split("/") if schema["$ref"] != "#" else ():
            found = found[part]
        schema = found
    return schema


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
