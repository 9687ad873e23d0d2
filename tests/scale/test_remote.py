"""Files in S3, behind a real server on loopback: same results, and what goes wrong on the way."""

import io
import json

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from safetensors.numpy import save as to_safetensors

import thinshell as ts
from thinshell.cli import main
from thinshell.errors import InputError
from thinshell.io import open_source
from thinshell.io.remote import RemoteFile

ROWS = np.random.default_rng(0).standard_normal((3000, 6)).astype(np.float32)


def npy(rows):
    buffer = io.BytesIO()
    np.save(buffer, rows)
    return buffer.getvalue()


def table(rows):
    return pa.table({"embedding": pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])})


def as_bytes(kind):
    buffer = io.BytesIO()
    if kind == "npy":
        return npy(ROWS)
    if kind == "npz":
        np.savez_compressed(buffer, e=ROWS)
    elif kind == "parquet":
        pq.write_table(table(ROWS), buffer)
    elif kind == "arrow":
        with pa.ipc.new_file(buffer, table(ROWS).schema) as writer:
            writer.write_table(table(ROWS))
    elif kind == "safetensors":
        return to_safetensors({"e": ROWS})
    elif kind == "csv":
        np.savetxt(buffer, ROWS, delimiter=",", fmt="%.9g")
    elif kind == "h5":
        with h5py.File(buffer, "w") as file:
            file["e"] = ROWS
    elif kind == "tar":
        import tarfile

        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for number, row in enumerate(ROWS[:300]):
                content = npy(row)
                info = tarfile.TarInfo(f"{number:05}.npy")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet", "arrow", "safetensors", "csv", "h5", "tar"])
def test_every_format_reads_the_same_from_s3(s3, kind):
    system, _ = s3
    system.pipe(f"bucket/emb.{kind}", as_bytes(kind))
    source = open_source(f"s3://bucket/emb.{kind}")
    read = np.concatenate(list(source.blocks(10_000)))
    np.testing.assert_array_equal(read.astype(np.float32), ROWS[:300] if kind == "tar" else ROWS)
    assert source.paths == (f"s3://bucket/emb.{kind}",)


def test_zarr_from_s3(s3):
    zarr.save_array("s3://bucket/emb.zarr", ROWS)
    read = np.concatenate(list(open_source("s3://bucket/emb.zarr").blocks(10_000)))
    np.testing.assert_array_equal(read, ROWS)


