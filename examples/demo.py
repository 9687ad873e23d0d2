"""Diagnose something real and something made, then put them side by side; run by ``make demo``.

Real: the 1,797 handwritten digits that ship with scikit-learn, as raw pixels. Made: the sparse binary vectors
of the paper (Betser, Gofer, Levi and Gilboa 2026) behind a linear encoder that has not been trained, as in
column "Binary E0" of its Table 1, and a Gaussian cloud, which is what training should end in.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

OUTPUT = Path("demo-output")
SEED = 0
N_SAMPLES = 5000
N_FEATURES = 256
# Inputs have 1,024 entries. The paper does not print their density; .003 comes near its CV of .36 at epoch 0.
N_INPUTS = 1024
DENSITY = 0.003


def main() -> int:
    """Write the three data sets, run the commands a reader would type, say where everything is."""
    began = time.monotonic()
    OUTPUT.mkdir(exist_ok=True)
    for name, rows in clouds(np.random.default_rng(SEED)).items():
        np.save(OUTPUT / f"{name}.npy", rows)
    for name in ("digits", "binary-untrained", "gaussian"):
        path = f"{OUTPUT}/{name}.npy"
        thinshell("diagnose", path, "--json", f"{OUTPUT}/{name}.json", "--save-sketch", sketch_of(name))
    # From the sketches: the rows are no longer needed.
    sketches = [sketch_of(name) for name in ("binary-untrained", "gaussian", "digits")]
    thinshell("compare", *sketches, "--json", f"{OUTPUT}/comparison.json")
    print(f"\nWritten to {OUTPUT}/ in {time.monotonic() - began:.0f} s:")
    for path in sorted(OUTPUT.iterdir()):
        print(f"  {path}  ({path.stat().st_size / 1024:,.0f} kB)")
    return 0


def clouds(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the three data sets by name."""
    inputs = (rng.random((N_SAMPLES, N_INPUTS)) < DENSITY).astype(np.float32)
    encoder = rng.standard_normal((N_INPUTS, N_FEATURES), dtype=np.float32)
    return {
        "digits": load_digits().data.astype(np.float32),
        "binary-untrained": inputs @ encoder,
        "gaussian": rng.standard_normal((N_SAMPLES, N_FEATURES), dtype=np.float32),
    }


def sketch_of(name: str) -> str:
    """Return where the sketch of a data set is kept."""
    return f"{OUTPUT}/{name}.sketch.safetensors"


def thinshell(*words: str) -> None:
    """Run a thinshell command as a reader would, showing it first."""
    print(f"\n$ thinshell {' '.join(words)}\n", flush=True)
    subprocess.run([sys.executable, "-m", "thinshell", *words], check=True)


if __name__ == "__main__":
    raise SystemExit(main())
