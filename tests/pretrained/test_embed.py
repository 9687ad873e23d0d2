"""embed(): order, resumption, broken items, damaged and contested places."""

import json
import multiprocessing
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.pretrained import embed, load_pretrained, open_data
from thinshell.pretrained.batching import Batcher, choose_batch_size
from thinshell.pretrained.partial import PartialRun
from thinshell.pretrained.writing import METADATA_KEY

CPU = torch.device("cpu")


def numbers(texts):
    """One row a text, which tells which text it was."""
    return [[float(text.split()[0]), len(text), 1.0] for text in texts]


@pytest.fixture
def many(tmp_path):
    """2,500 texts of different lengths: three parts."""
    path = tmp_path / "many.txt"
    path.write_text("".join(f"{i} {'word ' * (i % 17)}end\n" for i in range(2500)))
    return path


def test_rows_are_those_of_the_model_in_the_order_of_the_data(tiny, tmp_path, texts):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(texts * 10) + "\n")
    result = embed(tiny["bert"], path, tmp_path / "rows.parquet", batch_size=7)
    encoder = load_pretrained(tiny["bert"], "text")
    expected = encoder.encode(encoder.collate(encoder.examples(texts)), CPU).numpy()
    table = pq.read_table(tmp_path / "rows.parquet")
    rows = np.stack(table["embedding"].to_numpy())
    np.testing.assert_allclose(rows, np.tile(expected, (10, 1)), atol=1e-5)
    assert table["id"].to_pylist() == [str(i) for i in range(50)]
    assert (result.n_rows, result.n_features, result.n_truncated) == (50, 32, 10)
    assert not (tmp_path / "rows.parquet.partial").exists()


def test_the_file_tells_how_it_was_made(tiny, tmp_path, texts):
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n")
    embed(tiny["bert"], tmp_path / "texts.txt", tmp_path / "rows.parquet", pooling="cls", normalize=True)
    facts = json.loads(pq.read_schema(tmp_path / "rows.parquet").metadata[METADATA_KEY.encode()])
    model = facts["models"][0]
    assert facts["schema"] == "thinshell/embedding/1"
    assert (model["pooling"], model["layer"], model["normalized"], model["class"]) == ("cls", "last", True, "BertModel")
    assert model["weights"] == load_pretrained(tiny["bert"], "text").facts["weights"]
    assert model["preprocessing"]["max_length"] == 16
    assert (facts["n_rows"], facts["n_truncated"], facts["precision"], facts["device"]) == (5, 1, "32", "cpu")
    assert facts["data"][0]["fingerprint"]


def test_an_array_holds_the_same_rows(many, tmp_path):
    embed(numbers, many, tmp_path / "rows.parquet")
    embed(numbers, many, tmp_path / "rows.npy")
    rows = np.load(tmp_path / "rows.npy", allow_pickle=False)
    np.testing.assert_array_equal(rows[:, 0], np.arange(2500))
    table = pq.read_table(tmp_path / "rows.parquet")
    np.testing.assert_array_equal(np.stack(table["embedding"].to_numpy()), rows)
    beside = json.loads((tmp_path / "rows.npy.json").read_text())
    assert beside["rows"]["id"] == table["id"].to_pylist()
    assert beside["n_rows"] == 2500


def test_diagnose_reads_both(many, tmp_path):
    for name in ("rows.parquet", "rows.npy"):
        embed(numbers, many, tmp_path / name)
        source = open_source(tmp_path / name)
        assert (source.n_samples, source.n_features) == (2500, 3)
        blocks = np.concatenate(list(source.blocks()))
        np.testing.assert_array_equal(blocks[:, 0], np.arange(2500))


@pytest.mark.parametrize("workers", [0, 2])
def test_bytes_do_not_depend_on_workers(workers, tiny, many, tmp_path):
    torch.set_num_threads(1)
    embed(tiny["bert"], many, tmp_path / "rows.parquet", limit=1500, workers=workers)
    embed(tiny["bert"], many, tmp_path / "again.parquet", limit=1500)
    assert (tmp_path / "rows.parquet").read_bytes() == (tmp_path / "again.parquet").read_bytes()


class Stopped(Exception):
    """As a kill: nothing catches it."""


def interrupted_after(calls):
    """A function that works for some batches and then stops everything."""
    left = iter(range(calls))

    def function(texts):
        if next(left, None) is None:
            raise Stopped
        return numbers(texts)

    function.__qualname__ = "numbers"
    return function