def test_same_json_as_from_a_folder(s3, tmp_path, capsys):
    system, _ = s3
    for number in range(3):
        content = npy(ROWS[number * 1000 : (number + 1) * 1000])
        (tmp_path / f"part-{number}.npy").write_bytes(content)
        system.pipe(f"bucket/e/part-{number}.npy", content)
    results = []
    for place in (f"{tmp_path}/part-*.npy", "s3://bucket/e/part-*.npy"):
        assert main(["diagnose", place, "--json", "-"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert len(result["source"].pop("paths")) == 3
        result["source"].pop("name")
        result.pop("command")
        results.append(result)
    assert results[0] == results[1]


def test_parquet_and_files_of_pairs_through_the_command(s3, tmp_path, capsys):
    system, _ = s3
    buffer = io.BytesIO()
    pq.write_table(table(ROWS), buffer)
    system.pipe("bucket/rows.parquet", buffer.getvalue())
    assert main(["diagnose", "s3://bucket/rows.parquet", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["n_samples"] == len(ROWS)
    pairs = table(ROWS).append_column("side", pa.array(["image", "text"] * 1500))
    pairs = pairs.append_column("pair", pa.array(np.repeat(np.arange(1500), 2)))
    buffer = io.BytesIO()
    pq.write_table(pairs, buffer)
    system.pipe("bucket/pairs.parquet", buffer.getvalue())
    assert main(["diagnose", "s3://bucket/pairs.parquet", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["names"] == ["image", "text"]


def test_a_server_that_is_not_there(monkeypatch):
    monkeypatch.setattr("thinshell.io.remote.WAITS", (0.01,))
    with pytest.raises(InputError, match=r"^http://127\.0\.0\.1:1/x\.npy could not be reached: .*\(2 tries\)"):
        open_source("http://127.0.0.1:1/x.npy")


def test_large_reads_ask_for_several_ranges_and_small_ones_read_ahead(s3, monkeypatch):
    system, proxy = s3
    content = np.random.default_rng(0).bytes(1_000_000)
    system.pipe("bucket/raw.bin", content)
    monkeypatch.setattr("thinshell.io.remote.RANGE_BYTES", 100_000)
    with RemoteFile("s3://bucket/raw.bin") as file:
        assert file.read(10) == content[:10]
        assert file.read(10) == content[10:20]
        asked = [entry for entry in proxy.served if entry[0] == "GET" and entry[1].endswith("raw.bin")]
        assert len(asked) == 1
        buffer = bytearray(450_000)
        file.seek(500_000)
        assert file.readinto(buffer) == 450_000
        assert bytes(buffer) == content[500_000:950_000]
        assert file.seek(-5, io.SEEK_END) == 999_995
        assert file.read(100) == content[-5:]
        assert file.read(1) == b""
        assert file.tell() == 1_000_000
    asked = [entry for entry in proxy.served if entry[0] == "GET" and entry[1].endswith("raw.bin")]
    assert len(asked) == 1 + 5 + 1


@pytest.mark.parametrize("failure", ["503", "cut"])
def test_a_server_that_stumbles_is_asked_again(s3, failure):
    system, proxy = s3
    system.pipe("bucket/emb.npy", npy(ROWS))
    proxy.plan["emb.npy"] = [failure, failure]
    read = np.concatenate(list(open_source("s3://bucket/emb.npy").blocks()))
    np.testing.assert_array_equal(read, ROWS)
    assert [entry[3] for entry in proxy.served if entry[3]] == [failure, failure]


@pytest.mark.parametrize(("failure", "words"), [("503", "SlowDown|Reduce|503|SERVICE"), ("cut", "tries")])
def test_a_server_that_keeps_failing_is_named(s3, failure, words):
    system, proxy = s3
    system.pipe("bucket/emb.npy", npy(ROWS))
    source = open_source("s3://bucket/emb.npy")
    proxy.plan["emb.npy"] = [failure] * 50
    with pytest.raises(InputError, match=r"^s3://bucket/emb\.npy could not be read .*" + words) as caught:
        list(source.blocks())
    assert "(4 tries)" in str(caught.value)


def test_a_truncated_object_is_named(s3):
    system, _ = s3
    system.pipe("bucket/short.npy", npy(ROWS)[:-1000])
    with pytest.raises(InputError, match=r"^s3://bucket/short\.npy is truncated: its header promises"):
        open_source("s3://bucket/short.npy")
    buffer = io.BytesIO()
    pq.write_table(table(ROWS), buffer)
    system.pipe("bucket/short.parquet", buffer.getvalue()[:-100])
    with pytest.raises(InputError, match=r"^s3://bucket/short\.parquet is not a readable Parquet file"):
        open_source("s3://bucket/short.parquet")
    short = to_safetensors({"e": ROWS})[:-10]
    system.pipe("bucket/short.safetensors", short)
    with pytest.raises(InputError, match=r"is truncated: tensor 'e' ends beyond the end of the file"):
        open_source("s3://bucket/short.safetensors")


def test_what_is_not_there(s3):
    system, _ = s3
    with pytest.raises(InputError, match=r"^s3://bucket/gone\.npy does not exist"):
        open_source("s3://bucket/gone.npy")
    with pytest.raises(InputError, match=r"^s3://bucket/none-\*\.npy matches no file"):
        open_source("s3://bucket/none-*.npy")
    with pytest.raises(InputError, match=r"does not exist"):
        open_source("s3://nobucket/gone.npy")
    system.pipe("bucket/empty.npy", b"")
    with pytest.raises(InputError, match=r"^s3://bucket/empty\.npy is empty \(0 bytes\)"):
        open_source("s3://bucket/empty.npy")


def test_bad_shards_are_skipped_when_asked(s3):
    system, _ = s3
    for number in range(3):
        system.pipe(f"bucket/e/part-{number}.npy", npy(ROWS[number * 1000 : (number + 1) * 1000]))
    system.pipe("bucket/e/part-1.npy", b"not an array")
    with pytest.raises(InputError, match=r"part-1\.npy"):
        ts.diagnose("s3://bucket/e/*.npy")
    result = ts.diagnose("s3://bucket/e/*.npy", skip_bad_shards=True)
    assert result.sketch.n_samples == 2000
    assert any("left out: s3://bucket/e/part-1.npy" in notice for notice in result.to_dict()["source"]["notices"])


def test_http_server_without_ranges(tmp_path):
    """Python's own http.server ignores Range and sends the whole file."""
    import functools
    import threading
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    np.save(tmp_path / "emb.npy", ROWS)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.func.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/emb.npy"
        np.testing.assert_array_equal(np.concatenate(list(open_source(url).blocks())), ROWS)
        with pytest.raises(InputError, match="does not exist"):
            open_source(url.replace("emb", "gone"))
        server.shutdown()


def test_file_urls_and_memory(tmp_path):
    import fsspec

    np.save(tmp_path / "with space.npy", ROWS)
    source = open_source((tmp_path / "with space.npy").as_uri())
    assert source.n_samples == 3000
    with fsspec.open("memory://emb.npy", "wb") as file:
        file.write(npy(ROWS))
    assert open_source("memory://emb.npy").n_samples == 3000


def test_passwords_never_show(tmp_path):
    with pytest.raises(InputError) as caught:
        open_source("ftpx://me:secret@host/emb.npy?token=hidden")
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)
