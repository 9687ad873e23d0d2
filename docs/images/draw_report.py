"""Take the README's picture of a page: the raw pixels of scikit-learn's handwritten digits, in Chromium."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from sklearn.datasets import load_digits

import thinshell as ts
from thinshell.report.html import html_page

HERE = Path(__file__).parent


def chromium() -> str:
    """Return the browser that the tests use."""
    place = HERE.parents[1] / "tests" / "browser" / "chromium.py"
    specification = importlib.util.spec_from_file_location("chromium", place)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    path = module.find()
    if path is None:
        raise SystemExit(module.HINT)
    return path


def main() -> None:
    """Write ``report.png`` beside this file."""
    result = ts.diagnose(load_digits().data, name="digits.npy").to_dict()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        page.write_text(html_page(result), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        view = browser.new_page(viewport={"width": 1180, "height": 1500})
        view.goto(page.as_uri())
        view.wait_for_function("document.body.dataset.ready === 'true'")
        view.screenshot(path=HERE / "report.png")
        browser.close()


if __name__ == "__main__":
    main()
