"""A page as one HTML file: the template, the style, the script, and the document that they show.

The verdict and the sentence stand in the file as text; so they are there at once, and for those who run no script.
Nothing is loaded from anywhere: the page itself forbids it, and forbids any script but its own.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from batchsim.report.phrases import counted
from batchsim.visible import in_one_line, visible

INDEX = "index.html"
_ASSETS = "batchsim.report.page.assets"


def _asset(name: str) -> str:
    return files(_ASSETS).joinpath(name).read_text(encoding="utf-8")


def html_page(document: Mapping[str, Any]) -> str:
    """The file of a page; `document`: what `page_document`, or one of the functions of other pages, gave."""
    content = {"scenario": _scenario, "sweep": _sweep, "answer": _answer, "findings": _findings, "index": _index}[
        document["page"]
    ](document)
    script = _asset("page.js")
    # The browser checks what stands between the tags, to the last byte.
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return Template(_asset("page.html")).substitute(
        title=escape(_title(document)),
        style=_asset("page.css").strip(),
        script=script,
        script_hash=f"sha256-{digest}",
        content="\n".join(content),
        document=_inert(document),
    )


def _inert(document: Mapping[str, Any]) -> str:
    """JSON that ends no script element and begins no comment, whatever stands in it."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _title(document: Mapping[str, Any]) -> str:
    return f"{in_one_line(document.get('scenario') or document.get('title') or '')} · batchsim"


# -- a scenario ----------------------------------------------------------------------------------


def _scenario(document: Mapping[str, Any]) -> Iterator[str]:
    yield '<header class="top">'
    yield f'<p class="kicker">{_back(document)}scenario <b>{_text(document["scenario"])}</b></p>'
    is_of_run = document["heads_with"] == "run"
    if is_of_run:
        yield f"<h1>{_headline(document['runs'])}</h1>"
        yield f'<p class="sentence">{_text(document["sentence"])}</p>'
    else:
        yield f"<h1>{_possible(document['headline'], document['claims'], 'OK in every order')}</h1>"
        yield from _claims(document["claims"])
    if document["summary"]:
        yield f'<p class="summary">{_prose(document["summary"])}</p>'
    if document["sentence"] and not is_of_run:
        yield f'<p class="summary">One run with the latencies of the scenario. {_text(document["sentence"])}</p>'
    for each in document["warnings"]:
        yield f'<p class="warning">{_text(each)}</p>'
    yield "</header>"
    parts = [("step", "Step through it"), ("why", "Why")]
    parts += [("likely", "How likely")] if document["likely"] else []
    yield _nav([*parts, ("walk", "Walk all orders"), ("runs", "All policies"), ("setting", "Setting")])
    yield '<main id="main">'
    without = "<noscript><section><p>Stepping through it needs JavaScript.</p></section></noscript>"
    yield f'<div id="app">{without}</div>'
    yield '<section id="runs" aria-labelledby="runs-title"><h2 id="runs-title">All policies</h2>'
    yield '<ul class="cards">'
    for run, claim in zip(document["runs"], document["claims"], strict=True):
        yield from _card(run, claim, document)
    yield "</ul>"
    given = dict.fromkeys(
        verdict for each in (*document["runs"], *document["claims"]) for verdict in each["verdicts"]
    )
    yield from _meanings(document, given)
    yield "</section>"
    yield '<section id="setting" aria-labelledby="setting-title"><h2 id="setting-title">Setting</h2>'
    yield '<dl class="setting">'
    for name, value in document["setting"]:
        yield f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
    yield f'</dl><p class="command">Again: <code>{_text(document["again"])}</code></p></section>'
    yield "</main>"
    yield _foot()


def _back(document: Mapping[str, Any]) -> str:
    return f'<a href="{INDEX}">all scenarios</a> · ' if document.get("has_index") else ""


def _headline(runs: Sequence[Mapping[str, Any]]) -> str:
    failing = [run for run in runs if run["verdicts"] != ["ok"]]
    if not failing:
        return f'<span class="good">OK</span> under {_under(runs, len(runs))}'
    verdicts = dict.fromkeys(verdict for run in failing for verdict in run["verdicts"])
    return f'<span class="bad">{_several(list(verdicts))}</span> under {_under(failing, len(runs))}'


