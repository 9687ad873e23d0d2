"""A real Dask cluster: the same bytes as one process, killed workers, missing shards."""

import json
import os
import signal
import threading
import time

import numpy as np
import pytest
from distributed import Client, LocalCluster

import thinshell as ts
from thinshell.cli import main
from thinshell.errors import InputError
from thinshell.scale import Dask, merge_shards, shards_of, sketch_shard

# One cluster for all of them, in one of the processes that run the tests.
pytestmark = pytest.mark.xdist_group("dask")


@pytest.fixture(scope="module")
def cluster():
    options = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(n_workers=2, **options) as here, Client(here) as client:
        yield client


def without_command(text):
    result = json.loads(text)
    result.pop("command")
    return result


def test_a_killed_worker_changes_nothing(cluster, shards, tmp_path):
    """64 shards on 2 workers, one of them killed -9 in the middle, give the JSON of one process."""
    pattern = f"{shards}/*.parquet"
    assert main(["diagnose", pattern, "--json", str(tmp_path / "one.json"), "--quiet"]) == 0
    killed = []

    def kill_one(done, total):
        if done > total / 4 and not killed:
            pid = next(iter(cluster.run(os.getpid).values()))
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    result = ts.diagnose(pattern, cluster=Dask(cluster), progress=kill_one)
    assert killed
    expected = without_command((tmp_path / "one.json").read_text())
    ours = json.loads(json.dumps(result.to_dict()))
    # The command measures what only pictures need for --json, as the function does by default.
    assert ours == expected


def test_the_command_gives_the_same_json(cluster, shards, tmp_path):
    files = [str(shards / f"part-{k:03}.parquet") for k in range(20)]
    address = cluster.scheduler_info()["address"]
    for name, more in (("one", []), ("dask", ["--dask", address])):
        assert (
            main(["diagnose", *files, "--normalize", "zscore", "--json", f"{tmp_path}/{name}.json", "-q", *more]) == 0
        )
    one, dask = (without_command((tmp_path / f"{name}.json").read_text()) for name in ("one", "dask"))
    assert one == dask


def test_scheduler_memory_stays_flat_and_workers_hold_few_sketches(cluster, shards):
    def held(dask_scheduler):
        sizes = [task.nbytes for task in dask_scheduler.tasks.values() if task.state == "memory"]
        return len(sizes), sum(sizes)

    most = []
    watching = threading.Event()

    def watch():
        while not watching.is_set():
            most.append(cluster.run_on_scheduler(held))
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    ts.diagnose(f"{shards}/*.parquet", cluster=Dask(cluster))
    watching.set()
    thread.join()
    # Merged 16 at a time: two groups may wait, beside what is merged already.
    assert max(count for count, _ in most) <= 2 * 16 + 4
    assert cluster.run_on_scheduler(held)[0] == 0


def test_missing_shards_are_named_or_skipped(cluster, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(4):
        np.save(tmp_path / f"part-{number}.npy", rng.standard_normal((66_000, 4), dtype=np.float32))
    (tmp_path / "part-2.npy").write_bytes(b"no array")
    dask = Dask(cluster)
    with pytest.raises(InputError, match=r"part-2\.npy"):
        ts.diagnose(f"{tmp_path}/*.npy", cluster=dask)
    here = ts.diagnose(f"{tmp_path}/*.npy", skip_bad_shards=True).to_dict()
    there = ts.diagnose(f"{tmp_path}/*.npy", skip_bad_shards=True, cluster=dask).to_dict()
    assert here == there
    assert here["n_samples"] == 3 * 66_000


def test_a_shard_that_vanishes_while_the_cluster_works(cluster, tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"part-{number}.npy" for number in range(3)]
    for path in paths:
        np.save(path, rng.standard_normal((66_000, 4), dtype=np.float32))
    cut = shards_of(paths)
    paths[1].unlink()
    with pytest.raises(InputError, match=r"part-1\.npy does not exist"):
        Dask(cluster).sketch(cut)
    skipping = shards_of(paths[::2], skip_bad_shards=True)
    paths[0].unlink()
    done = Dask(cluster).sketch(skipping)
    assert done.sketch is not None
    assert done.sketch.n_samples == 66_000
    assert [path for path, _ in done.skipped] == [str(paths[0])]


def test_every_worker_dies_of_a_shard(cluster, tmp_path, monkeypatch):
    np.save(tmp_path / "part.npy", np.zeros((10, 2), np.float32))
    shard = shards_of(tmp_path / "part.npy")
    dask = Dask(cluster)
    monkeypatch.setattr("thinshell.scale.dask_cluster.sketch_shard", dies)
    with pytest.raises(InputError, match=r"part\.npy: every worker that read it died"):
        dask.sketch(shard)
    cluster.wait_for_workers(2)


def dies(shard):
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_cluster_cannot_do(cluster, shards):
    dask = Dask(cluster)
    rows = np.random.default_rng(0).standard_normal((100, 8))
    with pytest.raises(InputError, match="cannot be opened by the workers of a cluster"):
        ts.diagnose(rows, cluster=dask)
    path = str(shards / "part-000.parquet")
    with pytest.raises(InputError, match="positives are read along with the data by one process"):
        ts.diagnose(path, positives=path, cluster=dask)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "local:0"])
def test_addresses_that_nobody_answers(address, monkeypatch, capsys):
    monkeypatch.setattr("thinshell.scale.dask_cluster._TIMEOUT", "1s")
    assert main(["diagnose", __file__.replace(".py", ".npy"), "--dask", address]) == 2
    assert "dask must" in capsys.readouterr().err


def test_by_hand_as_with_ray_or_spark(shards):
    """What docs/scale.md shows for other engines: the two functions and nothing else."""
    cut = shards_of(f"{shards}/part-00*.parquet")
    parts = [sketch_shard(shard) for shard in cut]
    merged = merge_shards(parts).sketch
    assert merged is not None
    whole = ts.diagnose(f"{shards}/part-00*.parquet").sketch
    assert merged.fingerprint == whole.fingerprint
    assert (merged._columns.moments.m4 == whole._columns.moments.m4).all()


def test_merging_leaves_its_inputs_as_they_are(shards):
    """A cluster may merge again from inputs it kept, when the worker that held the result has died."""
    parts = [sketch_shard(shard) for shard in shards_of(f"{shards}/part-00[0-3].parquet")]
    before = [part.sketch.fingerprint for part in parts]
    for part in parts:
        part.sketch._columns.counts.flags.writeable = False  # as Ray hands them out
        part.sketch._gram.products.flags.writeable = False
    once, twice = merge_shards(parts).sketch, merge_shards(parts).sketch
    assert [part.sketch.fingerprint for part in parts] == before
    assert once.fingerprint == twice.fingerprint
    assert (once._columns.counts == twice._columns.counts).all()
    assert (once._gram.products == twice._gram.products).all()
