"""Draw docs/images/diagnose.svg, the README's picture, from a real run; called by ``make picture``."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from rich.terminal_theme import MONOKAI
from sklearn.datasets import load_digits

import thinshell as ts
from thinshell.report import ReportConsole
from thinshell.report.terminal import diagnosis_page

PICTURE = Path(__file__).with_name("diagnose.svg")
# As wide as the README shows without scaling the letters down.
WIDTH = 80


def main() -> None:
    """Diagnose the handwritten digits and write what the terminal shows."""
    digits = load_digits().data.astype(np.float32)
    result = ts.diagnose(digits, name="digits.npy").to_dict()
    console = ReportConsole(io.StringIO(), width=WIDTH, record=True)
    for part in diagnosis_page(result, console.glyphs):
        console.print(part)
    svg = console.export_svg(title="thinshell diagnose digits.npy", theme=MONOKAI)
    PICTURE.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")
    print(f"wrote {PICTURE} ({PICTURE.stat().st_size / 1024:.0f} kB)")


if __name__ == "__main__":
    main()
