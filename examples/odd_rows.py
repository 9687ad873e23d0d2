"""Which rows are odd? From files of embeddings to decisions, each with its error rate.

    python examples/odd_rows.py                                            # 500 pictures and captions, or made
    python examples/odd_rows.py captions.parquet --names captions.jsonl    # texts that `thinshell embed` embedded
    python examples/odd_rows.py pictures.npy --pairs captions.npy          # both sides of pairs, line by line
    python examples/odd_rows.py january.npy --batch february.npy           # has the new batch drifted?

Asks four things: which rows are odd, which captions do not belong to their pictures, which rows are copies or washed
out averages, and whether a new batch is still like the old one. Without files of yours it plants such faults itself and
says how many it found. No row is judged by a Gaussian that it was part of: five folds, each scored by the other four.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import beta, false_discovery_control

from thinshell.gaussian.model import GaussianModel
from thinshell.gaussian.paired import PairedGaussian
from thinshell.gaussian.radius import RadiusLaw
from thinshell.gaussian.whitener import Whitener
from thinshell.io import open_source

COCO = "../shared/data/embeddings/clip_coco_image_text_2x500x512.npy"
FOLDS, SEED = 5, 0
# Of the rows that are called odd, at most this share is called so wrongly (on average; Benjamini and Hochberg).
FALSE_SHARE = 0.1
# Fewer rows than this a direction say too little about a covariance: fewer directions are looked at.
ROWS_A_DIRECTION = 8
N_SHOWN = 5
# Whitened rows of this cosine are called copies.
COPY = 0.95
# Each pair costs some 50 bytes.
MOST_COMPARED = 6_000
N_SPLITS = 200


def main() -> None:
    """Read, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="?", help="embeddings: .npy, .parquet and what else thinshell reads")
    parser.add_argument("--pairs", help="embeddings of the partners, row by row")
    parser.add_argument("--names", type=Path, help="what to call a row: .txt, a line each, or .jsonl with a text")
    parser.add_argument("--batch", help="embeddings of a later batch")
    asked = parser.parse_args()
    rng = np.random.default_rng(SEED)
    planted: dict[str, list[int]] = {}
    if asked.rows:
        rows, partners, batch = (read(path) if path else None for path in (asked.rows, asked.pairs, asked.batch))
    else:
        rows, partners = coco_or_made(rng)
        rows, partners, batch, planted = plant(rows, partners, rng)
    assert rows is not None
    names = read_names(asked.names, len(rows))
    print(f"{len(rows):,} rows of {rows.shape[1]} numbers\n")
    odd_rows(rows, names, planted)
    if partners is not None:
        wrong_partners(rows, partners, names, planted)
    copies_and_averages(rows, names, planted)
    if batch is not None:
        drifted(rows, batch)


def odd_rows(rows: np.ndarray, names: Sequence[str], planted: dict[str, list[int]]) -> None:
    """Question 1: which rows are too far out."""
    squared, model = held_out(rows)
    law = RadiusLaw.fit(squared, model.rank_, "gamma")
    p = law.sf(squared)
    called = np.flatnonzero(false_discovery_control(p) <= FALSE_SHARE)
    print(f"1. Odd rows: {len(called)} at a false discovery rate of {FALSE_SHARE:.0%}. The farthest:")
    show(np.argsort(p, kind="stable"), names, lambda row: f"p = {p[row]:.1e}{', called odd' if row in called else ''}")
    found(planted, "odd", called)
    print()