@pytest.mark.parametrize("calls", [0, 1, 31, 33, 70])
def test_what_was_cut_goes_on(calls, many, tmp_path):
    whole = embed(numbers, many, tmp_path / "whole.parquet")
    with pytest.raises(Stopped):
        embed(interrupted_after(calls), many, tmp_path / "cut.parquet")
    assert not (tmp_path / "cut.parquet").exists()
    again = embed(numbers, many, tmp_path / "cut.parquet")
    assert again.n_rows == whole.n_rows
    assert again.n_resumed == calls // 32 * 1024
    assert (tmp_path / "cut.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def at_work(model, data, out, began):
    """Embed, telling when the first part begins; in a process of its own."""
    torch.set_num_threads(1)

    def progress(done, total):
        began.set()
        time.sleep(0.05)

    embed(model, data, out, batch_size=16, progress=progress)


def test_killed_three_times(tiny, many, tmp_path):
    """kill -9 at three moments of one run; the file is the one an uninterrupted run writes."""
    context = multiprocessing.get_context("fork")
    rng = np.random.default_rng()
    for _ in range(3):
        began = context.Event()
        process = context.Process(target=at_work, args=(tiny["bert"], many, tmp_path / "cut.parquet", began))
        process.start()
        assert began.wait(60)
        process.join(rng.uniform(0, 0.3))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert not (tmp_path / "cut.parquet").exists()
    for name in ("cut.parquet", "whole.parquet"):
        embed(tiny["bert"], many, tmp_path / name, batch_size=16)
    assert (tmp_path / "cut.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pq.read_table(tmp_path / "cut.parquet")["id"].to_pylist() == [str(i) for i in range(2500)]


def test_other_settings_do_not_go_on(tiny, many, tmp_path, monkeypatch):
    with pytest.raises(Stopped):
        embed(interrupted_after(40), many, tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=r"normalized was False, now True.*--restart"):
        embed(numbers, many, tmp_path / "rows.parquet", normalize=True)
    with pytest.raises(InputError, match="batch_size was 32, now 5"):
        embed(numbers, many, tmp_path / "rows.parquet", batch_size=5)
    many.write_text(many.read_text().replace("end", "END"))
    with pytest.raises(InputError, match="fingerprint was"):
        embed(numbers, many, tmp_path / "rows.parquet")
    assert embed(numbers, many, tmp_path / "rows.parquet", restart=True).n_resumed == 0


def test_empty_texts_stop_or_are_left_out(many, tmp_path):
    lines = many.read_text().split("\n")
    lines[5] = lines[1700] = "  "
    many.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"6.*--on-error skip"):
        embed(numbers, many, tmp_path / "rows.parquet")
    result = embed(numbers, many, tmp_path / "rows.parquet", on_error="skip")
    assert result.n_rows == 2498
    assert [name for name, _ in result.skipped] == ["5", "1700"]
    kept = pq.read_table(tmp_path / "rows.parquet")["id"].to_pylist()
    assert kept == [str(i) for i in range(2500) if i not in (5, 1700)]
    facts = json.loads(pq.read_schema(tmp_path / "rows.parquet").metadata[METADATA_KEY.encode()])
    assert (facts["n_skipped"], facts["skipped"][0][0]) == (2, "5")


def test_files_that_go_away_meanwhile(many, tmp_path):
    (items,) = open_data(many)
    again = pickle.loads(pickle.dumps(items))
    many.unlink()
    with pytest.raises(InputError, match=r"item 0 cannot be read any more.*--on-error skip"):
        embed(numbers, [again], tmp_path / "rows.parquet")


def test_nothing_left(tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(InputError, match="no item could be embedded"):
        embed(numbers, tmp_path / "empty.txt", tmp_path / "rows.parquet", on_error="skip")


def test_rows_that_are_not_finite(many, tmp_path):
    def overflows(texts):
        return [[np.inf if row[0] == 1030 else row[0], 1.0] for row in numbers(texts)]

    with pytest.raises(InputError, match="1030: the model gives NaN or infinity"):
        embed(overflows, many, tmp_path / "rows.parquet")
    assert embed(overflows, many, tmp_path / "rows.parquet", on_error="skip").n_rows == 2499


def test_a_part_of_which_nothing_is_left(many, tmp_path):
    lines = many.read_text().split("\n")
    many.write_text("\n".join("" if i < 1024 else line for i, line in enumerate(lines)))
    for name in ("rows.parquet", "rows.npy"):
        assert embed(numbers, many, tmp_path / name, on_error="skip").n_rows == 2500 - 1024
        assert open_source(tmp_path / name).n_samples == 2500 - 1024


def test_places_that_cannot_be_written_to(many, tmp_path):
    for out, words in (
        (tmp_path / "rows.csv", "must end in one of .parquet"),
        (tmp_path / "no" / "rows.parquet", "folder of out is not there"),
    ):
        with pytest.raises(InputError, match=words):
            embed(numbers, many, out)
    (tmp_path / "there.npy").touch()
    with pytest.raises(InputError, match="--overwrite"):
        embed(numbers, many, tmp_path / "there.npy")
    assert embed(numbers, many, tmp_path / "there.npy", overwrite=True).n_rows == 2500


def test_a_disk_that_fills_up(many, tmp_path):
    """A limit on the size of files, as a full disk: a sentence, and what was done is kept."""
    code = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[3]); from test_embed import numbers\n"
        "from thinshell.pretrained import embed\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (25_000, resource.RLIM_INFINITY))\n"
        "try:\n    embed(numbers, sys.argv[1], sys.argv[2])\n"
        "except ValueError as error:\n    print(error)"
    )
    out = tmp_path / "rows.parquet"
    folder = str(__file__).rpartition("/")[0]
    arguments = [sys.executable, "-c", code, str(many), str(out), folder]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert "File too large" in said
    assert "kept" in said
    assert not out.exists()
    assert len(list((tmp_path / "rows.parquet.partial").glob("part-*"))) == 3
    assert embed(numbers, many, out).n_resumed == 2500
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 25_000


