"""``thinshell fit``, ``score`` and ``whiten``."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thinshell.gaussian import GaussianModel, Whitener, load_model, provenance_of

D = 8


@pytest.fixture
def files(tmp_path):
    """Embeddings to fit, and new ones with ids of which two are odd."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((D, D))
    np.save(tmp_path / "old.npy", (rng.standard_normal((4000, D)) @ mixing).astype(np.float32))
    new = (rng.standard_normal((500, D)) @ mixing).astype(np.float32)
    new[[7, 400]] += 30
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(new.reshape(-1)), D)
    ids = pa.array([f"picture {k}.png" for k in range(500)])
    pq.write_table(pa.table({"id": ids, "embedding": embedding}), tmp_path / "new.parquet")
    return tmp_path


def test_fit_then_score(run, files):
    model, scores = files / "model.safetensors", files / "scores.parquet"
    status, out, err = run("fit", files / "old.npy", "--out", model)
    assert status == 0
    assert "The model is calibrated" in out
    assert f"wrote {model}" in err
    fitted = load_model(model)
    assert fitted.n_samples_seen_ + fitted.calibration_["n_samples"] == 4000
    assert provenance_of(model)["provenance"]["source"]["paths"] == [str(files / "old.npy")]
    status, out, err = run("score", model, files / "new.parquet", "--out", scores, "--top", 3)
    assert status == 0
    assert "picture 7.png" in out
    assert "picture 400.png" in out
    page = files / "scores.html"
    assert run("score", model, files / "new.parquet", "--html", page, "-q").status == 0
    assert "Command of the model" in page.read_text(encoding="utf-8")
    table = pq.read_table(scores)
    assert table.num_rows == 500
    assert table["id"].to_pylist()[7] == "picture 7.png"
    assert np.allclose(table["mahalanobis"].to_numpy()[7], table["mahalanobis"].to_numpy().max(), rtol=0.5)
    kept = json.loads(pq.read_schema(scores).metadata[b"thinshell.scores"])
    assert kept["command"].startswith("thinshell score")


def test_json_alone_on_standard_output_is_what_the_files_hold(run, files):
    model = files / "model.safetensors"
    fitted = json.loads(run("fit", files / "old.npy", "--out", model, "--json", "-").out)
    assert (fitted["schema"], fitted["model"], fitted["rank"]) == ("thinshell/fit/1", str(model), D)
    scored = json.loads(run("score", model, files / "new.parquet", "--json", "-").out)
    assert scored["schema"] == "thinshell/scores/1"
    assert [entry["row"] for entry in scored["top"][:2]] in ([7, 400], [400, 7])
    assert scored["discoveries"]["n"] >= 2
    assert scored["model"]["path"] == str(model)
    assert scored["model"]["provenance"]["command"].startswith(f"thinshell fit {files / 'old.npy'}")
    white = json.loads(run("whiten", files / "old.npy", "--out", files / "white.npy", "--json", "-").out)
    assert (white["schema"], white["n_samples"], white["n_out"]) == ("thinshell/whitening/1", 4000, D)


def test_scores_of_fitted_rows_come_with_a_warning_in_words(run, files):
    model = files / "model.safetensors"
    run("fit", files / "old.npy", "--out", model, "-q")
    assert "the model was fitted on rows of these files" in " ".join(run("score", model, files / "old.npy").out.split())


def test_whiten_and_the_same_map_for_rows_to_come(run, files):
    white, later, kept = files / "white.npy", files / "later.parquet", files / "map.safetensors"
    status, out, err = run("whiten", files / "old.npy", "--out", white, "--method", "zca", "--save-model", kept)
    assert status == 0
    assert "mean cosine" in out
    assert f"wrote {kept}" in err
    rows = np.load(white, allow_pickle=False)
    assert rows.dtype == np.float32
    assert np.allclose(np.cov(rows.T, bias=True), np.eye(D), atol=1e-3)
    assert run("whiten", files / "new.parquet", "--out", later, "--model", kept, "-q") == (0, "", "")
    whitener = Whitener.load(kept)
    embedding = pq.read_table(files / "new.parquet")["embedding"].combine_chunks()
    new = embedding.flatten().to_numpy().reshape(-1, D)
    found = pq.read_table(later)["embedding"].combine_chunks().flatten().to_numpy().reshape(-1, D)
    assert np.allclose(found, whitener.transform(new), atol=1e-6)


