"""``python -m benchmarks.scale_model``: what a billion rows on object storage would take, by simulation.

Nothing here was run on a cluster. The rates of computing are measured on one machine (`results/scale.json`); those of
networks and stores are assumptions, printed with the result. Shards are handed out one after the other to workers that
read the next while they compute on the last; sketches are merged sixteen at a time, each group by one of its workers.
"""

from __future__ import annotations

import argparse
import heapq
import json
from dataclasses import asdict, dataclass

import numpy as np

from thinshell.sketch import FAN_IN, memory_of_sketch


@dataclass(frozen=True)
class Rates:
    """Seconds of one core, and bytes a second.

    `value` is per number of the data, `product` per number and column (the covariance), `merge` per byte of a sketch.
    """

    value: float = 8.4e-9
    product: float = 2.35e-11
    merge: float = 3.7e-10
    network: float = 1.25e9  # 10 Gbit/s a worker
    decode: float = 1.0e9  # of Parquet without compression, a core: an assumption
    first_byte: float = 0.05  # of a request to an object store
    spread: float = 0.3  # of the logarithm of a shard's reading time: stragglers


@dataclass(frozen=True)
class Job:
    """A data set and who works on it."""

    rows: int = 10**9
    columns: int = 1024
    shard_rows: int = 10**6
    workers: int = 64
    cores: int = 8
    covariance: bool = True


def simulate(job: Job, rates: Rates, seed: int = 0) -> dict[str, float]:
    """Return the seconds until the last merge is done, and what they were spent on."""
    rng = np.random.default_rng(seed)
    shards = -(-job.rows // job.shard_rows)
    values, size = job.shard_rows * job.columns, job.shard_rows * job.columns * 4
    compute = values * (rates.value + size / values / rates.decode) / job.cores
    if job.covariance:
        compute += values * job.columns * rates.product / job.cores
    read = (size / rates.network + rates.first_byte) * rng.lognormal(-(rates.spread**2) / 2, rates.spread, shards)
    # Of each worker: when its connection and its cores are free.
    free = [(0.0, 0.0, worker) for worker in range(job.workers)]
    done = np.empty(shards)
    for shard in range(shards):
        reading, computing, worker = heapq.heappop(free)
        arrived = reading + read[shard]
        done[shard] = max(arrived, computing) + compute
        heapq.heappush(free, (arrived, done[shard], worker))
    sketch = memory_of_sketch(job.columns, covariance=job.covariance)
    level, depth, moved = done, 0, 0.0
    while len(level) > 1:
        groups = [level[first : first + FAN_IN] for first in range(0, len(level), FAN_IN)]
        # One of a group stays where it is; the others come over one connection and are added one by one.
        level = np.array([g.max() + (len(g) - 1) * sketch * (1 / rates.network + rates.merge) for g in groups])
        moved += sum(len(g) - 1 for g in groups) * sketch
        depth += 1
    return {
        "seconds": float(level[0]),
        "sketched_after": float(done.max()),
        "reading_alone": float(read.sum() / job.workers),
        "computing_alone": float(compute * shards / job.workers),
        "merge_depth": depth,
        "sketch_mb": sketch / 1e6,
        "gb_moved_by_merging": moved / 1e9,
        "requests": float(shards * -(-size // (8 * 2**20))),
    }


def money(job: Job, seconds: float, requests: float, per_core_hour: float, per_thousand: float) -> float:
    """Return dollars of machines, charged from a minute on, and of requests."""
    hours = max(seconds, 60.0) / 3600
    return job.workers * job.cores * hours * per_core_hour + requests / 1000 * per_thousand


def main() -> None:
    """Print a table over workers, with and without the covariance."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_model", description=__doc__)
    parser.add_argument("--rows", type=int, default=10**9)
    parser.add_argument("--columns", type=int, default=1024)
    parser.add_argument("--per-core-hour", type=float, default=0.045, help="dollars; an assumption")
    parser.add_argument("--per-thousand-requests", type=float, default=0.0004, help="dollars; an assumption")
    options = parser.parse_args()
    rates = Rates()
    print(json.dumps(asdict(rates)))
    print("workers cores covariance seconds reading computing merging dollars")
    for cores in (1, 8):
        for covariance in (False, True):
            for workers in (1, 16, 64, 256, 1024):
                job = Job(options.rows, options.columns, workers=workers, cores=cores, covariance=covariance)
                found = simulate(job, rates)
                price = money(
                    job, found["seconds"], found["requests"], options.per_core_hour, options.per_thousand_requests
                )
                merging = found["seconds"] - found["sketched_after"]
                print(
                    f"{workers:7d} {cores:5d} {covariance!s:>10} {found['seconds']:7,.0f} "
                    f"{found['reading_alone']:7,.0f} {found['computing_alone']:9,.0f} {merging:7.1f} {price:7.2f}"
                )
    print(json.dumps(simulate(Job(options.rows, options.columns), rates)))


if __name__ == "__main__":
    main()