def wrong_partners(rows: np.ndarray, partners: np.ndarray, names: Sequence[str], planted: dict[str, list[int]]) -> None:
    """Question 2: which captions do not belong to their pictures."""
    gain = np.empty(len(rows))
    for fold in folds(len(rows)):
        first, second = few(rows[~fold], rows), few(partners[~fold], partners)
        model = PairedGaussian().fit(first[~fold], second[~fold])
        alone = model.joint_.marginal(range(model.n_first_, model.n_first_ + model.n_second_))
        # p(partner | row) alone would blame partners that are odd in themselves.
        gain[fold] = model.log_conditional(first[fold], second[fold]) - alone.score_samples(second[fold])
    order = np.argsort(gain, kind="stable")
    against = int(np.sum(gain < 0))
    print(f"2. Partners that do not fit: {against} are less likely with their row than without it. The worst, by")
    print("   log p(partner | row) - log p(partner) in nats:")
    show(order, names, lambda row: f"{gain[row]:+.1f}")
    if planted:
        # Whatever was done to a row, its caption belongs to it no more.
        planted = {"unmatched": sorted({row for kind in planted if kind != "original" for row in planted[kind]})}
        n = len(planted["unmatched"])
        found(planted, "unmatched", order[:n], f"the {n} worst")
        if rows.shape[1] == partners.shape[1]:
            found(planted, "unmatched", np.argsort((unit(rows) * unit(partners)).sum(axis=1))[:n], "by cosine instead")
    print()


def copies_and_averages(rows: np.ndarray, names: Sequence[str], planted: dict[str, list[int]]) -> None:
    """Question 3: which rows are nearly the same, and which lie too near the mean."""
    if len(rows) > MOST_COMPARED:
        print(f"   (copies are looked for among the first {MOST_COMPARED:,} rows)")
    rows_compared = rows[:MOST_COMPARED]
    white = unit(Whitener().fit_transform(few(rows_compared, rows_compared)).astype(np.float64))
    first, second = np.triu_indices(len(white), 1)
    cosines = (white @ white.T)[first, second]
    # Directions of two whitened rows are independent, however long they are: (1 + cosine) / 2 follows a beta law.
    half = (white.shape[1] - 1) / 2
    alike = beta(half, half).sf((1 + cosines) / 2) * len(first) < 0.01
    pairs = [place for place in np.argsort(-cosines, kind="stable")[: len(rows)] if cosines[place] > COPY]
    print(f"3. Copies: {len(pairs)} pairs of {len(first):,} have a cosine above {COPY} after whitening. Chance gives")
    others = max(int(alike.sum()) - len(pairs), 0)
    print(f"   {(2 * half) ** -0.5:.2f} in size; {others} others are more alike than chance, of one subject maybe.")
    for place in pairs[:N_SHOWN]:
        print(f"   {names[first[place]]}  =  {names[second[place]]}")
    both = {"copy": sorted({*planted["copy"], *planted["original"]})} if planted else {}
    found(both, "copy", {int(row) for place in pairs for row in (first[place], second[place])})
    squared, model = held_out(rows)
    law = RadiusLaw.fit(squared, model.rank_, "gamma")
    p_near = law.cdf(squared)
    near = np.flatnonzero(false_discovery_control(p_near) <= FALSE_SHARE)
    print(f"   Too near the mean (averages, empty or boilerplate): {len(near)}. The nearest:")
    show(np.argsort(p_near, kind="stable"), names, lambda row: f"p = {p_near[row]:.1e}")
    found(planted, "average", near)
    print()


def drifted(rows: np.ndarray, batch: np.ndarray) -> None:
    """Question 4: is a batch still like the rows."""
    both = few(rows, np.concatenate([rows, batch]))
    n, rng = len(rows), np.random.default_rng(SEED)

    def apart(order: np.ndarray) -> float:
        models = [GaussianModel().fit(both[part]) for part in (order[:n], order[n:])]
        return models[0].frechet_distance(models[1])

    ours = apart(np.arange(len(both)))
    chance = np.array([apart(rng.permutation(len(both))) for _ in range(N_SPLITS)])
    p = (1 + np.sum(chance >= ours)) / (N_SPLITS + 1)
    print(
        f"4. The new batch of {len(batch):,}: Frechet distance {ours:.3f}; between mixed halves {chance.mean():.3f} on"
    )
    print(
        f"   average and at most {chance.max():.3f}. p = {p:.3f}: {'it HAS drifted' if p < 0.01 else 'no drift seen'}."
    )


def held_out(rows: np.ndarray) -> tuple[np.ndarray, GaussianModel]:
    """Return the squared distance of each row from a Gaussian of the other folds, and the last of these."""
    squared = np.empty(len(rows))
    for fold in folds(len(rows)):
        part = few(rows[~fold], rows)
        model = GaussianModel().fit(part[~fold])
        squared[fold] = model.mahalanobis(part[fold])
    return squared, model