def test_a_sketch_and_standard_input_can_be_fitted(run, files, shell):
    sketch, model = files / "old.sketch.safetensors", files / "model.safetensors"
    run("sketch", "update", sketch, files / "old.npy", "-q")
    assert "no rows could be held out" in " ".join(run("fit", sketch, "--out", model).out.split())
    rows = np.load(files / "old.npy")
    assert np.allclose(load_model(model).covariance_, GaussianModel().fit(rows).covariance_, rtol=1e-4, atol=1e-4)
    words = [sys.executable, "-m", "thinshell", "fit", "-", "--out", str(files / "piped.safetensors"), "-q"]
    with open(files / "old.npy", "rb") as stdin:
        assert subprocess.run(words, stdin=stdin, check=False).returncode == 0
    assert load_model(files / "piped.safetensors").n_features_in_ == D
    with open(files / "old.npy", "rb") as stdin:
        words = [sys.executable, "-m", "thinshell", "whiten", "-", "--out", str(files / "piped.npy")]
        ended = subprocess.run(words, stdin=stdin, check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "can be read only once" in ended.stderr


def test_labels_give_a_gaussian_for_each_class(run, files):
    rows = np.load(files / "old.npy")
    labels = np.where(np.arange(4000) < 2000, "a", "b")
    rows[2000:] += 10
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), D)
    pq.write_table(pa.table({"animal": labels, "embedding": embedding}), files / "named.parquet")
    model = files / "model.safetensors"
    status, out, _ = run("fit", files / "named.parquet", "--out", model, "--labels", "animal", "--column", "embedding")
    assert status == 0
    assert "2 classes" in " ".join(out.split())
    assert load_model(model).classes_.tolist() == ["a", "b"]
    assert run("score", model, files / "new.parquet", "-q").status == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fit", "{old}", "--out", "{model}", "--holdout", "1"], "holdout must be a share"),
        (["fit", "{old}", "--out", "{model}", "--covariance", "shrunk", "--shrinkage", "0"], "shrinkage must be"),
        (["fit", "{old}", "--out", "{model}", "--covariance", "low_rank", "--components", "99"], "n_components must"),
        (["fit", "{old}", "--out", "{old}"], "is one of the files to read"),
        (["fit", "nowhere.npy", "--out", "{model}"], "nowhere.npy"),
        (["fit", "{old}", "--out", "nowhere/model.safetensors"], "the folder nowhere does not exist"),
        (["fit", "{old}", "--out", "{model}", "--labels", "animal"], "has no columns beside the embeddings"),
        (["score", "{old}", "{new}"], "is not a Gaussian model"),
        (["score", "nowhere.safetensors", "{new}"], "nowhere.safetensors is not a file"),
        (["score", "{good}", "{narrow}"], "has 3 features, the model was fitted on 8"),
        (["score", "{good}", "{new}", "--out", "scores.csv"], "--out must end in .parquet"),
        (["score", "{good}", "{new}", "--by", "mahalanobi"], "did you mean 'mahalanobis'"),
        (["score", "{good}", "{new}", "--id-column", "ids"], "did you mean 'id'"),
        (["score", "{cut}", "{new}"], "damaged"),
        (["whiten", "{old}", "--out", "white.txt"], "must end in one of .npy"),
        (["whiten", "{old}", "--out", "{white}", "--floor", "0"], "floor must be"),
        (["whiten", "{old}", "--out", "{white}", "--model", "{good}"], "holds a GaussianModel, not a whitener"),
        (["whiten", "{old}", "--out", "{white}", "--method", "zca", "--model", "{good}"], "fitted already"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(run, files, words, sentence):
    places = {"old": files / "old.npy", "new": files / "new.parquet", "model": files / "model.safetensors"}
    places |= {"good": files / "good.safetensors", "cut": files / "cut.safetensors", "white": files / "white.npy"}
    places |= {"narrow": files / "narrow.npy"}
    np.save(places["narrow"], np.zeros((9, 3)))
    GaussianModel().fit(np.load(places["old"])).save(places["good"])
    places["cut"].write_bytes(places["good"].read_bytes()[:-100])
    before = sorted(path.name for path in files.iterdir())
    status, out, err = run(*(word.format(**places) for word in words))
    assert (status, out) == (2, "")
    assert err.startswith("thinshell: error: ")
    assert err.count("\n") == 1
    assert sentence in err
    assert sorted(path.name for path in files.iterdir()) == before


def test_ctrl_c_while_scores_are_written_leaves_nothing(files, tmp_path):
    # Rows that come slowly: the writer of the pipe waits, so that the signal comes in the middle.
    model = files / "model.safetensors"
    GaussianModel().fit(np.load(files / "old.npy")).save(model)
    words = [sys.executable, "-m", "thinshell", "score", model, "-", "--dim", str(D), "--out", files / "s.parquet"]
    process = subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=False)
    assert process.stdin is not None
    process.stdin.write(np.ones((3_000_000, D), np.float32).tobytes())
    process.stdin.flush()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in err
    assert not [path for path in os.listdir(files) if "s.parquet" in path]


def test_without_scikit_learn_the_commands_say_what_to_install(files):
    program = (
        "import sys; sys.modules['sklearn'] = None; from thinshell.cli import main; "
        f"sys.exit(main(['fit', {str(files / 'old.npy')!r}, '--out', {str(files / 'm.safetensors')!r}]))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "pip install 'thinshell[gaussian]'" in ended.stderr