def test_no_room_is_told_before_the_work(many, tmp_path, monkeypatch):
    monkeypatch.setattr(PartialRun, "free_bytes", lambda self: 1000)
    with pytest.raises(InputError, match=r"needs 0\.1 MiB while it is made, and 0\.0 MiB are free"):
        embed(numbers, many, tmp_path / "rows.parquet")


def test_two_runs_on_one_output(many, tmp_path):
    run = PartialRun(tmp_path / "rows.parquet")
    with pytest.raises(InputError, match="another run is writing"):
        embed(numbers, many, tmp_path / "rows.parquet")
    run.close()
    assert embed(numbers, many, tmp_path / "rows.parquet").n_rows == 2500


def test_damaged_parts(many, tmp_path):
    with pytest.raises(Stopped):
        embed(interrupted_after(70), many, tmp_path / "rows.parquet")
    partial = tmp_path / "rows.parquet.partial"
    kept = shutil.copytree(partial, tmp_path / "kept")
    (partial / "part-000001.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match=r"part-000001\.parquet cannot be read"):
        embed(numbers, many, tmp_path / "rows.parquet")
    shutil.rmtree(partial)
    shutil.copytree(kept, partial)
    (partial / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json cannot be read"):
        embed(numbers, many, tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"workers": -1}, "workers must be at least 0"),
        ({"precision": "16"}, "precision must be one of"),
        ({"on_error": "ignore"}, "on_error must be one of"),
        ({"device": "tpu"}, "device must be"),
        ({"device": "cuda:99"}, "is not there"),
    ],
)
def test_wrong_arguments(wrong, words, many, tmp_path):
    with pytest.raises(InputError, match=words):
        embed(numbers, many, tmp_path / "rows.parquet", **wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["many.txt"]


def test_mixed_precision_stays_near(tiny, many, tmp_path):
    embed(tiny["bert"], many, tmp_path / "full.npy", limit=64)
    embed(tiny["bert"], many, tmp_path / "half.npy", limit=64, precision="bf16")
    full, half = (np.load(tmp_path / f"{name}.npy") for name in ("full", "half"))
    assert 0 < np.abs(full - half).max() < 0.1


def test_batches_shrink_when_memory_runs_out(texts):
    encoder = load_pretrained(lambda items: [[len(item)] for item in items], "text")
    seen = []

    def encode(batch, device, *, plain=encoder.encode):
        seen.append(len(batch["items"]))
        if len(batch["items"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(batch, device)

    encoder.encode = encode
    batcher = Batcher(encoder, CPU, 8, "32")
    assert batcher.rows(texts).ravel().tolist() == [len(text) for text in texts]
    assert seen == [5, 4, 2, 2, 1]
    assert batcher.batch_size == 2


def test_batch_size_follows_what_is_free(tiny, pictures, monkeypatch):
    encoder = load_pretrained(tiny["vit"], "image")
    examples = encoder.examples(pictures)
    sizes = []
    for free in (10**12, 3_000_000, 300_000, 10):
        monkeypatch.setattr("thinshell.pretrained.batching._free_bytes", lambda free=free: free)
        sizes.append(choose_batch_size(encoder, examples, CPU))
    assert sizes[0] == 32 > sizes[1] > sizes[2] >= sizes[3] == 1


def test_progress_counts_items(many, tmp_path):
    calls = []
    embed(numbers, many, tmp_path / "rows.parquet", progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, 2500), (1024, 2500), (2048, 2500), (2500, 2500)]
