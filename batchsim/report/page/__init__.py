"""One HTML file for a scenario: what `batchsim report` writes.

`document.py` puts together what the page shows, as JSON, of what analysis and engines say. `html.py` puts that
document, the style and the script into one file. The script (`frontend/` in the repository) shows the document,
and works nothing out but where things go on the screen, and the formula of a window whose sliders are moved.
"""

from batchsim.report.page.document import page_document
from batchsim.report.page.html import html_page

__all__ = ["html_page", "page_document"]