def folds(n: int) -> list[np.ndarray]:
    """Return a mask for each fold."""
    place = np.random.default_rng(SEED).permutation(n) % FOLDS
    return [place == number for number in range(FOLDS)]


def few(fitted: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return `rows` in as many leading directions of `fitted` as its number of rows can carry."""
    n_directions = min(fitted.shape[1], max(len(fitted) // ROWS_A_DIRECTION, 2))
    if n_directions == fitted.shape[1]:
        return rows
    mean = fitted.mean(axis=0)
    directions = np.linalg.svd(fitted - mean, full_matrices=False)[2][:n_directions]
    return (rows - mean) @ directions.T


def unit(rows: np.ndarray) -> np.ndarray:
    """Return rows of length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def read(path: str) -> np.ndarray:
    """Return the rows of a file of embeddings."""
    return np.concatenate([np.array(block) for block in open_source(path).blocks()])


def read_names(path: Path | None, n: int) -> list[str]:
    """Return what to call each row: its text, cut, or its number."""
    if path is None:
        return [f"row {row}" for row in range(n)]
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines] if path.suffix == ".jsonl" else lines
    if len(texts) != n:
        raise SystemExit(f"{path} has {len(texts):,} names, and there are {n:,} rows")
    return [text if len(text) <= 100 else f"{text[:97]}..." for text in texts]


def coco_or_made(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return both sides of pairs: CLIP's of MS-COCO where they are at hand, else two noisy views of the same thing."""
    if Path(COCO).exists():
        print(f"CLIP ViT-B/16 of 500 MS-COCO pictures and their captions ({COCO}),")
        images, captions = np.load(COCO).astype(np.float64)
        return images, captions
    print("made: two noisy linear views of 2,000 things of 32 properties,")
    things = rng.standard_normal((2000, 32))
    first, second = (things @ rng.standard_normal((32, 48)) + 2 * rng.standard_normal((2000, 48)) for _ in range(2))
    return first, second


def plant(
    rows: np.ndarray, partners: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, list[int]]]:
    """Spoil some rows on purpose, and make a batch that drifts, to see what is found."""
    batch, rows, partners = rows[-100:], rows[:-100].copy(), partners[:-100].copy()
    chosen = rng.permutation(len(rows))[:30]
    planted = {"odd": chosen[:5], "copy": chosen[5:10], "average": chosen[10:15], "swapped": chosen[15:25]}
    planted["original"] = chosen[25:30]
    spread = rows.std(axis=0)
    rows[planted["odd"]] = partners[planted["odd"]]
    rows[planted["copy"]] = rows[planted["original"]] + 0.05 * spread * rng.standard_normal((5, rows.shape[1]))
    averages = [rows[rng.choice(len(rows), 20, replace=False)].mean(axis=0) for _ in planted["average"]]
    rows[planted["average"]] = averages
    partners[planted["swapped"]] = np.roll(partners[planted["swapped"]], 1, axis=0)
    batch = batch + 0.3 * spread * rng.choice([-1, 1], size=rows.shape[1])
    print("the last 100 as a later batch, drifted on purpose; among the others, on purpose: 5 captions that slipped in")
    print("among the pictures, 5 copies with a little noise, 5 averages of 20 rows, 10 captions swapped")
    return rows, partners, batch, {name: sorted(map(int, part)) for name, part in planted.items()}


def show(order: np.ndarray, names: Sequence[str], words: Callable[[int], str]) -> None:
    """Print the first few rows of an order."""
    for row in order[:N_SHOWN]:
        print(f"   {names[row]}: {words(int(row))}")


def found(planted: dict[str, list[int]], kind: str, called: Iterable[int], how: str = "") -> None:
    """Print how many of the faults that were planted are among the rows that are called so."""
    if kind in planted:
        hits = len(set(planted[kind]) & {int(row) for row in called})
        how = f" ({how})" if how else ""
        print(f"   planted: {len(planted[kind])}, found: {hits}, called besides: {len(called) - hits}{how}")


if __name__ == "__main__":
    main()
