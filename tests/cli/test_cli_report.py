"""`thinshell report`, and `--html`, `--open`, `--figures` of the other commands."""

import json
import webbrowser

import numpy as np
import pytest


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "emb.npy"
    np.save(path, np.random.default_rng(0).standard_normal((500, 4)))
    return str(path)


@pytest.fixture
def opened(monkeypatch):
    seen = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(seen.append(address)) or True)
    return seen


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_page_of_the_json_is_the_page_of_the_run(run, data, tmp_path):
    first, second, kept = (tmp_path / name for name in ("first.html", "second.html", "result.json"))
    ended = run("diagnose", data, "--html", str(first), "--json", str(kept))
    assert ended.status == 0
    assert ended.err.splitlines()[-2:] == [f"wrote {kept}", f"wrote {first}"]
    assert run("report", str(kept), "--html", str(second)).status == 0
    assert second.read_bytes() == first.read_bytes()
    assert json.loads(kept.read_text())["command"].startswith(f"thinshell diagnose {data}")


def test_a_folder_with_a_result_will_do(run, data, tmp_path):
    assert run("diagnose", data, "--json", str(tmp_path / "result.json"), "-q").status == 0
    ended = run("report", str(tmp_path), "--html", str(tmp_path / "page.html"))
    assert ended.status == 0
    assert ended.err == f"wrote {tmp_path / 'page.html'}\n"


def test_without_an_output_it_prints_as_the_command_did(run, data, tmp_path):
    printed = run("diagnose", data, "--json", str(tmp_path / "kept.json"))
    again = run("report", str(tmp_path / "kept.json"))
    assert (again.status, again.out, again.err) == (0, printed.out, "")


def test_a_comparison_is_shown_again(run, data, tmp_path):
    kept, page = tmp_path / "kept.json", tmp_path / "page.html"
    printed = run("compare", data, data, "--json", str(kept), "--html", str(page))
    assert printed.status == 0
    assert run("report", str(kept)).out == printed.out
    assert "2 data sets compared" in page.read_text()


def test_open_shows_the_page_that_was_written(run, data, tmp_path, opened):
    page = tmp_path / "page.html"
    assert run("diagnose", data, "-q", "--html", str(page), "--open").status == 0
    assert opened == [page.as_uri()]


def test_open_alone_uses_a_temporary_page(run, data, tmp_path, opened, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run("diagnose", data, "-q", "--open").status == 0
    (page,) = tmp_path.rglob("report.html")
    assert opened == [page.as_uri()]
    assert page.read_text().startswith("<!doctype html>")


def test_without_a_browser_the_page_is_named(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    page = tmp_path / "page.html"
    ended = run("diagnose", data, "-q", "--html", str(page), "--open")
    assert ended.status == 0
    assert ended.err == f"thinshell: no browser was found; open {page} yourself\n"


def test_json_alone_stays_alone_on_standard_output(run, data, tmp_path):
    ended = run("diagnose", data, "--json", "-", "--html", str(tmp_path / "page.html"))
    assert json.loads(ended.out)["verdict"] == "consistent"
    assert (tmp_path / "page.html").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist; give the file that --json wrote, or a folder with result.json"),
        ("not json", "is not JSON (Expecting value"),
        ("[1, 2]", "is not a result of thinshell (its schema is None)"),
        ('{"schema": "other/1"}', "is not a result of thinshell (its schema is 'other/1')"),
        ('{"schema": "thinshell/diagnosis/9"}', "which this version does not know; upgrade thinshell"),
        (b"\xff\xfe\x00", "is not JSON; give the file that --json wrote"),
    ],
)
def test_what_is_no_result_is_told(run, tmp_path, content, sentence):
    path = tmp_path / "some.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.write_text(content)
    ended = run("report", str(path), "--html", str(tmp_path / "page.html"))
    assert ended.status == 2
    assert sentence in ended.err
    assert ended.err.count("\n") == 1
    assert "page.html" not in files(tmp_path)


def test_a_page_is_not_for_a_terminal(run, data):
    ended = run("diagnose", data, "--html", "-")
    assert ended.status == 2
    assert "--html must name a file, got -; a page is not for a terminal" in ended.err


def test_a_page_does_not_replace_what_is_read(run, data):
    ended = run("diagnose", data, "--html", data)
    assert ended.status == 2
    assert "is one of the files to read" in ended.err


def test_a_missing_folder_is_found_before_the_work(run, data, tmp_path):
    ended = run("compare", data, data, "--html", str(tmp_path / "no" / "page.html"))
    assert ended.status == 2
    assert "does not exist; create it first" in ended.err
    assert ended.out == ""


def test_a_failed_diagnosis_leaves_no_page(run, tmp_path):
    path = tmp_path / "few.npy"
    np.save(path, np.zeros((3, 2)))
    assert run("diagnose", str(path), "--html", str(tmp_path / "page.html"), "--json", str(tmp_path / "a")).status == 2
    assert files(tmp_path) == ["few.npy"]


def _cut(plain, path):
    *parents, last = path
    part = plain
    for key in parents:
        part = part[key]
    del part[last]


@pytest.mark.parametrize("output", ["--html", "terminal", "--figures"])
@pytest.mark.parametrize(
    "path",
    [
        ("norms", "histogram", "counts", 0),
        ("coordinates", "paper_ad", 0),
        ("paper", "ad_avg_interval", 0),
        ("shape", "edges", 3),
        ("coordinates", "shapes", "quantiles", 0),
        ("sample_size", "n", 0),
        ("directions", "ad", 0),
        ("sphere", "cosine", "histogram", "edges", 0),
    ],
)
def test_damaged_results_are_told_or_shown_without_the_part(run, data, tmp_path, path, output):
    kept = tmp_path / "kept.json"
    assert run("diagnose", data, "-q", "--json", str(kept)).status == 0
    plain = json.loads(kept.read_text())
    _cut(plain, path)
    kept.write_text(json.dumps(plain))
    words = [] if output == "terminal" else [output, str(tmp_path / "made"), "-q"]
    if output == "--figures":
        pytest.importorskip("matplotlib", reason="no matplotlib in the environment without extras")
    ended = run("report", str(kept), *words)
    assert ended.status in (0, 2)
    if ended.status == 2:
        assert "is damaged: its numbers do not fit together" in ended.err
        assert ended.err.count("\n") == 1
        made = tmp_path / "made"
        assert not made.is_file()
        assert not made.is_dir() or files(made) == []


@pytest.mark.parametrize(
    "content",
    ['{"schema": "thinshell/training/1"}', '{"schema": "thinshell/comparison/1", "names": ["a"], "diagnoses": []}'],
)
def test_results_without_their_parts_are_told_or_shown(run, tmp_path, content):
    kept = tmp_path / "kept.json"
    kept.write_text(content)
    for words in ([], ["--html", str(tmp_path / "page.html"), "-q"]):
        assert run("report", str(kept), *words).status in (0, 2)


def test_numbers_that_json_does_not_have_are_refused(run, tmp_path):
    kept = tmp_path / "kept.json"
    kept.write_text('{"schema": "thinshell/diagnosis/1", "norms": {"cv": NaN}}')
    ended = run("report", str(kept))
    assert ended.status == 2
    assert "is not JSON (NaN is no number of JSON)" in ended.err


@pytest.mark.parametrize("words", [["--figures", ""], ["--html", ""]])
def test_empty_names_are_refused(run, data, words):
    ended = run("diagnose", data, *words)
    assert ended.status == 2
    assert "got" in ended.err
    assert ended.out == ""
