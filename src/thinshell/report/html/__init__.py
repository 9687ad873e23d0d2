"""Results as self-contained pages: ``html_page(result)``."""

from __future__ import annotations

from thinshell.report.html.page import html_page

__all__ = ["html_page"]