def _possible(headline: Mapping[str, Any], answers: Sequence[Mapping[str, Any]], good: str) -> str:
    """What an exploration found; `good`: what is said where it proved that nothing fails."""
    failing, total = headline["failing"], len(answers)
    if failing:
        told = _several(headline["verdicts"])
        under = _under([{"policy": each} for each in failing], total)
        return f'<span class="bad">{told}</span> possible under {under}'
    under = _under(answers, total)
    if headline["is_sure"]:
        return f'<span class="good">{good}</span> under {under}'
    return f"No failure found under {under}, and nothing proved"


def _claims(claims: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield '<ul class="claims">'
    for each in claims:
        kind = "" if each["kind"] == "unsure" else f' class="{each["kind"]}"'
        size = f' <span class="note">({_text(each["size"])})</span>' if each["size"] else ""
        yield f"<li><b>{_name(each['policy'])}</b> <span{kind}>{_text(each['words'])}</span>{size}</li>"
    yield "</ul>"


def _several(verdicts: Sequence[str]) -> str:
    told = " and ".join(map(_words, verdicts[:2])) + (f" and {len(verdicts) - 2} more" * (len(verdicts) > 2))
    return f"{told[0].upper()}{told[1:]}"


def _under(runs: Sequence[Mapping[str, Any]], total: int) -> str:
    if total == 1:
        return _name(runs[0]["policy"])
    if len(runs) == total:
        return "both policies" if total == 2 else f"all {_policies(total)}"
    if len(runs) == 1:
        return f"{_name(runs[0]['policy'])}, one of {total} policies"
    return f"{len(runs)} of {total} policies"


def _policies(count: int) -> str:
    return counted(count, "policy", "policies")


def _card(run: Mapping[str, Any], claim: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    """A policy; its color is that of what the page heads with."""
    is_of_run, has_run = document["heads_with"] == "run", bool(document["sentence"])
    kind = ("good" if run["verdicts"] == ["ok"] else "bad") if is_of_run else claim["kind"]
    policy = run["policy"]
    name = _text(policy["name"])
    gloss = f' <span class="gloss">({_text(policy["gloss"])})</span>' if policy["gloss"] else ""
    link = f'<a href="#policy={_quoted(policy["name"])}">{name}</a>'
    yield f'<li class="card {kind}"><h3>{link}{gloss}</h3>'
    told = [f"<p>{'one run: ' * (not is_of_run)}{_verdicts(run['verdicts'])}{_expectation(run)}</p>"] * has_run
    if not claim["is_of_run"] or not has_run:
        told.append(f'<p class="note">any order: {_text(claim["words"])}</p>')
    yield from told if is_of_run else reversed(told)
    if run["summary"]:
        yield f'<p class="note">{_prose(run["summary"])}</p>'
    yield "<dl>"
    for heading, cell in zip(document["headings"], run["cells"], strict=False):
        yield f"<dt>{_text(heading)}</dt><dd>{_text(cell)}</dd>"
    yield "</dl></li>"


def _expectation(run: Mapping[str, Any]) -> str:
    if run["as_expected"] is not False:
        return ""
    return f' <span class="note">not expected: {_text(", ".join(map(_words, run["expected"])))} was</span>'


# -- a sweep -------------------------------------------------------------------------------------


def _sweep(document: Mapping[str, Any]) -> Iterator[str]:
    yield '<header class="top">'
    yield f'<p class="kicker">sweep of <b>{_text(document["scenario"])}</b></p>'
    yield f"<h1>{_text(document['headline'])}</h1>"
    yield f'<p class="sentence">{_text(document["sentence"])}</p></header>'
    yield '<main id="main"><div id="app"></div></main>'
    yield _foot()


# -- one answer ----------------------------------------------------------------------------------


def _answer(document: Mapping[str, Any]) -> Iterator[str]:
    yield '<header class="top">'
    yield f'<p class="kicker"><b>{_text(document["scenario"])}</b>: {_text(document["question"])}</p>'
    yield f"<h1>{_possible(document['headline'], document['answers'], 'OK')}</h1>"
    yield from _claims({**each, "words": each["claim"]} for each in document["answers"])
    if document["summary"]:
        yield f'<p class="summary">{_prose(document["summary"])}</p>'
    for each in document["warnings"]:
        yield f'<p class="warning">{_text(each)}</p>'
    yield "</header>"
    steps = [("step", "Step through it")] if document["walks"] else []
    yield _nav([*steps, ("outcomes", "Outcomes"), ("setting", "Setting")])
    yield '<main id="main">' + ('<div id="app"></div>' if document["walks"] else "")
    yield '<section id="outcomes" aria-labelledby="outcomes-title"><h2 id="outcomes-title">Outcomes</h2>'
    if document["size_means"]:
        yield f'<p class="note">{_text(document["size_means"])}</p>'
    for each in document["answers"]:
        yield from _outcomes(document, each)
    yield from _meanings(document, dict.fromkeys(document["headline"]["verdicts"]))
    yield "</section>"
    yield '<section id="setting" aria-labelledby="setting-title"><h2 id="setting-title">Setting</h2>'
    for number, fault in enumerate(document["faults"]):
        yield f"<p>fault {number}: {_text(fault)}</p>"
    yield f'<p class="command">Again: <code>{_text(document["command"])}</code></p></section></main>'
    yield _foot()


def _outcomes(document: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    name = _name(answer["policy"])
    yield f'<h3>{name}</h3><p class="note">{_text(answer["size"])}</p>'
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
    yield '<table class="likely stacked"><thead><tr>'
    walks = ("",) if document["walks"] else ()
    headings = [*document["further"], *answer["headings"]]
    for heading in ("verdict", *headings):
        yield f'<th scope="col">{_text(heading)}</th>'
    yield "<td></td></tr></thead><tbody>" if walks else "</tr></thead><tbody>"
    for outcome in answer["outcomes"]:
        yield f"<tr><td>{_verdicts(outcome['verdicts'])}</td>"
        for heading, cell in zip(headings, (*outcome["further"], *outcome["cells"]), strict=True):
            yield f'<td data-heading="{_attribute(heading)}">{_text(cell)}</td>'
        if walks:
            yield f'<td><a class="one" href="#policy={_quoted(outcome["walk"])}">step through it</a></td>'
        yield "</tr>"
    yield "</tbody></table></div>"


def _meanings(document: Mapping[str, Any], verdicts: Iterable[str]) -> Iterator[str]:
    yield '<dl class="setting meanings">'
    for verdict in verdicts:
        yield f"<div><dt>{_words(verdict)}</dt><dd>{_text(document['meanings'].get(verdict, ''))}</dd></div>"
    yield "</dl>"


# -- findings ------------------------------------------------------------------------------------


def _findings(document: Mapping[str, Any]) -> Iterator[str]:
    yield '<header class="top">'
    yield f'<p class="kicker">findings: {_policies(len(document["policies"]))}, each fault anywhere</p>'
    yield f"<h1>{_text(document['headline'])}</h1>"
    yield f'<p class="sentence">{_text(document["sentence"])}</p>'
    for each in document["warnings"]:
        yield f'<p class="warning">{_text(each)}</p>'
    yield "</header>"
    stands = [("stands", "How policies stand")] if document["standings"] else []
    yield _nav([("table", "What can occur"), ("step", "Step through it"), *stands, ("verdicts", "Verdicts")])
    yield '<main id="main"><div id="app">'
    yield "<noscript><section><p>The table needs JavaScript.</p></section></noscript></div>"
    if document["standings"]:
        yield '<section id="stands" aria-labelledby="stands-title">'
        against = _name(document["policies"][document["against"]])
        yield f'<h2 id="stands-title">How policies stand against {against}</h2>'
        for standing in document["standings"]:
            yield from _standing(document, standing)
        yield "</section>"
    yield '<section id="verdicts" aria-labelledby="verdicts-title"><h2 id="verdicts-title">Verdicts</h2>'
    yield '<dl class="setting meanings">'
    for verdict, meaning in document["verdicts"].items():
        yield f"<div><dt>{_words(verdict)}</dt><dd>{_text(meaning)}</dd></div>"
    yield f'</dl><p class="command">Again: <code>{_text(document["command"])}</code></p></section></main>'
    yield _foot()


def _standing(document: Mapping[str, Any], standing: Mapping[str, Any]) -> Iterator[str]:
    name = _name(document["policies"][standing["policy"]])
    yield f"<details><summary><b>{name}</b>: {_text(standing['in_short'])}</summary>"
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{name}"><table><thead><tr>'
    has_bases = len(document["bases"]) > 1
    for heading in ("verdict", *(("batch",) if has_bases else ()), "under", "how it stands"):
        yield f'<th scope="col">{heading}</th>'
    yield "</tr></thead><tbody>"
    for row in standing["rows"]:
        base = f"<td>{_text(document['bases'][row['base']])}</td>" if has_bases else ""
        kind = {"closed": "good", "open": "bad", "came back": "bad"}.get(row["standing"], "note")
        yield f'<tr><th scope="row">{_words(row["verdict"])}</th>{base}<td>{_text(row["under"])}</td>'
        yield f'<td class="{kind}">{_text(row["words"])}</td></tr>'
    yield "</tbody></table></div></details>"


# -- the index -----------------------------------------------------------------------------------


def _index(document: Mapping[str, Any]) -> Iterator[str]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for page in document["pages"]:
        groups.setdefault(page["question"], []).append(page)
    yield '<header class="top">'
    yield f'<p class="kicker">{counted(len(document["pages"]), "scenario")}</p><h1>{_text(document["title"])}</h1>'
    yield f'<p class="sentence">{_text(document["sentence"])}</p></header>'
    if len(groups) > 1 or document["tour"]:
        tour = [("tour", "The tour")] if document["tour"] else []
        yield _nav([*tour, *((f"group-{number}", question) for number, question in enumerate(groups, 1))])
    yield '<main id="main"><div id="app"></div>'
    if document["findings"]:
        yield '<section aria-labelledby="findings-title"><h2 id="findings-title">Findings</h2>'
        told = "Which verdicts each policy can come to under which faults, with an order of steps to each"
        yield f'<p><a href="{_attribute(document["findings"])}">{told}</a>.</p></section>'
    if document["tour"]:
        yield '<section id="tour" aria-labelledby="tour-title"><h2 id="tour-title">The tour</h2><ol class="tour">'
        for each in document["tour"]:
            yield f'<li>{_text(each["text"])} <a href="{_attribute(each["link"])}">{_text(each["where"])}</a></li>'
        yield "</ol></section>"
    for number, (question, pages) in enumerate(groups.items(), 1):
        yield f'<section id="group-{number}" aria-labelledby="group-{number}-title">'
        yield f'<h2 id="group-{number}-title">{_text(question)}</h2><ul class="pages">'
        for page in pages:
            yield f'<li><h3><a href="{_attribute(page["file"])}">{_text(page["scenario"])}</a></h3>'
            yield f"<p>{_prose(page['summary'])}</p>"
            yield f'<div class="verdicts">{"".join(map(_listed, page["claims"]))}</div></li>'
        yield "</ul></section>"
    yield "</main>"
    yield _foot()


def _listed(claim: Mapping[str, Any]) -> str:
    how = " in one run" if claim["is_of_run"] else ""
    return f"<span>{_name(claim['policy'])} {_verdicts(claim['verdicts'])}{how}</span>"


# -- parts ---------------------------------------------------------------------------------------


def _nav(parts: Iterable[tuple[str, str]]) -> str:
    links = "".join(f'<li><a href="#{place}">{_text(title)}</a></li>' for place, title in parts)
    return f'<nav class="parts" aria-label="Parts of this page"><ul>{links}</ul></nav>'


def _foot() -> str:
    told = "Written by batchsim. Nothing is loaded from anywhere, and nothing is sent."
    return f'<footer class="foot"><p>{told}</p></footer>'


def _text(text: str) -> str:
    return escape(visible(text))


def _prose(text: str) -> str:
    """A text by people, who set code between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _attribute(text: str) -> str:
    return escape(visible(text), quote=True)


def _quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415

    return quote(text, safe="")


def _words(verdict: str) -> str:
    return _text(verdict.replace("_", " "))


def _verdicts(verdicts: Sequence[str]) -> str:
    kind, sign = ("good", "✓") if list(verdicts) == ["ok"] else ("bad", "✗")
    return f'<span class="verdict {kind}">{sign} {", ".join(map(_words, verdicts))}</span>'


def _name(policy: Mapping[str, str]) -> str:
    gloss = f" ({policy['gloss']})" if policy["gloss"] else ""
    return _text(f"{policy['name']}{gloss}")
