"""Diagnose, compare and train, on something real and something made; run by ``make demo``.

Real: the 1,797 handwritten digits that ship with scikit-learn. Made: the sparse binary vectors of the paper (Betser,
Gofer, Levi and Gilboa 2026) behind a linear encoder that has not been trained, as in column "Binary E0" of its Table 1,
and a Gaussian cloud. Then InfoNCE trains that linear encoder, and a small network on the digits.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

OUTPUT = Path("demo-output")
EXAMPLES = Path(__file__).parent
SEED = 0
N_SAMPLES = 5000
N_FEATURES = 256
# Inputs have 1,024 entries. The paper does not print their density; .003 comes near its CV of .36 at epoch 0.
N_INPUTS = 1024
DENSITY = 0.003


def main() -> int:
    """Write the data sets, run the commands a reader would type, say where everything is."""
    began = time.monotonic()
    OUTPUT.mkdir(exist_ok=True)
    for name, rows in clouds(np.random.default_rng(SEED)).items():
        np.save(OUTPUT / f"{name}.npy", rows)
    np.save(OUTPUT / "digits-labels.npy", load_digits().target.astype(np.int64))
    for name in ("digits", "binary-untrained", "gaussian"):
        path = f"{OUTPUT}/{name}.npy"
        page = ["--html", f"{OUTPUT}/{name}.html"] if name == "digits" else []
        thinshell("diagnose", path, "--json", f"{OUTPUT}/{name}.json", *page, "--save-sketch", sketch_of(name))
    # From the sketches: the rows are no longer needed.
    sketches = [sketch_of(name) for name in ("binary-untrained", "gaussian", "digits")]
    thinshell("compare", *sketches, "--json", f"{OUTPUT}/comparison.json", "--html", f"{OUTPUT}/comparison.html")
    for name in ("sparse-binary", "digits"):
        train(name)
    print(f"\nWritten to {OUTPUT}/ in {time.monotonic() - began:.0f} s:")
    for path in sorted(OUTPUT.iterdir()):
        size = sum(part.stat().st_size for part in ([path] if path.is_file() else path.rglob("*")) if part.is_file())
        print(f"  {path}{'/' if path.is_dir() else ''}  ({size / 1024:,.0f} kB)")
    print(f"\nNext: open {OUTPUT}/digits.html in a browser, the page of the first diagnosis.")
    print("Then: thinshell reproduce table1 --quick, the paper's table beside ours.")
    return 0


def clouds(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the three data sets by name."""
    inputs = (rng.random((N_SAMPLES, N_INPUTS)) < DENSITY).astype(np.float32)
    encoder = rng.standard_normal((N_INPUTS, N_FEATURES), dtype=np.float32)
    digits = load_digits().data.astype(np.float32)
    return {
        "digits": (digits - digits.mean()) / digits.std(),  # one mean, one scale for all pixels
        "binary-untrained": inputs @ encoder,
        "gaussian": rng.standard_normal((N_SAMPLES, N_FEATURES), dtype=np.float32),
    }


def sketch_of(name: str) -> str:
    """Return where the sketch of a data set is kept."""
    return f"{OUTPUT}/{name}.sketch.safetensors"


def train(name: str) -> None:
    """Train as a configuration in this folder says; a second demo goes on where the first one ended."""
    config = EXAMPLES / f"{name}.yaml"
    if config.is_relative_to(Path.cwd()):
        config = config.relative_to(Path.cwd())
    words = ["--out", f"{OUTPUT}/{name}-training", "--resume", "--html", f"{OUTPUT}/{name}-training.html"]
    thinshell("train", str(config), *words)


def thinshell(*words: str) -> None:
    """Run a thinshell command as a reader would, showing it first."""
    print(f"\n$ thinshell {' '.join(words)}\n", flush=True)
    subprocess.run([sys.executable, "-m", "thinshell", *words], check=True)


if __name__ == "__main__":
    raise SystemExit(main())
