"""Mermaid itself draws the diagrams that are written for it."""

from __future__ import annotations

from typing import Any

import pytest

from batchsim.report.formats.mermaid import mermaid_text
from tests.pages.conftest import ROOT
from tests.report.test_formats import runs_of

MERMAID = ROOT / "frontend/node_modules/mermaid/dist/mermaid.min.js"


def test_mermaid_draws_its_diagrams(browser: Any) -> None:
    if not MERMAID.exists():
        pytest.skip("what `npm ci` installs in frontend/ is not there")
    texts = [mermaid_text([runs_of("pre3427")]), mermaid_text([runs_of("pre3427", file="thousand-items")])]
    page = browser.new_page()
    page.add_script_tag(path=str(MERMAID))
    for text, messages in zip(texts, (70, 200), strict=True):
        svg = page.evaluate("async (text) => (await mermaid.render('drawn', text)).svg", text)
        page.set_content(svg)
        assert page.locator(".messageText").count() == messages
        assert page.locator(".noteText", has_text="decisive").count() == text.count(": decisive") > 0
    page.close()
